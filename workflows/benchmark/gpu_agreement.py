"""Whether the device gives what the CPU gives: every component, model and way through the package.

Numbers of float32 may differ by 1e-5 of the largest value, numbers of float64 by 1e-12. Each check gives the largest
difference, what is allowed, and whether it has passed.
"""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
import torch
from gpu_database import globe, make_field, make_location_encoder, satclip
from gpu_machine import ENGINE, MODELS, Clock, Skipped, need
from torch import Tensor

from rangegeo import encoders
from rangegeo.field.places import Places, unit_vectors
from rangegeo.field.precision import full_precision
from rangegeo.field.range import RangeField
from rangegeo.field.strongest import Kernel, strongest_rows

BOUNDS = {"float32": 1e-5, "float64": 1e-12}  # by dtype, of the largest value
DIAGNOSTICS = ("semantic_entropy", "semantic_neighbours", "geographic_entropy", "geographic_neighbours")
BETAS = (0.0, 0.5, 1.0)
TOLERANCE = 4e-6  # of interpolation; so small that the results agree even if the devices choose other points
BOX = (6.0, 45.0)  # west and south of the rasters, in degrees
Found = dict[str, Tensor | np.ndarray]  # results by name
Check = Callable[[Clock, torch.device], Found]  # the same results on any device


def agreement(clock: Clock) -> Iterator[tuple[str, dict]]:
    """Each check on the device and on the CPU."""
    for name, check in CHECKS.items():
        try:
            there, here = (check(clock, device) for device in (clock.device, torch.device("cpu")))
        except Skipped as reason:
            yield name, {"skipped": str(reason)}
            continue
        yield name, compared(there, here)


def compared(there: Found, here: Found) -> dict:
    """The largest differences of some results, and whether all are small enough."""
    results = {name: difference(there[name], here[name]) for name in here}
    return {"passed": all(result["passed"] for result in results.values()), **results}


def difference(there: Tensor | np.ndarray, here: Tensor | np.ndarray, bound: float | None = None) -> dict:
    """How far a result is from that of the CPU, relative to its largest value."""
    found, expected = (torch.as_tensor(values).cpu() for values in (there, here))
    allowed = bound or BOUNDS.get(str(expected.dtype).removeprefix("torch."), 0.0)
    same = found.shape == expected.shape and found.dtype == expected.dtype
    same = same and torch.equal(found.isnan(), expected.isnan())
    error = float("inf")
    if same:
        scale = float(expected.double().nan_to_num().abs().max().clamp(min=1e-300))
        error = float((found.double() - expected.double()).nan_to_num().abs().max()) / scale
    dtype = str(expected.dtype).removeprefix("torch.")
    return {"error": error, "allowed": allowed, "dtype": dtype, "passed": bool(error <= allowed)}


def field_on(clock: Clock, device: torch.device, rows: int) -> RangeField:
    """The same field on any device."""
    return copy.deepcopy(_field(clock.small, rows, clock.either(1024, 24))).to(device)


@cache
def _field(small: bool, rows: int, width: int) -> RangeField:
    """A field on the CPU."""
    return make_field(satclip(small), rows, width, "cpu")


def components(clock: Clock, device: torch.device, *, grid: bool, folded: bool) -> Found:
    """S, G, q and embeddings of places of the whole globe, or of a grid."""
    field = field_on(clock, device, clock.either(16_384, 300))
    if not folded:
        field.folded = field.folded_entropy = None
    places = Places.scattered(globe(clock.either(512, 40)))
    if grid:
        places = Places.grid(torch.linspace(5, 12, clock.either(24, 6)), torch.linspace(43, 48, clock.either(20, 5)))
    places = places.to(device)
    with full_precision(), torch.inference_mode():
        found = field.components(places)
        embedded = field(places, BETAS)
    return {"S": found.semantic, "G": found.geographic, "q": found.location, "embedding": embedded}


def diagnostics(clock: Clock, device: torch.device) -> Found:
    """Entropies, and the strongest rows with their weights. Entropies are sums of float32 numbers."""
    field = field_on(clock, device, clock.either(16_384, 300))
    places = Places.scattered(globe(clock.either(256, 20))).to(device)
    with full_precision(), torch.inference_mode():
        found = field.components(places, semantic=False, geographic=False, diagnostics=DIAGNOSTICS)
        near = Kernel.of(unit_vectors(places.lonlat_deg), field.xyz, 40.0, 0.5)
        like = Kernel.of(found.location, field.keys, field.temperature, 0.5)
        rows, weights = strongest_rows([like, near], 10)
    entropies: Found = {name: found.part(name).float() for name in DIAGNOSTICS}
    return entropies | {"strongest_weights": weights, "strongest_rows": rows}


def model(clock: Clock, device: torch.device, *, name: str) -> Found:
    """The location encoder of one model of the table."""
    places = Places.scattered(globe(clock.either(2000, 50)))
    encoder = make_location_encoder(name, clock.small).to(device)
    with full_precision(), torch.inference_mode():
        return {"output": encoder(places.to(device))}


def raster(clock: Clock, device: torch.device) -> Found:
    """A raster through the engine: betas, components, a projection, and pixels that are evaluated one by one."""
    need(**ENGINE)
    from rangegeo.engine.evaluator import FieldEvaluator, evaluate_pixels
    from rangegeo.engine.patches import evaluate_patch, fill_window
    from rangegeo.field.principal import principal_directions
    from rangegeo.field.recipe import Projection, Recipe
    from rangegeo.grid import make_geobox, pixel_places

    evaluator = FieldEvaluator(field_on(clock, device, clock.either(4096, 300)), str(device))
    side = clock.either(128, 32)
    geobox = make_geobox((*BOX, BOX[0] + side * 0.01, BOX[1] + side * 0.01), 0.01)
    window, few = (slice(0, side),) * 2, (slice(0, 16),) * 2
    plain = {"visual": evaluator.visual, "location": evaluator.location}
    recipe = Recipe(betas=BETAS, **plain)
    exact = evaluate_pixels(evaluator, pixel_places(geobox, *few), recipe)
    # both devices project on the directions of the CPU; directions of their own could have other signs
    sample = np.random.default_rng(0).normal(size=(200, recipe.bands)) * np.linspace(1, 3, recipe.bands)
    projection = Projection(*(part.astype(np.float32) for part in principal_directions(sample, 3)))
    recipes = {
        "betas": recipe,
        "components": Recipe(betas=(), **plain),
        "pca": Recipe(betas=BETAS, **plain, projection=projection),
    }
    found: Found = {"evaluated_pixels": exact}
    for name, made in recipes.items():
        patch = evaluate_patch(evaluator, geobox, window, side, TOLERANCE, made)
        found[name] = fill_window(evaluator, geobox, window, patch, made)
    return found


def points(clock: Clock, device: torch.device) -> Found:
    """Scattered places: evaluated, and interpolated in tiles."""
    need(**ENGINE)
    from rangegeo.engine.evaluator import FieldEvaluator, evaluate_places
    from rangegeo.engine.points import interpolate_places
    from rangegeo.field.recipe import Recipe

    evaluator = FieldEvaluator(field_on(clock, device, clock.either(4096, 300)), str(device))
    recipe = Recipe(betas=BETAS, visual=evaluator.visual, location=evaluator.location)
    near = np.random.default_rng(0).uniform(BOX, (BOX[0] + 2, BOX[1] + 2), (clock.either(8000, 600), 2))
    return {
        "evaluated": evaluate_places(evaluator, globe(clock.either(512, 40)).numpy(), recipe),
        "interpolated": interpolate_places(evaluator, near, recipe, TOLERANCE),
    }


def drop_in(clock: Clock, device: torch.device) -> Found:
    """The class `RANGE` with the embedded model, and its location encoder."""
    need(**MODELS)
    from rangegeo.models.dropin import RANGE

    os.environ.setdefault("RANGEGEO_CACHE", _throw_away_cache().name)
    made = RANGE("RANGE+", db="demo", pretrained_path="demo", device=str(device))
    coords = globe(clock.either(512, 40))
    with torch.no_grad():
        location = made.loc_model(coords.to(device))
    # `forward` gives float64 numbers, but S and G in them were computed in float32
    return {"forward": made(coords).float(), "encode": made.encode(coords), "loc_model": location}


@cache
def _throw_away_cache() -> tempfile.TemporaryDirectory:
    """A folder that lives as long as this process."""
    return tempfile.TemporaryDirectory(prefix="rangegeo-gpu-")


CHECKS: dict[str, Check] = {
    "components": partial(components, grid=False, folded=True),
    "components_of_a_grid": partial(components, grid=True, folded=True),
    "components_without_folding": partial(components, grid=False, folded=False),
    "diagnostics": diagnostics,
    "raster": raster,
    "points": points,
    "drop_in_class": drop_in,
    **{f"model_{name}": partial(model, name=name) for name in encoders.MODELS},
}
