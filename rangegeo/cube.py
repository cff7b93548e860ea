"""A grid and a model make a lazy cube: one dask block a chunk, the model named in it by its spec, never by weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import product
from numbers import Integral

import dask.array as da
import numpy as np
import xarray as xr
from dask.base import tokenize
from dask.core import flatten
from dask.delayed import Delayed, delayed
from dask.highlevelgraph import HighLevelGraph
from dask.optimization import cull
from odc.geo.geobox import GeoBox

from rangegeo.arguments import TOLERANCE, check_tolerance
from rangegeo.clipping import clip
from rangegeo.errors import UsageError
from rangegeo.field.recipe import Projection, Recipe
from rangegeo.grid import PixelPlaces, pixel_arc_deg, pixel_places, places_on, scattered_places
from rangegeo.grid.extent import SHARE, Area, choose_extent
from rangegeo.grid.georeference import grid_coords
from rangegeo.model import Model, ModelSpec, load_model
from rangegeo.patches import Patch, Window, evaluate_patch, fill_window
from rangegeo.principal import principal_directions
from rangegeo.quantise import sample_lines
from rangegeo.units import human_bytes, human_seconds

NAME = "embedding"
BETA_ATTRS = {"long_name": "0 geographic to 1 semantic average"}
MANY_BANDS = 128  # above, a block of 128 pixels a side keeps all bands and betas of it in some 100 MB
SIDE_FEW, SIDE_MANY = 256, 128
TILE_ARC_DEG = 5.12  # over which 41 x 41 points reproduce a field of degree 40, measured in workflows/benchmark
SMALLEST_TILE = 58  # pixels; below, so many points would be about as many as pixels
PCA_PIXELS = 1024
NODES_A_TILE = 1681  # usual number of evaluations, for an estimate of time
SAMPLES_A_TILE = 8  # along its sides: a twentieth of the evaluations that interpolating it takes
SAMPLE_PLACES = 4096  # evaluated at a time
PATCHES = "rangegeo-patches"  # of the layer of patches in a graph


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
        like: a raster whose very grid is taken, `res` and `crs` included: a path, a GeoBox or an xarray object.
        aoi: polygons whose bounds are the box and outside of which is NaN: a vector file, a GeoDataFrame, a shapely
            geometry or a GeoJSON dict. Chunks wholly outside are never computed.
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
            `rangegeo.virtual`.
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
        recipe = with_projection(recipe, model, geobox, pca, area)
    tolerance = None if exact else check_tolerance(tolerance)
    if chunks is None:
        from rangegeo.virtual import virtual_raster  # which is made of this module

        if area is not None:
            raise UsageError("a virtual cube (chunks=None) has no area; leave out aoi, or chunks")
        return virtual_raster(geobox, model, recipe, tolerance=tolerance)
    return model_raster(geobox, model, recipe, area=area, tolerance=tolerance, chunks=chunks)


def model_raster(
    geobox: GeoBox,
    model: Model,
    recipe: Recipe,
    *,
    area: Area | None = None,
    tolerance: float | None = TOLERANCE,
    chunks: int | str = "auto",
) -> xr.DataArray:
    """`raster` on a grid and with a recipe that are already there; a tolerance of None evaluates every pixel."""
    side = _check_chunks(chunks, recipe.bands)
    if tolerance is not None:
        check_tolerance(tolerance)
    tile = None if tolerance is None else tile_pixels(geobox, model)
    cube = outline(geobox, model, recipe, area)
    values = _lazy(geobox, model.spec, recipe, side, tile, tolerance)
    if area is not None:
        values = clip(values, area.mask)
    cube.attrs |= engine_facts(tile, tolerance)
    return cube.copy(data=values if "beta" in cube.dims else values[0])


def engine_facts(tile: int | None, tolerance: float | None) -> dict[str, object]:
    """What a cube says of how it is evaluated."""
    return {"evaluation": "exact"} if tile is None else {"evaluation": "interpolated", "tolerance": tolerance}


def outline(geobox: GeoBox, model: Model, recipe: Recipe, area: Area | None = None) -> xr.DataArray:
    """The cube with its coordinates and attributes but no values: NaN that take no memory."""
    names = model.source_names(recipe)
    if recipe.projection is not None:
        names = tuple(f"pca_{i}" for i in range(recipe.bands))
    coords = grid_coords(geobox) | {
        "band": np.arange(1, recipe.bands + 1),
        "band_name": ("band", np.array(names)),
    }
    attrs = {**provenance(model, recipe), "grid_mapping": "spatial_ref"}
    if area is not None:
        attrs |= {"aoi": area.name, SHARE: area.share}
    shape, dims = (recipe.bands, *geobox.shape), ("band", "y", "x")
    if model.has_beta and recipe.betas:
        coords["beta"] = ("beta", list(recipe.betas), BETA_ATTRS)
        shape, dims = (recipe.layers, *shape), ("beta", *dims)
    return xr.DataArray(np.broadcast_to(np.float32(np.nan), shape), coords, dims, NAME, attrs)


def _lazy(
    geobox: GeoBox, spec: ModelSpec, recipe: Recipe, side: int, tile: int | None, tolerance: float | None
) -> da.Array:
    """(layers, bands, y, x): a layer of patches, if pixels are interpolated, and a layer of chunks over it."""
    height, width = geobox.shape
    edges = [[slice(s, min(s + side, length)) for s in range(0, length, side)] for length in (height, width)]
    chunks = ((recipe.layers,), (recipe.bands,), *(tuple(e.stop - e.start for e in axis) for axis in edges))
    token = tokenize(spec, geobox, recipe, side, tile, tolerance)
    name, patch_name = f"rangegeo-{token}", f"{PATCHES}-{token}"
    tasks: dict = {}
    if tile is None:
        for (i, rows), (j, cols) in product(*map(enumerate, edges)):
            tasks[name, 0, 0, i, j] = (exact_block, spec, geobox, (rows, cols), recipe)
        graph = HighLevelGraph({name: tasks}, {name: set()})
        return da.Array(graph, name, chunks, dtype=np.float32)
    across = max(1, tile // side)  # chunks a side of a patch
    patches = {}
    for (i, rows), (j, cols) in product(*map(enumerate, edges)):
        key = (patch_name, i // across, j // across)
        if key not in patches:
            last_row, last_col = (axis[min(k + across, len(axis)) - 1] for axis, k in zip(edges, (i, j), strict=True))
            window = slice(rows.start, last_row.stop), slice(cols.start, last_col.stop)
            patches[key] = (patch_block, spec, geobox, window, tile, tolerance, recipe)
        tasks[name, 0, 0, i, j] = (interpolated_block, spec, geobox, (rows, cols), key, recipe)
    layers = {patch_name: patches, name: tasks}
    return da.Array(HighLevelGraph(layers, {patch_name: set(), name: {patch_name}}), name, chunks, dtype=np.float32)


def exact_block(spec: ModelSpec, geobox: GeoBox, window: Window, recipe: Recipe) -> np.ndarray:
    """(layers, bands, h, w) of one chunk, every pixel evaluated; the model is loaded once a process."""
    return spec.load().raster_block(pixel_places(geobox, *window), recipe)


def patch_block(spec: ModelSpec, geobox: GeoBox, window: Window, tile: int, tolerance: float, recipe: Recipe) -> Patch:
    """The nodes of one patch, evaluated once for all its chunks."""
    return evaluate_patch(spec.load(), geobox, window, tile, tolerance, recipe)


def interpolated_block(spec: ModelSpec, geobox: GeoBox, window: Window, patch: Patch, recipe: Recipe) -> np.ndarray:
    """(layers, bands, h, w) of one chunk from the patch it lies in."""
    return fill_window(spec.load(), geobox, window, patch, recipe)


def proof(cube: xr.DataArray) -> Delayed | None:
    """What was measured while a cube was computed, to be computed together with it; None if every pixel was evaluated.

    Returns:
        Delayed dict: `measured_error`, the largest error at the sampled pixels relative to each component's largest
        value; `proof_pixels`, how many; `evaluations`, places the model was evaluated at for interpolation;
        `refined_parts`, components of patches that missed the tolerance at first and were refined.
    """
    if cube.chunks is None:
        return None
    needed, _ = cull(dict(cube.data.dask), list(flatten(cube.data.__dask_keys__())))  # for a slice, not for the whole
    patches = [key for key in needed if key[0].startswith(PATCHES)]
    if not patches:
        return None
    name = f"proof-{tokenize(patches)}"
    return Delayed(name, {**needed, name: (summarise, patches)})


def summarise(patches: list[Patch]) -> dict[str, float]:
    """What all patches measured together."""
    return {
        "measured_error": max(patch.error for patch in patches),
        "proof_pixels": sum(patch.proved for patch in patches),
        "evaluations": sum(patch.evaluations for patch in patches),
        "refined_parts": sum(patch.refined for patch in patches),
    }


def with_projection(recipe: Recipe, model: Model, geobox: GeoBox, count: int, area: Area | None = None) -> Recipe:
    """The recipe followed by a PCA, fitted on seeded pixels of the raster or of the area, with all betas together.

    Raises:
        UsageError: there are fewer bands than components asked for, or some are diagnostics, or no pixel lies in the
            projection's domain.
    """
    if not 1 <= count <= recipe.bands:
        raise UsageError(
            f"--pca must be from 1 to the number of bands, {recipe.bands}, got {count}; for example --pca 3"
        )
    if recipe.kept_diagnostics:
        raise UsageError("--pca projects embeddings; leave diagnostics out of --bands")
    if area is None:
        random = np.random.default_rng(0)
        side = math.isqrt(PCA_PIXELS)
        rows, cols = (np.sort(random.integers(0, length, side)) + 0.5 for length in geobox.shape)
        pixels = places_on(geobox, rows, cols)
    else:
        pixels = _in_a_row(_places_in(area, geobox, PCA_PIXELS))
    values = model.raster_block(pixels, recipe)
    sample = values.transpose(0, 2, 3, 1).reshape(-1, recipe.bands)
    sample = sample[np.isfinite(sample).all(axis=1)]
    if len(sample) < count:
        raise UsageError("--pca found no pixels in the domain of the projection; take another --bbox or --crs")
    return replace(recipe, projection=fit_projection(sample, count))


def sample_values(geobox: GeoBox, model: Model, recipe: Recipe, area: Area | None = None) -> da.Array:
    """(layers, bands, rows, cols) of seeded pixels, each evaluated when it is computed.

    They are the crossings of the grid's `sample_lines`; of an area as many of its pixels, in one row.
    """
    rows, cols = sample_lines(geobox, min(TILE_ARC_DEG, model.smooth_deg) / SAMPLES_A_TILE)
    count = len(rows) * len(cols)
    batches = math.ceil(count / SAMPLE_PLACES)
    if area is None:
        places = [places_on(geobox, part + 0.5, cols + 0.5) for part in np.array_split(rows, batches)]
    else:
        places = [_in_a_row(part) for part in np.array_split(_places_in(area, geobox, count), batches)]
    evaluated = delayed(places_block, pure=True)
    blocks = [
        da.from_delayed(
            evaluated(model.spec, part, recipe), (recipe.layers, recipe.bands, *part.valid.shape), np.float32
        )
        for part in places
    ]
    return da.concatenate(blocks, axis=2 if area is None else 3)


def places_block(spec: ModelSpec, pixels: PixelPlaces, recipe: Recipe) -> np.ndarray:
    """(layers, bands, h, w) of pixels, every one evaluated."""
    return spec.load().raster_block(pixels, recipe)


def _places_in(area: Area, geobox: GeoBox, count: int) -> np.ndarray:
    """(n, 2) degrees of so many seeded pixels of an area, or less."""
    return scattered_places(geobox, *(part + 0.5 for part in area.mask.sample(geobox.shape, count)))


def _in_a_row(lonlat_deg: np.ndarray) -> PixelPlaces:
    return PixelPlaces(lonlat_deg, np.ones((1, len(lonlat_deg)), dtype=bool), None)


def provenance(model: Model, recipe: Recipe) -> dict[str, object]:
    """Where the values come from: flat, so that every format can hold it."""
    facts: dict[str, object] = {"long_name": f"{model.spec.name} embedding", "model": model.spec.name}
    for role, known in model.facts.items():
        facts[f"{role}_file"] = known["file"]
        facts[f"{role}_sha256"] = known["sha256"]
    facts |= model.temperatures
    if not recipe.betas:
        facts["layout"] = "components"
    if recipe.kept_diagnostics:
        facts["diagnostics"] = "entropy in nats of the weights of the database rows; neighbours is exp(entropy)"
    if recipe.projection is not None:
        facts |= {
            "pca_explained_variance": [float(share) for share in recipe.projection.explained],
            "pca_mean": [float(value) for value in recipe.projection.mean],
            "pca_components": [[float(value) for value in row] for row in recipe.projection.directions],
        }
    return facts | {
        "source_data": model.source_data,
        "citation": model.citation,
        "rangegeo_version": version("rangegeo"),
        "torch_version": version("torch"),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a cube will cost.

    Attributes:
        sizes: of the cube, by dim.
        nbytes: of its values as they are stored, uncompressed.
        blocks: how many chunks are computed.
        seconds: estimated for evaluating it.
        share: of it that is computed, at most; less than 1 if an area leaves chunks out.
    """

    sizes: dict[str, int]
    nbytes: int
    blocks: int
    seconds: float
    share: float = 1.0

    def __str__(self) -> str:
        layers = ""
        for dim in ("beta", "band"):
            if dim in self.sizes:
                layers += f"{self.sizes[dim]} {dim}{'s' if self.sizes[dim] > 1 else ''}, "
        size = f"{layers}{self.sizes['x']} x {self.sizes['y']} pixels, {human_bytes(self.nbytes)} before compression"
        part = f", {self.share:.0%} of it around the area" if self.share < 1 else ""
        return f"{size}{part}, about {human_seconds(self.seconds)}"


def plan(cube: xr.DataArray, model: Model, recipe: Recipe, dtype: str = "float32", bytes_a_second: float = 4e8) -> Plan:
    """Measure the model on some places and say what the whole cube will take, written at so many bytes a second."""
    layers = cube.data.dask.layers
    patches = [task for name, layer in layers.items() if name.startswith(PATCHES) for task in layer.values()]
    places = cube.sizes["y"] * cube.sizes["x"]
    nbytes = cube.size * np.dtype(dtype).itemsize
    if patches:
        tiles = sum(math.prod(-(-(s.stop - s.start) // tile) for s in window) for *_, window, tile, _, _ in patches)
        places = min(places, tiles * NODES_A_TILE)
    share = cube.attrs.get(SHARE, 1.0)
    return Plan(
        sizes=dict(cube.sizes),
        nbytes=nbytes,
        blocks=math.prod(cube.data.numblocks),
        seconds=share * (places * model.seconds_per_place(recipe) + nbytes / bytes_a_second),
        share=share,
    )


def fit_projection(sample: np.ndarray, count: int) -> Projection:
    """PCA of a sample (n, bands)."""
    return Projection(*(part.astype(np.float32) for part in principal_directions(sample, count)))


def tile_pixels(geobox: GeoBox, model: Model) -> int | None:
    """Pixels a side that a patch is first tried at; None where pixels are so large that all are evaluated."""
    arc_deg = min(TILE_ARC_DEG, model.smooth_deg)
    pixels = arc_deg / pixel_arc_deg(geobox) * (1 + 1e-6)  # 2.56 / 0.01 is 255.99…
    return None if pixels < SMALLEST_TILE else min(int(pixels), max(geobox.shape))


def _check_chunks(chunks: int | str, bands: int) -> int:
    if chunks == "auto":
        return SIDE_MANY if bands > MANY_BANDS else SIDE_FEW
    if not isinstance(chunks, Integral) or chunks < 16 or chunks % 16:
        raise UsageError(f"--chunks must be a multiple of 16 pixels, got {chunks}; for example --chunks 128")
    return chunks
