"""The table of formats: its functions are imported when they are called, and they are the writers' own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rangegeo.stores.formats import FORMATS

HEAVY = {"rasterio", "zarr", "rangegeo.stores.geotiff", "rangegeo.stores.zarr"}


def test_the_table_imports_no_writer():
    code = "import sys, rangegeo.stores.formats; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize(("name", "outputs"), [("zarr", ["a"]), ("cog", ["a_beta0", "a_beta0.5"])])
def test_a_format_says_what_it_writes_before_it_does(cube, tmp_path, name, outputs):
    path = tmp_path / f"a{FORMATS[name].suffixes[0]}"
    expected = [path.with_name(f"{output}{path.suffix}") for output in outputs]
    assert FORMATS[name].outputs(cube, path) == expected
    FORMATS[name].check(cube, path, overwrite=False)
    assert not list(tmp_path.iterdir())
    assert FORMATS[name].write(cube, path) == expected
    assert all(output.exists() for output in expected)


def test_gtiff_is_a_cog_without_overviews_and_without_a_suffix_of_its_own():
    cog, gtiff = FORMATS["cog"], FORMATS["gtiff"]
    assert gtiff.suffixes == ()
    assert gtiff.write is not cog.write
    for attribute in ("check", "check_options", "outputs", "one_scale", "north_up", "rates"):
        assert getattr(gtiff, attribute) == getattr(cog, attribute)
