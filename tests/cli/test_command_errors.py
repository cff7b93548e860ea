"""Every bad input: one line that says what to type, an exit code, nothing written and nothing touched."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import torch
from helpers.malice import Touch
from oracles import golden
from typed import MINI, assert_one_line, listing

from rangegeo.cli import main as module
from rangegeo.cli.main import run

BOX = ("--bbox", "5,44,6,45", "--res", "0.25")
PLAIN = ("raster", *BOX)
MAKE = (*PLAIN, *MINI)
OUT = ("-o", "out.tif")
DATABASE = str(golden.GOLDEN / "range_db_mini.npz")
CHECKPOINT = str(golden.GOLDEN / "satclip-mini.ckpt")

AREAS = {
    "area": shapely.box(5, 44, 5.2, 44.2),
    "sliver": shapely.LineString([(5, 44), (6, 45)]).buffer(1e-3),
    "points": shapely.MultiPoint([(5, 44), (6, 45)]),
    "empty": shapely.GeometryCollection(),
    "bow": shapely.Polygon([(5, 44), (6, 45), (6, 44), (5, 45)]),
    "world": shapely.box(-180, -90, 180, 90),
}

# What is typed after `rangegeo`, the exit code, and what the one line holds.
BAD = {
    # bbox
    "bbox of three": (("raster", "--bbox", "5,44,6", "--res", "1", *OUT), 2, "--bbox 5,44,10,48"),
    "bbox of five": (("raster", "--bbox", "5,44,6,45,7", "--res", "1", *OUT), 2, "--bbox 5,44,10,48"),
    "bbox with text": (("raster", "--bbox", "5,44,6,x", "--res", "1", *OUT), 2, "--bbox 5,44,10,48"),
    "bbox with nan": (("raster", "--bbox", "nan,44,6,45", "--res", "1", *OUT), 2, "four finite numbers W,S,E,N"),
    "bbox upside down": (("raster", "--bbox", "5,48,6,44", "--res", "1", *OUT), 2, "the order is W,S,E,N"),
    "bbox of no width": (("raster", "--bbox", "5,44,5,48", "--res", "1", *OUT), 2, "the order is W,S,E,N"),
    "bbox beyond a pole": (("raster", "--bbox", "5,44,6,95", "--res", "1", *OUT), 2, "latitudes in [-90, 90]"),
    "bbox beyond a projection": (
        ("raster", "--bbox", "-180,-90,180,90", "--res", "1e5", "--crs", "EPSG:3857", *OUT), 2, "take a smaller box"),
    "no bbox": (("raster", "--res", "1", *OUT), 2, "give one of --bbox W,S,E,N, --like FILE or --aoi FILE, got none"),
    "bbox and like": ((*PLAIN, "--like", "grid.tif", *OUT), 2, "FILE or --aoi FILE, got --bbox and --like"),
    "bbox and aoi": ((*PLAIN, "--aoi", "area.json", *OUT), 2, "FILE or --aoi FILE, got --bbox and --aoi"),
    # like
    "like of nothing": (("raster", "--like", "none.tif", *OUT), 2, "'none.tif' (No such file or directory)"),
    "like of a text": (("raster", "--like", "text.txt", *OUT), 2, "--like must be a raster that GDAL opens, got 'text"),
    "like of a folder": (("raster", "--like", "folder", *OUT), 2, "--like must be a raster that GDAL opens, got 'fold"),
    "like south-up": (("raster", "--like", "south.tif", *OUT), 1, "runs from south to north, and rasters are made nor"),
    "like and res": (("raster", "--like", "grid.tif", "--res", "1", *OUT), 2, "gives the whole grid; leave out --res"),
    "like and crs": (("raster", "--like", "grid.tif", "--crs", "EPSG:4326", *OUT), 2, "leave out --crs"),
    "like and align": (("raster", "--like", "grid.tif", "--align", *OUT), 2, "leave out --align"),
    # aoi
    "aoi of nothing": (("raster", "--aoi", "none.gpkg", "--res", "1", *OUT), 2, "'none.gpkg' (No such file"),
    "aoi of a text": (("raster", "--aoi", "text.txt", "--res", "1", *OUT), 2, "--aoi must be a vector file that"),
    "aoi of points": (("raster", "--aoi", "points.json", "--res", "1", *OUT), 1, "polygons alone, got 2 points"),
    "aoi that is empty": (("raster", "--aoi", "empty.json", "--res", "1", *OUT), 1, "empty.json holds no polygon"),
    "aoi that crosses itself": (("raster", "--aoi", "bow.json", "--res", "1", *OUT), 1, "Self-intersection["),
    "aoi of the world in mercator": (
        ("raster", "--aoi", "world.json", "--res", "1e5", "--crs", "EPSG:3857", *OUT), 1, "the domain of EPSG:3857"),
    "aoi of less than a pixel": (
        ("raster", "--aoi", "sliver.json", "--res", "0.9", *OUT), 1, "holds the centre of no pixel; take a "),
    "aoi without res": (("raster", "--aoi", "area.json", *OUT), 2, "--aoi needs --res, the pixel size in units of"),
    "aoi in another crs": (
        ("raster", "--aoi", "area.json", "--res", "1", "--bbox-crs", "EPSG:3035", *OUT), 2, "leave out --bbox-crs"),
    "touched without aoi": ((*PLAIN, "--all-touched", *OUT), 2, "--all-touched belongs to --aoi; leave it out with"),
    # resolution
    "res of zero": (("raster", "--bbox", "5,44,6,45", "--res", "0", *OUT), 2, "for example --res 0.01"),
    "negative res": (("raster", "--bbox", "5,44,6,45", "--res", "-1", *OUT), 2, "for example --res 0.01"),
    "res of text": (("raster", "--bbox", "5,44,6,45", "--res", "fine", *OUT), 2, "for example --res 0.01"),
    "res of three": (("raster", "--bbox", "5,44,6,45", "--res", "1,2,3", *OUT), 2, "for example --res 0.01"),
    "res too fine": (("raster", "--bbox", "5,44,6,45", "--res", "1e-12", *OUT), 2, "take a larger --res"),
    "no res": (("raster", "--bbox", "5,44,6,45", *OUT), 2, "--bbox needs --res, the pixel size in units of --crs"),
    # CRS
    "unknown crs": ((*PLAIN, "--crs", "EPSG:1", *OUT), 2, "for example --crs EPSG:4326"),
    "crs of nonsense": ((*PLAIN, "--crs", "utm", *OUT), 2, "for example --crs EPSG:4326"),
    "geocentric crs": ((*PLAIN, "--crs", "EPSG:4978", *OUT), 2, "for example --crs EPSG:4326"),
    "unknown crs of the box": ((*PLAIN, "--bbox-crs", "foo", *OUT), 2, "for example --bbox-crs EPSG:4326"),
    # components
    "components and beta": ((*MAKE, "--layout", "components", "--beta", "0", *OUT), 2, "leave out --beta"),
    "components and pca": ((*MAKE, "--layout", "components", "--pca", "3", *OUT), 2, "leave out --pca"),
    "components and bands": ((*MAKE, "--layout", "components", "--bands", "1", *OUT), 2, "leave out --bands"),
    "exact and tolerance": ((*MAKE, "--exact", "--tolerance", "1e-4", *OUT), 2, "leave out --tolerance"),
    # beta
    "beta of two": ((*MAKE, "--beta", "2", *OUT), 2, "for example --beta 0,0.5,1"),
    "negative beta": ((*MAKE, "--beta", "-0.5", *OUT), 2, "for example --beta 0,0.5,1"),
    "beta of nan": ((*MAKE, "--beta", "nan", *OUT), 2, "for example --beta 0,0.5,1"),
    "beta of text": ((*MAKE, "--beta", "half", *OUT), 2, "for example --beta 0,0.5,1"),
    "the same beta twice": ((*MAKE, "--beta", "0,0", *OUT), 2, "every beta must be given once, got 0,0"),
    "beta without one": ((*MAKE, "--model", "RANGE", "--beta", "0", *OUT), 2, "RANGE has none; leave it"),
    # model and weights
    "unknown model": ((*MAKE, "--model", "CLIP", *OUT), 2, "must be one of RANGE+, RANGE, SatCLIP"),
    "missing weights": (
        (*PLAIN, "--weights", "none.ckpt", *OUT), 2, "demo, official or the path of a SatCLIP checkpoint"),
    "weights without a database": ((*PLAIN, "--weights", CHECKPOINT, *OUT), 2, "type --db large"),
    "weights that are text": ((*PLAIN, "--weights", "text.txt", "--db", DATABASE, *OUT), 1, "satclip-vit16-l40"),
    "weights that are a folder": ((*PLAIN, "--weights", "folder", "--db", DATABASE, *OUT), 2, "folder is a folder"),
    "a database as weights": ((*PLAIN, "--weights", DATABASE, "--db", DATABASE, *OUT), 1, "give it as --db"),
    "damaged weights": ((*PLAIN, "--weights", "cut.ckpt", "--db", DATABASE, *OUT), 1, "download it again"),
    "malicious weights": ((*PLAIN, "--weights", "evil.ckpt", "--db", DATABASE, *OUT), 1, "nothing in it was exec"),
    "weights of another model": (
        (*PLAIN, "--weights", "satclip-vit16-l10", *OUT), 2, "satclip-vit16-l10 belongs to --model SatCLIP; RANGE+"),
    "weights of nothing": ((*PLAIN, "--weights", "", *OUT), 2, "--weights must be a name or a path, got nothing"),
    "conversion of nothing": (("weights", "convert"), 2, "type rangegeo weights convert --help"),
    "conversion of a folder": (("weights", "convert", "folder"), 2, "got the folder folder, which holds none"),
    "zarr format of a geotiff": ((*MAKE, "--zarr-format", "2", *OUT), 2, "--zarr-format is for .zarr; leave it out"),
    "two formats": ((*MAKE, "--format", "cog", "-o", "a.zarr"), 2, "--format cog does not go with -o a.zarr"),
    # database
    "a database without use": ((*PLAIN, "--model", "SatCLIP", "--db", "demo", *OUT), 2, "SatCLIP has no database"),
    "missing database": ((*PLAIN, "--db", "none.npz", *OUT), 2, "demo, large, med or the path of a RANGE database"),
    "database of another model": ((*PLAIN, "--db", "large", *OUT), 2, "type --weights demo --db demo, or --weig"),
    "database that is text": ((*MAKE, "--db", "text.txt", *OUT), 1, "satclip_embeddings, image_embeddings"),
    "database without keys": ((*MAKE, "--db", "short.npz", *OUT), 1, "lacks the array 'satclip_embeddings'"),
    "database of another width": ((*MAKE, "--db", "wide.npz", *OUT), 2, "use the database made with these weights"),
    "malicious database": ((*MAKE, "--db", "evil.npz", *OUT), 1, "pickled objects, which are never opened"),
    # output
    "existing file": ((*MAKE, "-o", "old.tif"), 1, "add --overwrite to replace it, or give another -o"),
    "existing file of a beta": ((*MAKE, "--beta", "0,1", "-o", "one.tif"), 1, "one_beta1.tif exists and"),
    "existing style": ((*MAKE, "-o", "style.tif"), 1, "style.qml exists and was left as it is"),
    "existing folder": ((*MAKE, "-o", "folder", "--format", "zarr"), 1, "folder is not a Zarr store and was left"),
    "folder that is no store": (
        (*MAKE, "-o", "folder", "--format", "zarr", "--overwrite"), 1, "folder is not a Zarr store"),
    "missing folder": ((*MAKE, "-o", "none/out.tif"), 1, "make it first: mkdir -p "),
    "missing folder for zarr": ((*MAKE, "-o", "none/out.zarr"), 1, "make it first: mkdir -p "),
    "file as a folder": ((*MAKE, "-o", "text.txt/out.zarr"), 1, "text.txt is a file, so nothing"),
    "unknown suffix": ((*MAKE, "-o", "out.nc"), 2, "-o must end in .zarr, .tif or .tiff, got 'out.nc'"),
    "no suffix": ((*MAKE, "-o", "out"), 2, "or say --format zarr, cog or gtiff"),
    "empty output": ((*MAKE, "-o", ""), 2, "or say --format zarr, cog or gtiff"),
    "no output": (MAKE, 2, "'-o' / '--out'; type rangegeo raster --help"),
    "unknown format": ((*MAKE, "--format", "nc", *OUT), 2, "'zarr', 'cog', 'gtiff'"),
    "unknown zarr format": ((*MAKE, "--zarr-format", "1", "-o", "a.zarr"), 2, "'2', '3'"),
    "petabytes": (("raster", "--bbox", "5,44,10,49", "--res", "1e-5", *MINI, *OUT), 2, "; give --res "),
    "petabytes of zarr": (("raster", "--bbox", "5,44,9,49", "--res", "4e-5", *MINI, "-o", "a.zarr"), 1, "another disk"),
    # creation options
    "co without a value": ((*MAKE, "--co", "COMPRESS", *OUT), 2, "expected NAME=VALUE, got 'COMPRESS'; for example"),
    "co of nothing": ((*MAKE, "--co", "=", *OUT), 2, "expected NAME=VALUE, got '='; for example --co COMPRESS=DEFLATE"),
    "the same co twice": ((*MAKE, "--co", "LEVEL=1", "--co", "level=2", *OUT), 2, "every --co must be given once, got"),
    "unknown co": ((*MAKE, "--co", "COLOUR=RED", *OUT), 2, "driver GTiff does not support creation option COLOUR"),
    "unknown co before a download": (
        (*PLAIN, "--weights", "official", "--db", "large", "--co", "COLOUR=RED", *OUT), 2, "creation option COLOUR"),
    "unknown co of zarr": ((*MAKE, "--co", "BIGTIFF=YES", "-o", "a.zarr"), 2, "is no option of a Zarr store"),
    "unknown codec": ((*MAKE, "--co", "COMPRESS=ZIP", *OUT), 2, "take one of ZSTD, DEFLATE, LZW"),
    "shards of format 2": ((*MAKE, "--co", "SHARDS=YES", "--zarr-format", "2", "-o", "a.zarr"), 2, "Zarr format 3"),
    "pixels of many bands": (
        ("raster", *BOX, "--co", "INTERLEAVE=PIXEL", *OUT), 2, "QGIS takes seconds to draw a file of 512 bands"),
    # engine
    "chunks of 17": ((*MAKE, "--chunks", "17", *OUT), 2, "for example --chunks 128"),
    "chunks of none": ((*MAKE, "--chunks", "0", *OUT), 2, "for example --chunks 128"),
    "chunks of text": ((*MAKE, "--chunks", "x", *OUT), 2, "'--chunks'"),
    "no threads": ((*MAKE, "--threads", "0", *OUT), 2, "x>=1"),
    "unknown device": ((*MAKE, "--device", "tpu", *OUT), 2, "--device must be auto, cpu, cuda or cuda:N"),
    "missing device": ((*MAKE, "--device", "cuda:99", *OUT), 2, "use --device cpu"),
    "tolerance of zero": ((*MAKE, "--tolerance", "0", *OUT), 2, "for example --tolerance 1e-5"),
    "tolerance of one": ((*MAKE, "--tolerance", "1", *OUT), 2, "for example --tolerance 1e-5"),
    "tolerance and exact": ((*MAKE, "--tolerance", "1e-3", "--exact", *OUT), 2, "leave out --tolerance"),
    "pca of none": ((*MAKE, "--pca", "0", *OUT), 2, "for example --pca 3"),
    "pca of too many": ((*MAKE, "--pca", "41", *OUT), 2, "for example --pca 3"),
    "bands beyond the last": ((*MAKE, "--bands", "41", *OUT), 2, "--bands must be numbers from 1 to 40"),
    "bands without end": ((*MAKE, "--bands", "1-999999999999", *OUT), 2, "for example --bands 1,2,3"),
    "bands of text": ((*MAKE, "--bands", "red", *OUT), 2, "for example --bands 1,2,3"),
    "diagnostics without a database": (
        (*PLAIN, *MINI[:2], "--model", "SatCLIP", "--bands", "diagnostics", *OUT), 2, "only a model with its database"),
    "diagnostics and pca": ((*MAKE, "--bands", "all,diagnostics", "--pca", "3", *OUT), 2, "leave diagnostics out"),
    "unknown layout": ((*MAKE, "--layout", "pixels", *OUT), 2, "'betas', 'components'"),
    "components of a plain model": (
        (*MAKE, "--model", "RANGE", "--layout", "components", *OUT), 2, "needs a model with betas"),
    # the command line itself
    "unknown option": ((*MAKE, *OUT, "--colour"), 2, "; type rangegeo raster --help"),
    "option without value": ((*MAKE, "-o"), 2, "requires an argument; type rangegeo raster --help"),
    "surplus argument": ((*MAKE, *OUT, "more"), 2, "(more); type rangegeo raster --help"),
    "unknown command": (("rastr",), 2, "No such command 'rastr'; type rangegeo --help"),
    "unknown option of all": (("--colour",), 2, "No such option '--colour'; type rangegeo --help"),
    # neighbors
    "neighbors of half a place": (("neighbors", "5"), 2, "'LAT'; type rangegeo neighbors --help"),
    "neighbors of text": (("neighbors", "5", "north"), 2, "'LAT'"),
    "neighbors beyond a pole": (("neighbors", "5", "95", *MINI), 2, "the order is longitude, latitude"),
    "no neighbors": (("neighbors", "5", "45", "-k", "0", *MINI), 2, "'-k'"),
    "too many neighbors": (("neighbors", "5", "45", "-k", "99999", *MINI), 2, "the rows of the database"),
    "neighbors without a database": (("neighbors", "5", "45", "--model", "SatCLIP"), 2, "take RANGE+ or RANGE"),
    "neighbors of a beta without use": (
        ("neighbors", "5", "45", "--model", "RANGE", "--beta", "0", *MINI), 2, "--beta needs a model with betas, and"),
    "neighbors of a beta beyond": (("neighbors", "5", "45", "--beta", "2", *MINI), 2, "beta must be in [0, 1]"),
    "unknown option of neighbors": (("neighbors", "5", "45", "--colour"), 2, "(--colour); type rangegeo neighbors"),
    # info
    "info of nothing": (("info",), 2, "'TARGET...'; type rangegeo info --help"),
    "info of a missing file": (("info", "none.tif"), 2, "expected a cube, a checkpoint, a database, or one of RANGE+"),
    "info of a folder": (("info", "folder"), 1, "expected a cube that rangegeo raster wrote"),
    "info of a text called tif": (("info", "old.tif"), 1, "expected a cube that rangegeo raster wrote"),
    "info of a text": (("info", "text.txt"), 2, "is a table; rangegeo points embeds its places"),
    "info of a malicious checkpoint": (("info", "evil.ckpt"), 1, "nothing in it was executed"),
    "info of a malicious database": (("info", "evil.npz"), 1, "pickled objects, which are never opened"),
    "info of a damaged checkpoint": (("info", "cut.ckpt"), 1, "download it again"),
    "info of a misspelt name": (("info", "RANGE+", "--weights", "offical"), 2, "--weights must be demo, offic"),
}  # fmt: skip


@pytest.fixture
def full(folder) -> Path:
    """A folder of things that must stay as they are, and of files that are wrong."""
    for name in ("old.tif", "one_beta1.tif", "style.qml", "text.txt"):
        (folder / name).write_text(f"precious {name}")
    (folder / "folder").mkdir()
    (folder / "folder" / "thesis.txt").write_text("precious thesis")
    for name, down in (("grid.tif", -1), ("south.tif", 1)):
        sides = {
            "width": 2,
            "height": 2,
            "count": 1,
            "dtype": "uint8",
            "transform": rasterio.Affine(1, 0, 5, 0, down, 44),
        }
        with rasterio.open(folder / name, "w", driver="GTiff", crs="EPSG:4326", **sides) as file:
            file.write(np.ones((1, 2, 2), np.uint8))
    for name, shape in AREAS.items():
        (folder / f"{name}.json").write_text(json.dumps(shapely.geometry.mapping(shape)))
    raw = golden.load("range_db_mini")
    np.savez(folder / "short.npz", locs=raw["locs"], image_embeddings=raw["image_embeddings"])
    np.savez(folder / "wide.npz", **raw | {"satclip_embeddings": np.ones((500, 17))})
    payload = Touch(folder / "executed")
    np.savez(folder / "evil.npz", **raw | {"locs": np.array([[payload]], dtype=object)})
    content = torch.load(CHECKPOINT, weights_only=True)
    content["callbacks"] = payload
    torch.save(content, folder / "evil.ckpt")
    (folder / "cut.ckpt").write_bytes(Path(CHECKPOINT).read_bytes()[:100_000])
    return folder


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_touches_nothing(full, rangegeo, case):
    arguments, code, said = BAD[case]
    before = listing(full)
    assert_one_line(rangegeo(*arguments), code, said)
    assert listing(full) == before
    assert not (full / "executed").exists()


@pytest.mark.parametrize("name", ["out.tif", "out.zarr"])
def test_too_little_disk_is_one_line_and_touches_nothing(full, raster, monkeypatch, name):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(10**9, 10**9 - 1000, 1000))
    before = listing(full)
    done = raster("-o", name)
    assert (done.code, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert line.startswith(f"rangegeo: {name} may need ")
    assert line.endswith(
        "has 1.0 kB free; give a coarser --res, fewer --bands or --pca 3, or write to another disk with -o"
    )
    assert listing(full) == before


def test_the_malicious_files_of_these_tests_do_run_when_they_are_unpickled(folder):
    pickle.loads(pickle.dumps(Touch(folder / "executed")))
    assert (folder / "executed").exists()


@pytest.mark.parametrize("case", ["malicious weights", "existing file", "bbox with text"])
def test_a_real_process_says_the_same(full, case):
    arguments, code, said = BAD[case]
    before = listing(full)
    command = [sys.executable, "-W", "error::UserWarning", "-m", "rangegeo.cli.main", *arguments]
    done = subprocess.run(command, cwd=full, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("rangegeo: ")
    assert said in line
    assert listing(full) == before


# ----------------------------------------------------------------------------------------- internal errors, -vv


def explode(*_: object, **__: object) -> None:
    raise ZeroDivisionError("two\nlines")


def test_an_internal_error_is_one_line(raster, monkeypatch):
    monkeypatch.setattr("rangegeo.grid.extent.choose_extent", explode)
    done = raster("-o", "out.tif")
    assert (done.code, done.out) == (1, "")
    assert done.err == "rangegeo: ZeroDivisionError: two lines; run again with -vv for the traceback\n"


def test_an_internal_error_without_a_message_is_one_line_too(raster, monkeypatch):
    def silent(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("rangegeo.grid.extent.choose_extent", silent)
    assert raster("-o", "out.tif").err == (
        "rangegeo: AssertionError: no further message; run again with -vv for the traceback\n"
    )


@pytest.mark.parametrize("verbose", [["-vv"], ["-v", "-v"], ["--verbose", "-v"]])
def test_the_traceback_comes_with_vv(raster, monkeypatch, verbose):
    monkeypatch.setattr("rangegeo.grid.extent.choose_extent", explode)
    done = raster(*verbose, "-o", "out.tif")
    assert done.code == 1
    assert "Traceback" in done.err
    assert "ZeroDivisionError" in done.err.splitlines()[-1]


def test_one_v_shows_no_traceback(raster, monkeypatch):
    monkeypatch.setattr("rangegeo.grid.extent.choose_extent", explode)
    assert raster("-o", "out.tif", "-v").code == 1


def test_a_real_traceback_with_vv(full):
    command = [sys.executable, "-m", "rangegeo.cli.main", *BAD["bbox upside down"][0], "-vv"]
    done = subprocess.run(command, cwd=full, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (1, 2)
    assert "Traceback" in done.stderr
    assert "the order is W,S,E,N" in done.stderr


# ------------------------------------------------------------------------------------------------ help, version


def test_help_names_the_commands_and_is_no_error(rangegeo):
    for flag in ("--help", "-h"):
        done = rangegeo(flag)
        assert (done.code, done.err) == (0, "")
        for command in module.COMMANDS:
            assert command in done.out


@pytest.mark.parametrize("command", list(module.COMMANDS))
def test_every_command_has_help(rangegeo, command):
    done = rangegeo(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"Usage: rangegeo {command}" in done.out
    assert "rangegeo" in done.out.split("\n\n", 1)[1]  # an example


def test_nothing_at_all_shows_the_help(rangegeo):
    done = rangegeo()
    assert done.code == 2
    assert "Usage: rangegeo" in done.out


def test_version(rangegeo):
    from importlib.metadata import version

    assert version("rangegeo") in rangegeo("--version").out


def test_a_reader_that_stops_reading_is_no_traceback(folder, monkeypatch):
    def closed(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("rangegeo.reports.describe.describe", closed)
    assert run(["info", "RANGE+"]) == 1


def test_main_exits_with_the_code(folder):
    with pytest.raises(SystemExit) as caught:
        module.main(["raster"])
    assert caught.value.code == 2
