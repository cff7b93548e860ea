"""Rows of messages about planets that are read, see `helpers.hints`."""

from __future__ import annotations

from pathlib import Path

from helpers.hints import Row, Way, run_line

RASTER = "raster --bbox 5,44,6,45 --res 0.5 -q -o a.zarr"


def _write(name: str, **changes: object) -> None:
    from helpers.planets import write_planet

    write_planet(Path(name), count=5, **changes)  # type: ignore[arg-type]


def planets() -> None:
    """A planet, another one, one of a part of the globe, and one of a later version."""
    _write("planet.zarr")
    _write("other.zarr", proof_places=7)
    _write("part.zarr", without=(8,), bbox=[-180, -90, 180, 0])
    _write("later.zarr", rangegeo_planet=2)


def places() -> None:
    """A table with a place outside of the part of the globe, and one without."""
    Path("places.csv").write_text("lon,lat\n5,45\n150,-10\n")
    Path("inside.csv").write_text("lon,lat\n5,45\n")


def cube() -> None:
    """A cube of the planet."""
    code, said = run_line(f"{RASTER} --model planet.zarr".split())
    assert code == 0, said


SHELL = (
    Row(
        "no planet there",
        f"{RASTER} --model none.zarr",
        (
            Way("expected a planet that rangegeo planet build wrote", swap={"none.zarr": "planet.zarr"}),
            Way("or the name of a model", swap={"none.zarr": "RANGE+"}),
        ),
        (planets,),
    ),
    Row(
        "a planet of a later version",
        f"{RASTER} --model later.zarr",
        (Way("reads version 1; use .*, or build it again", swap={"later.zarr": "planet.zarr"}),),
        (planets,),
    ),
    Row(
        "a model that the planet lacks",
        f"{RASTER} --model GeoCLIP --weights planet.zarr",
        (
            Way(
                r"has the models RANGE\+, (?P<made>RANGE), .* take one",
                then=f"{RASTER} --model {{made}} --weights planet.zarr",
            ),
        ),
        (planets,),
    ),
    Row(
        "a database for a planet",
        f"{RASTER} --model planet.zarr --db demo",
        (Way("is a stored planet; leave out (?P<drop>--db)"),),
        (planets,),
    ),
    Row(
        "weights for a planet",
        f"{RASTER} --model planet.zarr --weights demo",
        (Way("is a stored planet; leave out (?P<drop>--weights)"),),
        (planets,),
    ),
    Row(
        "a planet cannot be exact",
        f"{RASTER} --model planet.zarr --exact",
        (
            Way("so it cannot be (?P<drop>--exact); leave that out"),
            Way(r"take the model itself, such as (?P<type>--model \S+)"),
        ),
        (planets,),
    ),
    Row(
        "a tolerance that a planet does not keep",
        f"{RASTER} --model planet.zarr --tolerance 5e-5",
        (
            Way("got (?P<drop>--tolerance) 5e-5; leave that out"),
            Way(r"take the model itself, such as (?P<type>--model \S+)"),
        ),
        (planets,),
    ),
    Row(
        "a planet has no neighbors",
        "neighbors 5 45 --model planet.zarr",
        (Way(r"take the model itself, such as (?P<type>--model \S+)"),),
        (planets,),
    ),
    Row(
        "a raster outside of the planet",
        "raster --bbox 130,-20,131,-19 --res 0.5 -q -o a.zarr --model part.zarr",
        (Way("take an extent inside of that", swap={"130,-20,131,-19": "5,44,6,45"}),),
        (planets,),
    ),
    Row(
        "a place outside of the planet",
        "points places.csv --model part.zarr -q -o a.csv",
        (
            Way(
                r"^rangegeo: places\.csv: 1 of 2 rows lies outside part\.zarr, whose tiles cover a part of "
                r"-180,-90,180,90: line 3; leave it out in a copy$",
                swap={"places.csv": "inside.csv"},
            ),
        ),
        (planets, places),
    ),
    Row(
        "a cube of a planet that is not known",
        "verify a.zarr",
        (Way("a planet: give --weights PATH", give={"--weights": "planet.zarr"}),),
        (planets, cube),
        ends=True,
    ),
    Row(
        "a cube of another planet",
        "verify a.zarr --weights other.zarr",
        (Way("--weights must be the planet of the cube, (?P<made>.*), and", then="verify a.zarr --weights {made}"),),
        (planets, cube),
    ),
)
PYTHON = (
    Row(
        "a place outside of a planet",
        "rg.load_model('part.zarr').encode([[150, -10]])",
        (Way("150,-10; take other places$", swap={"150, -10": "5, 45"}),),
        (planets,),
    ),
    Row(
        "a planet that is called",
        "rg.load_model('planet.zarr')([[5.7, 45.2]])",
        (Way(r"use model\.encode\(places\)", then="rg.load_model('planet.zarr').encode([[5.7, 45.2]])"),),
        (planets,),
    ),
)
