"""One beta of a cube: selected, or blended from S and G."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rangegeo.errors import UsageError, argument
from rangegeo.field.blend import blend
from rangegeo.schema.bands import DIAGNOSTICS
from rangegeo.schema.betas import Betas, check_beta, index_of
from rangegeo.schema.complete import text
from rangegeo.schema.facts import facts_of, with_facts

COMPONENTS = ("semantic_", "geographic_")  # the names of the bands of S and of G begin with these


def usual_beta(cube: xr.DataArray) -> float | None:
    """A beta that a cube holds, for messages: 0.5 where all can be read from it; None if it has none."""
    held = np.ravel(cube["beta"].values) if "beta" in cube.coords else np.array([])
    if len(held):
        return float(held[len(held) // 2])
    return 0.5 if str(cube["band_name"].values[0]).startswith(COMPONENTS) else None


def at_beta(cube: xr.DataArray, beta: Betas) -> xr.DataArray:
    """The embedding at one beta, lazily.

    Args:
        cube: (beta, band, y, x) or (band, y, x). A cube with layout "components" gives any beta, another one only the
            betas that it holds.
        beta: in [0, 1].
    Returns:
        (band, y, x) float32 with a scalar coordinate beta: the blend of S and G, then q and diagnostics.
    Raises:
        UsageError: the cube does not hold what this beta needs.
    """
    usual = usual_beta(cube)
    beta = check_beta(beta, "at", f"for example {argument('beta', 0.5 if usual is None else usual)}")
    held = np.ravel(cube["beta"].values) if "beta" in cube.coords else np.array([])
    index = index_of(beta, held)
    if index is not None:
        return cube.isel(beta=index) if "beta" in cube.dims else cube
    names = cube["band_name"].values.tolist()
    averages = [name for name in names if name.startswith(COMPONENTS) and name not in DIAGNOSTICS]
    semantic_names = [name for name in averages if name.startswith(COMPONENTS[0])]
    paired = averages == semantic_names + [name.replace(*COMPONENTS) for name in semantic_names]
    count = len(semantic_names)
    if not count or not paired or names[: 2 * count] != averages:
        others = ", ".join(f"{other:g}" for other in held) or "none"
        raise UsageError(
            f"beta {beta:g} can be read from a cube that holds it, or from one made with all bands of "
            f"{argument('layout', 'components')}; this one holds {others}"
        )
    semantic, geographic, rest = (
        cube.isel(band=bands).drop_vars(("band", "band_name"))
        for bands in (slice(count), slice(count, 2 * count), slice(2 * count, None))
    )
    blended = xr.concat([blend(semantic, geographic, beta), rest], "band", combine_attrs="drop").rename(cube.name)
    names = [name.replace(COMPONENTS[0], "visual_") for name in names[:count]] + names[2 * count :]
    facts = {name: value for name, value in facts_of(cube).items() if name != "layout"}
    return with_facts(blended, facts).assign_coords(
        band=np.arange(1, len(names) + 1), band_name=("band", text(names)), beta=beta
    )
