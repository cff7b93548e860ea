"""All commands of the shell whose messages say what to type."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import shapely
from filelock import Timeout
from helpers import (
    hints_of_clusters,
    hints_of_databases,
    hints_of_evaluate,
    hints_of_icechunk,
    hints_of_joining,
    hints_of_planets,
    hints_of_stored,
    hints_of_view,
)
from helpers.hint_files import (
    BOX,
    CKPT,
    COLUMNS,
    METRES,
    MINI,
    NPZ,
    PLACES,
    POINTS,
    SQUARE,
    appended,
    archive,
    as_geojson,
    database,
    folder,
    geo,
    geojson,
    grid,
    lost,
    made,
    parquet,
    shapefile,
    store,
    text,
    two_grids,
    vector,
)
from helpers.hints import Row, Way, loader, run_line
from rasterio import Affine
from rasterio.control import GroundControlPoint

CSP = str(Path(CKPT).parent / "csp_fmow_mini.pth.tar")
ROTATED_POLE = "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39.25 +lon_0=18 +a=6367470 +b=6367470"
T = f"points t.csv {MINI} -o o.csv"
OUT = "-o o.zarr"
GDAL = ("ogr2ogr", "gdal_translate", "gdalwarp")
LINE = shapely.LineString([(5, 44), (6, 45)])


def no_room(patch: pytest.MonkeyPatch) -> None:
    from rangegeo.support import destination, disk

    patch.setattr(destination, "free_bytes", lambda folder: 10)
    patch.setattr(disk, "free_bytes", lambda folder: 10)


def full(patch: pytest.MonkeyPatch) -> None:
    """Nothing can be written to a store."""
    from rangegeo.stores import blocks

    def write(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    patch.setattr(blocks, "write_blocks", write)
    from rangegeo.stores import geotiff

    patch.setattr(geotiff, "write_blocks", write)


def full_card(patch: pytest.MonkeyPatch) -> None:
    """There is a GPU, and its memory has no room for a model."""
    import torch

    from rangegeo.field.range import RangeField

    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    patch.setattr(torch.cuda, "device_count", lambda: 1)
    patch.setattr(torch.cuda, "mem_get_info", lambda device: (1e8, 8e9))
    patch.setattr(RangeField, "to", refuse)


def broken(patch: pytest.MonkeyPatch) -> None:
    """Something unexpected happens."""
    from rangegeo.jobs.raster import RasterJob

    patch.setattr(RasterJob, "describe", lambda self: 1 / 0)


def without(*modules: str):
    """Packages that are not installed."""

    def patch(patch: pytest.MonkeyPatch) -> None:
        for module in modules:
            patch.setitem(sys.modules, module, None)

    return patch


def no_files(patch: pytest.MonkeyPatch) -> None:
    """Nothing was downloaded, and nothing can be."""
    patch.setenv("HF_HUB_CACHE", str(Path("hf").absolute()))
    import huggingface_hub.constants as constants

    patch.setattr(constants, "HF_HUB_CACHE", str(Path("hf").absolute()))
    patch.setattr(constants, "HF_HUB_OFFLINE", True)


def no_demo(patch: pytest.MonkeyPatch) -> None:
    from rangegeo.weights import demo

    patch.setattr(demo, "FOLDER", Path("nowhere"))
    patch.setattr("rangegeo.weights.names.demo_file", demo.demo_file.__wrapped__)
    patch.setattr("rangegeo.models.load._load", load_itself)


def no_geoclip(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("rangegeo.weights.names.installed_geoclip", lambda: None)
    patch.setattr("rangegeo.models.load._load", load_itself)


def load_itself(*args: object) -> object:
    """A model that is not taken from those that were loaded before."""
    return loader().__wrapped__(*args)


def locked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "rangegeo.support.destination.os", SimpleNamespace(access=lambda *_: False, W_OK=os.W_OK, path=os.path)
    )


def closed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("rangegeo.tables.sinks.sys", SimpleNamespace(stdout=None))


def keyboard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("rangegeo.support.stdin.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))


OF_AREA = f"raster --aoi q.geojson --res 0.25 --bands 1-3 {MINI}"
UNFINISHED = f"raster --bbox 5,44,6,45 --res 0.02 --chunks 16 --bands 1-3 {MINI}"
VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="t"><SrcDataSource relativeToVRT="1">t.csv</SrcDataSource>'
    "</OGRVRTLayer></OGRVRTDataSource>"
)


def stopping(patch: pytest.MonkeyPatch) -> None:
    """The journal takes three blocks, and then the run stops."""
    from rangegeo.stores.journal import Journal

    write, told = Journal.write, []

    def stop(self: Journal, *args: object) -> None:
        if len(told) == 3:
            raise RuntimeError("stopped")
        told.append(args)
        write(self, *args)

    patch.setattr(Journal, "write", stop)


def interrupted() -> None:
    """What a run leaves that stops after three blocks."""
    with pytest.MonkeyPatch.context() as patch:
        stopping(patch)
        code, said = run_line([*UNFINISHED.split(), "-o", "o.zarr"])
    assert code != 0
    assert "kept" in said, said


def of_area() -> None:
    """A cube of an area."""
    code, said = run_line(f"{OF_AREA} -o a.zarr".split())
    assert code == 0, said


def in_use(patch: pytest.MonkeyPatch) -> None:
    def acquire(self: object, **_: object) -> None:
        raise Timeout("lock")

    patch.setattr("rangegeo.support.unfinished.FileLock.acquire", acquire)


def no_hidden(patch: pytest.MonkeyPatch) -> None:
    """No hidden folder can be made."""
    mkdir = Path.mkdir

    def refuse(self: Path, *args: object, **options: object) -> None:
        if self.name.startswith("."):
            raise PermissionError(13, "Permission denied")
        mkdir(self, *args, **options)

    patch.setattr(Path, "mkdir", refuse)


EXTENT = (
    Row(
        "no extent",
        f"raster --res 0.25 {MINI} {OUT}",
        (
            Way(r"give one of .*--bbox W,S,E,N", give={"--bbox": "5,44,6,45"}),
            Way(r"--like FILE", give={"--like": "g.tif"}, then=f"raster {MINI} {OUT}"),
            Way(r"--aoi FILE", give={"--aoi": "a.geojson"}),
        ),
        (grid("g.tif"), geojson("a.geojson", SQUARE)),
    ),
    Row("two extents", f"{BOX} --like g.tif {OUT}", (Way("give one of", then=f"{BOX} {OUT}"),), (grid("g.tif"),)),
    Row(
        "touched without an area", f"{BOX} --all-touched {OUT}", (Way("leave it out with --bbox", then=f"{BOX} {OUT}"),)
    ),
    Row(
        "like and res",
        f"raster --like g.tif --res 1 {MINI} {OUT}",
        (Way(r"leave out (?P<drop>--res)"),),
        (grid("g.tif"),),
    ),
    Row("no res", f"raster --bbox 5,44,6,45 {MINI} --dry-run {OUT}", (Way(r"for example (?P<type>--res \S+)$"),)),
    Row(
        "no res in metres",
        f"raster --bbox 5,44,6,45 --crs EPSG:3035 {MINI} --dry-run {OUT}",
        (Way(r"for example (?P<type>--res \S+)$"),),
    ),
    Row(
        "no res for an area",
        f"raster --aoi a.geojson --crs EPSG:3035 {MINI} --dry-run {OUT}",
        (Way(r"for example (?P<type>--res \S+)$"),),
        (geojson("a.geojson", SQUARE),),
    ),
    Row("res of nothing", f"{BOX} --res -1 --dry-run {OUT}", (Way(r"for example (?P<type>--res \S+)$"),)),
    Row(
        "res of nothing in metres",
        f"{BOX} --res 0 --crs EPSG:3035 --dry-run {OUT}",
        (Way(r"for example (?P<type>--res \S+)$"),),
    ),
    Row(
        "res of nothing in kilometres",
        f"{BOX} --res 0 --crs '+proj=laea +lat_0=44 +lon_0=5 +units=km' --dry-run {OUT}",
        (Way(r"for example (?P<type>--res \S+)$"),),
    ),
    Row(
        "res of nothing in metres for an area",
        f"raster --aoi a.geojson --crs EPSG:3035 --res 0 {MINI} --dry-run {OUT}",
        (Way(r"for example (?P<type>--res \S+)$"),),
        (geojson("a.geojson", SQUARE),),
    ),
    Row("res of words", f"{BOX} --res one --dry-run {OUT}", (Way(r"for example (?P<type>--res \S+) in degrees"),)),
    Row(
        "res of words in metres",
        f"{BOX} --res one --crs EPSG:3035 {OUT} --dry-run",
        (Way(r"(?P<type>--res \S+) in metres"),),
    ),
    Row(
        "bbox of words",
        f"raster --bbox a,b,c,d --res 0.25 {MINI} --dry-run {OUT}",
        (Way(r"(?P<type>--bbox \S+) in deg"),),
    ),
    Row(
        "upside-down box",
        f"{BOX} --bbox 5,45,6,44 {OUT}",
        (Way("have south < north, .*; the order is W,S,E,N", swap={"5,45,6,44": "5,44,6,45"}),),
    ),
    Row("flat box", f"{BOX} --bbox 5,44,5,45 {OUT}", (Way("the order is W,S,E,N", swap={"5,44,5,45": "5,44,6,45"}),)),
    Row(
        "box of metres",
        f"{BOX} --bbox 500000,4900000,510000,4910000 --res 5000 --crs EPSG:32632 {OUT}",
        (Way("metres need --bbox-crs", give={"--bbox-crs": "EPSG:32632"}),),
    ),
    Row(
        "box from east to west in metres",
        f"{BOX} --bbox 510000,4900000,500000,4910000 --bbox-crs '+proj=utm +zone=32' --res 5000 --crs EPSG:32632 {OUT}",
        (Way(r"in [^\[]*, got .*W,S,E,N", swap={"510000,4900000,500000,4910000": "500000,4900000,510000,4910000"}),),
    ),
    Row(
        "box beyond the projection",
        f"{BOX} --bbox -180,-90,180,90 --crs EPSG:32632 --res 100000 {OUT}",
        (
            Way("take a smaller box", swap={"-180,-90,180,90": "5,44,10,48"}),
            Way(
                "give it in that CRS with --bbox-crs",
                give={"--bbox-crs": "EPSG:32632"},
                swap={"-180,-90,180,90": "500000,4900000,700000,5100000"},
            ),
        ),
    ),
    Row(
        "wide crossing",
        f"raster --bbox 10,44,5,48 --res 1 {MINI} --dry-run {OUT}",
        (Way(r"give (?P<type>--bbox \S+)"),),
        ends=True,
    ),
    Row(
        "large pixels",
        f"{BOX} --res 2 {OUT}",
        (
            Way("take a smaller --res", give={"--res": "0.25"}),
            Way("a --crs in metres", give={"--crs": "EPSG:3035"}, swap={"2": "50000"}),
        ),
        ends=True,
    ),
    Row(
        "small pixels",
        f"{BOX} --crs EPSG:3035 --bbox 5,44,5.00001,44.00001 --res 0.01 --dry-run {OUT}",
        (
            Way("take a larger --res", give={"--res": "1"}),
            Way("leave out (?P<drop>--crs) for degrees", give={"--res": "0.000001"}, gone=True),
        ),
        ends=True,
    ),
    Row(
        "too many pixels",
        f"{BOX} --res 1e-9 {OUT}",
        (Way("take a larger --res, in units of EPSG:4326: degrees", give={"--res": "0.25"}),),
    ),
    Row("unknown CRS", f"{BOX} --crs EPSG:1 {OUT}", (Way(r"for example (?P<type>--crs \S+)$"),)),
    Row("unknown CRS in metres", f"{BOX} --crs utm --res 50000 {OUT}", (Way(r"for example (?P<type>--crs \S+)$"),)),
    Row("geocentric CRS", f"{BOX} --crs EPSG:4978 {OUT}", (Way(r"for example (?P<type>--crs \S+)$"),)),
    Row("unknown CRS of the box", f"{BOX} --bbox-crs foo {OUT}", (Way(r"for example (?P<type>--bbox-crs \S+)$"),)),
    Row(
        "unknown CRS of a box in metres",
        f"{BOX} --bbox-crs foo --bbox 500000,5000000,600000,5100000 {OUT}",
        (Way(r"for example (?P<type>--bbox-crs \S+)$"),),
    ),
    Row(
        "unknown CRS with an area in metres",
        f"raster --aoi a.geojson --crs foo --res 50000 {MINI} {OUT}",
        (Way(r"for example (?P<type>--crs \S+)$"),),
        (geojson("a.geojson", SQUARE),),
    ),
)
LIKE = (
    Row(
        "several rasters",
        f"raster --like 'two grids.nc' {MINI} {OUT}",
        (Way(r"name one of them, for example (?P<type>--like .*)$"),),
        (two_grids("two grids.nc"),),
    ),
    Row(
        "no CRS",
        f"raster --like 'a & b.tif' {MINI} {OUT}",
        (
            Way(
                r"for example (?P<run>gdal_translate .*(?P<made>'a & b_with_crs.tif'))$",
                then=f"raster --like {{made}} {MINI} {OUT}",
                needs=("gdal_translate",),
            ),
        ),
        (grid("a & b.tif", crs=None), text("with_crs.tif", "mine")),
    ),
    Row(
        "no CRS and a dash",
        f"raster --like ./-b.tif {MINI} {OUT}",
        (
            Way(
                r"for example (?P<run>gdal_translate .* (?P<made>\S+))$",
                then=f"raster --like {{made}} {MINI} {OUT}",
                needs=("gdal_translate",),
            ),
        ),
        (grid("-b.tif", crs=None), grid("-b_with_crs.tif")),
    ),
    Row(
        "rotated",
        f"raster --like 'a b.tif' {MINI} {OUT}",
        (
            Way(
                r"for example (?P<run>gdalwarp .* (?P<made>'a b_north_up.tif'))$",
                then=f"raster --like {{made}} {MINI} {OUT}",
                needs=("gdalwarp",),
            ),
        ),
        (grid("a b.tif", transform=Affine(0.2, 0.1, 5, 0.1, -0.2, 45)),),
    ),
    Row(
        "south-up",
        f"raster --like up.tif {MINI} {OUT}",
        (
            Way(
                r"runs from south to north.* for example (?P<run>gdalwarp .* (?P<made>\S+))$",
                then=f"raster --like {{made}} {MINI} {OUT}",
                needs=("gdalwarp",),
            ),
        ),
        (grid("up.tif", transform=Affine(0.25, 0, 5, 0, 0.25, 44)),),
    ),
    Row(
        "mirrored",
        f"raster --like up.tif {MINI} {OUT}",
        (
            Way(
                r"runs from east to west.* for example (?P<run>gdalwarp .* (?P<made>\S+))$",
                then=f"raster --like {{made}} {MINI} {OUT}",
                needs=("gdalwarp",),
            ),
        ),
        (grid("up.tif", transform=Affine(-0.25, 0, 6, 0, -0.25, 45)),),
    ),
    Row(
        "control points",
        f"raster --like points.tif {MINI} {OUT}",
        (
            Way(
                r"control points alone.* for example (?P<run>gdalwarp .* (?P<made>\S+))$",
                then=f"raster --like {{made}} {MINI} {OUT}",
                needs=("gdalwarp",),
            ),
        ),
        (
            grid(
                "points.tif",
                transform=None,
                gcps=[
                    GroundControlPoint(row, col, 5 + col / 4, 45 - row / 4)
                    for row, col in ((0, 0), (0, 4), (4, 0), (4, 4))
                ],
            ),
        ),
    ),
    Row(
        "no georeference",
        f"raster --like scan.tif {MINI} {OUT}",
        (Way(r"(?P<made>gdal_translate -a_srs EPSG:4326 -a_ullr W N E S scan.tif scan_placed.tif)$", then="models"),),
        (grid("scan.tif", transform=None, crs=None),),
    ),
    Row(
        "no raster",
        f"raster --like t.csv {MINI} {OUT}",
        (Way(r"a raster that GDAL opens, .*\); give another file, or get this", give={"--like": "g.tif"}),),
        (text("t.csv"), grid("g.tif")),
    ),
    Row(
        "store without a CRS",
        f"raster --like s.zarr {MINI} {OUT}",
        (Way(r"for example array\.rio\.write_crs\(\"EPSG:4326\"\)", swap={"s.zarr": "t.zarr"}),),
        (store("s.zarr", crs=None), store("t.zarr")),
    ),
    Row(
        "damaged store",
        f"raster --like s.zarr {MINI} {OUT}",
        (Way("make the store again", swap={"s.zarr": "t.zarr"}),),
        (text("s.zarr/.zgroup", "{"), store("t.zarr")),
    ),
)
AREA = (
    Row(
        "area without a CRS",
        f"raster --aoi 'a b.gpkg' --res 0.25 {MINI} {OUT}",
        (Way(r"say it, for example (?P<type>--bbox-crs \S+)$"),),
        (vector("a b.gpkg", SQUARE, crs=None),),
    ),
    Row(
        "area with two CRSs",
        f"raster --aoi a.gpkg --bbox-crs EPSG:3035 --res 0.25 {MINI} {OUT}",
        (Way("leave out (?P<drop>--bbox-crs)"),),
        (vector("a.gpkg", SQUARE),),
    ),
    Row(
        "area in metres",
        f'raster --aoi "it\'s b.geojson" --res 0.25 {MINI} {OUT}',
        (
            Way(
                r"for example (?P<run>ogr2ogr -a_srs EPSG:32632 (?P<made>.*_with_crs.gpkg\S*) .*)$",
                then=f"raster --aoi {{made}} --res 0.25 {MINI} {OUT}",
                needs=("ogr2ogr",),
            ),
        ),
        (geojson("it's b.geojson", METRES), text("with_crs.gpkg", "mine")),
    ),
    Row(
        "area in metres from stdin",
        f"raster --aoi - --res 0.25 {MINI} {OUT}",
        (
            Way(
                r"(?P<run>ogr2ogr -a_srs EPSG:32632 (?P<made>FILE_with_crs.gpkg) FILE)$",
                needs=("ogr2ogr",),
                then=f"raster --aoi {{made}} --res 0.25 --dry-run {MINI} {OUT}",
            ),
        ),
        (geojson("FILE", METRES),),
        stdin=as_geojson(METRES).encode(),
    ),
    Row(
        "two layers",
        f"raster --aoi 'two layers.gpkg' --res 0.25 {MINI} {OUT}",
        (Way("say which, for example (?P<type>--aoi-layer .*)$"),),
        (vector("two layers.gpkg", SQUARE, layers=("a b", "c;d")),),
    ),
    Row(
        "area of lines",
        f"raster --aoi a.geojson --res 0.25 {MINI} {OUT}",
        (Way("give them a width with a buffer in a copy", swap={"a.geojson": "b.geojson"}),),
        (geojson("a.geojson", LINE), geojson("b.geojson", LINE.buffer(0.2))),
    ),
    Row(
        "area of nothing",
        f"raster --aoi a.geojson --res 0.25 {MINI} {OUT}",
        (Way("holds no polygon; give a file that does", swap={"a.geojson": "b.geojson"}),),
        (geojson("a.geojson"), geojson("b.geojson", SQUARE)),
    ),
    Row(
        "small area",
        f"raster --aoi a.geojson --res 50 {MINI} {OUT}",
        (
            Way("take a smaller --res", give={"--res": "0.25"}),
            Way(r"or (?P<type>--all-touched) for the pixels"),
        ),
        (geojson("a.geojson", shapely.Polygon([(5, 44), (6, 44), (5, 45)])),),
    ),
    Row(
        "area beyond the projection",
        f"raster --aoi a.geojson --crs EPSG:3857 --res 100000 {MINI} {OUT}",
        (
            Way("cut it", swap={"a.geojson": "b.geojson"}),
            Way(
                "take another --crs",
                give={
                    "--crs": "EPSG:4326",
                },
                swap={"100000": "1"},
            ),
        ),
        (geojson("a.geojson", shapely.box(5, 80, 6, 90)), geojson("b.geojson", shapely.box(5, 80, 6, 85))),
    ),
    Row(
        "area that is missing",
        f"raster --aoi no.parquet --res 1 {MINI} {OUT}",
        (Way("must be a vector file", swap={"no.parquet": "a.geojson"}),),
        (geojson("a.geojson", SQUARE),),
    ),
    Row(
        "area of a table",
        f"raster --aoi t.csv --res 0.25 {MINI} {OUT}",
        (Way("is a text table; save its polygons as .gpkg or .geojson", swap={"t.csv": "a.geojson"}),),
        (text("t.csv"), geojson("a.geojson", SQUARE)),
    ),
    Row(
        "area of Parquet",
        f"raster --aoi t.parquet --res 0.25 {MINI} {OUT}",
        (Way("expected GeoParquet", swap={"t.parquet": "a.geojson"}),),
        (parquet("t.parquet", **COLUMNS), geojson("a.geojson", SQUARE)),
    ),
    Row(
        "area of damaged Parquet",
        f"raster --aoi t.parquet --res 0.25 {MINI} {OUT}",
        (Way("must be a vector file, got .*no GeoParquet", swap={"t.parquet": "a.geojson"}),),
        (text("t.parquet"), geojson("a.geojson", SQUARE)),
    ),
    Row(
        "area of a text",
        f"raster --aoi t.txt --res 0.25 {MINI} {OUT}",
        (Way("a vector file that GDAL opens", swap={"t.txt": "a.geojson"}),),
        (text("t.txt", "text"), geojson("a.geojson", SQUARE)),
    ),
    Row(
        "area of nothing on stdin",
        f"raster --aoi - --res 0.25 {MINI} {OUT}",
        (Way("expected GeoJSON or another vector file", swap={"-": "a.geojson"}),),
        (geojson("a.geojson", SQUARE),),
    ),
    Row(
        "polygon of nothing",
        f"raster --aoi a.gpkg --res 0.25 {MINI} {OUT}",
        (Way("take it out of a copy", swap={"a.gpkg": "b.geojson"}),),
        (vector("a.gpkg", shapely.Polygon([(5, 44), (6, 45), (5, 44), (5, 44)])), geojson("b.geojson", SQUARE)),
    ),
)
CONTENT = (
    Row("beta too large", f"{BOX} --beta 2 {OUT}", (Way(r"for example (?P<type>--beta \S+)$"),)),
    Row("beta of words", f"{BOX} --beta x {OUT}", (Way(r"for example (?P<type>--beta \S+)"),)),
    Row("beta twice", f"{BOX} --beta 0,0 {OUT}", (Way("every beta must be given once", give={}, swap={"0,0": "0"}),)),
    Row(
        "beta of SatCLIP",
        f"raster --bbox 5,44,6,45 --res 0.25 --model SatCLIP --weights {CKPT} --beta 1 {OUT}",
        (Way("leave it out", then=f"raster --bbox 5,44,6,45 --res 0.25 --model SatCLIP --weights {CKPT} {OUT}"),),
    ),
    Row(
        "components of SatCLIP",
        f"raster --bbox 5,44,6,45 --res 0.25 --model SatCLIP --weights {CKPT} --layout components {OUT}",
        (
            Way(
                "needs a model with betas.*leave it out",
                then=f"raster --bbox 5,44,6,45 --res 0.25 --model SatCLIP --weights {CKPT} {OUT}",
            ),
        ),
    ),
    Row(
        "components and beta",
        f"{BOX} --layout components --beta 1 --pca 2 {OUT}",
        (Way("leave out (?P<drop>--beta) and (?P<drop2>--pca)$"),),
    ),
    Row("components and bands", f"{BOX} --layout components --bands 1,2 {OUT}", (Way("leave out (?P<drop>--bands)$"),)),
    Row(
        "components and axes",
        f"{BOX} --layout components --pca-from p.tif {OUT}",
        (Way("leave out (?P<drop>--pca-from)$"),),
        (made("p.tif", "--pca", "3"),),
    ),
    Row("no model", f"{BOX} --model RANGES {OUT}", (Way(r"did you mean (?P<model>\S+)\?", give={"--model": "RANGE"}),)),
    Row(
        "no such model",
        f"raster --bbox 5,44,6,45 --res 0.25 --model qqqq {OUT}",
        (Way(r"for example (?P<type>--model \S+)$"),),
    ),
    Row(
        "no such band",
        f"{BOX} --bands red {OUT}",
        (
            Way(r"for example (?P<type>--bands \S+)$"),
            Way(r"must be (?P<choose>[^;]*), a name such", then=f"{BOX} --bands CHOICE -o oNUMBER.zarr"),
        ),
    ),
    Row(
        "backward bands",
        f"{BOX} --bands 20-10 {OUT}",
        (Way(r"for example (?P<bands>1,2,10-20)$", then=f"{BOX} --bands {{bands}} {OUT}"),),
    ),
    Row("bands twice", f"{BOX} --bands 1,1 {OUT}", (Way(r"for example (?P<type>--bands \S+)$"),)),
    Row("band beyond", f"{BOX} --bands 500 {OUT}", (Way(r"for example (?P<type>--bands \S+)$"),)),
    Row(
        "band of few",
        "preview one.zarr --bands 2 -o o.png",
        (Way(r"for example (?P<type>--bands \S+)$"),),
        (made("one.zarr", "--bands", "1"),),
    ),
    Row("pca of nothing", f"{BOX} --pca 0 {OUT}", (Way(r"for example (?P<type>--pca \d+)$"),)),
    Row("pca of two bands", f"{BOX} --bands 1,2 --pca 5 {OUT}", (Way(r"for example (?P<type>--pca \d+)$"),)),
    Row(
        "pca of diagnostics",
        f"{BOX} --bands all,diagnostics --pca 2 {OUT}",
        (Way("leave diagnostics out of --bands", give={"--bands": "all"}),),
    ),
    Row(
        "pca of nowhere",
        f"raster --like n.tif --pca 2 {MINI} {OUT}",
        (Way("take another extent|take another --like", swap={"n.tif": "g.tif"}),),
        (
            grid("n.tif", crs="EPSG:3035", transform=Affine(10, 0, 4e9, 0, -10, 4e9)),
            grid("g.tif"),
        ),
    ),
    Row(
        "pca of a pixel",
        f"raster --aoi a.geojson --res 1 --all-touched --pca 3 {MINI} {OUT}",
        (Way(r"type (?P<type>--pca \d+), or take"),),
        (geojson("a.geojson", shapely.box(5.2, 44.2, 5.201, 44.201)),),
    ),
    Row(
        "like of nowhere",
        f"raster --like n.tif {MINI} {OUT}",
        (Way("take another --like", give={"--like": "g.tif"}),),
        (
            grid("n.tif", crs="EPSG:3035", transform=Affine(10, 0, 4e9, 0, -10, 4e9)),
            grid("g.tif"),
        ),
    ),
    Row(
        "box of nowhere",
        f"{BOX} --crs EPSG:3035 --bbox-crs EPSG:3035 --bbox 4000000000,4000000000,4000000040,4000000040 --res 10 {OUT}",
        (
            Way("take another --bbox", give={"--bbox": "4000000,2500000,4000040,2500040"}),
            Way("or --crs", give={"--crs": "EPSG:3857"}, gone=True),
        ),
    ),
    Row(
        "pca from a raster without",
        f"{BOX} --pca-from p.tif {OUT}",
        (Way(r"made with (?P<pca>--pca 3)", swap={"p.tif": "q.tif"}),),
        (made("p.tif"), made("q.tif", "--pca", "3")),
    ),
    Row(
        "pca from other bands",
        f"{BOX} --bands 1,2 --pca-from q.tif {OUT}",
        (Way("of other bands than --bands chooses; choose the same", give={"--bands": "all"}),),
        (made("q.tif", "--pca", "3"),),
    ),
    Row(
        "pca from fewer",
        f"{BOX} --pca 4 --pca-from q.tif {OUT}",
        (Way(r"--pca must be from 1 to the components of q.tif, (?P<n>3)", give={"--pca": "3"}),),
        (made("q.tif", "--pca", "3"),),
    ),
    Row(
        "pca from no JSON",
        f"{BOX} --pca-from t.json {OUT}",
        (Way("the JSON is what (?P<made>rangegeo info FILE --json) prints", swap={"t.json": "q.tif"}),),
        (text("t.json", "{}"), made("q.tif", "--pca", "3")),
    ),
    Row(
        "pca from another model",
        f"raster --bbox 5,44,6,45 --res 0.25 --pca-from q.tif {OUT} --dry-run",
        (
            Way("leave out (?P<drop>--pca-from)"),
            Way("take the same model", swap={}, then=f"{BOX} --pca-from q.tif {OUT}"),
        ),
        (made("q.tif", "--pca", "3"),),
    ),
    Row(
        "scales of floats",
        f"{BOX} --scales-from q.tif {OUT}",
        (Way("--scales-from needs integers.*leave it out", then=f"{BOX} {OUT}"),),
        (made("q.tif"),),
    ),
    Row(
        "scales from floats",
        f"{BOX} --dtype int8 --scales-from q.tif -o o.tif",
        (Way("leave out (?P<drop>--scales-from)$"),),
        (made("q.tif"),),
    ),
    Row(
        "scales of another dtype",
        f"{BOX} --dtype int8 --scales-from 'q a.tif' -o o.tif",
        (Way("; type (?P<type>--dtype int16)$"),),
        (made("q a.tif", "--dtype", "int16"),),
    ),
    Row(
        "scales of other bands",
        f"{BOX} --dtype int8 --bands 1-3 --scales-from q.tif -o o.tif",
        (Way("has other bands.*take the same", give={}, swap={"1-3": "all"}),),
        (made("q.tif", "--dtype", "int8"),),
    ),
    Row(
        "scales of other axes",
        f"{BOX} --dtype int8 --pca 3 --scales-from 'q;a.tif' -o o.tif",
        (Way("add (?P<type>--pca-from .*)$"),),
        (made("q;a.tif", "--dtype", "int8", "--pca", "3", "--bbox", "6,45,7,46"),),
    ),
    Row(
        "scales for each band",
        f"{BOX} --dtype int8 --scales-from q.tif {OUT}",
        (Way("add (?P<type>--co SCALES=BAND)"),),
        (made("q.tif", "--dtype", "int8"), made("q.zarr", "--dtype", "int8")),
    ),
    Row(
        "tolerance too small",
        f"{BOX} --tolerance 1e-9 {OUT}",
        (Way(r"for example (?P<type>--tolerance \S+),"), Way("or (?P<type>--exact) to", then=f"{BOX} {OUT}")),
    ),
    Row("exact and tolerance", f"{BOX} --exact --tolerance 1e-3 {OUT}", (Way("leave out (?P<drop>--tolerance)"),)),
    Row(
        "tolerance of words",
        f"{BOX} --tolerance x {OUT}",
        (Way("type (?P<then>rangegeo raster --help)$", then="raster --help"),),
    ),
    Row("no GPU", f"{BOX} --device cuda:7 {OUT}", (Way("use (?P<type>--device cpu)"),)),
    Row(
        "GPU without room",
        f"{BOX} --device cuda {OUT}",
        (Way(r"cuda:0 has too little memory .* 100\.0 MB of 8\.0 GB are free; .* or give (?P<type>--device cpu)$"),),
        patch=full_card,
    ),
    Row("GPU of Apple", f"{BOX} --device mps {OUT}", (Way("use (?P<type>--device cpu)"),)),
    Row(
        "no such device",
        f"{BOX} --device tpu {OUT}",
        (Way("must be (?P<choose>auto, cpu), cuda", then=f"{BOX} --device CHOICE -o oNUMBER.zarr"),),
    ),
)
OUTPUT = (
    Row(
        "no such format",
        f"{BOX} -o o.nc",
        (
            Way("must end in (?P<choose>.zarr, .tif or .tiff),", then=f"{BOX} -o oNUMBERCHOICE"),
            Way("or say --format (?P<choose>zarr, cog or gtiff)$", then=f"{BOX} --format CHOICE -o oNUMBER.nc"),
        ),
    ),
    Row(
        "two formats",
        f"{BOX} --format zarr -o 'a b.tif'",
        (Way("leave (?P<drop>--format) out"), Way("give another -o", give={"-o": "o.zarr"})),
    ),
    Row("overviews of a GeoTIFF", f"{BOX} --overviews -o o.tif", (Way("leave it out", then=f"{BOX} -o o.tif"),)),
    Row(
        "overviews of a plain GeoTIFF",
        f"{BOX} --overviews --format gtiff -o o.tif",
        (Way("(?P<drop2>--overviews) is for .zarr; .*leave out (?P<drop>--format) too"),),
    ),
    Row(
        "format of Zarr for a GeoTIFF",
        f"{BOX} --zarr-format 2 -o o.tif",
        (Way("(?P<drop>--zarr-format) is for .zarr; leave it out"),),
    ),
    Row(
        "shards of format 2",
        f"{BOX} --zarr-format 2 --co SHARDS=YES {OUT}",
        (Way("leave out (?P<drop>--zarr-format)"),),
    ),
    Row(
        "scales of floats' bands",
        f"{BOX} --co SCALES=BAND {OUT}",
        (Way("add (?P<type>--dtype int8)"), Way("or leave it out", then=f"{BOX} {OUT}")),
    ),
    Row(
        "no option of Zarr",
        f"{BOX} --co TILED=YES {OUT}",
        (Way("those are (?P<choose>.*)$", then=f"{BOX} --co CHOICE=NONE {OUT}", gone=True),),
    ),
    Row(
        "no value of Zarr",
        f"{BOX} --co COMPRESS=FOO {OUT}",
        (Way("must be one of (?P<choose>.*), got", then=f"{BOX} --co COMPRESS=CHOICE -o oNUMBER.zarr"),),
    ),
    Row(
        "option without value",
        f"{BOX} --co TILED {OUT}",
        (Way("for example (?P<type>--co COMPRESS=DEFLATE)", swap={"o.zarr": "o.tif"}),),
    ),
    Row("option twice", f"{BOX} --co A=1 --co A=2 {OUT}", (Way("leave one out", then=f"{BOX} --co LEVEL=1 {OUT}"),)),
    *(
        Row(
            f"codec of {dtype}",
            f"{BOX} --dtype {dtype} --co COMPRESS=JPEG -o o.tif",
            (Way("take one of (?P<choose>.*)$", then=f"{BOX} --dtype {dtype} --co COMPRESS=CHOICE -o oNUMBER.tif"),),
        )
        for dtype in ("float32", "float16", "int16", "int8")
    ),
    Row(
        "level of LZW",
        f"{BOX} --co COMPRESS=LZW --co LEVEL=3 -o o.tif",
        (
            Way("needs COMPRESS=(?P<choose>.*), got", then=f"{BOX} --co COMPRESS=CHOICE --co LEVEL=3 -o oNUMBER.tif"),
            Way("--co LEVEL needs.*leave it out", then=f"{BOX} --co COMPRESS=LZW -o o.tif"),
        ),
    ),
    Row("no tiles", f"{BOX} --co TILED=NO -o o.tif", (Way("(?P<drop>--co) TILED=NO cannot be had: .*; leave it out"),)),
    Row(
        "copied overviews",
        f"{BOX} --co COPY_SRC_OVERVIEWS=YES -o o.tif",
        (
            Way("(?P<drop>--co) COPY.*; leave it out"),
            Way("(?P<type>--format gtiff) leaves out the overviews", then=f"{BOX} -o o.tif"),
            Way("(?P<type>--format cog) has them", then=f"{BOX} -o o.tif"),
        ),
    ),
    Row(
        "bits",
        f"{BOX} --co NBITS=16 -o o.tif",
        (Way("--dtype says how values are stored; leave it out", then=f"{BOX} --dtype float16 -o o.tif"),),
    ),
    Row(
        "many bands by pixel",
        "raster --bbox 5,44,6,45 --res 0.25 --co INTERLEAVE=PIXEL -o o.tif",
        (Way("(?P<drop>--co) INTERLEAVE=PIXEL cannot be had: .*; leave it out"),),
    ),
    Row(
        "no option of GDAL",
        f"{BOX} --co FOO=1 -o o.tif",
        (Way("see gdal.org/drivers/raster/gtiff.html", then=f"{BOX} --co BLOCKSIZE=256 -o o.tif"),),
    ),
    Row("chunks", f"{BOX} --chunks 100 {OUT}", (Way(r"for example (?P<type>--chunks \d+)$"),)),
    Row(
        "output exists",
        f"{BOX} -o 'o a.zarr'",
        (Way("add (?P<type>--overwrite) to replace it"), Way("or give another -o", give={"-o": "p.zarr"})),
        (made("o a.zarr"),),
    ),
    Row(
        "picture exists",
        f"{BOX} --preview p.png {OUT}",
        (
            Way("add (?P<type>--overwrite) to replace it"),
            Way("or give --preview PICTURE.png", give={"--preview": "q.png"}),
        ),
        (text("p.png", "mine"),),
    ),
    Row(
        "output is the grid",
        f"raster --like o.zarr --overwrite {MINI} -o ./o.zarr",
        (Way("which --like reads; give another -o", give={"-o": "p.zarr"}),),
        (made("o.zarr"),),
    ),
    Row("no folder", f"{BOX} -o 'no & such/deep/o.zarr'", (Way("make it first: (?P<run>mkdir -p .*)$"),)),
    Row(
        "a file as a folder",
        f"{BOX} -o t.txt/deep/o.zarr",
        (Way("t.txt is a file, .*; give another -o", give={"-o": "o.zarr"}),),
        (text("t.txt"),),
    ),
    Row(
        "no room",
        f"{BOX} {OUT}",
        (
            Way("give a coarser --res", give={"--res": "0.5"}),
            Way("fewer --bands", give={"--bands": "1"}),
            Way("or (?P<type>--pca 3), or"),
            Way("write to another disk with -o", give={"-o": "p.zarr"}),
        ),
        patch=no_room,
    ),
    Row("a locked folder", f"{BOX} {OUT}", (Way("give another -o", give={"-o": "p.zarr"}),), patch=locked),
    Row(
        "a folder as a GeoTIFF", f"{BOX} -o f.tif", (Way("give another -o", give={"-o": "o.tif"}),), (folder("f.tif"),)
    ),
    Row(
        "a folder as a store",
        f"{BOX} -o f.zarr --overwrite",
        (Way("is not a Zarr store.*give another -o", give={"-o": "o.zarr"}),),
        (text("f.zarr/mine.txt"),),
    ),
    Row("a name that is no text", f"{BOX} -o o\udcff.tif", (Way("give -o another name", give={"-o": "o.tif"}),)),
    Row(
        "a CRS that GeoTIFFs cannot hold",
        f"{BOX} --crs '{ROTATED_POLE}' -o o.tif",
        (Way("write a .zarr", swap={"o.tif": "o.zarr"}), Way("take another --crs", give={"--crs": "EPSG:4326"})),
    ),
    Row("picture of another kind", f"{BOX} --preview 'p a.jpg' {OUT}", (Way("for example (?P<type>--preview .*)$"),)),
    Row("strip of another kind", f"{BOX} --preview 'p a.tif' {OUT}", (Way("for example (?P<type>--preview .*)$"),)),
    Row(
        "coarse int8",
        f"{BOX} --bands all,diagnostics --dtype int8 {OUT}",
        (
            Way("share one scale: (?P<type>--dtype int16)"),
            Way("or (?P<type>--co SCALES=BAND) with a scale a band"),
        ),
        ends=True,
    ),
    Row(
        "coarse int16",
        "raster --bbox 5,44,6,45 --res 0.25 --bands all,diagnostics --dtype int16 -o o.zarr",
        (Way("share one scale: (?P<type>--dtype float16)", gone=True),),
        ends=True,
    ),
    Row(
        "demo",
        "raster --bbox 5,44,6,45 --res 0.25 -o o.zarr",
        (Way("for the published one: (?P<type>--weights official --db large)", gone=True),),
        always=no_files,
        ends=True,
    ),
    Row(
        "demo of SatCLIP",
        "raster --model SatCLIP --bbox 5,44,6,45 --res 0.25 -o o.zarr",
        (Way("for the published one: (?P<type>--weights official)$", gone=True),),
        always=no_files,
        ends=True,
    ),
    Row(
        "something unexpected",
        f"{BOX} {OUT}",
        (Way(r"run again with (?P<vv>-vv) for the traceback", then=f"{BOX} {OUT} -vv"),),
        patch=broken,
    ),
    Row("a full disk", f"{BOX} -o o.tif", (Way("make room"), Way("give another -o", give={"-o": "p.tif"})), patch=full),
    Row("no such option", f"{BOX} --bogus {OUT}", (Way("type rangegeo (?P<then>raster --help)$", then="{then}"),)),
    Row("no such verb", "rasters", (Way("type rangegeo (?P<then>--help)$", then="{then}"),)),
    Row("no such verb of weights", "weights pul", (Way("type rangegeo (?P<then>weights --help)$", then="{then}"),)),
    Row("STAC without pystac", f"{BOX} --stac {OUT}", (Way("pip install pystac; in"),), patch=without("pystac")),
    Row(
        "STAC without antimeridian",
        f"{BOX} --stac {OUT}",
        (Way("pip install antimeridian; in"),),
        patch=without("antimeridian"),
    ),
    Row(
        "picture without matplotlib",
        f"{BOX} --preview p.png {OUT}",
        (Way("pip install matplotlib$"),),
        patch=without("matplotlib"),
    ),
)
PREVIEW = (
    Row(
        "picture of no kind",
        "preview a.zarr -o 'my map.jpg'",
        (Way("for example (?P<type>-o .*)$"), Way("must end in (?P<choose>.*), got", then="preview a.zarr -o oCHOICE")),
        (made("a.zarr"),),
    ),
    Row(
        "strip of no kind",
        "preview a.zarr --strip -o 'my map.tif'",
        (Way("for example (?P<type>-o .*)$"),),
        (made("a.zarr"),),
    ),
    Row(
        "independent colours",
        "preview a.zarr --method ica -o o.png",
        (Way("--method ica needs scikit-learn: pip install scikit-learn"),),
        (made("a.zarr"),),
        patch=without("sklearn"),
    ),
    Row(
        "picture over its cube",
        "preview a.tif -o a.tif --overwrite",
        (Way("give another -o", give={"-o": "b.tif"}),),
        (made("a.tif"),),
    ),
    Row(
        "a beta that is not there",
        "preview a.zarr --beta 0.3 -o o.png",
        (
            Way("(?P<made>--layout components)", swap={"a.zarr": "b.zarr"}),
            Way("from a cube that holds it.*this one holds 0, 1", give={}, swap={"0.3": "1"}),
        ),
        (made("a.zarr", "--beta", "0,1"), made("b.zarr", "--layout", "components")),
    ),
    Row(
        "beta too large for a picture",
        "preview a.zarr --beta 2 --strip -o o.png",
        (Way(r"for example (?P<type>--beta \S+)$"),),
        (made("a.zarr", "--beta", "0,1"),),
    ),
    Row(
        "beta too large for components",
        "preview a.zarr --beta 2 --strip -o o.png",
        (Way(r"for example (?P<type>--beta \S+)$"),),
        (made("a.zarr", "--layout", "components"),),
    ),
    Row(
        "no beta beside others",
        "preview a.tif b.tif -o o.png",
        (Way("b.tif holds no beta; draw it alone", then="preview b.tif -o o.png"),),
        (made("a.tif"), made("b.tif", "--model", "SatCLIP")),
    ),
    Row(
        "several betas beside others",
        "preview a.tif b.zarr -o o.png",
        (Way("b.zarr holds several betas; draw it alone", then="preview b.zarr --strip -o o.png"),),
        (made("a.tif"), made("b.zarr", "--beta", "0,1")),
    ),
    Row(
        "another raster",
        "preview a.tif b.tif -o o.png",
        (Way("give the betas of one raster", then="preview a.tif -o o.png"),),
        (made("a.tif"), made("b.tif", "--bbox", "6,44,7,45", "--beta", "1")),
    ),
    Row(
        "the same beta",
        "preview a.tif b.tif -o o.png",
        (Way("give each once", then="preview a.tif -o o.png"),),
        (made("a.tif"), made("b.tif")),
    ),
    Row(
        "no room for a picture",
        "preview a.zarr -o o.tif",
        (
            Way("draw a .png, which takes little room", swap={"o.tif": "o.png"}),
            Way("write to another disk with -o", give={"-o": "p.tif"}),
        ),
        (made("a.zarr"),),
        patch=no_room,
    ),
    Row(
        "picture in a strange CRS",
        "preview a.zarr -o o.tif",
        (Way("; draw a .png$", swap={"o.tif": "o.png"}),),
        (
            made(
                "a.zarr",
                "--crs",
                ROTATED_POLE,
            ),
        ),
    ),
    Row(
        "no cube",
        "preview no.zarr -o o.png",
        (Way("expected a cube that (?P<then>rangegeo raster) wrote", swap={"no.zarr": "a.zarr"}),),
        (made("a.zarr"),),
    ),
    Row(
        "another raster's file",
        "preview g.tif -o o.png",
        (Way("expected a cube that rangegeo raster wrote", swap={"g.tif": "a.zarr"}),),
        (grid("g.tif"), made("a.zarr")),
    ),
    Row(
        "another store",
        "info g.zarr",
        (Way("expected a cube that rangegeo raster wrote", swap={"g.zarr": "a.zarr"}),),
        (store("g.zarr"), made("a.zarr")),
    ),
    Row(
        "nothing of that name",
        "info no.zarr",
        (
            Way("or one of (?P<choose>RANGE.*)$", then="info CHOICE", gone=True),
            Way("expected a cube", swap={"no.zarr": "a.zarr"}),
        ),
        (made("a.zarr"),),
        always=no_files,
    ),
)
POINTS_ROWS = (
    Row(
        "no columns",
        T,
        (Way("type --lon NAME --lat NAME", give={"--lon": "east", "--lat": "north"}),),
        (text("t.csv", "id,east,north\n1,5,45\n"),),
    ),
    Row(
        "doubtful columns",
        T,
        (Way("type --lon NAME --lat NAME", give={"--lon": "lon", "--lat": "lat"}),),
        (text("t.csv", "lon,x,lat\n5,5,45\n"),),
    ),
    Row(
        "one column", T, (Way("type the --delimiter", give={"--delimiter": "#"}),), (text("t.csv", "lon#lat\n5#45\n"),)
    ),
    Row(
        "only lon",
        f"{T} --lon lon",
        (Way("--lon and --lat go together: type both", give={"--lat": "lat"}),),
        (text("t.csv"),),
    ),
    Row(
        "the same column",
        f"{T} --lon lon --lat lon",
        (Way("--lon and --lat must be two columns", give={"--lat": "lat"}),),
        (text("t.csv"),),
    ),
    Row(
        "no such column",
        f"{T} --lon lo --lat lat",
        (Way("--lon must name a column.*there are name, (?P<c>lon)", give={"--lon": "lon"}),),
        (text("t.csv"),),
    ),
    Row(
        "no numbers",
        f"points t.parquet {MINI} -o o.parquet",
        (Way("name two others: --lon NAME --lat NAME", give={"--lon": "lon", "--lat": "y2"}),),
        (parquet("t.parquet", lon=[1.0], lat=[[1.0]], y2=[2.0]),),
    ),
    Row(
        "two CRSs",
        f"points t.gpkg --crs EPSG:3035 {MINI} -o o.csv",
        (Way("(?P<drop>--crs) is for tables .*, so leave it out"),),
        (vector("t.gpkg", shapely.Point(5, 45)),),
    ),
    Row(
        "no CRS of a table",
        f"points t.gpkg {MINI} -o o.csv",
        (Way("for example (?P<type>--crs EPSG:4326)"),),
        (vector("t.gpkg", shapely.Point(5, 45), crs=None),),
    ),
    Row("unknown CRS of a table", f"{T} --crs foo", (Way(r"for example (?P<type>--crs \S+)$"),), (text("t.csv"),)),
    Row(
        "two layers of a table",
        f"points t.gpkg {MINI} -o o.csv",
        (Way("for example (?P<type>--layer .*)$"),),
        (vector("t.gpkg", shapely.Point(5, 45), layers=("a b", "c;d")),),
    ),
    Row(
        "no such layer",
        f"points t.gpkg --layer e {MINI} -o o.csv",
        (Way("must be one of (?P<choose>.*), got", then=f"points t.gpkg --layer CHOICE {MINI} -o oNUMBER.csv"),),
        (vector("t.gpkg", shapely.Point(5, 45), layers=("a", "c")),),
    ),
    Row(
        "a layer of a text", f"{T} --layer a", (Way("(?P<drop>--layer) is for files .*leave it out"),), (text("t.csv"),)
    ),
    Row(
        "a delimiter of text in disguise",
        f"points t.json --delimiter tab {MINI} -o o.csv",
        (Way("type (?P<type>--input-format csv)"),),
        (text("t.json", PLACES_TAB := "lon\tlat\n5\t45\n"),),
    ),
    Row(
        "a delimiter of vectors",
        f"points t.gpkg --delimiter tab {MINI} -o o.csv",
        (Way("(?P<drop>--delimiter) is for text .*leave it out"),),
        (vector("t.gpkg", shapely.Point(5, 45)),),
    ),
    Row(
        "long delimiter",
        f"{T} --delimiter ab",
        (
            Way("for example (?P<type>--delimiter tab)"),
            Way(
                "or (?P<choose>tab, comma, semicolon, pipe or space),",
                then=f"{T} --delimiter CHOICE --lon lon --lat lat",
                gone=True,
            ),
        ),
        (text("t.csv", PLACES_TAB),),
    ),
    Row(
        "decimal of words",
        f"{T} --decimal point",
        (Way("for example (?P<type>--decimal ,)"),),
        (text("t.csv", "lon;lat\n5,5;45,5\n"),),
    ),
    Row(
        "unknown encoding", f"{T} --encoding foo", (Way("for example (?P<type>--encoding latin-1)"),), (text("t.csv"),)
    ),
    Row("decimal commas", T, (Way(r"type (?P<type>--decimal ,)"),), (text("t.csv", "lon;lat\n5,5;45,5\n"),)),
    Row(
        "decimal points",
        f"{T} --decimal ,",
        (Way(r"type (?P<type>--decimal \.)"),),
        (text("t.csv", "lon;lat\n5.5;45.5\n"),),
    ),
    Row(
        "no places",
        T,
        (Way("metres need --crs", give={"--crs": "EPSG:2154"}),),
        (text("t.csv", "x,y\n913000,6458000\n"),),
    ),
    Row(
        "no places in two rows",
        T,
        (Way("metres need --crs", give={"--crs": "EPSG:2154"}),),
        (text("t.csv", "x,y\n913000,6458000\n913000,6458001\n"),),
    ),
    Row(
        "refused rows",
        f"{T} --invalid refuse",
        (Way("leave out (?P<drop>--invalid) refuse to keep"),),
        (text("t.csv", "lon,lat\n5,45\n,\n"),),
    ),
    Row(
        "lines",
        f"points t.geojson {MINI} -o o.csv",
        (Way("(?P<type>--representative-point) takes a point"),),
        (geojson("t.geojson", LINE),),
    ),
    Row("UTF-16", T, (Way("type (?P<type>--encoding utf-16)$"),), (text("t.csv", PLACES_TAB.encode("utf-16")),)),
    Row(
        "UTF-16 without a mark",
        T,
        (Way("type (?P<type>--encoding utf-16-le)$"),),
        (text("t.csv", PLACES_TAB.encode("utf-16-le")),),
    ),
    Row(
        "Latin 1",
        T,
        (Way("for example (?P<type>--encoding latin-1)$"),),
        (text("t.csv", "é,lon,lat\n1,5,45\n".encode("latin-1")),),
    ),
    Row(
        "Windows",
        T,
        (Way("for example (?P<type>--encoding cp1252)$"),),
        (text("t.csv", "€,lon,lat\n1,5,45\n".encode("cp1252")),),
    ),
    Row(
        "neither",
        T,
        (Way("for example (?P<type>--encoding latin-1)$"),),
        (text("t.csv", b"\x80,lon,lat\n\x81,5,45\n"),),
    ),
    Row(
        "another encoding",
        f"{T} --encoding ascii",
        (Way("type another --encoding", give={"--encoding": "utf-8"}),),
        (text("t.csv", "é,lon,lat\n1,5,45\n"),),
    ),
    Row(
        "no text",
        T,
        (Way("say what it is with --input-format", give={"--input-format": "parquet"}),),
        (parquet("t.csv", **COLUMNS),),
    ),
    Row(
        "no text at all",
        T,
        (Way("is no text; expected CSV", swap={"t.csv": "u.csv"}),),
        (text("t.csv", b"a\0b\0\0\0"), text("u.csv")),
    ),
    Row(
        "empty table",
        T,
        (Way("expected a line of column names such as lon,lat", swap={"t.csv": "u.csv"}),),
        (text("t.csv", ""), text("u.csv", "lon,lat\n5,45\n")),
    ),
    Row(
        "no header",
        T,
        (Way("put a line such as lon,lat before it in a copy", swap={"t.csv": "u.csv"}),),
        (text("t.csv", "5,45\n"), text("u.csv", "lon,lat\n5,45\n")),
    ),
    Row(
        "two columns of a name",
        T,
        (Way("give each a name of its own in a copy", swap={"t.csv": "u.csv"}),),
        (text("t.csv", "lon,lat,a,a\n5,45,1,2\n"), text("u.csv")),
    ),
    Row(
        "too many values",
        T,
        (Way("quote the values that hold delimiters in a copy; the --delimiter is a comma", swap={"t.csv": "u.csv"}),),
        (text("t.csv", "lon,lat\n5,45,1\n"), text("u.csv", 'lon,lat,a\n5,45,"1,2"\n')),
    ),
    Row(
        "too many values, not enclosed",
        f"{T} --quoting none",
        (
            Way("take the delimiters out of values in a copy", swap={"t.csv": "u.csv"}),
            Way("type (?P<type>--quoting minimal)"),
        ),
        (text("t.csv", 'lon,lat,a\n5,45,"1,2"\n'), text("u.csv")),
    ),
    Row(
        "doubtful quotes",
        T,
        (Way("type (?P<type>--quoting none) for text"), Way("or (?P<type>--quoting minimal) for values")),
        (text("t.csv", 'a,lon,lat\n"x,5,45\ny",5,45\n'),),
    ),
    Row(
        "quotes that are text",
        f"points t.tsv {MINI} -o o.csv",
        (Way("type (?P<type>--quoting minimal)", gone=True),),
        (text("t.tsv", 'gbifID\tscientificName\tlon\tlat\n1\t"a" b\t5\t45\n'),),
        ends=True,
    ),
    Row(
        "open quote",
        T,
        (Way("or type (?P<type>--quoting none) if they are text"),),
        (text("t.csv", 'lon,lat,a\n5,45,"x\n'),),
    ),
    Row(
        "endless header",
        T,
        (Way("check the quotation marks.* expected a line of column names such as lon,lat", swap={"t.csv": "u.csv"}),),
        (text("t.csv", "lon,lat," + "a" * (2**24 + 1) + "\n"), text("u.csv")),
    ),
    Row(
        "column in the way",
        f"points t.csv {MINI} -o o.parquet",
        (
            Way("leave its columns out with (?P<type>--drop-columns)"),
            Way("rename it in a copy", swap={"t.csv": "u.csv"}),
        ),
        (text("t.csv", "lon,lat,embedding\n5,45,1\n"), text("u.csv")),
    ),
    Row(
        "bytes for CSV",
        f"points t.parquet {MINI} -o o.csv",
        (
            Way("leave the columns out with (?P<type>--drop-columns)"),
            Way("write .parquet", swap={"o.csv": "o.parquet"}),
        ),
        (parquet("t.parquet", **COLUMNS, a=[b"1", b"2"]),),
    ),
    Row(
        "lists for npz",
        f"points t.parquet {MINI} -o o.npz",
        (
            Way("leave the columns out with (?P<type>--drop-columns)"),
            Way("write .parquet", swap={"o.npz": "o.parquet"}),
        ),
        (parquet("t.parquet", **COLUMNS, a=[[1], [2]]),),
    ),
    Row(
        "lists for GeoPackage",
        f"points t.parquet {MINI} -o o.gpkg",
        (
            Way("leave the columns out with (?P<type>--drop-columns)"),
            Way("write .parquet", swap={"o.gpkg": "o.parquet"}),
        ),
        (parquet("t.parquet", **COLUMNS, a=[[1], [2]]),),
    ),
    Row(
        "many columns",
        "points t.csv --beta 0,0.25,0.5,0.75,1 -o o.gpkg",
        (
            Way("take fewer --bands", give={"--bands": "1-3"}),
            Way("or --beta", give={"--beta": "1"}),
            Way("or write .parquet", swap={"o.gpkg": "o.parquet"}),
        ),
        (text("t.csv"),),
    ),
    Row(
        "table of no format",
        f"points t.csv {MINI} -o o.xlsx",
        (
            Way("must end in (?P<choose>.parquet.*), got", then=f"points t.csv {MINI} -o oCHOICE"),
            Way("or say --format (?P<choose>.*)$", then=f"points t.csv {MINI} --format CHOICE -o oNUMBER.x"),
        ),
        (text("t.csv"),),
    ),
    Row(
        "table of two formats",
        f"points t.csv {MINI} --format npz -o o.csv",
        (Way("leave (?P<drop>--format) out"), Way("or give another -o", give={"-o": "o.npz"})),
        (text("t.csv"),),
    ),
    Row(
        "stdout of Parquet",
        f"points t.csv {MINI} --format parquet -o -",
        (
            Way("leave (?P<drop>--format) out"),
            Way("or give a file", give={}, then=f"points t.csv {MINI} --format parquet -o o.parquet"),
        ),
        (text("t.csv"),),
    ),
    Row(
        "closed output",
        f"points t.csv {MINI} -o -",
        (Way("give a file with -o", give={"-o": "o.csv"}),),
        (text("t.csv"),),
        patch=closed,
    ),
    Row("lists of CSV", f"{T} --as list", (Way("--as is for Parquet", swap={"o.csv": "o.parquet"}),), (text("t.csv"),)),
    Row(
        "a folder as a table",
        f"points t.csv {MINI} -o f.csv",
        (Way("give another -o", give={"-o": "o.csv"}),),
        (text("t.csv"), folder("f.csv")),
    ),
    Row(
        "no room for a table",
        T,
        (
            Way("take fewer --bands", give={"--bands": "1"}),
            Way("or --beta", give={"--beta": "0"}),
            Way("another disk with -o", give={"-o": "p.csv"}),
        ),
        (text("t.csv"),),
        patch=no_room,
    ),
    Row(
        "a folder of places",
        f"points f {MINI} -o o.csv",
        (Way("IN must be a file, or - for standard input", swap={"f": "t.csv"}),),
        (folder("f"), text("t.csv")),
    ),
    Row(
        "keyboard",
        f"points - {MINI} -o o.csv",
        (Way("give a file", swap={"-": "t.csv"}), Way("pipe a table in")),
        (text("t.csv"),),
        stdin=b"lon,lat\n5,45\n",
        patch=keyboard,
    ),
    Row(
        "no table",
        f"points no.csv {MINI} -o o.csv",
        (Way("expected a table of places", swap={"no.csv": "t.csv"}),),
        (text("t.csv"),),
    ),
    Row(
        "a spreadsheet",
        f"points t.xls {MINI} -o o.csv",
        (Way("save a spreadsheet as .csv", swap={"t.xls": "t.csv"}),),
        (text("t.xls", b"PK"), text("t.csv")),
    ),
    Row(
        "no features",
        f"points t.geojsonl {MINI} -o o.csv",
        (Way("expected one feature a line", swap={"t.geojsonl": "t.csv"}),),
        (text("t.geojsonl", as_geojson(shapely.Point(5, 45)) + "\n"), text("t.csv")),
    ),
    Row(
        "no Parquet in a folder",
        f"points f.parquet {MINI} -o o.csv",
        (Way("expected a table of places", swap={"f.parquet": "t.csv"}),),
        (folder("f.parquet"), text("t.csv")),
    ),
    Row(
        "geometries of two kinds",
        f"points f.parquet {MINI} -o o.parquet",
        (Way("give one at a time", swap={"f.parquet": "f.parquet/a.parquet"}),),
        (
            parquet("f.parquet/a.parquet", geometry=POINTS, geo=geo()),
            parquet("f.parquet/b.parquet", geometry=POINTS, geo=geo(crs=None)),
        ),
    ),
    Row(
        "half a GeoParquet",
        f"points t.parquet {MINI} -o o.parquet",
        (Way("write another file, for example with geopandas", swap={"t.parquet": "u.parquet"}),),
        (
            parquet("t.parquet", **COLUMNS, geometry=POINTS, geo={"columns": {}}),
            parquet("u.parquet", geometry=POINTS, geo=geo()),
        ),
    ),
    Row(
        "geometries of another encoding",
        f"points t.parquet {MINI} -o o.parquet",
        (Way("or name two columns: --lon NAME --lat NAME", give={"--lon": "lon", "--lat": "lat"}),),
        (parquet("t.parquet", **COLUMNS, geometry=POINTS, geo=geo("linestring")),),
    ),
    Row(
        "geometries that are text",
        f"points t.parquet {MINI} -o o.parquet",
        (
            Way("name two columns: --lon NAME --lat NAME", give={"--lon": "lon", "--lat": "lat"}),
            Way("or write another file, for example with geopandas", swap={"t.parquet": "u.parquet"}),
        ),
        (
            parquet("t.parquet", **COLUMNS, geometry=["a", "b"], geo=geo()),
            parquet("u.parquet", geometry=POINTS, geo=geo()),
        ),
    ),
    Row(
        "a CRS of a table that nobody knows",
        f"points t.parquet {MINI} -o o.parquet",
        (Way("for example with (?P<made>ogr2ogr -t_srs EPSG:4326)", swap={"t.parquet": "u.parquet"}),),
        (
            parquet("t.parquet", geometry=POINTS, geo=geo(crs="EPSG:4978")),
            parquet("u.parquet", geometry=POINTS, geo=geo()),
        ),
    ),
)
WEIGHTS = (
    Row(
        "a temperature out of range",
        f"{BOX} --temperature 44 {OUT}",
        (Way(r"for example --temperature (?P<n>15)", give={"--temperature": "15"}),),
    ),
    Row(
        "a temperature without an average",
        f"raster --bbox 5,44,6,45 --res 0.25 --model Direct --geographic-temperature 160 {OUT}",
        (Way(r"leave out (?P<drop>--geographic-temperature)"),),
    ),
    Row(
        "weights of another model",
        f"raster --bbox 5,44,6,45 --res 0.25 --weights sinr {OUT}",
        (
            Way("RANGE\\+ needs (?P<first>demo),", give={"--weights": "demo"}),
            Way("belongs to --model (?P<m>SINR)", give={"--model": "SINR"}, gone=True),
        ),
        always=no_files,
    ),
    Row(
        "no weights",
        f"raster --bbox 5,44,6,45 --res 0.25 --model SINR {OUT}",
        (Way("--weights must be official", give={"--weights": "official"}, gone=True),),
        always=no_files,
    ),
    Row(
        "no such weights",
        f"raster --bbox 5,44,6,45 --res 0.25 --weights no.ckpt {OUT}",
        (Way("--weights must be (?P<first>demo), official", give={"--weights": "demo"}),),
    ),
    Row(
        "no such database",
        f"{BOX} --db no.npz {OUT}",
        (Way(r"--db must be demo, large, med or the path", give={"--db": NPZ}),),
    ),
    Row(
        "weights without a database",
        f"raster --bbox 5,44,6,45 --res 0.25 --weights {CKPT} {OUT}",
        (Way("type (?P<type>--db large) for", gone=True), Way("or --db PATH", give={"--db": NPZ})),
        always=no_files,
    ),
    Row(
        "wrong pair",
        f"raster --bbox 5,44,6,45 --res 0.25 --weights demo --db large {OUT}",
        (
            Way(r"type (?P<type>--weights demo --db demo),"),
            Way("or (?P<type>--weights official --db large)", gone=True),
        ),
        always=no_files,
    ),
    Row(
        "database as weights",
        f"{BOX} --weights {NPZ} {OUT}",
        (Way("give it as --db, and --weights a checkpoint", give={"--db": NPZ, "--weights": CKPT}),),
    ),
    Row(
        "a database of SatCLIP",
        f"raster --bbox 5,44,6,45 --res 0.25 --model SatCLIP --weights {CKPT} --db {NPZ} {OUT}",
        (Way(r"leave out (?P<drop>--db \S+)$"),),
    ),
    Row(
        "weights of nothing",
        f"raster --bbox 5,44,6,45 --res 0.25 --model Direct --weights demo {OUT}",
        (Way(r"leave out (?P<drop>--weights \S+)$"),),
    ),
    Row(
        "empty weights",
        f"raster --bbox 5,44,6,45 --res 0.25 --weights '' {OUT}",
        (Way("leave it out for the default", then=f"raster --bbox 5,44,6,45 --res 0.25 {OUT}"),),
    ),
    Row(
        "no package geoclip",
        f"raster --bbox 5,44,6,45 --res 0.25 --model GeoCLIP {OUT}",
        (
            Way("pip install --no-deps geoclip"),
            Way("(?P<type>--weights official) to download", gone=True),
            Way("or --weights PATH", give={"--weights": str(Path(CKPT).parent / "no.pt")}, gone=True),
        ),
        patch=no_geoclip,
        always=no_files,
    ),
    Row(
        "download without a network",
        f"raster --bbox 5,44,6,45 --res 0.25 --weights official {OUT}",
        (
            Way("unset HF_HUB_OFFLINE", then="models"),
            Way("give its path with --weights", give={"--weights": CKPT, "--db": NPZ}),
            Way("or take the embedded model .(?P<type>--weights demo --db demo)."),
        ),
        always=no_files,
    ),
    Row(
        "pull by hand",
        "weights pull csp",
        (
            Way(
                "pass the path of .* .--weights PATH.",
                then=f"raster --bbox 5,44,6,45 --res 0.25 --model CSP --weights {CSP} -o o.zarr",
            ),
        ),
        always=no_files,
    ),
    Row(
        "pull of nothing",
        "weights pull foo",
        (Way("type rangegeo (?P<then>weights list) for their names", then="{then}"),),
    ),
    Row(
        "verify of nothing",
        "weights verify",
        (Way("type rangegeo (?P<then>weights pull)$", then="{then}", gone=True),),
        always=no_files,
    ),
    Row(
        "verify of what is missing",
        "weights verify range_db_med sinr csp",
        (
            Way("type rangegeo (?P<then>weights pull range_db_med sinr);", then="{then}", gone=True),
            Way("download csp by hand from https://", then="weights list"),
        ),
        always=no_files,
    ),
    Row(
        "several repositories",
        "weights pull large sinr --revision v1",
        (Way("--revision belongs to one repository", then="weights pull large --revision v1", gone=True),),
        always=no_files,
    ),
    Row(
        "endpoint",
        "weights pull sinr --endpoint hub",
        (
            Way(
                r"such as (?P<url>https://hub.example.org),",
                give={},
                then="weights pull sinr --endpoint {url}",
                gone=True,
            ),
        ),
        always=no_files,
    ),
    Row(
        "convert a folder",
        "weights convert f",
        (Way("PATH must be a checkpoint or a RANGE database", swap={"f": CKPT}),),
        (folder("f"),),
    ),
    Row(
        "beta of RANGE",
        f"neighbors 5 45 --model RANGE --beta 1 {MINI}",
        (Way("--beta needs a model with betas.*leave it out", then=f"neighbors 5 45 --model RANGE {MINI}"),),
    ),
    Row(
        "neighbours of SatCLIP",
        f"neighbors 5 45 --model SatCLIP --weights {CKPT}",
        (Way(r"take (?P<choose>RANGE\+ or RANGE)$", then=f"neighbors 5 45 --model CHOICE {MINI}"),),
    ),
    Row("many neighbours", f"neighbors 5 45 -k 100000 {MINI}", (Way(r"for example (?P<type>-k \d+)$"),)),
    Row("beta of neighbours", f"neighbors 5 45 --beta 2 {MINI}", (Way(r"for example (?P<type>--beta \S+)$"),)),
)
FILES = (
    Row(
        "another database",
        f"raster --bbox 5,44,6,45 --res 0.25 --weights {CKPT} --db d.npz {OUT}",
        (Way("use the database made with these weights", give={}, swap={"d.npz": NPZ}),),
        (database("d.npz", 7),),
    ),
    Row(
        "no database",
        f"raster --bbox 5,44,6,45 --res 0.25 --weights {CKPT} --db d.npz {OUT}",
        (Way("refused as a RANGE database.* expected an .npz of plain arrays", swap={"d.npz": NPZ}),),
        (text("d.npz", "text"),),
    ),
    Row(
        "damaged weights",
        f"raster --bbox 5,44,6,45 --res 0.25 --weights d.ckpt --db {NPZ} {OUT}",
        (Way("download it again$", swap={"d.ckpt": CKPT}),),
        (text("d.ckpt", Path(CKPT).read_bytes()[:5000]),),
    ),
    Row(
        "weights of another kind",
        f"raster --bbox 5,44,6,45 --res 0.25 --weights {CSP} --db {NPZ} {OUT}",
        (Way(r"expected a SatCLIP checkpoint such as (?P<file>\S+)$", swap={CSP: CKPT}),),
    ),
    Row(
        "full cache",
        f"weights convert {CKPT}",
        (Way("make room, or point RANGEGEO_CACHE to another folder"),),
        (text("t.txt"),),
        patch=lambda patch: patch.setenv("RANGEGEO_CACHE", str(Path("t.txt/cache").absolute())),
    ),
    Row(
        "demo is damaged",
        "raster --bbox 5,44,6,45 --res 0.25 -o o.zarr",
        (Way(r"git checkout rangegeo/weights/demo && pip install -e \.$"),),
        patch=no_demo,
    ),
)
MORE = (
    Row(
        "a long name",
        f"{BOX} -o {'o' * 300}.tif",
        (Way("is too long; give a shorter one", swap={"o" * 300 + ".tif": "o.tif"}),),
    ),
    Row(
        "many pixels of less than a metre",
        f"{BOX} --crs EPSG:3035 --bbox 5,44,5.2,44.00001 --res 0.5 --bands 1-3 --dry-run {OUT}",
        (Way("pixels of 0.5 m; take a larger --res", give={"--res": "100"}),),
        ends=True,
    ),
    Row(
        "another PROJ",
        f"{BOX} --crs foo {OUT}",
        (Way("so try again after: unset PROJ_DATA", gone=True),),
        patch=lambda patch: patch.setenv("PROJ_DATA", "elsewhere"),
    ),
    Row(
        "edge around the Earth",
        f"raster --aoi a.geojson --res 1 --dry-run {MINI} {OUT}",
        (
            Way("write 181 instead of -179", swap={"a.geojson": "b.geojson"}),
            Way("or cut it there", swap={"a.geojson": "c.geojson"}),
        ),
        (
            geojson("a.geojson", shapely.Polygon([(179, 0), (-179, 0), (-179, 2), (179, 2)])),
            geojson("b.geojson", shapely.Polygon([(179, 0), (181, 0), (181, 2), (179, 2)])),
            geojson("c.geojson", shapely.MultiPolygon([shapely.box(179, 0, 180, 2), shapely.box(-180, 0, -179, 2)])),
        ),
        ends=True,
    ),
    Row(
        "no such layer of an area",
        f"raster --aoi a.gpkg --aoi-layer e --res 0.25 {MINI} {OUT}",
        (
            Way(
                "must be one of (?P<choose>.*), got",
                then=f"raster --aoi a.gpkg --aoi-layer CHOICE --res 0.25 {MINI} -o oNUMBER.zarr",
            ),
        ),
        (vector("a.gpkg", SQUARE, layers=("a", "c")),),
    ),
    Row(
        "stretch without a picture",
        f"{BOX} --stretch each {OUT}",
        (
            Way("add --preview", give={"--preview": "p.png"}),
            Way("(?P<drop>--stretch) is for the picture; .*, or leave it out"),
        ),
    ),
    Row(
        "borders of a GeoTIFF",
        "preview a.zarr --borders -o o.tif",
        (
            Way("maps that end in (?P<suffix>.png),", then="preview a.zarr --borders -o o{suffix}"),
            Way("leave it out", then="preview a.zarr -o o.tif"),
        ),
        (made("a.zarr"),),
    ),
    Row(
        "an interrupted run",
        f"{UNFINISHED} -o o.zarr",
        (Way("add (?P<type>--resume) to continue"), Way("or add (?P<type>--overwrite) to start again")),
        (interrupted,),
    ),
    Row(
        "a run that fails",
        f"{UNFINISHED} -o o.zarr",
        (Way("kept; add (?P<type>--resume) to continue"),),
        patch=stopping,
    ),
    Row(
        "an unfinished cube",
        "verify o.zarr",
        (Way("repeat the command that made it with (?P<type>--resume)$", then=f"{UNFINISHED} -o o.zarr {{type}}"),),
        (interrupted,),
    ),
    Row(
        "a damaged cube",
        f"verify a.zarr {MINI}",
        (Way("add (?P<type>--repair) to mend it$"),),
        (made("a.zarr"), lost("a.zarr/embedding/c")),
    ),
    Row(
        "a cube whose model is not here",
        "verify a.zarr",
        (Way("give --weights PATH and --db PATH$", give={"--weights": CKPT, "--db": NPZ}),),
        (made("a.zarr"),),
        ends=True,
    ),
    Row(
        "another model",
        "verify a.zarr --weights demo --db demo",
        (Way("--weights must be the encoder of the cube, satclip-mini.ckpt with", then=f"verify a.zarr {MINI}"),),
        (made("a.zarr"),),
    ),
    Row(
        "a table to verify",
        f"verify t.csv {MINI}",
        (Way("give a .zarr, or a .tif of this machine$", swap={"t.csv": "a.tif"}),),
        (text("t.csv"), made("a.tif")),
    ),
    Row(
        "a folder to verify",
        f"verify f.zarr {MINI}",
        (Way("expected a cube that rangegeo raster wrote$", swap={"f.zarr": "a.zarr"}),),
        (folder("f.zarr"), made("a.zarr")),
    ),
    Row(
        "a repair without the model",
        "verify a.zarr --repair",
        (Way("give --weights PATH and --db PATH$", give={"--weights": CKPT, "--db": NPZ}),),
        (made("a.zarr"), lost("a.zarr/embedding/c")),
    ),
    Row(
        "a repair without journal and area",
        f"verify a.zarr {MINI} --repair",
        (Way("make it again$", then=f"{OF_AREA} -o a.zarr --overwrite"),),
        (geojson("q.geojson", SQUARE), of_area, lost("a.zarr/journal")),
    ),
    Row(
        "a repair of what another program changed",
        f"verify a.zarr {MINI} --repair",
        (Way("make the cube again elsewhere$", then=f"{BOX} -o b.zarr"),),
        (made("a.zarr"), appended("a.zarr")),
    ),
    Row(
        "a loop of links",
        f"{BOX} -o l.zarr",
        (Way("leads back to itself; give another -o", give={"-o": "o.zarr"}),),
        (lambda: Path("l.zarr").symlink_to("l.zarr"),),
    ),
    Row(
        "a pipe as output",
        f"{BOX} -o p.tif",
        (Way("a device or a pipe, .*; give another -o", give={"-o": "o.tif"}),),
        (lambda: os.mkfifo("p.tif"),),
    ),
    Row(
        "an address as output",
        f"{BOX} -o ftp://a/o.zarr",
        (Way("is no address that rangegeo knows; .*, or a path", give={}, swap={"ftp://a/o.zarr": "o.zarr"}),),
    ),
    *(
        Row(
            f"{given} as output",
            f"{BOX} -o {given}",
            (Way(says, then=f"{BOX} -o o.zarr"),),
        )
        for given, says in {
            "memory://a/o.zarr": "lasts as long as a Python session; in the shell give a path",
            "https://a/o.zarr": "is a web server, which is only read; write to .*, or give another -o",
            "s3://a:b@c/o.zarr": "holds a name or a password, .*; leave it out, and give it as --storage",
            "s3://c/o.zarr?a=b": "must end before . or #; give what follows as --storage",
            "s3://c --format zarr": "is a whole bucket; give another -o, such as",
        }.items()
    ),
    *(
        Row(
            f"{given} of a bucket",
            f"{BOX} -o s3://c/o.zarr --storage {given}",
            (Way(says, then=f"{BOX} -o o.zarr"),),
        )
        for given, says in {
            "a": "expected NAME=VALUE; for example --storage region=eu-central-1",
            "a=b": "--storage has an unknown name a for s3://; names are those of obstore, for example region, endp",
            "timeout=b": "the value of --storage timeout is impossible; for example --storage timeout=300s",
            "conditional_put=b": "the value of --storage conditional_put is impossible; leave it out",
        }.items()
    ),
    Row(
        "an option of an address without one",
        "info demo --storage region=b",
        (Way("(?P<drop>--storage) is for addresses such as s3://, and none is given; leave it out"),),
    ),
    Row(
        "places at an address",
        f"points https://a/t.csv {MINI} -o o.csv",
        (Way("copy it here first, and give the copy", swap={"https://a/t.csv": "t.csv"}),),
        (text("t.csv", "lon,lat\n5,45\n"),),
    ),
    Row(
        "a grid in a picture at an address",
        f"raster --like https://a/g.png {MINI} {OUT}",
        (
            Way(
                "must be a Zarr store or a GeoTIFF where it is an address, .*; copy it",
                swap={"https://a/g.png": "g.tif"},
            ),
        ),
        (grid("g.tif"),),
    ),
    Row(
        "an option of a web server",
        "info https://a/o.zarr --storage region=b",
        (Way("https://a takes no --storage region; leave it out", then="info demo"),),
    ),
    Row(
        "a table at an address",
        f"points t.csv {MINI} -o s3://a/o.csv",
        (Way("only files of this machine can be used here; give a path", swap={"s3://a/o.csv": "o.csv"}),),
        (text("t.csv", "lon,lat\n5,45\n"),),
    ),
    Row(
        "closed input",
        f"points - {MINI} -o o.csv",
        (Way("standard input is closed; give a file", swap={"-": "t.csv"}), Way("pipe a table in")),
        (text("t.csv"),),
        stdin=b"lon,lat\n5,45\n",
        patch=lambda patch: patch.setattr("rangegeo.support.stdin.sys", SimpleNamespace(stdin=None)),
    ),
    Row(
        "an output that is being written",
        f"{BOX} {OUT}",
        (
            Way("wait until that is done"),
            Way("or give another -o", give={"-o": "p.zarr"}),
        ),
        patch=in_use,
    ),
    Row(
        "no hidden folder",
        f"{BOX} {OUT}",
        (Way("cannot be written to: .*; give another -o", give={"-o": "p.zarr"}),),
        patch=no_hidden,
    ),
    Row(
        "no table in a zip file",
        f"points t.csv {MINI} -o o.csv",
        (Way("unzip it and give the table", swap={"t.csv": "u.csv"}),),
        (archive("t.csv", **{"a.png": "x"}), text("u.csv")),
    ),
    Row(
        "two tables in a zip file",
        f"points t.zip {MINI} -o o.csv",
        (Way("holds a.csv, b.csv; unzip it and give one of them", swap={"t.zip": "u.csv"}),),
        (archive("t.zip", **{"a.csv": PLACES, "b.csv": PLACES}), text("u.csv")),
    ),
    Row(
        "a vector file and a table in a zip file",
        f"points t.zip {MINI} -o o.csv",
        (Way("holds b.geojson, a.csv; unzip it and give one of them", swap={"t.zip": "u.csv"}),),
        (archive("t.zip", **{"a.csv": PLACES, "b.geojson": "{}"}), text("u.csv")),
    ),
    *(
        Row(
            f"an archive, {what}",
            f"points t.zip {MINI} -o o.csv",
            (Way("unzip it and give the table", swap={"t.zip": "u.csv"}),),
            (archive("t.zip", **{"a.txt": PLACES, "meta.xml": described}), text("u.csv")),
        )
        for what, described in {"damaged": "<archive>", "without a core": "<archive/>"}.items()
    ),
    Row(
        "degrees with a CRS in metres",
        f"{T} --crs EPSG:3857",
        (Way("if they are, leave out (?P<drop>--crs)$"),),
        (text("t.csv"),),
        ends=True,
    ),
    Row(
        "a shapefile of no encoding",
        f"points t.shp {MINI} -o o.csv",
        (
            Way(
                "say its encoding in a file (?P<made>t.cpg), for example ISO-8859-1",
                swap={"t.shp": "u/t.shp"},
            ),
        ),
        (shapefile("t.shp"), shapefile("u/t.shp"), text("u/t.cpg", "ISO-8859-1")),
    ),
    Row(
        "a table that GDAL reads",
        f"points t.vrt {MINI} -o o.csv",
        (
            Way("give the table itself", swap={"t.vrt": "t.csv"}),
            Way("or type (?P<type>--input-format csv)", swap={"t.vrt": "t.csv"}),
        ),
        (text("t.csv"), text("t.vrt", VRT)),
    ),
)
ROWS = (
    *EXTENT,
    *LIKE,
    *AREA,
    *CONTENT,
    *OUTPUT,
    *PREVIEW,
    *POINTS_ROWS,
    *WEIGHTS,
    *FILES,
    *MORE,
    *hints_of_joining.SHELL,
    *hints_of_evaluate.SHELL,
    *hints_of_icechunk.SHELL,
    *hints_of_planets.SHELL,
    *hints_of_databases.SHELL,
    *hints_of_view.SHELL,
    *hints_of_stored.SHELL,
    *hints_of_clusters.SHELL,
)
