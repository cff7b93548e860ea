"""Files of strangers, addresses and odd values: one line with a remedy, nothing written, nothing touched."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import links
from helpers.malice import claiming_tif
from oracles import golden
from shapely.geometry import Point, box
from typed import MINI, listing

import rangegeo as rg

NOBODY = "http://127.0.0.1:9"  # a port that is closed
RASTER = "raster --bbox 5,44,6,45 --res 0.5 --bands 1 -o o.tif -q"
LIKE = "raster --bands 1 -o o.tif -q --like"
AOI = "raster --res 0.1 --bands 1 -o o.tif -q --aoi"
POINTS = "points -o o.parquet -q"
INFO, DRAW, CONVERT = "info", "preview -o o.png", "weights convert -q"


@pytest.fixture(scope="module")
def whole(mini, tmp_path_factory) -> Path:
    """Files that are as they should be, which rows damage."""
    folder = tmp_path_factory.mktemp("whole")
    cube = rg.raster((5, 44, 6, 45), 0.25, model=mini, bands=(1, 2, 3), betas=(0,))
    cube.rangegeo.to_zarr(folder / "3.zarr")
    cube.rangegeo.to_zarr(folder / "2.zarr", zarr_format=2)
    cube.rangegeo.to_geotiff(folder / "a.tif")
    shutil.copy(golden.GOLDEN / "range_db_mini.npz", folder / "a.npz")
    shutil.copy(golden.GOLDEN / "satclip-mini.ckpt", folder / "a.ckpt")
    frame = gpd.GeoDataFrame({"a": range(50)}, geometry=[Point(5 + n / 99, 44) for n in range(50)], crs=4326)
    for name in ("t.gpkg", "t.geojson", "t.shp", "t.fgb"):
        frame.to_file(folder / name)
    frame.to_parquet(folder / "t.parquet")
    gpd.GeoDataFrame(geometry=[box(5, 44, 6, 45)], crs=4326).to_file(folder / "area.gpkg")
    (folder / "t.csv").write_text("lon,lat\n5,44\n")
    return folder


Damage = Callable[[Path], object]


def cut(share: float) -> Damage:
    return lambda path: path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def noise(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[: len(content) // 2] = np.random.default_rng(0).bytes(len(content) // 2)
    path.write_bytes(content)


def text(content: str) -> Damage:
    return lambda path: path.write_text(content)


def raw(content: bytes) -> Damage:
    return lambda path: path.write_bytes(content)


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def metadata(**values: object) -> Damage:
    return lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | values))


def chunked(path: Path) -> None:
    told = json.loads(path.read_text())
    told["chunk_grid"]["configuration"]["chunk_shape"] = [10**12]
    path.write_text(json.dumps(told))


def bomb(member: str, count: int = 3 * 10**7) -> Damage:
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, bytes(count))

    return make


def stated(path: Path) -> None:
    """A database whose first array states more than it holds."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 2)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("locs.npy", head.getvalue())


def nested(path: Path) -> None:
    """GeoParquet with a geometry in a geometry, 100,000 times."""
    wkb = struct.pack("<BII", 1, 7, 1) * 100_000 + struct.pack("<BIdd", 1, 1, 5.0, 44.0)
    geo = {"version": "1.1.0", "primary_column": "g", "columns": {"g": {"encoding": "WKB", "geometry_types": []}}}
    table = pa.table({"g": pa.array([wkb], pa.binary())})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)


def deep_geo(path: Path) -> None:
    table = pa.table({"g": pa.array([b""], pa.binary())})
    pq.write_table(table.replace_schema_metadata({"geo": '{"a":' * 10**5 + "1" + "}" * 10**5}), path)


def wide(path: Path) -> None:
    path.write_text("lon,lat," + ",".join(map(str, range(300_000))) + "\n")


def named(name: str) -> Damage:
    return lambda path: path.write_text(f"{name},lon,lat\n1,5,abc\n")


def claiming(width: int, height: int, bands: int = 1, side: int = 256) -> Damage:
    return lambda path: claiming_tif(path, width, height, bands, side)


def claiming_vrt(path: Path) -> None:
    path.write_text(
        '<VRTDataset rasterXSize="1000000000" rasterYSize="1000000000"><SRS>EPSG:4326</SRS><GeoTransform>5,1e-9,0,45,0,'
        '-1e-9</GeoTransform><Metadata><MDI key="rangegeo_version">1</MDI></Metadata><VRTRasterBand band="1"/>'
        "</VRTDataset>"
    )


def linked(name: str) -> Damage:
    return lambda path: (links.VECTORS | links.RASTERS)[name](path, NOBODY)


# What is typed, and, as file: damage, what is wrong. A file that a folder of whole ones has is copied from there.
ROWS: dict[str, tuple[str, dict[str, Damage]]] = {
    # Zarr stores
    "group of nothing": (f"{INFO} 3.zarr", {"3.zarr/zarr.json": raw(b"")}),
    "group of half": (f"{INFO} 3.zarr", {"3.zarr/zarr.json": cut(0.5)}),
    "group of a list": (f"{INFO} 3.zarr", {"3.zarr/zarr.json": text("[]")}),
    "group without end": (f"{INFO} 3.zarr", {"3.zarr/zarr.json": deep}),
    "group of noise": (f"{INFO} 2.zarr", {"2.zarr/.zgroup": noise}),
    "array of nothing": (f"{DRAW} 3.zarr", {"3.zarr/x/zarr.json": raw(b"")}),
    "array of null": (f"{LIKE} 2.zarr", {"2.zarr/x/.zarray": text("null")}),
    "array of half": (f"{LIKE} 3.zarr", {"3.zarr/embedding/zarr.json": cut(0.3)}),
    "array without metadata": (f"{INFO} 2.zarr", {"2.zarr/embedding/.zarray": Path.unlink}),
    "axis without metadata": (f"{INFO} 3.zarr", {"3.zarr/y/zarr.json": Path.unlink}),
    "axis without labels": (f"{INFO} 3.zarr", {"3.zarr/x/c/0": Path.unlink}),
    "axis of half its labels": (f"{LIKE} 3.zarr", {"3.zarr/x/c/0": cut(0.5)}),
    "names of half": (f"{INFO} 3.zarr", {"3.zarr/band_name/c/0": cut(0.5)}),
    "names of noise": (f"{INFO} 3.zarr", {"3.zarr/band_name/c/0": raw(b"\xff" * 40)}),
    "values of half": (f"{DRAW} 3.zarr", {"3.zarr/embedding/c/0/0/0/0": cut(0.5)}),
    "values of nothing": (f"{DRAW} 2.zarr", {"2.zarr/embedding/0.0.0.0": raw(b"")}),
    "values of noise": (f"{DRAW} 2.zarr", {"2.zarr/embedding/0.0.0.0": noise}),
    "a pickle as filter": (f"{INFO} 2.zarr", {"2.zarr/x/.zarray": metadata(filters=[{"id": "pickle"}])}),
    "a pickle as filter of a grid": (f"{LIKE} 2.zarr", {"2.zarr/x/.zarray": metadata(filters=[{"id": "pickle"}])}),
    "a pickle as compressor": (f"{DRAW} 2.zarr", {"2.zarr/y/.zarray": metadata(compressor={"id": "pickle"})}),
    "a codec of nobody": (f"{INFO} 3.zarr", {"3.zarr/x/zarr.json": metadata(codecs=[{"name": "evil"}])}),
    "a chunk of terabytes": (f"{INFO} 3.zarr", {"3.zarr/x/zarr.json": chunked}),
    "a chunk of terabytes in a grid": (f"{LIKE} 2.zarr", {"2.zarr/x/.zarray": metadata(chunks=[10**13])}),
    "an axis of terabytes": (f"{LIKE} 2.zarr", {"2.zarr/x/.zarray": metadata(shape=[10**12])}),
    "an array of very many pixels": (
        f"{INFO} 3.zarr", {"3.zarr/embedding/zarr.json": metadata(shape=[1, 3, 10**9, 10**9])}),
    "an array of very many bands": (
        f"{DRAW} 2.zarr", {"2.zarr/embedding/.zarray": metadata(shape=[1, 10**9, 4, 4])}),
    "an array of very many chunks": (
        f"{INFO} 2.zarr", {"2.zarr/embedding/.zarray": metadata(shape=[1, 3, 10**6, 10**6], chunks=[1, 1, 1, 1])}),
    "an axis of a billion": (f"{LIKE} 3.zarr", {"3.zarr/x/zarr.json": metadata(shape=[10**9])}),
    "names of a billion bands": (f"{INFO} 3.zarr", {"3.zarr/band_name/zarr.json": metadata(shape=[10**9])}),
    "a negative shape": (f"{INFO} 2.zarr", {"2.zarr/x/.zarray": metadata(shape=[-4])}),
    "a dtype of nobody": (f"{INFO} 2.zarr", {"2.zarr/x/.zarray": metadata(dtype="<q9")}),
    # GeoTIFFs
    "tif of nothing": (f"{INFO} a.tif", {"a.tif": raw(b"")}),
    "tif of its first bytes": (f"{INFO} a.tif", {"a.tif": cut(0.01)}),
    "tif of noise": (f"{DRAW} a.tif", {"a.tif": noise}),
    "tif of half": (f"{DRAW} a.tif", {"a.tif": cut(0.9)}),
    "grid of its first bytes": (f"{LIKE} a.tif", {"a.tif": cut(0.01)}),
    "tif of text": (f"{LIKE} a.tif", {"a.tif": text("precious")}),
    "tif of very many pixels": (f"{INFO} a.tif", {"a.tif": claiming(10**9, 10**9)}),
    "picture of very many pixels": (f"{DRAW} a.tif", {"a.tif": claiming(10**9, 10**9)}),
    "check of very many pixels": ("verify a.tif", {"a.tif": claiming(10**9, 10**9)}),
    "grid of very many pixels": (f"{LIKE} a.tif", {"a.tif": claiming(10**9, 10**9)}),
    "tif of a long row": (f"{INFO} a.tif", {"a.tif": claiming(10**9, 1)}),
    "tif of very many bands": (f"{DRAW} a.tif", {"a.tif": claiming(8, 8, bands=65_535)}),
    "check of very many bands": ("verify a.tif", {"a.tif": claiming(8, 8, bands=65_535)}),
    "tif of huge tiles": (f"{INFO} a.tif", {"a.tif": claiming(10**5, 10**5, side=2**17)}),
    "tif of very many tiles": (f"{INFO} a.tif", {"a.tif": claiming(10**6, 10**6, side=16)}),
    "vrt of very many pixels": (f"{DRAW} a.vrt", {"a.vrt": claiming_vrt}),
    "grid of a vrt of very many pixels": (f"{LIKE} a.vrt", {"a.vrt": claiming_vrt}),
    # weights and databases
    "database of nothing": (f"{CONVERT} a.npz", {"a.npz": raw(b"")}),
    "database of half": (f"{CONVERT} a.npz", {"a.npz": cut(0.5)}),
    "database of noise": (f"{CONVERT} a.npz", {"a.npz": noise}),
    "database that unpacks to much": (f"{CONVERT} a.npz", {"a.npz": bomb("locs.npy")}),
    "database that states much": (f"{CONVERT} a.npz", {"a.npz": stated}),
    "checkpoint of nothing": (f"{CONVERT} a.ckpt", {"a.ckpt": raw(b"")}),
    "checkpoint of half": (f"{CONVERT} a.ckpt", {"a.ckpt": cut(0.5)}),
    "checkpoint of noise": (f"{CONVERT} a.ckpt", {"a.ckpt": noise}),
    "checkpoint that unpacks to much": (f"{CONVERT} a.ckpt", {"a.ckpt": bomb("archive/data.pkl")}),
    "checkpoint that is an empty zip": (f"{CONVERT} a.ckpt", {"a.ckpt": raw(b"PK\x05\x06" + bytes(18))}),
    "safetensors of nothing": (f"{CONVERT} a.safetensors", {"a.safetensors": raw(b"")}),
    "safetensors with a long header": (f"{CONVERT} a.safetensors", {"a.safetensors": raw(b"\xff" * 8 + b"{}")}),
    "safetensors with a header of lists": (
        f"{CONVERT} a.safetensors", {"a.safetensors": raw(struct.pack("<Q", 2) + b"[]")}),
    "safetensors with odd facts": (
        f"{CONVERT} a.safetensors",
        {"a.safetensors": raw(struct.pack("<Q", 36) + b'{"__metadata__":{"facts":"[1,2,3]"}} ')}),
    # tables
    "parquet of half": (f"{POINTS} t.parquet", {"t.parquet": cut(0.5)}),
    "parquet of noise": (f"{POINTS} t.parquet", {"t.parquet": noise}),
    "parquet with a geometry in geometries": (f"{POINTS} t.parquet", {"t.parquet": nested}),
    "area with a geometry in geometries": (f"{AOI} t.parquet", {"t.parquet": nested}),
    "parquet with metadata without end": (f"{POINTS} t.parquet", {"t.parquet": deep_geo}),
    "area with metadata without end": (f"{AOI} t.parquet", {"t.parquet": deep_geo}),
    "area of half a parquet": (f"{AOI} t.parquet", {"t.parquet": cut(0.5)}),
    "geopackage of nothing": (f"{POINTS} t.gpkg", {"t.gpkg": raw(b"")}),
    "geopackage of half": (f"{POINTS} t.gpkg", {"t.gpkg": cut(0.3)}),
    "geopackage of noise": (f"{POINTS} t.gpkg", {"t.gpkg": noise}),
    "area of half a geopackage": (f"{AOI} area.gpkg", {"area.gpkg": cut(0.3)}),
    "geojson of half": (f"{POINTS} t.geojson", {"t.geojson": cut(0.5)}),
    "geojson without end": (f"{POINTS} t.geojson", {"t.geojson": deep}),
    "geojson of null": (f"{AOI} t.geojson", {"t.geojson": text("null")}),
    "geojson lines without end": (f"{POINTS} t.geojsonl", {"t.geojsonl": deep}),
    "shapefile of half": (f"{POINTS} t.shp", {"t.shp": cut(0.05)}),
    "flatgeobuf of half": (f"{POINTS} t.fgb", {"t.fgb": cut(0.02)}),
    "csv of nothing": (f"{POINTS} t.csv", {"t.csv": raw(b"")}),
    "csv of zeros": (f"{POINTS} t.csv", {"t.csv": raw(bytes(10_000))}),
    "csv of very many columns": (f"{POINTS} t.csv", {"t.csv": wide}),
    "csv of a line too long": (f"{POINTS} t.csv.gz", {"t.csv.gz": raw(gzip.compress(b"a\n" + b"1" * 7 * 10**7))}),
    "csv of zeros in an archive": (f"{POINTS} t.zip", {"t.zip": bomb("t.csv", 7 * 10**7)}),
    "csv whose archive is cut": (f"{POINTS} t.csv.gz", {"t.csv.gz": raw(gzip.compress(b"lon,lat\n1,2\n")[:15])}),
    "csv of an xz archive that is none": (f"{POINTS} t.csv.xz", {"t.csv.xz": raw(b"\xfd7zXZ\0" + b"\xff" * 50)}),
    "csv with escapes in a name": (f"{POINTS} t.csv", {"t.csv": named("\x1b]0;title\x07\u202e")}),
    "zip of noise": (f"{POINTS} t.zip", {"t.zip": raw(b"PK\x03\x04" + b"\xff" * 50)}),
    # files that name addresses
    **{f"area of {name}": (f"{AOI} {name}", {name: linked(name)}) for name in links.VECTORS},
    **{f"grid of {name}": (f"{LIKE} {name}", {name: linked(name)}) for name in links.RASTERS},
    # addresses
    "points of an address": (f"{POINTS} {NOBODY}/t.csv", {}),
    "area of an address": (f"{AOI} {NOBODY}/a.geojson", {}),
    "grid of an address": (f"{LIKE} {NOBODY}/a.tif", {}),
    "grid of an odd address": (f"{LIKE} gopher://a/b.tif", {}),
    "info of an address": (f"{INFO} ftp://a/b.tif", {}),
    "output to an address": ("raster --bbox 5,44,6,45 --res 0.5 --bands 1 -q -o ftp://a/b.tif", {}),
    "weights of an address": (f"{RASTER} --weights {NOBODY}/a.ckpt --db demo", {}),
    "database of an address": (f"{RASTER} --db {NOBODY}/a.npz", {}),
    # values
    "a box beyond the horizon": (
        "raster --bbox 7e6,7e6,9e6,9e6 --crs '+proj=ortho +lat_0=45' --bbox-crs '+proj=ortho +lat_0=45' --res 1e5 "
        "--bands 1 -q -o o.tif", {}),
    "a box of infinities": ("raster --bbox=-inf,-inf,inf,inf --res 1 --bands 1 -q -o o.tif", {}),
    "a box of huge numbers": ("raster --bbox 1e300,1e300,1e301,1e301 --res 1 --bands 1 -q -o o.tif", {}),
    "a res of almost nothing": ("raster --bbox 5,44,6,45 --res 1e-300 --bands 1 -q -o o.tif", {}),
    "a res of a zero and a number": ("raster --bbox 5,44,6,45 --res 0,1 --bands 1 -q -o o.tif", {}),
    "a CRS of escapes": (f"{RASTER} --crs \x1b[31mred", {}),
    "a CRS without end": (f"{RASTER} --crs {'(' * 5000}", {}),
    "a CRS of the moon": (f"{RASTER} --crs '+proj=longlat +R=1737400 +type=crs'", {}),
    "a beta of escapes": (f"{RASTER} --beta \x1b[2J", {}),
    "bands of a range without end": (f"{RASTER} --bands 1-99999999999999999999", {}),
    "bands that run backwards": (f"{RASTER} --bands 9-3", {}),
    "a chunk of a huge number": (f"{RASTER} --chunks 99999999999999999999", {}),
    "a tolerance of infinity": (f"{RASTER} --tolerance inf", {}),
    "an output of a long name": (f"raster --bbox 5,44,6,45 --res 0.5 --bands 1 -q -o {'a' * 300}.tif", {}),
    "a column that is missing": (f"{POINTS} t.csv --lon \x1b[31m --lat lat", {"t.csv": lambda path: None}),
    "an output that is the table": ("points t.csv --overwrite -o t.csv", {"t.csv": lambda path: None}),
    "an output that is the grid": ("raster --like ./a.tif --overwrite -o a.tif", {"a.tif": lambda path: None}),
    "a map that is its labels": ("map t.csv --target a --bbox 5,44,6,45 --res 1 --overwrite --save t.csv -o o.tif",
                                 {"t.csv": lambda path: None}),
    "a map that is kept under a wrong name": ("map t.csv --target a --bbox 5,44,6,45 --res 1 --save t.txt -o o.tif",
                                              {"t.csv": text("lon,lat,a\n5,44,1\n")}),
    "a map of no rows": ("map t.csv --target a --bbox 5,44,6,45 --res 1 -o o.tif", {"t.csv": text("lon,lat,a\n")}),
    "a map of an empty column": ("map t.csv --target a --bbox 5,44,6,45 --res 1 -o o.tif",
                                 {"t.csv": text("lon,lat,a\n" + "".join(f"{n / 9},44,\n" for n in range(60)))}),
    "a map of a class a label": ("map t.csv --target a --bbox 5,44,6,45 --res 1 -o o.tif",
                                 {"t.csv": text("lon,lat,a\n" + "".join(f"{n},44,n{n}\n" for n in range(60)))}),
    "scores that are their labels": ("evaluate t.csv --target a --overwrite -o t.md -o t.csv",
                                     {"t.csv": lambda path: None}),
    "a device": (f"{INFO} /dev/null", {}),
    "an encoding of nobody": (f"{POINTS} t.csv --encoding utf-99", {"t.csv": lambda path: None}),
    "a delimiter of two": (f"{POINTS} t.csv --delimiter ab", {"t.csv": lambda path: None}),
    "a layer of nobody": (f"{AOI} area.gpkg --aoi-layer \x1b[31m", {"area.gpkg": lambda path: None}),
}  # fmt: skip
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
REMEDY = re.compile(r"; |expected|for example|must be")


def prepare(folder: Path, whole: Path, damages: dict[str, Damage]) -> None:
    """Put the files of a row into a folder, whole ones first."""
    (folder / "thesis.txt").write_text("precious")
    for name, damage in damages.items():
        first = name.split("/")[0]
        for source in whole.glob(f"{first.rpartition('.')[0]}.*" if first.endswith(".shp") else first):
            if not (folder / source.name).exists():
                (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / source.name)
        damage(folder / name)


def words(line: str) -> list[str]:
    """The words of a row, in which quotation marks enclose what has spaces."""
    return [word.strip("'") for word in re.findall(r"'[^']*'|\S+", line)]


@pytest.mark.parametrize("row", ROWS)
def test_bad_input_is_one_line_with_a_remedy_and_touches_nothing(row, whole, rangegeo, folder):
    line, damages = ROWS[row]
    prepare(folder, whole, damages)
    before = listing(folder)
    model = MINI if line.startswith(("raster", "points")) and not {"--weights", "--db"} & set(words(line)) else ()
    done = rangegeo(*words(line), *model)
    assert done.code in (1, 2), done.err
    assert done.out == ""
    (said,) = done.err.splitlines()
    assert said.startswith("rangegeo: ")
    assert REMEDY.search(said), said
    assert not ACTING.search(said), said
    assert "Traceback" not in said
    assert "run again with -vv" not in said, said
    assert len(said) < 1000, said
    assert listing(folder) == before


def test_there_are_many_rows():
    assert len(ROWS) >= 80


# Variables of the environment with odd values; the program works, or says in one line what is wrong.
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "no home": {"HOME": "/nowhere"},
    "a cache that is a file": {"RANGEGEO_CACHE": "thesis.txt"},
    "a cache that cannot be made": {"RANGEGEO_CACHE": "/proc/nowhere"},
    "a hub that is a file": {"HF_HOME": "thesis.txt"},
    "no folder for temporary files": {"TMPDIR": "/nowhere", "TEMP": "/nowhere", "TMP": "/nowhere"},
    "no caches": {"XDG_CACHE_HOME": "/nowhere", "XDG_CONFIG_HOME": "/nowhere"},
    "no locale": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "no data of PROJ and GDAL": {"PROJ_DATA": "/nowhere", "PROJ_LIB": "/nowhere", "GDAL_DATA": "/nowhere"},
    "warnings are errors": {"PYTHONWARNINGS": "error"},
}


@pytest.mark.parametrize("case", ENVIRONMENTS)
def test_an_odd_environment_is_no_traceback(case, folder):
    (folder / "thesis.txt").write_text("precious")
    arguments = ["raster", "--bbox", "5,44,6,45", "--res", "0.5", "--bands", "1", "-q", *MINI, "-o", "Zürich.zarr"]
    done = subprocess.run(
        [sys.executable, "-m", "rangegeo", *arguments],
        cwd=folder,
        env=os.environ | ENVIRONMENTS[case],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or len(done.stderr.splitlines()) == 1, done.stderr
    assert (folder / "thesis.txt").read_text() == "precious"
