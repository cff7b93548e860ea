"""Colours and figures of cubes for notebooks. The cubes may be backed by dask, in memory or virtual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from rangegeo.colours.paint import fit_cube, paint_cube
from rangegeo.cubes.lazy import as_lazy
from rangegeo.picture.figure import decimated, draw, note_of, title_of
from rangegeo.schema.cube import geobox_of, is_in_memory
from rangegeo.support.optional import import_optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def painted(cube: xr.DataArray) -> xr.DataArray:
    """Paint a cube in the three main directions in which its pixels vary. All betas share the colours.

    Args:
        cube: (beta, band, y, x) or (band, y, x).
    Returns:
        uint8 (beta, y, x, rgb) or (y, x, rgb), which is lazy unless the cube is in memory; only a sample of pixels is
        computed now.
    Raises:
        UsageError: the cube has no pixels or no regular grid with a CRS.
    """
    geobox_of(cube)
    return paint_cube(cube if is_in_memory(cube) else as_lazy(cube), fit_cube(cube))


def plot(
    cube: xr.DataArray, *, method: str = "pca", seed: int = 0, title: str | None = None, note: str | None = None
) -> Figure:
    """Draw a map of a cube's colours, with all betas side by side.

    A virtual cube is evaluated only at the pixels that the figure shows.

    Args:
        cube: (beta, band, y, x) or (band, y, x).
        method: "pca" for principal directions, "ica" for independent ones, "bands" for three bands as they are.
        seed: the seed of the sample of pixels that the colours are fitted on, and of "ica".
        title: the line above the map; by default the model and the beta of a single panel.
        note: the small print below the title; by default the size of the pixels, the CRS and what the colours are.
    Returns:
        A matplotlib figure, which a notebook shows.
    Raises:
        UsageError: there is no such method, or the cube has no pixels or no regular grid with a CRS.
        MissingPackage: matplotlib is not installed, or scikit-learn is not and the method is "ica".
    """
    pyplot = import_optional("matplotlib.pyplot", "plot")
    pyplot.switch_backend(pyplot.get_backend())  # loading the backend is what makes a notebook show figures
    geobox_of(cube)
    if cube.chunks is not None or is_in_memory(cube):
        return draw(cube, method=method, seed=seed, title=title, note=note)
    thinned = decimated(cube)
    colours = fit_cube(thinned, method, seed)
    # The words are those of the whole cube, whose pixels are smaller than the ones that are drawn.
    title, note = title or title_of(cube), note or note_of(cube, method)
    return draw(as_lazy(thinned), method=method, seed=seed, colours=colours, title=title, note=note)
