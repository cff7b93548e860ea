"""Colours and figures of cubes for notebooks. The cubes may be backed by dask, in memory or virtual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xarray as xr

from rangegeo.colours.fit import check_stretch
from rangegeo.colours.paint import fit_cube, paint_cube
from rangegeo.cubes.lazy import as_lazy
from rangegeo.picture.figure import draw
from rangegeo.picture.maps import is_map
from rangegeo.picture.orientation import Orientation
from rangegeo.picture.shown import decimated, note_of, title_of
from rangegeo.schema.cube import geobox_of, is_in_memory
from rangegeo.support.optional import import_optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def painted(cube: xr.DataArray, *, stretch: str = "shared") -> xr.DataArray:
    """Paint a cube in the three main directions in which its pixels vary. All betas share the directions.

    Args:
        cube: (beta, band, y, x) or (band, y, x).
        stretch: "shared" or "each"; see `rangegeo.picture.draw`.
    Returns:
        uint8 (beta, y, x, rgb) or (y, x, rgb), which is lazy unless the cube is in memory; only a sample of pixels is
        computed now.
    Raises:
        UsageError: there is no such stretch, or the cube has no pixels or no regular grid with a CRS.
    """
    check_stretch(stretch)
    geobox_of(cube)
    return paint_cube(cube if is_in_memory(cube) else as_lazy(cube), fit_cube(cube, stretch=stretch))


def plot(
    cube: xr.DataArray,
    *,
    method: str | None = None,
    seed: int = 0,
    stretch: str = "shared",
    borders: bool | None = None,
    towns: bool | int | None = None,
    title: str | None = None,
    note: str | None = None,
) -> Figure:
    """Draw a map of a cube's colours, with all betas side by side.

    A virtual cube is evaluated only at the pixels that the figure shows.

    Args:
        cube: (beta, band, y, x) or (band, y, x).
        method, seed, stretch, borders, towns, title, note: see `rangegeo.picture.draw`.
    Returns:
        A matplotlib figure, which a notebook shows.
    Raises:
        UsageError: there is no such method or stretch, or the cube has no pixels or no regular grid with a CRS.
        MissingPackage: an optional package is not installed.
    """
    pyplot = import_optional("matplotlib.pyplot", "plot")
    pyplot.switch_backend(pyplot.get_backend())  # loading the backend is what makes a notebook show figures
    check_stretch(stretch)
    Orientation(borders=borders, towns=towns).check()
    geobox_of(cube)
    how: dict[str, Any] = {"method": method, "seed": seed, "stretch": stretch, "borders": borders, "towns": towns}
    if cube.chunks is not None or is_in_memory(cube) or (is_map(cube) and method is None):
        return draw(cube, title=title, note=note, **how)
    method, thinned = method or "pca", decimated(cube)
    colours = fit_cube(thinned, method, seed, stretch)
    # The words are those of the whole cube, whose pixels are smaller than the ones that are drawn.
    title, note = title or title_of(cube), note or note_of(cube, method, stretch)
    return draw(as_lazy(thinned), colours=colours, title=title, note=note, **how)
