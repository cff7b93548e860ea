"""The figure: one panel a beta in shared colours, a title above them."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import xarray as xr

from rangegeo.colours.fit import Colours
from rangegeo.colours.paint import fit_cube, paint_cube
from rangegeo.grid.crs import UNITS
from rangegeo.pictures.ground import Frame
from rangegeo.pictures.panel import INK, Decorations, add_colour_bar, fill_panel, thin_out
from rangegeo.support.optional import import_optional

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

PIXELS = 1000  # that a picture is drawn from, on its longer side
PANEL_INCH = (7.0, 7.0)  # the most that a single panel takes
STRIP_INCH = (15.0, 5.0)  # the most that several take together
SMALLEST_INCH = 0.4
MARGIN_INCH, GAP_INCH = 0.8, 0.45  # around all panels, between two
LINE_INCH = 0.16  # of small print


def draw(
    cube: xr.DataArray,
    *,
    method: str = "pca",
    seed: int = 0,
    colours: Colours | None = None,
    title: str | None = None,
    note: str | None = None,
) -> Figure:
    """A cube as a map: every beta in a panel of its own, side by side, in the same colours.

    The picture is on the raster's own grid. Of a large cube every k-th pixel is read, so that the memory it takes does
    not depend on the cube's size. A cube of one band is grey and has a colour bar.

    Args:
        cube: (beta, band, y, x) or (band, y, x), on any grid.
        method: "pca", "ica" or "bands"; see `rangegeo.colours.fit.fit_colours`.
        seed: of the sample of pixels that the colours are fitted on, and of "ica".
        colours: already fitted, to draw several cubes alike; by default those of this cube.
        title: by default the model and, of a single panel, its beta.
        note: small print below the title; by default `note_of` the cube.
    Returns:
        A figure, not yet on any screen: `figure.savefig("x.png", bbox_inches="tight")`.
    Raises:
        MissingPackage: without matplotlib, or without scikit-learn for "ica".
    """
    import_optional("matplotlib", "drawing a picture", "plot")
    whole, cube = cube, decimated(cube)
    colours = fit_cube(cube, method, seed) if colours is None else colours
    painted = paint_cube(cube, colours).compute()
    pictures = painted.transpose("beta", ...) if "beta" in painted.dims else painted.expand_dims("beta")
    frame = Frame(whole.odc.geobox)
    layout = _Layout.of(frame, len(pictures))
    furniture = Decorations.of(frame, layout.panel)
    figure, panels = layout.figure()
    labels: list[Text] = []
    for number, (axes, picture) in enumerate(zip(panels, pictures, strict=True)):
        labels += fill_panel(axes, frame, picture.values, furniture, first=number == 0)
        if len(panels) > 1:
            axes.set_title(f"beta = {picture['beta'].item():g}", fontsize=10, color=INK, pad=furniture.above)
    if cube.sizes["band"] == 1:
        add_colour_bar(panels[-1], colours, str(cube["band_name"].values[0]))
    thin_out(figure, labels)
    title, note = title or title_of(whole), note or note_of(whole, method)
    layout.write_title(figure, title, note, above=(furniture.above + 14 * (len(panels) > 1)) / 72)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where the panels stand, in inches.

    Attributes:
        panels: how many, in one row.
        panel: width and height of each.
    """

    panels: int
    panel: tuple[float, float]

    @classmethod
    def of(cls, frame: Frame, panels: int) -> _Layout:
        most_wide, most_high = PANEL_INCH if panels == 1 else STRIP_INCH
        width = min(most_wide / panels, most_high / frame.shape)
        return cls(panels=panels, panel=(max(width, SMALLEST_INCH), max(width * frame.shape, SMALLEST_INCH)))

    def figure(self) -> tuple[Figure, list[Axes]]:
        """An empty figure with its panels."""
        from matplotlib.figure import Figure

        width, height = self.panel
        across, down = 2 * MARGIN_INCH + (width + GAP_INCH) * self.panels - GAP_INCH, 2 * MARGIN_INCH + height
        figure = Figure(figsize=(across, down))
        lefts = [MARGIN_INCH + (width + GAP_INCH) * number for number in range(self.panels)]
        return figure, [
            figure.add_axes((left / across, MARGIN_INCH / down, width / across, height / down)) for left in lefts
        ]

    def write_title(self, figure: Figure, title: str, note: str, *, above: float) -> None:
        """Title and small print, flush with the first panel, so many inches above it."""
        width, height = figure.get_size_inches()
        room = max(2.5, width - 2 * MARGIN_INCH)
        lines = textwrap.wrap(note, int(room / 0.065))  # inches a letter of the small print takes
        x, y = MARGIN_INCH / width, MARGIN_INCH + self.panel[1] + above + 0.06
        figure.text(x, y / height, "\n".join(lines), fontsize=8, color="#606060", va="bottom", linespacing=1.3)
        y += LINE_INCH * len(lines) + 0.05
        figure.text(x, y / height, title, fontsize=13, color=INK, va="bottom")


def decimated(cube: xr.DataArray, pixels: int = PIXELS) -> xr.DataArray:
    """Every k-th row and column, so that the longer side has at most so many pixels."""
    step = math.ceil(max(cube.sizes["y"], cube.sizes["x"]) / pixels)
    return cube.isel({axis: slice(min(step // 2, cube.sizes[axis] - 1), None, step) for axis in ("y", "x")})


def title_of(cube: xr.DataArray) -> str:
    """The model, and the beta of a cube that has one alone."""
    model = str(cube.attrs.get("model", cube.name or "embedding"))
    return f"{model}, beta = {cube['beta'].item():g}" if "beta" in cube.coords and cube["beta"].size == 1 else model


def note_of(cube: xr.DataArray, method: str = "pca") -> str:
    """The size of the pixels, the CRS, and what the colours are."""
    geobox = cube.odc.geobox
    crs = Frame(geobox).crs
    unit = UNITS.get(crs.axis_info[0].unit_name, f" {crs.axis_info[0].unit_name}")
    sides = dict.fromkeys(f"{abs(side):.6g}{unit}" for side in (geobox.affine.a, geobox.affine.e))
    authority = crs.to_authority(min_confidence=100)
    names = cube["band_name"].values.tolist()
    colours = {
        "pca": f"colours: principal directions of {len(names)} bands",
        "ica": f"colours: independent components of {len(names)} bands, histograms equalised",
        "bands": f"red, green, blue: {', '.join(names[:3])}",
    }
    shown = colours[method] if len(names) > 1 else names[0]
    return f"{' x '.join(sides)} pixels, {':'.join(authority) if authority else crs.name}; {shown}"
