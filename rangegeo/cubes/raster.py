"""A grid and a model make a lazy cube: one dask block a chunk, the model named in it by its spec, never by weights."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from rangegeo.cubes.graph import to_dask
from rangegeo.cubes.projection import with_projection
from rangegeo.cubes.spec import RasterSpec
from rangegeo.cubes.virtual import virtual_raster
from rangegeo.engine.tolerance import TOLERANCE
from rangegeo.errors import UsageError
from rangegeo.grid.extent import choose_extent
from rangegeo.grid.like import own_labels
from rangegeo.models.load import load_model
from rangegeo.models.model import Model


def raster(
    bbox: Sequence[float] | None = None,
    res: float | Sequence[float] | None = None,
    *,
    like: object = None,
    aoi: object = None,
    all_touched: bool = False,
    model: Model | str = "RANGE+",
    betas: float | Sequence[float] = 0.5,
    crs: object = None,
    bbox_crs: object = None,
    align: bool = False,
    layout: str = "betas",
    bands: str | Sequence[int | str] = "all",
    pca: int | None = None,
    tolerance: float = TOLERANCE,
    exact: bool = False,
    chunks: int | str | None = "auto",
) -> xr.DataArray:
    """The embedding raster of a box, of an area, or on the grid of another raster, computed when it is used.

    Exactly one of `bbox`, `like` and `aoi` is given.

    Args:
        bbox: west, south, east, north in `bbox_crs`; west > east crosses the antimeridian.
        res: pixel size in units of `crs`, one number or x and y.
        like: a raster whose very grid is taken, `res` and `crs` included: a path, a GeoBox or an xarray object. An
            xarray object also gives its labels, so that arithmetic with it loses no pixel.
        aoi: polygons whose bounds are the box and outside of which is NaN: a vector file, a GeoDataFrame or a row of
            one, shapely geometries, a GeoJSON dict, or an object with `__geo_interface__`. Chunks wholly outside are
            never computed.
        all_touched: pixels count that the area touches, not those alone whose centre lies in it.
        model: from `rangegeo.load_model`, or the name of one to load with the weights that are its default.
        betas: in [0, 1], 0 geographic to 1 semantic, for models that have it.
        crs: of the raster, anything pyproj reads, by default WGS 84; pixel centres are transformed, values never
            resampled.
        bbox_crs: of the bounding box, and of an area that says none; by default WGS 84.
        align: move the corners outwards to multiples of the pixel size.
        layout: "betas", or "components": S, G and q side by side, from which any beta can be read later.
        bands: "all", "visual", "location", "diagnostics", names of bands or their numbers from 1 on, or several of
            these; what is left out is not computed.
        pca: project the bands on so many principal components, fitted now on a seeded sample of the raster.
        tolerance: largest error of interpolation, relative to each component's largest value.
        exact: evaluate every pixel.
        chunks: pixels a side of a chunk; "auto" is 128 for many bands, 256 for up to 128. None for a virtual cube,
            which has no chunks and evaluates just the slices that are used, each at its own zoom; see
            `rangegeo.cubes.virtual`.
    Returns:
        float32 with dims (beta, band, y, x), or (band, y, x) for models without beta and layout "components", NaN
        outside the domain of the projection. Nothing but the PCA is computed yet.
    Raises:
        UsageError: what is wrong with an argument, and what to give instead.
        GridError: a raster or an area cannot be used.
    """
    where = {"crs": crs, "bbox_crs": bbox_crs, "align": align, "like": like, "aoi": aoi, "all_touched": all_touched}
    geobox, area = choose_extent(bbox, res, **where)
    if isinstance(model, str):
        model = load_model(model)
    recipe = model.recipe(betas, layout=layout, bands=bands)
    if pca is not None:
        recipe = with_projection(recipe, model.evaluator, geobox, pca, area)
    given = {"area": area, "labels": own_labels(like), "tolerance": None if exact else tolerance}
    if chunks is None:
        if area is not None:
            raise UsageError("a virtual cube (chunks=None) has no area; leave out aoi, or chunks")
        return virtual_raster(RasterSpec.of(model, geobox, recipe, **given))
    return to_dask(RasterSpec.of(model, geobox, recipe, chunks=chunks, **given)).cube
