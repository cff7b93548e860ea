"""Colours of a cube as a map with axes, for notebooks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from rangegeo.errors import UsageError
from rangegeo.extras import need
from rangegeo.locating import geobox_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from xarray.plot.facetgrid import FacetGrid

PIXELS = 1024  # on the longer side; a screen shows no more


def thinned(cube: xr.DataArray) -> xr.DataArray:
    """Every nth row and column, so that no more are left than a screen shows."""
    step = math.ceil(max(cube.sizes["y"], cube.sizes["x"]) / PIXELS)
    return cube.isel(y=slice(None, None, step), x=slice(None, None, step)) if step > 1 else cube


def draw(cube: xr.DataArray, painted: xr.DataArray, ax: Axes | None = None, **options: object) -> AxesImage | FacetGrid:
    """A map of a cube, or one a beta side by side.

    Args:
        painted: its colours, from `cube.rangegeo.rgb()`.
        options: of xarray's imshow.
    Raises:
        MissingPackage: matplotlib is missing. UsageError: several betas do not fit on one `ax`.
    """
    need("matplotlib.pyplot", "plot", "plot")
    painted = painted.assign_coords({axis: cube[axis] for axis in ("y", "x")})  # with their units
    aspect, model = _aspect(cube), cube.attrs.get("model", "")
    if painted.sizes.get("beta", 1) > 1:
        if ax is not None:
            raise UsageError("one ax shows one beta; choose it first: cube.sel(beta=0.5).rangegeo.plot(ax=ax)")
        grid = painted.plot.imshow(rgb="rgb", col="beta", **options)
        for each in grid.axs.flat:
            each.set_aspect(aspect)
        grid.fig.suptitle(model, y=1.02)
        return grid
    painted = painted.squeeze("beta") if "beta" in painted.dims else painted
    image = painted.plot.imshow(rgb="rgb", ax=ax, **options)
    image.axes.set_aspect(aspect)
    image.axes.set_title(f"{model}, beta {float(painted['beta']):g}" if "beta" in painted.coords else model)
    return image


def _aspect(cube: xr.DataArray) -> float:
    """How much longer a unit of y is drawn than one of x: as on the ground, in the middle of the map."""
    if not geobox_of(cube).crs.geographic:
        return 1.0
    middle = float(cube["y"].mean())
    return 1 / max(math.cos(np.radians(middle)), 0.1)
