"""`rangegeo planet build`: what it says, what it writes, and where it goes on."""

from __future__ import annotations

import pytest
import zarr
from typed import MINI

ONE = ("planet", "build", "--bbox", "11,1,12,2", "--model", "Cartesian_3D", "-o", "a.zarr")


def test_a_planet_is_built_and_its_path_is_printed(rangegeo, folder):
    ran = rangegeo(*ONE)
    assert (ran.code, ran.out) == (0, "a.zarr\n")
    assert "a.zarr: a planet of Cartesian_3D, 1 root tile, about" in ran.err
    assert "1 tile from 121 evaluations; measured error" in ran.err
    attrs = zarr.open_group("a.zarr", mode="r").attrs
    assert attrs["command"] == f"rangegeo {' '.join(ONE)}"
    assert (attrs["model"], attrs["tolerance"]) == ("Cartesian_3D", 1e-3)
    assert rangegeo(*ONE).err.endswith("add --overwrite to replace it, or give another -o\n")
    assert rangegeo(*ONE, "--overwrite", "-q").out == "a.zarr\n"


def test_options_reach_the_planet(rangegeo, folder):
    options = ("--tolerance", "1e-2", "--threads", "1", "--temperature", "5", "--land", "--no-range")
    ran = rangegeo("planet", "build", "--bbox", "11,1,12,2", *MINI, *options, "-o", "a.zarr", "-q")
    assert (ran.code, ran.err) == (0, "")
    attrs = zarr.open_group("a.zarr", mode="r").attrs
    assert attrs["tolerance"] == 1e-2
    assert attrs["models"]["RANGE+"]["semantic_temperature"] == 5
    assert list(attrs["models"]) == ["RANGE+", "SatCLIP"]
    assert attrs["parts"] == ["semantic", "location", "norm", "geographic", "overview"]


def test_a_dry_run_writes_nothing(rangegeo, folder):
    ran = rangegeo(*ONE, "--dry-run")
    assert (ran.code, ran.out) == (0, "")
    assert "1 root tile, about" in ran.err
    assert not list(folder.iterdir())


def test_planet_alone_shows_its_commands(rangegeo):
    ran = rangegeo("planet")
    assert ran.code == 2
    assert "build" in ran.out


def test_an_interrupted_run_says_how_to_continue(rangegeo, folder, monkeypatch):
    from rangegeo.jobs import planet as module

    fit, seen = module.fit_block, []

    def interrupted(*given):
        seen.append(given)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return fit(*given)

    wide = ("planet", "build", "--bbox", "11,1,80,8", "--model", "Cartesian_3D", "-o", "a.zarr", "-q")
    with monkeypatch.context() as patch:
        patch.setattr(module, "fit_block", interrupted)
        ran = rangegeo(*wide)
    assert ran.code == 130
    assert "kept; add --resume to continue" in ran.err
    assert rangegeo(*wide, "--resume").code == 0


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--model", "GeoCLIP"), "GeoCLIP has kinks, so no polynomial follows it; evaluate it instead"),
        (("--tolerance", "1e-6"), "--tolerance must be in [4e-06, 0.1]"),
        (("--tolerance", "5e-6"), "--tolerance must be at least 1e-5 for a planet"),
        (("-o", "a.tif"), "-o must be a name that ends in .zarr"),
        (("--aoi", "a.gpkg"), "give --bbox or --aoi, not both"),
        (("--aoi-layer", "a"), "--aoi-layer belongs to --aoi; leave it out"),
        (("--workers", "2", "--scheduler", "tcp://127.0.0.1:1"), "leave out --workers"),
    ],
)
def test_refusals_are_one_line(rangegeo, folder, more, says):
    ran = rangegeo(*ONE, *more)
    assert ran.code == 2
    assert says in ran.err
    assert ran.err.count("\n") == 1
