"""Names of files that are unusual, and terminals that cannot print them."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from typed import MINI

import rangegeo as rg

NAMES = [
    "one::two",
    "100%25",
    "a#b?c",
    "two  words",
    "quo'te\"s",
    "[1]",
    "file:c",
    "s3:bucket",
    unicodedata.normalize("NFC", "Zürich"),
    unicodedata.normalize("NFD", "Zürich"),
    "海",
    r"back\slash",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_cube_of_any_name_is_written_opened_and_taken_as_a_grid(rangegeo, folder, name):
    small = ("--bbox", "5,44,6,45", "--res", "0.5", "--bands", "1-3", *MINI)
    for suffix in (".zarr", ".tif"):
        done = rangegeo("raster", *small, "--stac", "--preview", "--overwrite", "-o", name + suffix)
        assert done.code == 0, done.err
        assert rg.open_cube(name + suffix).values.shape[-3:] == (3, 2, 2)
        assert rg.raster(like=name + suffix, bands=[1], model="Theory").shape == (1, 2, 2)
        assert rangegeo("info", name + suffix).code == 0
        assert rangegeo("preview", name + suffix, "-o", f"{name}{suffix}.png").code == 0


@pytest.mark.parametrize("name", NAMES)
def test_tables_and_areas_of_any_name_are_read(rangegeo, folder, name):
    Path(f"{name}.csv").write_text("lon,lat\n5,44\n", encoding="utf-8")
    Path(f"{name}.geojson").write_text('{"type": "Point", "coordinates": [5, 44]}', encoding="utf-8")
    area = Path(f"{name}_area.geojson")
    area.write_text('{"type": "Polygon", "coordinates": [[[5, 44], [6, 44], [6, 45], [5, 44]]]}', encoding="utf-8")
    for suffix in (".csv", ".geojson"):
        done = rangegeo("points", name + suffix, *MINI, "-o", f"{name}{suffix}.parquet")
        assert done.code == 0, done.err
        done = rangegeo("points", f"{name}{suffix}.parquet", "--drop-columns", *MINI, "-o", f"{name}{suffix}.npz")
        assert done.code == 0, done.err
    assert rg.raster(aoi=area, res=0.5, bands=[1], model="Theory").shape == (1, 2, 2)


def test_the_home_folder_is_found_wherever_a_path_is_taken(rangegeo, folder, monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    (home / "area.geojson").write_text('{"type": "Polygon", "coordinates": [[[5, 44], [6, 44], [6, 45], [5, 44]]]}')
    (home / "places.csv").write_text("lon,lat\n5,44\n")
    for option, path in zip(MINI[::2], MINI[1::2], strict=True):
        (home / option.strip("-")).with_suffix(Path(path).suffix).symlink_to(path)
    model = ("--weights", "~/weights.ckpt", "--db", "~/db.npz")
    small = ("--res", "0.5", "--bands", "1", *model)
    for arguments in (
        ("raster", "--aoi", "~/area.geojson", *small, "--out=~/a.tif", "--preview=~/map.png"),
        ("raster", "--like", "~/a.tif", "--bands", "1", *model, "-o", "~/b.zarr"),
        ("raster", "--like", "~/b.zarr", "--bands", "1", *model, "-o", "~/c.zarr"),
        ("points", "~/places.csv", *model, "-o", "~/places.parquet"),
        ("points", "~/places.parquet", "--drop-columns", *model, "-o", "~/places.npz"),
        ("preview", "~/b.zarr", "-o", "~/b.png"),
        ("info", "~/b.zarr"),
    ):
        done = rangegeo(*arguments)
        assert done.code == 0, done.err
    made = {"a.tif", "b.zarr", "c.zarr", "map.png", "places.parquet", "places.npz", "b.png"}
    assert made <= {path.name for path in home.iterdir()}
    assert not list(folder.iterdir())
    cube = rg.open_cube("~/b.zarr")
    cube.rangegeo.to_zarr("~/d.zarr")
    cube.rangegeo.to_geotiff(Path("~/d.tif"))
    assert {"d.zarr", "d.tif"} <= {path.name for path in home.iterdir()}


@pytest.mark.parametrize("encoding", ["ascii", "cp437"])
def test_a_terminal_that_cannot_print_a_name_does_not_end_a_run(tmp_path, encoding):
    command = [sys.executable, "-m", "rangegeo", "raster", "--bbox", "5,44,6,45", "--res", "0.5", "--bands", "1-3"]
    done = subprocess.run(
        [*command, *MINI, "--stac", "--preview", "-o", "Łódź–海.zarr"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"Łódź–海.zarr", "Łódź–海.stac.json", "Łódź–海_preview.png"}
    assert len(done.stdout.splitlines()) == 3
    failed = subprocess.run(
        [sys.executable, "-m", "rangegeo", "info", "海.zarr"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (failed.returncode, len(failed.stderr.splitlines())) == (2, 1)


def test_all_files_are_there_before_the_first_name_is_printed(folder, rangegeo, monkeypatch):
    import click

    seen = []
    echo = click.echo
    monkeypatch.setattr(click, "echo", lambda *what, **how: (seen.append(sorted(os.listdir())), echo(*what, **how)))
    done = rangegeo(
        "raster", "--bbox", "5,44,6,45", "--res", "0.5", "--bands", "1-3", *MINI, "-q", "--stac", "-o", "a.zarr"
    )
    assert done.code == 0
    assert seen[0] == ["a.stac.json", "a.zarr"]
