"""Rows of messages of `rangegeo view`, see `helpers.hints`."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from helpers.hint_files import MINI, folder, made
from helpers.hints import Row, Way
from helpers.planets import write_planet


def stops_at_once(patch: pytest.MonkeyPatch) -> None:
    """The server listens, and ends."""
    patch.setattr("uvicorn.Server.run", lambda self, sockets: [one.close() for one in sockets])


def no_port(patch: pytest.MonkeyPatch) -> None:
    """Every port is taken."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    patch.setattr("socket.create_server", refused)


def planet(name: str) -> Callable[[], object]:
    return partial(write_planet, Path(name), count=5, cut=(), step=1e-4)


def packed(name: str) -> Callable[[], object]:
    """A planet in a zip file alone."""

    def made_so() -> None:
        planet(name)()
        shutil.make_archive(name, "zip", name)
        shutil.rmtree(name)

    return made_so


def exported(name: str) -> Callable[[], object]:
    """What an export has written, as far as it is looked at."""

    def made_so() -> None:
        field = Path(name, "field")
        field.mkdir(parents=True)
        (field / "zarr.json").write_text(
            '{"zarr_format": 3, "node_type": "group", "attributes": {"rangegeo_view": 1}}', encoding="utf-8"
        )

    return made_so


CUBE = made("c.tif")
SHELL = (
    Row(
        "an impossible port",
        f"view RANGE+ {MINI} --port 70000",
        (Way(r"for example (?P<type>--port 8321)", give={"--port": "0"}),),
        always=stops_at_once,
    ),
    Row(
        "a port that is taken",
        f"view RANGE+ {MINI} --port 8321",
        (
            Way("give another port", give={"--port": "0"}),
            Way("or (?P<type>--port 0) for any that is free"),
        ),
        patch=no_port,
        always=stops_at_once,
    ),
    Row(
        "a host that is not here",
        f"view RANGE+ {MINI} --host 192.0.2.1 --port 0",
        (Way("give (?P<type>--host 127.0.0.1) for this machine alone"),),
        always=stops_at_once,
    ),
    Row(
        "nothing to look at",
        f"view c.zarr {MINI} --port 0",
        (Way("expected a planet, a cube, or the name of a model", swap={"c.zarr": "RANGE+"}),),
        always=stops_at_once,
    ),
    Row(
        "a file that is no cube",
        f"view notes.txt {MINI} --port 0",
        (Way("expected a planet, a cube, or the name of a model", swap={"notes.txt": "RANGE+"}),),
        (Path("notes.txt").touch,),
        always=stops_at_once,
    ),
    Row(
        "a packed store",
        "view p.zarr.zip --port 0",
        (Way("unpack it: (?P<run>unzip .*), and give p.zarr", swap={"p.zarr.zip": "p.zarr"}, needs=("unzip",)),),
        (packed("p.zarr"),),
        always=stops_at_once,
    ),
    Row(
        "a cube and a model",
        "view c.tif --port 0 --weights demo",
        (Way("needs no model; leave out (?P<drop>--weights)"),),
        (CUBE,),
        always=stops_at_once,
    ),
    Row(
        "an export of a cube",
        "view c.tif --export site",
        (Way("build one: rangegeo planet build", swap={"c.tif": "p.zarr"}),),
        (CUBE, planet("p.zarr")),
    ),
    Row(
        "an export that is there",
        "view p.zarr --export site -q",
        (
            Way("add (?P<type>--overwrite) to replace it"),
            Way("or give another --export", give={"--export": "other"}),
        ),
        (planet("p.zarr"), exported("site")),
    ),
    Row(
        "an export with a file of the user",
        "view p.zarr --export site --overwrite -q",
        (Way("holds mine.txt, .* move it, or give another --export", give={"--export": "other"}),),
        (planet("p.zarr"), exported("site"), lambda: Path("site/mine.txt").touch()),
    ),
    Row(
        "a folder that is no export",
        "view p.zarr --export site -q",
        (Way("give another --export", give={"--export": "other"}),),
        (planet("p.zarr"), folder("site")),
    ),
    Row(
        "an export into a lost folder",
        "view p.zarr --export lost/site -q",
        (Way("the folder .*lost does not exist; make it first", then="view p.zarr --export site -q"),),
        (planet("p.zarr"),),
    ),
)
