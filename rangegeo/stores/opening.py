"""Cubes on disk back to DataArrays, lazily."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr
import zarr
from xarray.backends import BackendArray
from xarray.core import indexing

from rangegeo.errors import CubeError, CubeWarning
from rangegeo.grid.coords import grid_coords
from rangegeo.grid.crs import without_cf_warnings
from rangegeo.schema.cube import BETA_ATTRS, NAME
from rangegeo.stores.zarr import is_complete

BANDS_READ = 16  # of a GeoTIFF at a time: few tasks for a whole spectrum, little waste for one band
TEXTS = (
    "_sha256",
    "_file",
    "_version",
    "command",
    "model",
    "name",
    "citation",
    "aoi",
)  # how attributes that are text end


def open_cube(
    path: str | Path, *, level: int = 0, pixels: int | None = None, chunks: str | None = "auto"
) -> xr.DataArray:
    """Open a cube that rangegeo wrote.

    Args:
        path: a Zarr store or a GeoTIFF.
        level: 0 for the cube itself, 1 for its overview with pixels twice as large, and so on.
        pixels: that are enough on the longer side, for a picture: instead of a level the coarsest that has them.
        chunks: "auto" for dask, as it is stored; None for xarray's own lazy indexing.
    Returns:
        What `rangegeo.raster` gave when it was written: float32, however it is stored, dims (beta, band, y, x) or
        (band, y, x) for models without beta and (band, y, x) with a scalar beta for a GeoTIFF; nothing is read yet.
    Raises:
        CubeError: there is no cube at the path, or not that level of it.
    """
    path = Path(path)
    if not path.exists():
        raise CubeError(f"{path} does not exist; expected a cube that rangegeo raster wrote (.zarr or .tif)")
    choose = partial(_choose_level, path, level, pixels)
    return _open_store(path, choose, chunks) if path.is_dir() else _open_geotiff(path, choose, chunks)


def overview_count(path: Path) -> int:
    """How many levels coarser than the cube itself are there."""
    if path.is_dir():
        return len(_layout(zarr.open_group(path, mode="r", use_consolidated=False).attrs)[1:])
    import rasterio

    with rasterio.open(path) as file:
        return len(file.overviews(1))


def stored_dtype(path: Path) -> str:
    """Of the numbers in a file or a store, as `rangegeo.stores.quantise` calls it."""
    if path.is_dir():
        return str(zarr.open_group(path, mode="r", use_consolidated=False)[NAME].dtype)
    import rasterio

    with rasterio.open(path) as file:
        half = file.tags(1, ns="IMAGE_STRUCTURE").get("NBITS") == "16" and file.dtypes[0] == "float32"
        return "float16" if half else file.dtypes[0]


def _choose_level(path: Path, level: int, pixels: int | None, shape: Sequence[int], count: int) -> int:
    """A level of a cube (h, w) that has so many overviews, each of half the pixels of the one before."""
    if pixels is not None:
        return sum(max(shape) / 2**number >= pixels for number in range(1, count + 1))
    if not 0 <= level <= count:
        more = "make it again with --overviews" if path.is_dir() else "its pixels are few enough to be read whole"
        has = f"{count} overviews, levels 0 to {count}" if count else f"no overviews; {more}, or take level 0"
        raise CubeError(f"there is no level {level} of {path}: it has {has}")
    return level


def _layout(attrs: Mapping) -> list[dict]:
    """What a store says of its levels, the cube itself first; empty if there are no others."""
    return attrs.get("multiscales", {}).get("layout", [])


def _open_store(path: Path, choose: Callable[[Sequence[int], int], int], chunks: str | None) -> xr.DataArray:
    read = partial(xr.open_zarr, decode_coords="all", consolidated=False, chunks=None if chunks is None else {})
    try:
        dataset = read(path)
    except (OSError, ValueError, KeyError) as error:
        raise CubeError(f"{path} is not a readable Zarr store; expected a cube that rangegeo raster wrote") from error
    if NAME not in dataset or "band_names" not in dataset[NAME].attrs:
        raise CubeError(f"{path} has no array {NAME!r} with band names; expected a cube that rangegeo raster wrote")
    if not is_complete(path):
        warnings.warn(f"{path} is unfinished: chunks that were not written read as NaN", CubeWarning, stacklevel=3)
    layout = _layout(dataset.attrs)
    level = choose(dataset[NAME].shape[2:], len(layout[1:]))
    if level:
        dataset = read(path / layout[level]["asset"])
    cube = dataset[NAME]
    names = np.array(cube.attrs.pop("band_names"))
    cube.attrs.pop("_CRS", None)
    cube.attrs["grid_mapping"] = "spatial_ref"
    cube = cube.assign_coords(band_name=("band", names))
    if cube.dtype != np.float32:  # xarray decodes integers to float64, and leaves float16 as it is
        bands = len(names)
        cube = cube.copy(data=_decoded(cube.variable, np.ones(bands), np.zeros(bands)))
    return cube if dataset.attrs["rangegeo_has_beta"] else cube.isel(beta=0)  # a scalar beta, or none


def _open_geotiff(path: Path, choose: Callable[[Sequence[int], int], int], chunks: str | None) -> xr.DataArray:
    import rasterio
    import rioxarray  # registers its own accessor and takes 0.3 s
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    try:
        with without_cf_warnings(), warnings.catch_warnings():  # a picture without a place is refused below
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            warnings.filterwarnings("ignore", "(Scales|Offsets) differ across bands", UserWarning)  # each has its own
            with rasterio.open(path) as file:
                tags, names, steps = file.tags(), file.descriptions, (file.scales, file.offsets)
                level = choose(file.shape, len(file.overviews(1)))
            overview = {"overview_level": level - 1} if level else {}
            read = None if chunks is None else {"band": BANDS_READ, "y": "auto", "x": "auto"}
            stored = rioxarray.open_rasterio(path, chunks=read, masked=True, **overview)
    except RasterioIOError as error:
        raise CubeError(f"{path} is not a readable GeoTIFF; expected a cube that rangegeo raster wrote") from error
    if "rangegeo_version" not in tags:
        raise CubeError(f"{path} was not written by rangegeo; expected a cube that rangegeo raster wrote")
    attrs = {name: _parsed(name, text) for name, text in tags.items() if name not in ("AREA_OR_POINT", "beta")}
    attrs["grid_mapping"] = "spatial_ref"
    coords = grid_coords(stored.odc.geobox) | {"band": stored["band"], "band_name": ("band", np.array(names))}
    if "beta" in tags:
        coords["beta"] = ((), float(tags["beta"]), BETA_ATTRS)
    values = stored.variable
    if {*steps[0]} != {1.0} or {*steps[1]} != {0.0}:  # of quantised values; GDAL does not say it of their overviews
        values = _decoded(values, *(np.array(part) for part in steps))
    cube = xr.DataArray(values, coords, ("band", "y", "x"), NAME, attrs)
    cube.encoding = {"preferred_chunks": stored.encoding.get("preferred_chunks", {}) | {"band": BANDS_READ}}
    cube.set_close(stored.close)
    return cube


def _decoded(stored: xr.Variable, scale: np.ndarray, offset: np.ndarray) -> xr.Variable:
    """(…, band, y, x) stored values as float32, lazily whatever they are backed by.

    Args:
        scale, offset: of each band.
    """
    if stored.chunks is not None:
        return (stored * scale[:, None, None] + offset[:, None, None]).astype(np.float32)
    return xr.Variable(stored.dims, indexing.LazilyIndexedArray(_Decoded(stored, scale, offset)), None, stored.encoding)


class _Decoded(BackendArray):
    """Values with a scale and an offset a band, as float32 when they are read."""

    def __init__(self, stored: xr.Variable, scale: np.ndarray, offset: np.ndarray) -> None:
        self.stored, self.scale, self.offset = stored, scale, offset
        self.shape, self.dtype = stored.shape, np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple) -> np.ndarray:
        part = self.stored.isel(dict(zip(self.stored.dims, key, strict=True)))
        scale, offset = (xr.Variable("band", values).isel(band=key[-3]) for values in (self.scale, self.offset))
        return (part * scale + offset).transpose(*part.dims).values.astype(np.float32)


def _parsed(name: str, text: str) -> object:
    """Numbers and lists, which GeoTIFF tags hold as text; what names something stays text."""
    if name.endswith(TEXTS):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
