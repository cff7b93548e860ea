"""One beta of a cube: selected, or blended from S and G."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rangegeo.errors import UsageError, argument
from rangegeo.schema.bands import DIAGNOSTICS
from rangegeo.schema.betas import Betas, check_beta, index_of

COMPONENTS = ("semantic_", "geographic_")  # how the bands of S and of G are called


def at_beta(cube: xr.DataArray, beta: Betas) -> xr.DataArray:
    """The embedding at one beta, lazily: any from a cube with layout "components", else one that it holds.

    Args:
        cube: (beta, band, y, x) or (band, y, x).
        beta: in [0, 1].
    Returns:
        (band, y, x) float32 with a scalar coordinate beta; (1 - beta) G + beta S, then q and diagnostics.
    Raises:
        UsageError: the cube does not hold what this beta needs.
    """
    beta = check_beta(beta, "at")
    held = np.ravel(cube["beta"].values) if "beta" in cube.coords else np.array([])
    index = index_of(beta, held)
    if index is not None:
        return cube.isel(beta=index) if "beta" in cube.dims else cube
    names = cube["band_name"].values.tolist()
    averages = [name for name in names if name.startswith(COMPONENTS) and name not in DIAGNOSTICS]
    found = [name for name in averages if name.startswith(COMPONENTS[0])]
    paired = averages == found + [name.replace(*COMPONENTS) for name in found]
    count = len(found)
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
    visual = geographic if beta == 0 else semantic if beta == 1 else (1 - beta) * geographic + beta * semantic
    blended = xr.concat([visual, rest], "band", combine_attrs="drop").rename(cube.name)
    names = [name.replace(COMPONENTS[0], "visual_") for name in names[:count]] + names[2 * count :]
    attrs = {key: value for key, value in cube.attrs.items() if key != "layout"}
    return blended.assign_attrs(attrs).assign_coords(
        band=np.arange(1, len(names) + 1), band_name=("band", np.array(names)), beta=beta
    )
