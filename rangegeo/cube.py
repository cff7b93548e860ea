"""A grid and a model make a lazy cube: one dask block a chunk, the model named in it by its spec, never by weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import dask.array as da
import numpy as np
import xarray as xr
from dask.base import tokenize
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from rangegeo.errors import UsageError
from rangegeo.grid import WGS84, crs_name, make_geobox, parse_crs, pixel_places
from rangegeo.model import Model, ModelSpec, check_betas, load_model
from rangegeo.units import human_bytes, human_seconds

NAME = "embedding"
BETA_ATTRS = {"long_name": "0 geographic to 1 semantic average"}
MANY_BANDS = 128  # above, a block of 128 pixels a side keeps all bands and betas of it in some 100 MB
SIDE_FEW, SIDE_MANY = 256, 128


def raster(
    bbox: Sequence[float],
    res: float | Sequence[float],
    *,
    model: Model | str = "RANGE+",
    betas: float | Sequence[float] = 0.5,
    crs: object = WGS84,
    bbox_crs: object = WGS84,
    align: bool = False,
    chunks: int | None = None,
) -> xr.DataArray:
    """The embedding raster of a bounding box, computed chunk by chunk when it is used.

    Args:
        bbox: west, south, east, north in `bbox_crs`; west > east crosses the antimeridian.
        res: pixel size in units of `crs`, one number or x and y.
        model: from `rangegeo.load_model`, or the name of one to load with the embedded weights.
        betas: in [0, 1], 0 geographic to 1 semantic, for models that have it.
        crs: of the raster, anything pyproj reads; pixel centres are transformed, values never resampled.
        bbox_crs: of the bounding box.
        align: move the corners outwards to multiples of the pixel size.
        chunks: pixels a side of a chunk; by default 128 for many bands, 256 for up to 128.
    Returns:
        float32 with dims (beta, band, y, x), or (band, y, x) for models without beta, NaN outside the domain of
        the projection. Nothing is computed yet.
    Raises:
        UsageError: what is wrong with an argument, and what to give instead.
    """
    if isinstance(model, str):
        model = load_model(model)
    return model_raster(make_geobox(bbox, res, crs, bbox_crs, align=align), model, betas, chunks)


def model_raster(
    geobox: GeoBox, model: Model, betas: float | Sequence[float] = 0.5, chunks: int | None = None
) -> xr.DataArray:
    """`raster` on a grid that is already there."""
    betas = check_betas(betas) if model.has_beta else (1.0,)
    side = _check_chunks(chunks, len(model.band_names))
    height, width = geobox.shape
    blocks = (
        (len(betas),),
        (len(model.band_names),),
        *(tuple(min(side, length - start) for start in range(0, length, side)) for length in (height, width)),
    )
    values = da.map_blocks(
        evaluate_block,
        spec=model.spec,
        geobox=geobox,
        betas=betas,
        chunks=blocks,
        dtype=np.float32,
        meta=np.empty((0, 0, 0, 0), np.float32),
        name=f"rangegeo-{tokenize(model.spec, geobox, betas, side)}",
    )
    coords = grid_coords(geobox) | {
        "band": np.arange(1, len(model.band_names) + 1),
        "band_name": ("band", np.array(model.band_names)),
    }
    attrs = {**provenance(model), "grid_mapping": "spatial_ref"}
    if not model.has_beta:
        return xr.DataArray(values[0], coords, ("band", "y", "x"), NAME, attrs)
    coords["beta"] = ("beta", list(betas), BETA_ATTRS)
    return xr.DataArray(values, coords, ("beta", "band", "y", "x"), NAME, attrs)


def grid_coords(geobox: GeoBox) -> dict[str, xr.DataArray]:
    """Coordinates y, x and spatial_ref of a grid, as CF has them."""
    # by its name, so that a CRS that went through a file's own wording is again the one asked for
    named = GeoBox(geobox.shape, geobox.affine, crs_name(parse_crs(geobox.crs.to_wkt())))
    coords = dict(xr_coords(named, dims=("y", "x")))
    for axis in ("y", "x"):
        coords[axis].attrs.pop("crs", None)  # says the same as spatial_ref, but is no CF attribute
    return coords


def evaluate_block(spec: ModelSpec, geobox: GeoBox, betas: tuple[float, ...], block_info: dict) -> np.ndarray:
    """(betas, bands, h, w) of one chunk; the model is loaded once a process."""
    (_, _, rows, cols) = block_info[None]["array-location"]
    return spec.load().raster_block(pixel_places(geobox, slice(*rows), slice(*cols)), betas)


def provenance(model: Model) -> dict[str, str | float]:
    """Where the values come from: flat, so that every format can hold it."""
    facts: dict[str, str | float] = {"long_name": f"{model.spec.name} embedding", "model": model.spec.name}
    for role, known in model.facts.items():
        facts[f"{role}_file"] = known["file"]
        facts[f"{role}_sha256"] = known["sha256"]
    facts |= model.temperatures
    return facts | {
        "evaluation": "exact",
        "citation": model.citation,
        "rangegeo_version": version("rangegeo"),
        "torch_version": version("torch"),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a cube will cost.

    Attributes:
        sizes: of the cube, by dim.
        nbytes: of its values, uncompressed.
        blocks: how many chunks are computed.
        seconds: estimated for evaluating it.
    """

    sizes: dict[str, int]
    nbytes: int
    blocks: int
    seconds: float

    def __str__(self) -> str:
        layers = ""
        for dim in ("beta", "band"):
            if dim in self.sizes:
                layers += f"{self.sizes[dim]} {dim}{'s' if self.sizes[dim] > 1 else ''}, "
        size = f"{layers}{self.sizes['x']} x {self.sizes['y']} pixels, {human_bytes(self.nbytes)} before compression"
        return f"{size}, about {human_seconds(self.seconds)}"


def plan(cube: xr.DataArray, model: Model) -> Plan:
    """Measure the model on some places and say what the whole cube will take."""
    betas = tuple(cube["beta"].values) if "beta" in cube.dims else (1.0,)
    places = cube.sizes["y"] * cube.sizes["x"]
    return Plan(
        sizes=dict(cube.sizes),
        nbytes=cube.nbytes,
        blocks=math.prod(cube.data.numblocks),
        seconds=places * model.seconds_per_place(betas),
    )


def _check_chunks(chunks: int | None, bands: int) -> int:
    if chunks is None:
        return SIDE_MANY if bands > MANY_BANDS else SIDE_FEW
    if chunks < 16 or chunks % 16:
        raise UsageError(f"--chunks must be a multiple of 16 pixels, got {chunks}; for example --chunks 128")
    return chunks
