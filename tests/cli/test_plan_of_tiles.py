"""A dry run counts the files of a folder of tiles, and about what they take."""

from __future__ import annotations

import re

import pytest
from typed import MINI

AREA = '{"type": "Polygon", "coordinates": [[[5, 44], [6, 44], [6, 45], [5, 44]]]}'


@pytest.mark.parametrize(
    "options", [("--dtype", "int8", "--bands", "1,2", "--stac"), ("--beta", "0,1", "--bands", "1"), ("area",)]
)
def test_a_dry_run_counts_tiles(raster, rangegeo, folder, options):
    if options == ("area",):
        (folder / "area.geojson").write_text(AREA)
        given = ("raster", "--aoi", "area.geojson", "--res", "0.02", *MINI, "--bands", "1", "--tiles", "16", "-o", "t")
        planned, made = rangegeo(*given, "--dry-run"), rangegeo(*given)
    else:
        given = ("--res", "0.03", *options, "--tiles", "16", "-o", "t")
        planned, made = raster(*given, "--dry-run"), raster(*given)
    assert (planned.code, made.code) == (0, 0), planned.err + made.err
    files = [path for path in (folder / "t").rglob("*") if path.is_file()]
    told = re.search(r"about ([\d.]+) kB on disk in (\d+) files", planned.err)
    assert told is not None
    assert int(told[2]) == len(files)
    assert 0.6 < float(told[1]) * 1000 / sum(path.stat().st_size for path in files) < 1.6
