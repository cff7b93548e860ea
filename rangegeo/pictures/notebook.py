"""Colours and figures of cubes as notebooks show them: lazy, in memory or virtual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from rangegeo.colours.paint import fit_cube, paint_cube
from rangegeo.cubes.lazy import as_lazy
from rangegeo.pictures.figure import decimated, draw, note_of, title_of
from rangegeo.schema.cube import geobox_of, is_in_memory
from rangegeo.support.optional import import_optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def painted(cube: xr.DataArray) -> xr.DataArray:
    """The colours of a cube: the three main directions in which its pixels vary, shared by all its betas.

    Returns:
        uint8 with dims (y, x, rgb), or (beta, y, x, rgb), computed lazily; a sample of pixels is computed now.
    """
    geobox_of(cube)
    return paint_cube(cube if is_in_memory(cube) else as_lazy(cube), fit_cube(cube))


def plot(
    cube: xr.DataArray, *, method: str = "pca", seed: int = 0, title: str | None = None, note: str | None = None
) -> Figure:
    """A map of a cube's colours, all betas side by side.

    A virtual cube is evaluated at the pixels that the figure shows, no others.

    Args:
        method: "pca" for principal directions, "ica" for independent ones, "bands" for three bands as they are.
        seed: of the sample of pixels that the colours are fitted on, and of "ica".
        title, note: above the map and below the title; by default what the cube says of itself.
    Returns:
        A matplotlib figure, which a notebook shows.
    Raises:
        MissingPackage: matplotlib is missing, or scikit-learn for the method "ica".
    """
    pyplot = import_optional("matplotlib.pyplot", "plot", "plot")
    pyplot.switch_backend(pyplot.get_backend())  # a notebook learns to show figures when its backend is loaded
    geobox_of(cube)
    shown, colours = cube, None
    if cube.chunks is None and not is_in_memory(cube):
        thinned = decimated(cube)
        shown, colours = as_lazy(thinned), fit_cube(thinned, method, seed)
    title, note = title or title_of(cube), note or note_of(cube, method)
    return draw(shown, method=method, seed=seed, colours=colours, title=title, note=note)
