"""Help: quick to show, and options in an order that people can follow."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rangegeo.cli import main as module

HEAVY = {"numpy", "torch", "dask", "xarray", "rasterio", "pyproj"}
# Without their dashes.
RASTER = (
    "bbox like aoi aoi-layer all-touched res crs bbox-crs align model weights db temperature geographic-temperature "
    "beta layout bands pca pca-from dtype scales-from tolerance exact device threads workers scheduler memory o format "
    "co zarr-format chunks preview stretch overviews stac overwrite storage resume tiles extend dry-run q v h"
)
POINTS = (
    "lon lat crs layer input-format delimiter quoting encoding decimal representative-point invalid model weights db "
    "temperature geographic-temperature beta layout bands tolerance exact device threads "
    "o format as drop-columns overwrite storage dry-run q v h"
)


@pytest.mark.parametrize("verb", list(module.COMMANDS))
def test_help_imports_nothing_heavy(verb):
    program = (
        f"import sys; from rangegeo.cli.main import run; run(['{verb}', '--help']); print(*sys.modules, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.splitlines())


@pytest.mark.parametrize(("verb", "options"), [("raster", RASTER), ("points", POINTS)])
def test_options_are_shown_in_the_order_of_the_work(rangegeo, verb, options):
    lines = rangegeo(verb, "--help").out.splitlines()
    shown = [line.split()[0].strip("-,") for line in lines if line.startswith("  -")]
    assert shown == options.split()


def test_the_line_of_a_verb_is_not_wrapped(rangegeo):
    lines = [" ".join(line.split()) for line in rangegeo("--help").out.splitlines()]
    for verb, text in module.COMMANDS.items():
        assert f"{verb} {text}" in lines
