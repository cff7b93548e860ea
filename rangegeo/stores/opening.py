"""Stored cubes, opened as lazy DataArrays."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
import zarr

from rangegeo.errors import CubeError, CubeWarning, UsageError, argument
from rangegeo.grid.claimed import check_claim
from rangegeo.grid.coords import grid_coords
from rangegeo.grid.crs import without_cf_warnings
from rangegeo.grid.remote_raster import open_raster
from rangegeo.grid.store_damage import mending
from rangegeo.grid.zarr_store import EXPECTED, arrays_of, checked_group, consolidated, readable, store_of
from rangegeo.schema.betas import SAME_BETA
from rangegeo.schema.complete import text
from rangegeo.schema.cube import BETA_ATTRS, NAME
from rangegeo.schema.facts import OF_MODEL, facts_of, with_facts, without_facts_of_values
from rangegeo.schema.steps import OFFSET, SCALE, decoded
from rangegeo.stores.beside import OF_FOLDER
from rangegeo.stores.geotiff_sample import TAG, is_as_written
from rangegeo.stores.joined import VERSION, Told, check_steps, put_back, without_tags
from rangegeo.stores.objects import store_at
from rangegeo.stores.present import NETCDF, check_there, is_store
from rangegeo.stores.remote_tiff import read_lazily
from rangegeo.stores.restored import array_name, cube_of
from rangegeo.stores.zarr import is_complete
from rangegeo.support.address import Address
from rangegeo.support.foreign import check_foreign
from rangegeo.support.location import Location, checked_options, located
from rangegeo.support.paths import local_path
from rangegeo.support.text import counted

BANDS_READ = 16  # bands in a chunk of a GeoTIFF: a whole spectrum needs few tasks, and one band reads little in vain
# Tags of a GeoTIFF hold text only. An attribute whose name ends in one of these stays text, even if it looks like a
# number.
TEXT_ENDINGS = ("_sha256", "_file", "_version", "command", "model", "name", "planet", "citation", "aoi")
NO_FACTS = ("AREA_OR_POINT", "beta", TAG, OF_FOLDER)  # tags
# A function of the shape (h, w) of a cube and its number of overviews that chooses a level.
ChooseLevel: TypeAlias = Callable[[Sequence[int], int], int]


def open_cube(
    path: str | Location | Sequence[str | Location],
    *,
    level: int = 0,
    pixels: int | None = None,
    chunks: str | None = "auto",
    like: str | Path | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> xr.DataArray:
    """Open a cube that rangegeo wrote. Nothing is read until it is used.

    Args:
        path: a Zarr store or a GeoTIFF, or what xarray wrote of a cube: a Zarr store, or a netCDF file. A leading ~ is
            the home folder. Zarr stores and GeoTIFFs are also read from s3://, gs://, az:// and https://, and stores
            from repositories of Icechunk, icechunk:// and icechunk+s3://. Several paths, such as the GeoTIFFs of
            several betas, become one cube.
        level: 0 for the cube itself, 1 for its overview with pixels twice as large, and so on.
        pixels: how many pixels the longer side needs, for a picture. The coarsest level that has so many is opened, and
            `level` is ignored.
        chunks: "auto" for a dask array in the chunks that are stored; None for xarray's own lazy indexing. Other chunks
            are made with `.chunk`.
        like: for a file that another program joined from GeoTIFFs of rangegeo, such as a VRT: one of these GeoTIFFs.
            The names of its bands, its scales, its model and its beta are taken from there. All files that were joined
            must have the same ones.
        storage_options: names and values for an address, as obstore takes them, such as {"region": "eu-central-1"};
            of Icechunk also "snapshot", the name of an earlier state. What they do not say comes from the environment,
            such as AWS_ACCESS_KEY_ID.
    Returns:
        The cube that `rangegeo.raster` made, as float32, whatever its values are stored as. Its dimensions are
        (beta, band, y, x), or (band, y, x) if the model has no beta. A GeoTIFF holds one beta, so its cube has
        dimensions (band, y, x) and a scalar coordinate beta.
    Raises:
        CubeError: there is no cube at the path, the path is an address, the cube does not have this level, or another
            program has lost the scales of its integers; or several paths do not hold layers of one cube.
        UsageError: the chunks are of another kind, or `like` is no GeoTIFF of rangegeo.
    """
    if chunks is not None and not (isinstance(chunks, str) and chunks == "auto"):
        raise UsageError(
            argument="chunks", expected='"auto" or None', got=chunks, remedy="open_cube(path).chunk(x=512, y=512)"
        )
    if isinstance(path, Sequence) and not isinstance(path, str):
        given = {"level": level, "pixels": pixels, "chunks": chunks, "like": like, "storage_options": storage_options}
        return joined_betas(path, [open_cube(part, **given) for part in path])  # type: ignore[arg-type]
    if not isinstance(path, str | os.PathLike | Address):
        raise CubeError(
            f"open_cube takes a path, got {type(path).__name__}; xarray.open_zarr opens stores of other kinds"
        )
    path = located(path, checked_options(storage_options))
    choose = partial(_choose_level, path, level, pixels)
    if isinstance(path, Address) and like is not None:
        raise UsageError(f"{argument('like')} is for files of this machine that GDAL has joined; leave it out")
    check_there(path)
    if isinstance(path, Address):
        return _open_store(path, choose, chunks) if is_store(path) else _open_geotiff(path, choose, chunks, None)
    if path.is_dir() or path.suffix.lower() in NETCDF:
        if like is not None:
            raise UsageError(f"{argument('like')} is for files that GDAL has joined, and {path} is none; leave it out")
        return (_open_store if path.is_dir() else _open_netcdf)(path, choose, chunks)
    return _open_geotiff(path, choose, chunks, None if like is None else local_path(like))


def joined_betas(paths: Sequence[str | Location], cubes: list[xr.DataArray]) -> xr.DataArray:
    """One cube of the betas of several, in rising order.

    Raises:
        CubeError: a cube has no betas, or the cubes differ in more than their betas.
    """
    if not cubes:
        raise CubeError("open_cube got no paths; give at least one")
    first = cubes[0]
    for path, cube in zip(paths, cubes, strict=True):
        if "beta" not in cube.coords:
            raise CubeError(f"{path} has no beta, along which cubes are joined; open it alone")
        others = [name for name in OF_MODEL if cube.attrs.get(name) != first.attrs.get(name)]
        axes = ("band_name", "y", "x")
        others += [name for name in axes if not cube[name].variable.equals(first[name].variable)]
        others += ["CRS"] if cube["spatial_ref"].attrs["crs_wkt"] != first["spatial_ref"].attrs["crs_wkt"] else []
        if others:
            raise CubeError(f"{path} is no other beta of {paths[0]}: they differ in {', '.join(others)}")
    layers = [cube if "beta" in cube.dims else cube.expand_dims("beta") for cube in cubes]
    joined = xr.concat(layers, "beta", join="exact", combine_attrs="override", coords="minimal", compat="override")
    joined = joined.sortby("beta")
    twice = joined["beta"].values[1:][np.diff(joined["beta"].values) <= SAME_BETA]
    if len(twice):
        raise CubeError(f"beta {twice[0]:g} is in two of the files; give each beta once")
    known = [facts_of(cube) for cube in cubes]
    shared = {name: value for name, value in known[0].items() if all(other.get(name) == value for other in known)}
    return with_facts(joined, shared)


def overview_count(path: Location) -> int:
    """How many levels a cube has that are coarser than the cube itself."""
    if is_store(path):
        return len(_levels(checked_group(store_of(path), str(path)).attrs)[1:])
    if path.suffix.lower() in NETCDF:
        return 0
    with open_raster(path) as file:
        return len(file.overviews(1))


def stored_dtype(path: Location) -> str:
    """The dtype of the values in a store or a GeoTIFF: float32, float16, int16 or int8."""
    if is_store(path):
        return str(stored_array(path).dtype)
    if path.suffix.lower() in NETCDF:
        return str(open_cube(path).dtype)
    with open_raster(path) as file:
        half = file.tags(1, ns="IMAGE_STRUCTURE").get("NBITS") == "16" and file.dtypes[0] == "float32"
        return "float16" if half else file.dtypes[0]


def stored_scales(path: Location) -> tuple[list[float], list[float]]:
    """The scale and the offset of every band of a store or a GeoTIFF; 1 and 0 for values stored as they are."""
    if is_store(path):
        array, group = stored_array(path), checked_group(store_of(path), str(path))
        if SCALE in group and OFFSET in group:
            return _numbers(group, SCALE), _numbers(group, OFFSET)
        steps: list[Any] = [array.attrs.get("scale_factor", 1.0), array.attrs.get("add_offset", 0.0)]
        bands = array.shape[-3]
        return [float(steps[0])] * bands, [float(steps[1])] * bands
    if path.suffix.lower() in NETCDF:
        bands = open_cube(path).sizes["band"]
        return [1.0] * bands, [0.0] * bands
    with open_raster(path) as file:
        return list(file.scales), list(file.offsets)


def _numbers(group: zarr.Group, name: str) -> list[float]:
    """The numbers of a coordinate."""
    array = group[name]
    assert isinstance(array, zarr.Array)
    return np.asarray(array[:], np.float64).tolist()


def stored_array(path: Location) -> zarr.Array:
    """The array of a cube's Zarr store."""
    group = checked_group(store_of(path), str(path))
    arrays = {name: array for name, array in arrays_of(group).items() if array.ndim >= 3}
    return arrays[NAME] if NAME in arrays else next(iter(arrays.values()))


def _choose_level(path: Location, level: int, pixels: int | None, shape: Sequence[int], count: int) -> int:
    """The level that is asked for.

    Args:
        path: the path of the cube, for messages.
        level, pixels: as in `open_cube`.
        shape: (h, w) of the cube.
        count: how many overviews it has; each has half as many pixels a side as the level before.
    """
    if pixels is not None:
        return sum(max(shape) / 2**number >= pixels for number in range(1, count + 1))
    if not 0 <= level <= count:
        of_store = "make it again with rangegeo raster --overviews"
        more = of_store if is_store(path) else "its pixels are few enough to be read whole"
        has = (
            f"{counted(count, 'overview')}, levels 0 to {count}" if count else f"no overviews; {more}, or take level 0"
        )
        raise CubeError(f"there is no level {level} of {path}: it has {has}")
    return level


def _levels(attrs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the attributes of a store say about its levels, the cube itself first; empty if it has no overviews."""
    return attrs.get("multiscales", {}).get("layout", [])


def _open_store(path: Location, choose: ChooseLevel, chunks: str | None) -> xr.DataArray:
    """Open a Zarr store."""
    store = store_of(path)
    checked_group(store, str(path))
    read = partial(xr.open_zarr, decode_coords="all", chunks=None if chunks is None else {})
    read = partial(read, consolidated=consolidated(store))
    with readable(str(path), store=store):
        dataset = read(store_at(path))
        name = array_name(dataset, path)
        if not is_complete(path):
            warnings.warn(f"{path} is unfinished: chunks that were not written read as NaN", CubeWarning, stacklevel=3)
        levels = _levels(dataset.attrs)
        level = choose(_sides(dataset[name]), len(levels[1:]))
        if level:
            dataset = read(store_at(path / levels[level]["asset"]))
        return _with_sound_axes(cube_of(dataset, name, path), path)


def _with_sound_axes(cube: xr.DataArray, path: Location) -> xr.DataArray:
    """The cube, if the labels of its axes can be those of pixels.

    Raises:
        CubeError: labels are missing or the same, because their chunks are damaged or gone, or the CRS is gone.
    """
    for axis in ("x", "y", "band", "beta"):
        labels = np.ravel(cube[axis].values).astype(np.float64) if axis in cube.coords else np.empty(0)
        if not np.isfinite(labels).all() or len(np.unique(labels)) < len(labels):
            raise CubeError(f"the labels of {axis} in {path} are damaged; {mending(store_of(path), str(path))}")
    if "spatial_ref" not in cube.coords:
        remedy = mending(store_of(path), str(path))
        raise CubeError(f"{path} has lost its coordinate spatial_ref, which says the CRS; {remedy}")
    return cube


def _open_netcdf(path: Path, choose: ChooseLevel, chunks: str | None) -> xr.DataArray:
    """Open a netCDF file that xarray made of a cube."""
    try:
        dataset = xr.open_dataset(path, decode_coords="all", chunks=None if chunks is None else {})
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise CubeError(
            f"{path} is not a readable netCDF file, or no package that reads it is installed: pip install h5netcdf h5py"
        ) from error
    name = array_name(dataset, path)
    choose(_sides(dataset[name]), 0)
    return cube_of(dataset, name, path)


def _sides(array: xr.DataArray) -> tuple[int, int]:
    return array.sizes["y"], array.sizes["x"]


def open_told(path: Path, level: int = 0) -> xr.DataArray:
    """A GeoTIFF as its tags tell of it, also if some of its values are damaged. Raises as `open_cube` does."""
    return _open_geotiff(path, partial(_choose_level, path, level, None), None, None, trusted=True)


def _open_geotiff(
    path: Location, choose: ChooseLevel, chunks: str | None, like: Path | None, *, trusted: bool = False
) -> xr.DataArray:
    """Open a GeoTIFF, or what GDAL has joined from several.

    Args:
        trusted: whether its facts are taken to be those of its values, without a look at these.
    """
    close: Callable[[], None] | None = None
    import rioxarray  # imported here because it takes 0.3 s, which a Zarr store need not wait for
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    try:
        with without_cf_warnings(), warnings.catch_warnings():  # a file without a georeference is refused below
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            warnings.filterwarnings("ignore", "(Scales|Offsets) differ across bands", UserWarning)  # as intended
            if isinstance(path, Path):
                check_foreign(path, str(path), CubeError, raster=True)
            with open_raster(path) as file:
                if "OVERVIEW_FILE" in file.tags(ns="OVERVIEWS"):
                    raise CubeError(f"{path} names another file for its overviews, which is not opened; {EXPECTED}")
                _check_claim(file, path)
                told = Told.by(file) if like is None else put_back(file, path, like)
                tags, own = told.tags, like is None and (trusted or is_as_written(file, told.tags))
                names = [name or f"band_{number}" for number, name in enumerate(told.names, 1)]
                dtype = file.dtypes[0]
                level = choose(file.shape, len(file.overviews(1)))
            overview: dict[str, Any] = {"overview_level": level - 1} if level else {}
            sides: Any = None if chunks is None else {"band": BANDS_READ, "y": "auto", "x": "auto"}
            if isinstance(path, Address):
                stored = read_lazily(path, level)
                values, geobox, preferred = stored.variable, stored.geobox, stored.preferred
                values = values if sides is None else values.chunk(sides)
            else:
                opened = rioxarray.open_rasterio(path.absolute(), chunks=sides, masked=True, **overview)
                assert isinstance(opened, xr.DataArray)  # rioxarray makes Datasets of files with subdatasets only
                values, geobox, close = opened.variable, opened.odc.geobox, opened.close
                preferred = opened.encoding.get("preferred_chunks", {})
    except RasterioIOError as error:
        raise CubeError(f"{path} is not a readable GeoTIFF; {EXPECTED}; if it was one, make it again") from error
    if VERSION not in tags:
        raise CubeError(without_tags(path, EXPECTED))
    check_steps(path, tags, dtype, scaled=told.scaled)
    attrs = {name: _parsed(name, text) for name, text in tags.items() if name not in NO_FACTS}
    attrs = attrs if own else without_facts_of_values(attrs)
    called = [name or f"band_{number}" for number, name in enumerate(names, start=1)]
    coords: dict[str, Any] = {"beta": ((), float(tags["beta"]), BETA_ATTRS)} if "beta" in tags else {}
    numbers = np.arange(1, len(called) + 1)
    coords |= {"band": ("band", numbers), "band_name": ("band", text(called))} | grid_coords(geobox)
    if told.scaled:  # read from the file: GDAL does not say them for overviews
        values = decoded(values, told.scales, told.offsets)
    cube = with_facts(xr.DataArray(values, coords, ("band", "y", "x"), NAME), attrs)
    cube.encoding |= {
        "source": str(path),
        "preferred_chunks": preferred | {"band": BANDS_READ},
    }
    cube.set_close(close)
    return cube


def _check_claim(file: Any, path: Location) -> None:
    """Refuse a GeoTIFF whose header claims too much."""
    from rasterio.enums import Interleaving

    together = file.count if file.interleaving is Interleaving.pixel else 1
    itemsize = max(np.dtype(dtype).itemsize for dtype in set(file.dtypes))
    check_claim(str(path), (file.count, *file.shape), (together, *file.block_shapes[0]), itemsize)


def _parsed(name: str, text: str) -> Any:
    """The attribute that the text of a GeoTIFF's tag stands for: a number, a list, or the text itself."""
    if name.endswith(TEXT_ENDINGS):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
