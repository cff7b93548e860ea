"""Rows of messages of `rangegeo view`, see `helpers.hints`."""

from __future__ import annotations

import errno
import os

import pytest
from helpers.hint_files import MINI, made
from helpers.hints import Row, Way


def stops_at_once(patch: pytest.MonkeyPatch) -> None:
    """The server listens, and ends."""
    patch.setattr("uvicorn.Server.run", lambda self, sockets: [one.close() for one in sockets])


def no_port(patch: pytest.MonkeyPatch) -> None:
    """Every port is taken."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    patch.setattr("socket.create_server", refused)


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
        "nothing to look at",
        f"view c.zarr {MINI} --port 0",
        (Way("expected a planet, a cube, or the name of a model", swap={"c.zarr": "RANGE+"}),),
        always=stops_at_once,
    ),
    Row(
        "a cube and a model",
        "view c.tif --port 0 --weights demo",
        (Way("needs no model; leave out (?P<drop>--weights)"),),
        (CUBE,),
        always=stops_at_once,
    ),
)
