"""What was measured while a cube was computed: the error of its interpolation, on its own pixels."""

from __future__ import annotations

import xarray as xr
from dask.base import tokenize
from dask.core import flatten
from dask.delayed import Delayed
from dask.optimization import cull

from rangegeo.cubes.graph import patch_layers
from rangegeo.engine.patches import Patch


def proof(cube: xr.DataArray) -> Delayed | None:
    """What is measured while a cube is computed, to be computed together with it; None if nothing is interpolated.

    Returns:
        Delayed dict: `measured_error`, the largest error at the sampled pixels relative to each component's largest
        value; `proof_pixels`, how many; `evaluations`, places the model was evaluated at for interpolation;
        `refined_parts`, components of patches that missed the tolerance at first and were refined.
    """
    layers = [] if cube.chunks is None else patch_layers(cube.data)
    if not layers:
        return None
    needed, _ = cull(dict(cube.data.dask), list(flatten(cube.data.__dask_keys__())))  # for a slice, not for the whole
    patches = [key for layer in layers for key in layer if key in needed]
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
        "refined_parts": sum(patch.missed_tolerance for patch in patches),
    }
