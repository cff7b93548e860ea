"""How alike places are: the cosine of every pixel of a cube with the embedding of some place."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import xarray as xr

from rangegeo.analysis.pixels import SLAB_BANDS, embedding_of, layered, pixels_like, products
from rangegeo.cubes.lazy import as_lazy
from rangegeo.errors import UsageError
from rangegeo.grid.pixels import containing, pixel_coordinates
from rangegeo.models.load import loaded
from rangegeo.models.model import Model
from rangegeo.models.spec import ModelSpec
from rangegeo.places.lonlat import check_lonlat
from rangegeo.schema.cube import geobox_of, is_in_memory

MADE_BY = {
    "model": "name",
    "encoder_sha256": "weights_sha256",
    "database_sha256": "db_sha256",
}  # attribute: of the spec


def similarity(cube: xr.DataArray, lonlat: object, *, model: Model | None = None) -> xr.DataArray:
    """Cosine similarity of every pixel of a cube with the embedding of a place, of each beta with its own.

    The place's embedding is that of the pixel which holds it, so it is whatever the cube holds: quantised, projected
    or computed with. With `model` it is the model's own at the very place, which may then be anywhere on Earth.

    Args:
        cube: (beta, band, y, x) or (band, y, x), of which the bands are compared; diagnostics are left out.
        lonlat: (2,) longitude, latitude in degrees, or (n, 2) several places.
        model: that the cube was made with.
    Returns:
        float32 with the cube's dims but band, and before them `place` if several were given; as lazy as the cube,
        NaN where it has no data.
    Raises:
        UsageError: a place is outside the cube; the model is another one; there is no one embedding in the cube. When
            it is computed: a place has no data.
    """
    if not isinstance(cube, xr.DataArray):
        raise UsageError(f"similarity needs a cube, an xarray.DataArray, got {type(cube).__name__}")
    places = check_lonlat(lonlat)
    if model is not None and not isinstance(model, Model):
        raise UsageError(f"model must come from rangegeo.load_model, got {model!r}")
    compared = embedding_of(cube)
    lazy = as_lazy(compared)
    data = layered(lazy)
    vectors = _pixels(lazy, data, places) if model is None else _evaluated(lazy, model, places)
    values = da.map_blocks(_cosine, products(data, vectors), _squares(data)[None], _norms(vectors), dtype=np.float32)
    values = values if "beta" in cube.dims else values[:, 0]
    found = _described(cube, values, places, "pixel" if model is None else "model")
    found = found if len(places) != 1 or np.ndim(lonlat) == 2 else found.isel(place=0).drop_vars("place")
    return found.compute() if is_in_memory(compared) else found


def _squares(data: da.Array) -> da.Array:
    """(layers, y, x) float64 squared lengths of the pixels."""
    return da.blockwise(_squared, "lbyx", data, "lbyx", adjust_chunks={"b": 1}, dtype=np.float64).sum(axis=1)


def _squared(block: np.ndarray) -> np.ndarray:
    """(l, b, y, x) to (l, 1, y, x)."""
    out = np.zeros((block.shape[0], 1, *block.shape[2:]))
    for first in range(0, block.shape[1], SLAB_BANDS):
        slab = block[:, first : first + SLAB_BANDS].astype(np.float64)
        out[:, 0] += np.einsum("lbyx,lbyx->lyx", slab, slab)
    return out


def _norms(vectors: da.Array) -> da.Array:
    """(n, layers, 1, 1) float64 lengths."""
    return da.sqrt((vectors.astype(np.float64) ** 2).sum(axis=2))[:, :, None, None]


def _cosine(dot: np.ndarray, square: np.ndarray, norm: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # nothing over nothing where a pixel is all zeros
        return (dot / (np.sqrt(square) * norm)).astype(np.float32)


def _pixels(cube: xr.DataArray, data: da.Array, places: np.ndarray) -> da.Array:
    """(n, layers, bands) of the pixels that hold places."""
    geobox = geobox_of(cube)
    rows, cols = pixel_coordinates(geobox, places)
    outside = np.isnan(rows)
    if outside.any():
        lon, lat = places[outside][0]
        bounds = ", ".join(f"{value:g}" for value in geobox.boundingbox)
        raise UsageError(
            f"the place {lon:g}, {lat:g} is outside the cube, whose bounds are {bounds}; to compare it with any place "
            "on Earth give the model that made it: model=rangegeo.load_model(...)"
        )
    found = data.vindex[:, :, containing(rows, geobox.shape[0]), containing(cols, geobox.shape[1])]
    return da.map_blocks(_checked, found, dtype=found.dtype)


def _checked(vectors: np.ndarray) -> np.ndarray:
    if np.isnan(vectors).any():
        raise UsageError("a place lies on a pixel without data; give another one, or model=rangegeo.load_model(...)")
    return vectors


def _evaluated(cube: xr.DataArray, model: Model, places: np.ndarray) -> da.Array:
    """(n, layers, bands) of the model at places, evaluated when it is used."""
    for attribute, of_spec in MADE_BY.items():
        made, given = cube.attrs.get(attribute), getattr(model.spec, of_spec)
        if made is not None and made != given:
            raise UsageError(
                f"the cube was made with another model: its {attribute} is {made}, the model's is {given}; "
                "give the one it was made with, or a place inside the cube and no model"
            )
    names = cube["band_name"].values.tolist() if "band_name" in cube.coords else []
    unknown = [name for name in names if name not in model.recipe().names]
    betas = np.ravel(cube["beta"].values).tolist() if "beta" in cube.coords else []
    if unknown or not names or (model.has_beta and not betas):
        raise UsageError(
            "the cube does not say which bands and betas of the model it holds, "
            f"or holds others ({', '.join(unknown[:3]) or 'none'}); give a place inside the cube and no model"
        )
    vectors = dask.delayed(_encoded)(model.spec, places, tuple(betas), tuple(names))
    layers = len(betas) if model.has_beta else 1
    return da.from_delayed(vectors, (len(places), layers, len(names)), dtype=np.float32)


def _encoded(spec: ModelSpec, places: np.ndarray, betas: tuple[float, ...], names: tuple[str, ...]) -> np.ndarray:
    """(n, layers, bands)."""
    model = loaded(spec)
    return model.encode(places, betas or 0.5, bands=names).reshape(-1, len(places), len(names)).swapaxes(0, 1)


def _described(cube: xr.DataArray, values: da.Array, places: np.ndarray, reference: str) -> xr.DataArray:
    """(place, (beta,) y, x) with the coordinates of the cube."""
    attrs = {"long_name": "cosine similarity", "units": "1", "compared_with": f"{reference} at the place"}
    found = pixels_like(cube, values, "similarity", attrs, ("place",))
    lon, lat = places.T
    return found.assign_coords(place=np.arange(len(places)), place_lon=("place", lon), place_lat=("place", lat))
