"""Standard streams that are closed, pipes in place of files, and the environment of the shell."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from typed import MINI

import rangegeo as rg

SMALL = ("--bbox", "5,44,6,45", "--res", "0.5", "--bands", "1-3", *MINI)
PLACES = "name,lon,lat\nGrenoble,5.72,45.19\nLyon,4.84,45.76\n"


def shell(folder, redirected: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run the program as bash does, with redirections behind it."""
    return subprocess.run(
        ["bash", "-c", f'exec "$@" {redirected}', "bash", sys.executable, "-m", "rangegeo", *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("closed", "name"),
    [("2>&-", "a.tif"), (">&-", "a.zarr"), ("<&-", "a.tif"), ("<&- >&- 2>&-", "a.tif"), ("<&- >&- 2>&-", "a.zarr")],
)
def test_closed_streams_end_no_run(tmp_path, closed, name):
    assert shell(tmp_path, closed, "raster", *SMALL, "-o", name).returncode == 0
    assert rg.open_cube(tmp_path / name).notnull().all()


def test_messages_of_libraries_do_not_get_into_an_output(tmp_path):
    program = (
        "import os; from rangegeo.cli.main import _open_closed_streams as opened; opened(); os.write(2, b'oops'); "
    )
    program += "print(os.open('a.txt', os.O_CREAT | os.O_WRONLY) > 2)"
    done = subprocess.run(
        ["bash", "-c", 'exec "$@" 2>&-', "bash", sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "True\n"
    assert not (tmp_path / "a.txt").read_bytes()


@pytest.mark.parametrize("arguments", [("points", "-", "-o", "a.csv"), ("raster", "--aoi", "-", "--res", "1")])
def test_a_closed_standard_input_is_told(tmp_path, arguments):
    done = shell(tmp_path, "<&-", *arguments, "-o", "a.tif" if arguments[0] == "raster" else "a.csv")
    assert done.returncode == 2
    assert done.stderr.startswith("rangegeo: standard input is closed; give a file, or pipe ")
    assert len(done.stderr.splitlines()) == 1


def test_the_keyboard_is_no_area(rangegeo, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    done = rangegeo("raster", "--aoi", "-", "--res", "1", "-o", "a.tif")
    said = "rangegeo: standard input is the keyboard; give a file, or pipe GeoJSON in\n"
    assert (done.code, done.err) == (2, said)


def test_a_table_from_a_command_of_the_shell(tmp_path):
    (tmp_path / "places.csv").write_text(PLACES)
    model = ("--bands", "1-3", *MINI, "-q", "-o", "-")
    piped = shell(tmp_path, "<(cat places.csv)", "points", *model)
    assert piped.returncode == 0, piped.stderr
    assert piped.stdout == shell(tmp_path, "", "points", "places.csv", *model).stdout


def test_an_area_from_a_command_of_the_shell(tmp_path):
    (tmp_path / "a.geojson").write_text('{"type": "Polygon", "coordinates": [[[5, 44], [6, 44], [6, 45], [5, 44]]]}')
    done = shell(
        tmp_path, "--aoi <(cat a.geojson)", "raster", "--res", "0.5", "--bands", "1", *MINI, "-q", "-o", "a.tif"
    )
    assert done.returncode == 0, done.stderr
    assert rg.open_cube(tmp_path / "a.tif").shape == (1, 2, 2)


def test_deprecations_of_packages_end_no_run_where_warnings_are_errors(tmp_path):
    (tmp_path / "places.csv").write_text(PLACES)
    lines = (
        ("raster", *SMALL, "--preview", "-o", "a.tif"),
        ("raster", *SMALL, "--crs", "EPSG:3035", "--res", "50000", "--stac", "-o", "b.zarr"),
        ("points", "places.csv", *MINI, "-o", "c.parquet"),
        ("info", "a.tif"),
    )
    program = f"""
import sys
from rangegeo.cli.main import main
for line in {lines}:
    sys.argv[1:] = line
    try:
        main()
    except SystemExit as done:
        assert not done.code, line
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_files_of_another_proj_are_told(tmp_path, rangegeo, monkeypatch):
    monkeypatch.chdir(tmp_path)
    there = ("--crs", "EPSG:3035", "--res", "50000", *SMALL[:2], "--bands", "1", *MINI)
    assert rangegeo("raster", *there, "-o", "a.tif").code == 0
    hint = f"; PROJ_DATA={tmp_path} may be of another PROJ, so try again after: unset PROJ_DATA"
    for arguments in (
        ("raster", *there, "-o", "b.tif"),
        ("raster", "--like", "a.tif", "--bands", "1", *MINI, "-o", "c.zarr"),
    ):
        done = shell(tmp_path, "", *arguments, PROJ_DATA=str(tmp_path), PROJ_LIB="")
        assert done.returncode == 2
        assert done.stderr.strip().endswith(hint)
        assert len(done.stderr.splitlines()) == 1


def test_a_name_that_is_too_long_is_told(rangegeo):
    done = rangegeo("raster", *SMALL, "-o", "n" * 260 + ".tif")
    said = f"rangegeo: the name {'n' * 260}.tif is too long; give a shorter one\n"
    assert (done.code, done.err) == (1, said)


@pytest.mark.parametrize("name", ["n" * 240 + ".tif", "ü" * 120 + ".tif"])
def test_a_long_name_is_taken(rangegeo, folder, name):
    assert rangegeo("raster", *SMALL, "-q", "-o", name).code == 0
    assert rg.open_cube(folder / name).shape == (3, 2, 2)
