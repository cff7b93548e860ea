"""`rangegeo.raster`: a lazy cube from an extent and a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from rangegeo.cubes.graph import to_dask
from rangegeo.cubes.projection import taken_projection, with_projection
from rangegeo.cubes.size import check_pixels
from rangegeo.cubes.spec import RasterSpec
from rangegeo.cubes.virtual import virtual_raster
from rangegeo.engine.tolerance import TOLERANCE
from rangegeo.errors import UsageError, argument
from rangegeo.grid.crs import CrsLike
from rangegeo.grid.extent import choose_extent
from rangegeo.grid.like import RasterLike, own_labels
from rangegeo.grid.polygons import AreaLike
from rangegeo.models.load import load_model
from rangegeo.models.model import Model
from rangegeo.schema.bands import Bands
from rangegeo.schema.betas import Betas, one_spelling


def raster(
    bbox: Sequence[float] | None = None,
    res: float | Sequence[float] | None = None,
    *,
    like: RasterLike | None = None,
    aoi: AreaLike | None = None,
    aoi_layer: str | None = None,
    all_touched: bool = False,
    model: Model | str = "RANGE+",
    betas: Betas | None = None,
    crs: CrsLike | None = None,
    bbox_crs: CrsLike | None = None,
    align: bool = False,
    layout: str = "betas",
    bands: Bands = "all",
    pca: int | None = None,
    pca_from: str | Path | None = None,
    tolerance: float = TOLERANCE,
    exact: bool = False,
    chunks: int | str | None = "auto",
    beta: Betas | None = None,
) -> xr.DataArray:
    """The embedding raster of a box, of an area, or on the grid of another raster, computed when it is used.

    Exactly one of `bbox`, `like` and `aoi` is given.

    Args:
        bbox: west, south, east, north in `bbox_crs`; a box with west > east crosses the antimeridian.
        res: the pixel size in units of `crs`: one number, or one for x and one for y.
        like: a raster whose grid is taken, with its pixel size and CRS: a path, a GeoBox or an xarray object. An xarray
            object also gives its labels, so that arithmetic with it loses no pixel.
        aoi: an area whose bounds are taken: a vector file, a GeoDataFrame or a row of one, shapely geometries, a
            GeoJSON dict, or an object with `__geo_interface__`. Pixels outside of it are NaN, and chunks outside of it
            are never computed.
        aoi_layer: the layer of a vector file that has several.
        all_touched: keep every pixel that the area touches, and not only those whose centre lies in it.
        model: from `rangegeo.load_model`; or a name, such as "RANGE+", "RANGE", "SatCLIP" or another that
            `rangegeo models` lists, to load with its default weights.
        betas: one number in [0, 1] or several, 0 geographic to 1 semantic, for models that have it; by default 0.5.
            `beta` is another name for it.
        crs: the CRS of the raster, anything that pyproj reads; by default WGS 84. Pixel centres are transformed to
            longitude and latitude, and values are never resampled.
        bbox_crs: the CRS of `bbox`, and of an area that does not say its own; by default WGS 84.
        align: move the corners outwards to multiples of the pixel size.
        layout: "betas" for one layer for each beta, or "components" for S, G and q side by side, from which any beta
            can be read later.
        bands: "all", "visual", "location", "diagnostics", names of bands or their numbers from 1 on, or several of
            these. Bands that are left out are not computed.
        pca: project the bands on so many principal components, which are fitted now on a seeded sample of the raster.
        pca_from: take the principal components of another output of rangegeo instead, a .zarr or a .tif, so that both
            can be joined; `pca` says how many, by default all of them.
        tolerance: the largest error of interpolation, from 4e-6 to 0.1, relative to each component's largest value.
        exact: evaluate every pixel and interpolate none.
        chunks: pixels a side of a chunk, a multiple of 16; "auto" is 512 for up to 8 bands, 256 for up to 128, and 128
            for more. None makes a virtual cube, which has no chunks and evaluates only the slices that are used, each
            at its own zoom.
    Returns:
        float32 with dims (beta, band, y, x), or (band, y, x) for models without betas and for layout "components". It
        is NaN outside the domain of the projection. Nothing but the PCA is computed yet.
    Raises:
        UsageError: an argument is wrong; the message says what to give instead.
        GridError: a raster or an area cannot be used.
        WeightsError, DownloadError: the model that is named cannot be loaded.
    """
    geobox, area = choose_extent(
        bbox,
        res,
        crs=crs,
        bbox_crs=bbox_crs,
        align=align,
        like=like,
        aoi=aoi,
        aoi_layer=aoi_layer,
        all_touched=all_touched,
    )
    if chunks is not None:
        check_pixels(geobox)
    if isinstance(model, str):
        model = load_model(model)
    given = one_spelling(betas, beta)
    if given is not None and not model.has_beta:
        raise UsageError(f"{argument('betas')} needs a model with betas, and {model.spec.name} has none; leave it out")
    recipe = model.recipe(given, layout=layout, bands=bands)
    if pca_from is not None:
        recipe = taken_projection(recipe, model, pca_from, pca)
    elif pca is not None:
        recipe = with_projection(recipe, model, geobox, pca, area)
    within, labels = None if exact else tolerance, own_labels(like)
    if chunks is None:
        if area is not None:
            raise UsageError("a virtual cube (chunks=None) has no area; leave out aoi, or chunks")
        return virtual_raster(RasterSpec.of(model, geobox, recipe, labels=labels, tolerance=within))
    spec = RasterSpec.of(model, geobox, recipe, area=area, labels=labels, tolerance=within, chunks=chunks)
    return to_dask(spec).cube
