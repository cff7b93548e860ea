"""How similar places are: the cosine between every pixel of a cube and the embedding of a place."""

from __future__ import annotations

from typing import Any, cast

import dask
import dask.array as da
import numpy as np
import xarray as xr

from rangegeo.analysis.pixels import embedding_of, layered, pixels_like, products, slabs
from rangegeo.cubes.lazy import as_lazy
from rangegeo.cubes.spec import provenance
from rangegeo.errors import UsageError, argument
from rangegeo.grid.domain import whole_turns
from rangegeo.grid.pixels import containing, pixel_coordinates, places_on
from rangegeo.models.load import load_model, loaded
from rangegeo.models.model import Model
from rangegeo.models.spec import ModelSpec
from rangegeo.places.frames import is_table
from rangegeo.places.lonlat import LonLat, check_lonlat
from rangegeo.schema.cube import geobox_of, is_in_memory
from rangegeo.schema.facts import OF_MODEL, computed_from

SAME_VALUES = 0.99  # cosine of a pixel of a cube with the model's own embedding there; int8 keeps 0.998
PROBES = (3, 16)  # lines along each axis at whose crossings a cube is compared with the model; the second if all is NaN


def similarity(cube: xr.DataArray, lonlat: LonLat, *, model: Model | str | None = None) -> xr.DataArray:
    """Cosine similarity of every pixel of a cube with the embedding of a place.

    Each beta is compared with the embedding of the same beta. The embedding of the place is that of the pixel which
    holds it, so it fits any cube, also a quantised or projected one. With `model` it is the model's embedding of
    exactly this place, which may be anywhere on Earth.

    Args:
        cube: (beta, band, y, x) or (band, y, x); bands with diagnostics are ignored.
        lonlat: (2,) longitude and latitude in degrees, or (n, 2) for several places; or a table or a GeoDataFrame.
        model: the model that made the cube, from `rangegeo.load_model`; or its name, such as "RANGE+", to load it with
            its default weights. If something was computed from the cube, some of its pixels are compared with the
            model now.
    Returns:
        float32 with the dimensions of the cube except band, and a first dimension `place` if several places are given.
        It is NaN where the cube has no data, and lazy if the cube is lazy.
    Raises:
        UsageError: a place is outside the cube, another model made the cube, its values are no longer those of the
            model, or the cube holds no single embedding. If a place lies on a pixel without data, the error is raised
            when the result is computed.
        ShapeError: the places have another shape, or they are not numbers.
    """
    if not isinstance(cube, xr.DataArray):
        raise UsageError(f"similarity needs a cube, an xarray.DataArray, got {type(cube).__name__}")
    places = check_lonlat(lonlat)
    model = load_model(model) if isinstance(model, str) else model
    if model is not None and not isinstance(model, Model):
        raise UsageError(f"{argument('model')} must come from rangegeo.load_model, got {model!r}")
    compared = embedding_of(cube)
    lazy = as_lazy(compared)
    data = layered(lazy)
    vectors = _pixel_vectors(lazy, data, places) if model is None else _model_vectors(lazy, model, places)
    values = da.map_blocks(_cosine, products(data, vectors), _squares(data)[None], _norms(vectors), dtype=np.float32)
    values = values if "beta" in cube.dims else values[:, 0]
    found = _described(cube, values, places, "pixel" if model is None else "model")
    several = len(places) != 1 or is_table(lonlat) or np.ndim(cast(Any, lonlat)) == 2  # tensors have an ndim too
    found = found if several else found.isel(place=0).drop_vars("place")
    return found.compute() if is_in_memory(compared) else found


def _squares(data: da.Array) -> da.Array:
    """The squared lengths (layers, y, x) of the pixels, float64."""
    return da.blockwise(_squared, "lbyx", data, "lbyx", adjust_chunks={"b": 1}, dtype=np.float64).sum(axis=1)


def _squared(block: np.ndarray) -> np.ndarray:
    """The squared lengths (l, 1, y, x) of the pixels of a block (l, b, y, x)."""
    out = np.zeros((block.shape[0], 1, *block.shape[2:]))
    for _, slab in slabs(block):
        out[:, 0] += np.einsum("lbyx,lbyx->lyx", slab, slab)
    return out


def _norms(vectors: da.Array) -> da.Array:
    """The lengths (n, layers, 1, 1) of vectors (n, layers, bands), float64."""
    return da.sqrt((vectors.astype(np.float64) ** 2).sum(axis=2))[:, :, None, None]


def _cosine(dot: np.ndarray, square: np.ndarray, norm: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # 0 / 0 where all bands of a pixel are zero
        return (dot / (np.sqrt(square) * norm)).astype(np.float32)


def _pixel_vectors(cube: xr.DataArray, data: da.Array, places: np.ndarray) -> da.Array:
    """The embeddings (n, layers, bands) of the pixels that hold places (n, 2)."""
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
    return da.map_blocks(_with_data, found, dtype=found.dtype)


def _with_data(vectors: np.ndarray) -> np.ndarray:
    """The same vectors; refuses those of pixels without data."""
    if np.isnan(vectors).any():
        raise UsageError("a place lies on a pixel without data; give another one, or model=rangegeo.load_model(...)")
    return vectors


def _model_vectors(cube: xr.DataArray, model: Model, places: np.ndarray) -> da.Array:
    """The model's embeddings (n, layers, bands) of places (n, 2), for the betas and bands of a cube; lazy."""
    facts = provenance(model, model.recipe())
    for attribute in OF_MODEL:
        made, given = cube.attrs.get(attribute), facts.get(attribute)
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
    if computed_from(cube) is not None:
        _check_values(cube, model, tuple(betas), tuple(names))
    vectors = dask.delayed(_encoded)(model.spec, places, tuple(betas), tuple(names))
    layers = len(betas) if model.has_beta else 1
    return da.from_delayed(vectors, (len(places), layers, len(names)), dtype=np.float32)


def _encoded(spec: ModelSpec, places: np.ndarray, betas: tuple[float, ...], names: tuple[str, ...]) -> np.ndarray:
    """Embeddings (n, layers, bands) of places (n, 2) by a model, which is loaded where the task runs."""
    model = loaded(spec)
    return (
        model.encode(places, betas if model.has_beta else None, bands=names)
        .reshape(-1, len(places), len(names))
        .swapaxes(0, 1)
    )


def _check_values(cube: xr.DataArray, model: Model, betas: tuple[float, ...], names: tuple[str, ...]) -> None:
    """Refuse a cube with other values than those of the model, such as a difference; a masked cube has the same ones.

    Some pixels with data are computed and compared, by their directions, for the cosine does not depend on lengths.
    """
    geobox = geobox_of(cube)
    for lines in PROBES:
        rows, cols = (np.unique(np.linspace(0, length - 1, lines + 2).astype(int)[1:-1]) for length in geobox.shape)
        pixels = places_on(geobox, rows + 0.5, cols + 0.5)
        values = layered(cube)[:, :, rows][..., cols].compute().reshape(-1, len(names), pixels.valid.size)
        usable = np.isfinite(values).all(axis=(0, 1)) & pixels.valid.ravel()
        if usable.any():
            break
    else:
        raise UsageError(
            f"the cube was {computed_from(cube)}, and no pixel tells whether it still has the model's values; give a "
            "place inside the cube and no model"
        )
    places = whole_turns(pixels.lonlat_deg[usable])
    made = _encoded(model.spec, places, betas, names).astype(np.float64)
    found = values[..., usable].transpose(2, 0, 1).astype(np.float64)
    cosines = (made * found).sum(axis=2) / (np.linalg.norm(made, axis=2) * np.linalg.norm(found, axis=2))
    if not cosines.min() >= SAME_VALUES:
        raise UsageError(
            f"the cube was {computed_from(cube)} and no longer has the model's values: at one of its pixels their "
            f"cosine with the model's is {cosines.min():.2g}; give a place inside the cube and no model"
        )


def _described(cube: xr.DataArray, values: da.Array, places: np.ndarray, reference: str) -> xr.DataArray:
    """Similarities (place, y, x) or (place, beta, y, x) with the coordinates of the cube and of the places."""
    attrs = {"long_name": "cosine similarity", "units": "1", "compared_with": f"{reference} at the place"}
    found = pixels_like(cube, values, "similarity", attrs, ("place",))
    found.encoding["_FillValue"] = np.float32(np.nan)  # so that rioxarray writes the tag
    lon, lat = places.T
    return found.assign_coords(place=np.arange(len(places)), place_lon=("place", lon), place_lat=("place", lat))
