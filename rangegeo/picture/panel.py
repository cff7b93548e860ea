"""One panel: the picture, and the lines, labels and scale that help people to find their way in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rangegeo.picture.coastlines import borders, coastlines, lake_shores
from rangegeo.picture.graticule import Line, graticule
from rangegeo.picture.ground import Frame
from rangegeo.picture.orientation import Orientation
from rangegeo.picture.towns import Towns, towns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

INK, NO_DATA, WATER = "#202020", "#e6e6e6", "#0b4fa8"
LINE_EVERY_INCH = 0.9
PIXELS_AN_INCH = 100  # coastlines are drawn as finely as that
LABEL_POINTS = 8  # the size of labels
BARS_KM = tuple(number * 10.0**power for power in range(-3, 5) for number in (1, 2, 5))
LONGEST_BAR = 0.3  # of the width of the panel
CONSTANT_SCALE = 0.05  # a scale that varies by a smaller share is given without a latitude
NO_TOWNS = Towns((), np.empty((0, 2)))
DASHES = (0, (6, 2.5, 1.5, 2.5))  # of borders
# Each kind of line has a light line below a thinner one; both have a width in points and an opacity.
BELOW, ABOVE = "below", "above"
STYLES: dict[str, dict[str, dict]] = {
    "coast": {BELOW: {"colors": "white", "linewidths": 1.4, "alpha": 0.4}, ABOVE: {"colors": INK, "linewidths": 0.6}},
    "lake": {BELOW: {"colors": "white", "linewidths": 1.2, "alpha": 0.5}, ABOVE: {"colors": WATER, "linewidths": 0.5}},
    "border": {
        BELOW: {"colors": "white", "linewidths": 1.1, "alpha": 0.35},
        ABOVE: {"colors": INK, "linewidths": 0.5, "alpha": 0.75, "linestyles": [DASHES]},
    },
}
# Where a label stands, seen from its place: the offset in points, and how the text is aligned to it.
STANDS = {
    "left": ((-4, 0), "right", "center"),
    "right": ((4, 0), "left", "center"),
    "bottom": ((0, -4), "center", "top"),
    "top": ((0, 4), "center", "bottom"),
    None: ((0, 0), "center", "center"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decorations:
    """The lines that all panels of a figure share.

    Attributes:
        lines: the meridians and parallels.
        ways: the lines of each kind of `STYLES`, (n, 2) each.
        sides: the sides of the frame at which labels stand; None for labels on a line.
        towns: those that may be drawn.
        most_towns: how many of them at most.
    """

    lines: list[Line]
    ways: dict[str, list[np.ndarray]]
    sides: frozenset[str | None]
    towns: Towns
    most_towns: int

    @classmethod
    def of(cls, frame: Frame, panel_inch: tuple[float, float], wanted: Orientation) -> Decorations:
        """The lines of a ground, as dense and as fine as a panel of this width and height can show them."""
        across, down = (max(2, round(side / LINE_EVERY_INCH)) for side in panel_inch)
        lines = graticule(frame, (across, down))
        pixels = PIXELS_AN_INCH * max(panel_inch)
        most_towns = wanted.towns_on(panel_inch)
        return cls(
            lines=lines,
            ways={
                "border": borders(frame, pixels) if wanted.with_borders else [],
                "lake": lake_shores(frame, pixels),
                "coast": coastlines(frame, pixels),
            },
            sides=frozenset(line.label(frame)[0] for line in lines if line.labelled),
            towns=towns(frame) if most_towns else NO_TOWNS,
            most_towns=most_towns,
        )

    def crossing(self, frame: Frame) -> list[str]:
        """The kinds of lines that cross the picture itself, not only its margin."""
        left, right, bottom, top = frame.edges

        def crosses(way: np.ndarray) -> bool:
            east, north = np.maximum(way[1:], way[:-1]).T
            west, south = np.minimum(way[1:], way[:-1]).T
            return bool(((east >= left) & (west <= right) & (north >= bottom) & (south <= top)).any())

        return [kind for kind in STYLES if any(map(crosses, self.ways[kind]))]

    @property
    def above(self) -> float:
        """The height that the labels above a panel take, in points."""
        return 4 + (LABEL_POINTS + 4) * ("top" in self.sides)

    @property
    def below(self) -> float:
        """The height that the labels below a panel take, in points."""
        return 4 + (LABEL_POINTS + 4) * ("bottom" in self.sides)


def fill_panel(
    axes: Axes, frame: Frame, picture: np.ndarray, decorations: Decorations, *, first: bool
) -> list[Annotation]:
    """Draw a picture with its graticule, its coastlines, lakes and borders, and its scale.

    The labels at the left and at the right and the scale are drawn in the first panel of a figure only.

    Args:
        axes: the axes of the panel.
        frame: the ground of the picture.
        picture: (h, w, 3) uint8; 0 where there is no data.
        decorations: the lines of the figure.
        first: whether this is the first panel.
    Returns:
        The labels of the graticule.
    """
    has_data = (picture > 0).any(axis=2)
    rgba = np.dstack([picture, np.where(has_data, 255, 0).astype(np.uint8)])
    axes.imshow(rgba, extent=frame.edges, aspect="auto")
    axes.set(xlim=frame.edges[:2], ylim=frame.edges[2:], xticks=[], yticks=[], facecolor=NO_DATA)
    for spine in axes.spines.values():
        spine.set(color=INK, linewidth=0.8)
    _add_lines(axes, decorations)
    if first:
        _add_scale(axes, frame)
    labels = [(line.text, *line.label(frame)) for line in decorations.lines if line.labelled]
    return [_add_label(axes, *label) for label in labels if first or label[1] not in ("left", "right")]


def _add_lines(axes: Axes, decorations: Decorations) -> None:
    """Draw the graticule, borders and shores, each dark and light, so that they can be seen on any ground."""
    from matplotlib.collections import LineCollection

    lines = [line.xy for line in decorations.lines]
    for colour, width, alpha in ((INK, 0.9, 0.2), ("white", 0.5, 0.7)):
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, alpha=alpha), autolim=False)
    for layer in (BELOW, ABOVE):
        for kind, ways in decorations.ways.items():
            axes.add_collection(LineCollection(ways, **STYLES[kind][layer], gid=f"{kind} {layer}"), autolim=False)


def _add_label(axes: Axes, text: str, side: str | None, place: tuple[float, float]) -> Annotation:
    """Write a label beside a place on a side of the frame, or on the place itself."""
    from matplotlib.patheffects import withStroke

    offset, horizontal, vertical = STANDS[side]
    label = axes.annotate(
        text,
        place,
        offset,
        textcoords="offset points",
        fontsize=LABEL_POINTS if side else LABEL_POINTS - 1,
        color=INK,
        horizontalalignment=horizontal,
        verticalalignment=vertical,
        annotation_clip=False,
        zorder=5,
    )
    if side is None:
        label.set_path_effects([withStroke(linewidth=2, foreground="white", alpha=0.8)])
    return label


def _add_scale(axes: Axes, frame: Frame) -> None:
    """Draw a bar of round kilometres, as long as they are in the middle of the picture.

    If the scale varies over the picture, the text says at which latitude the bar is right.
    """
    from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

    km = frame.km_per_unit(0.5)
    widest = LONGEST_BAR * km * (frame.edges[1] - frame.edges[0])
    fitting = [bar for bar in BARS_KM if bar <= widest]  # none fits if the middle is outside the domain
    if not fitting:
        return
    length = fitting[-1]
    ends = [frame.km_per_unit(row) for row in (0.02, 0.98)]
    steady = all(abs(end / km - 1) < CONSTANT_SCALE for end in ends if math.isfinite(end))
    text = f"{length:.0f} km" if length >= 1 else f"{1000 * length:.0f} m"
    if not steady:
        text += f" at {_latitude_text(frame.centre_deg[1])}"
    bar = AnchoredSizeBar(
        axes.transData,
        length / km,
        text,
        "lower left",
        pad=0.4,
        borderpad=0.6,
        sep=3,
        color=INK,
        size_vertical=0.006 * (frame.edges[3] - frame.edges[2]),
        fill_bar=True,
        fontproperties={"size": LABEL_POINTS},
    )
    bar.patch.set(facecolor="white", edgecolor="none", alpha=0.75)
    bar.set_zorder(3)
    axes.add_artist(bar)


def _latitude_text(degrees: float) -> str:
    """A latitude in words: "the equator", "the pole", "46°N"."""
    named = {0: "the equator", 90: "the pole"}
    return named.get(round(abs(degrees)), f"{abs(degrees):.0f}°{'NS'[degrees < 0]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The colour bar of a panel of one band.

    Attributes:
        low, high: the values of the first and of the last colour.
        colours: (n, 3) from 0 to 1, from low to high.
        name: of the band.
        beyond: whether some pixels are lower, and whether some are higher; an end that they reach is pointed.
    """

    low: float
    high: float
    colours: np.ndarray
    name: str
    beyond: tuple[bool, bool] = (False, False)


def add_colour_bar(axes: Axes, bar: Bar, away: float = 0.0) -> None:
    """Draw a colour bar beside a panel.

    Args:
        away: room for labels between the two, as a share of the width of the panel.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours = LinearSegmentedColormap.from_list("bar", bar.colours)
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(bar.beyond, "neither")
    drawn = axes.figure.colorbar(
        ScalarMappable(Normalize(bar.low, bar.high), colours),
        cax=axes.inset_axes((1.03 + away, 0.0, 0.03, 1.0)),
        extend=extend,
    )
    drawn.ax.tick_params(labelsize=LABEL_POINTS)
    drawn.ax.set_ylabel(bar.name, fontsize=LABEL_POINTS, parse_math=False)
