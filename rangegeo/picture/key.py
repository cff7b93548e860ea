"""The key of a picture: what its lines and dots are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rangegeo.picture.panel import ABOVE, LABEL_POINTS, STYLES
from rangegeo.picture.placing import DOT

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

NAMES = {"coast": "coast", "lake": "lake or wide river", "border": "border", "town": "town (GeoNames)"}
ENTRY_INCH = 1.3  # the width of an entry


def add_key(
    figure: Figure, corner: tuple[float, float], kinds: Sequence[str], *, towns: bool, room_inch: float
) -> None:
    """Draw a row of samples, each with its name, or several rows where one is too wide.

    Args:
        figure: what it is drawn on.
        corner: its upper left corner, from 0 to 1.
        kinds: of lines, out of `STYLES`.
        towns: whether there are towns too.
        room_inch: the width that it may have.
    """
    from matplotlib.lines import Line2D

    samples = [_line(kind) for kind in kinds]
    if towns:
        samples.append(Line2D([], [], label=NAMES["town"], **DOT))
    if not samples:
        return
    figure.legend(
        handles=samples,
        loc="upper left",
        bbox_to_anchor=corner,
        ncol=max(1, min(len(samples), int(room_inch / ENTRY_INCH))),
        frameon=False,
        fontsize=LABEL_POINTS - 1,
        labelcolor="#606060",
        handlelength=2.2,
        handletextpad=0.6,
        columnspacing=1.5,
        borderpad=0,
        borderaxespad=0,
    )


def _line(kind: str) -> Line2D:
    """The sample of a kind of line."""
    from matplotlib.lines import Line2D

    style = STYLES[kind][ABOVE]
    dashes = style.get("linestyles", ["-"])[0]
    return Line2D(
        [], [], color=style["colors"], linewidth=1.6 * style["linewidths"], linestyle=dashes, label=NAMES[kind]
    )
