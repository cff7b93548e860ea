"""Labels of the graticule and of towns, placed so that none hides another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rangegeo.picture.panel import INK, LABEL_POINTS
from rangegeo.picture.towns import Towns

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

TOWN = "town"  # the gid of the names of towns and of their dots
DOT_POINTS = 3.0
DOT: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": DOT_POINTS,
    "markerfacecolor": "white",
    "markeredgecolor": INK,
    "markeredgewidth": 0.7,
}
APART = 0.3  # of the distance that as many towns would have on an even grid
TRIES = 40  # towns that are tried for each one that is drawn
# Where the name of a town may stand, the best place first: the offset in points, and how the text is aligned to it.
PLACES = (
    ((4, 0), "left", "center"),
    ((-4, 0), "right", "center"),
    ((0, 4), "center", "bottom"),
    ((0, -4), "center", "top"),
    ((3, 3), "left", "bottom"),
    ((3, -3), "left", "top"),
    ((-3, 3), "right", "bottom"),
    ((-3, -3), "right", "top"),
)


def thin_out(figure: Figure, labels: Sequence[Annotation]) -> list[Bbox]:
    """Remove labels that overlap others; a label at the frame is kept rather than one within the picture.

    Returns:
        The room that the kept labels take.
    """
    renderer = _renderer(figure)
    kept: list[Bbox] = []
    for label in sorted(labels, key=lambda label: label.xyann == (0, 0)):
        box = label.get_window_extent(renderer).padded(2)
        if any(box.overlaps(other) for other in kept):
            label.remove()
        else:
            kept.append(box)
    return kept


def add_towns(figure: Figure, panels: Sequence[Axes], towns: Towns, most: int, taken: Sequence[Bbox]) -> int:
    """Draw towns as dots in all panels, and write their names in the first one.

    A town is left out if it is too near to a larger one, or if its name would leave the frame or hide something.

    Args:
        figure: that holds the panels.
        panels: all of the same ground.
        towns: the largest first.
        most: how many are drawn at most.
        taken: room that labels have taken already.
    Returns:
        How many are drawn.
    """
    first = panels[0]
    renderer = _renderer(figure)
    frame = first.get_window_extent(renderer)
    apart = APART * math.sqrt(frame.width * frame.height / max(most, 1))
    kept = [*taken, *(artist.get_window_extent(renderer) for artist in _scales(first))]
    drawn: list[tuple[float, float]] = []
    for name, place in list(zip(towns.names, towns.places, strict=True))[: TRIES * most]:
        if len(drawn) == most:
            break
        x, y = (float(part) for part in first.transData.transform(place))
        dot = _square(x, y, DOT_POINTS * renderer.dpi / 72)
        if any(math.dist((x, y), other) < apart for other in drawn) or any(dot.overlaps(box) for box in kept):
            continue
        found = next(_fitting(first, name, (float(place[0]), float(place[1])), kept, frame, renderer), None)
        if found is not None:
            kept += [dot, found]
            drawn.append((x, y))
            for axes in panels:
                _add_dot(axes, *place)
    return len(drawn)


def _fitting(
    axes: Axes,
    name: str,
    place: tuple[float, float],
    kept: Sequence[Bbox],
    frame: Bbox,
    renderer: RendererAgg,
) -> Iterator[Bbox]:
    """Write a name where it fits; gives the room that it takes, and nothing if it fits nowhere."""
    for offset, horizontal, vertical in PLACES:
        label = _name(axes, name, place, offset, horizontal, vertical)
        box = label.get_window_extent(renderer).padded(1.5)
        within = frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1
        if within and not any(box.overlaps(other) for other in kept):
            yield box
            return
        label.remove()


def _name(
    axes: Axes, name: str, place: tuple[float, float], offset: tuple[int, int], horizontal: str, vertical: str
) -> Annotation:
    """The name of a town, with a light rim that keeps it readable on any ground."""
    from matplotlib.patheffects import withStroke

    return axes.annotate(
        name,
        place,
        offset,
        textcoords="offset points",
        fontsize=LABEL_POINTS - 1,
        color=INK,
        horizontalalignment=horizontal,
        verticalalignment=vertical,
        path_effects=[withStroke(linewidth=2.2, foreground="white", alpha=0.85)],
        parse_math=False,
        gid=TOWN,
        zorder=5,
    )


def _add_dot(axes: Axes, x: float, y: float) -> None:
    """Draw the dot of a town."""
    axes.plot([x], [y], scalex=False, scaley=False, gid=TOWN, zorder=4, **DOT)


def _square(x: float, y: float, side: float) -> Bbox:
    """The square around a point."""
    from matplotlib.transforms import Bbox

    return Bbox.from_bounds(x - side / 2, y - side / 2, side, side)


def _scales(axes: Axes) -> list[Artist]:
    """The scale of a panel, if it has one."""
    from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

    return [artist for artist in axes.get_children() if isinstance(artist, AnchoredSizeBar)]


def _renderer(figure: Figure) -> RendererAgg:
    """What measures texts."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    return FigureCanvasAgg(figure).get_renderer()
