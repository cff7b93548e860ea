"""Small files that rows of hints need, each put into the current folder."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import shapely
from oracles import golden

CKPT, NPZ = str(golden.GOLDEN / "satclip-mini.ckpt"), str(golden.GOLDEN / "range_db_mini.npz")
MINI = f"--weights {CKPT} --db {NPZ}"
BOX = f"raster --bbox 5,44,6,45 --res 0.25 {MINI}"
KEPT: list[tempfile.TemporaryDirectory] = []
PLACES = "name,lon,lat\nGrenoble,5.72,45.19\nLyon,4.84,45.76\n"


def text(name: str, content: str | bytes = PLACES) -> Callable[[], object]:
    """A file with some text."""
    data = content.encode() if isinstance(content, str) else content
    return partial(_write, name, data)


def _write(name: str, data: bytes) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(data)


def folder(name: str) -> Callable[[], object]:
    return Path(name).mkdir


def made(name: str, *words: str) -> Callable[[], object]:
    """An output of `rangegeo raster`, made once."""
    return partial(_copied, name, words)


@cache
def _made(suffix: str, words: tuple[str, ...]) -> Path:
    from helpers.hints import run_line

    kept = tempfile.TemporaryDirectory()  # until the tests end
    KEPT.append(kept)
    place = Path(kept.name) / f"made{suffix}"
    line = [*BOX.split(), *words, "-q", "-o", str(place)]
    line = [word for word in line if "SatCLIP" not in words or word not in ("--db", NPZ)]
    code, said = run_line(line)
    assert code == 0, said
    return place.parent


def _copied(name: str, words: tuple[str, ...]) -> None:
    path = Path(name)
    for part in _made(path.suffix, words).iterdir():
        target = path.with_name(part.name.replace("made", path.stem, 1))
        (shutil.copytree if part.is_dir() else shutil.copy)(part, target)


def lost(name: str) -> Callable[[], object]:
    """A folder of a store that is no longer there."""
    return partial(shutil.rmtree, name)


def appended(name: str) -> Callable[[], object]:
    """A store to which xarray has appended columns."""
    return partial(_appended, name)


def _appended(name: str) -> None:
    import xarray as xr

    cube = xr.open_zarr(name).load()
    cube.assign_coords(x=cube["x"] + 1).drop_encoding().to_zarr(name, append_dim="x", consolidated=False)


def joined(name: str, source: str, **changes: object) -> Callable[[], object]:
    """A GeoTIFF as another program joins it, which keeps nothing of `source` but its pixels, nodata and scales."""
    return partial(_joined, name, source, changes)


def _joined(name: str, source: str, changes: dict[str, object]) -> None:
    import rasterio

    with rasterio.open(source) as file:
        profile = {key: value for key, value in file.profile.items() if key in ("width", "height", "count", "dtype")}
        profile |= {"driver": "GTiff", "crs": file.crs, "transform": file.transform, "nodata": file.nodata}
        with rasterio.open(name, "w", **(profile | changes)) as copy:
            copy.write(file.read())
            copy.scales, copy.offsets = file.scales, file.offsets


def grid(name: str, **options: object) -> Callable[[], object]:
    """A GeoTIFF of 4 x 4 pixels, with options of rasterio."""
    return partial(_grid, name, options)


def _grid(name: str, options: dict[str, object]) -> None:
    import warnings

    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    profile = {"crs": "EPSG:4326", "transform": rasterio.Affine(0.25, 0, 5, 0, -0.25, 45)} | options
    sides = {"driver": "GTiff", "width": 4, "height": 4, "count": 1, "dtype": "uint8"}
    profile = {key: value for key, value in (sides | profile).items() if value is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(name, "w", **profile) as file:
            file.write(np.ones((1, 4, 4), np.uint8))


def two_grids(name: str) -> Callable[[], object]:
    """A netCDF file, classic, with two rasters that GDAL sees as subdatasets."""
    return partial(_two_grids, name)


def _two_grids(name: str) -> None:
    import xarray as xr

    x, y = 5.125 + 0.25 * np.arange(4), 44.875 - 0.25 * np.arange(4)
    axes = {
        "lon": ("lon", x, {"units": "degrees_east", "standard_name": "longitude"}),
        "lat": ("lat", y, {"units": "degrees_north", "standard_name": "latitude"}),
    }
    crs = xr.DataArray(0, attrs={"grid_mapping_name": "latitude_longitude"})
    arrays = {key: (("lat", "lon"), np.ones((4, 4), np.float32), {"grid_mapping": "crs"}) for key in ("a", "b")}
    xr.Dataset(arrays | {"crs": crs}, coords=axes).to_netcdf(name, engine="scipy")


def store(name: str, **changes: object) -> Callable[[], object]:
    """A Zarr store of another program, 4 x 4 pixels."""
    return partial(_store, name, changes)


def _store(name: str, changes: dict[str, object]) -> None:
    array = grid_array(**changes)
    array.to_dataset(name="dem").to_zarr(name, zarr_format=2, consolidated=False)


def grid_array(*, x: object = None, y: object = None, crs: object = "EPSG:4326", transform: object = None):
    """A georeferenced array of 4 x 4 pixels."""
    import rioxarray  # noqa: F401
    import xarray as xr

    x = 5.125 + 0.25 * np.arange(4) if x is None else x
    y = 44.875 - 0.25 * np.arange(4) if y is None else y
    array = xr.DataArray(np.ones((4, 4), np.float32), coords={"y": y, "x": x}, dims=("y", "x"))
    array = array if crs is None else array.rio.write_crs(crs)
    return array if transform is None else array.rio.write_transform(transform)


SQUARE = shapely.box(5, 44, 6, 45)
METRES = shapely.box(500000, 4900000, 600000, 5000000)


def vector(name: str, *shapes: shapely.Geometry, layers: tuple[str, ...] = (), crs: str | None = "EPSG:4326", **more):
    """A vector file."""
    return partial(_vector, name, shapes, layers, crs, more)


def _vector(name: str, shapes: tuple, layers: tuple[str, ...], crs: str | None, more: dict) -> None:
    import warnings

    from pyogrio.raw import write

    data = [np.arange(len(shapes))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, layer in enumerate(layers or (None,)):
            kinds = {shape.geom_type for shape in shapes}
            write(
                name,
                geometry=shapely.to_wkb(np.array(shapes)),
                field_data=data,
                fields=["id"],
                geometry_type=kinds.pop() if len(kinds) == 1 else "Unknown",
                crs=crs,
                layer=layer,
                append=number > 0,
                **more,
            )


def geojson(name: str, *shapes: shapely.Geometry) -> Callable[[], object]:
    """A GeoJSON file of features, without a CRS."""
    return text(name, as_geojson(*shapes))


def as_geojson(*shapes: shapely.Geometry) -> str:
    features = [{"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(one)} for one in shapes]
    return json.dumps({"type": "FeatureCollection", "features": features})


def archive(name: str, **members: str) -> Callable[[], object]:
    """A zip file with texts."""
    return partial(_archive, name, members)


def _archive(name: str, members: dict[str, str]) -> None:
    with zipfile.ZipFile(name, "w") as file:
        for member, content in members.items():
            file.writestr(member, content)


def shapefile(name: str) -> Callable[[], object]:
    """A shapefile of a point whose text is in Latin 1, without a file that says so."""
    return partial(_shapefile, Path(name))


def _shapefile(path: Path) -> None:
    import geopandas

    path.parent.mkdir(exist_ok=True)
    frame = geopandas.GeoDataFrame({"name": ["Z\u00fcrich"]}, geometry=[shapely.Point(5, 45)], crs=4326)
    frame.to_file(path, encoding="utf-8")
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace("Z\u00fcrich".encode(), b"Z\xfcrich "))
    path.with_suffix(".cpg").unlink()


def parquet(name: str, **columns: object) -> Callable[[], object]:
    """A Parquet file; `geo` is its metadata of GeoParquet, and `crs` makes them with a column of points."""
    return partial(_parquet, name, columns)


def _parquet(name: str, columns: dict) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    geo = columns.get("geo")
    table = pa.table({key: values for key, values in columns.items() if key != "geo"})
    if geo is not None:
        table = table.replace_schema_metadata({"geo": json.dumps(geo)})
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, name)


def database(name: str, width: int) -> Callable[[], object]:
    """A RANGE database with keys of some width."""
    return partial(_database, name, width)


def _database(name: str, width: int) -> None:
    with np.load(NPZ) as whole:
        arrays = {key: whole[key] for key in whole.files}
    key = next(key for key, array in arrays.items() if array.ndim == 2 and "satclip" in key.lower())
    np.savez(name, **(arrays | {key: arrays[key][:, :width]}))


POINTS = [shapely.to_wkb(shapely.Point(5.72, 45.19)), shapely.to_wkb(shapely.Point(4.84, 45.76))]
COLUMNS = {"lon": [5.72, 4.84], "lat": [45.19, 45.76]}


def geo(encoding: str = "WKB", **more: object) -> dict:
    """Metadata of GeoParquet."""
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": {"encoding": encoding, **more}}}
