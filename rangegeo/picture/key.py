"""The key of a picture: what its lines, dots and colours are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rangegeo.picture.panel import ABOVE, LABEL_POINTS, STYLES
from rangegeo.picture.placing import DOT

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

NAMES = {"coast": "coast", "lake": "lake or wide river", "border": "border", "town": "town (GeoNames)"}
ENTRY_INCH = 1.3  # the width of an entry
LETTER_INCH = 0.047  # the width of a letter of it
LONGEST = 40  # letters of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An entry of a key.

    Attributes:
        name: what it is.
        style: of matplotlib's Line2D.
    """

    name: str
    style: dict

    def drawn(self) -> Line2D:
        from matplotlib.lines import Line2D

        return Line2D([], [], label=self.name, **self.style)


TOWN_SAMPLE = Sample(name=NAMES["town"], style=DOT)


def line_sample(kind: str) -> Sample:
    """The sample of a kind of line, out of `STYLES`."""
    style = STYLES[kind][ABOVE]
    dashes = style.get("linestyles", ["-"])[0]
    drawn = {"color": style["colors"], "linewidth": 1.6 * style["linewidths"], "linestyle": dashes}
    return Sample(name=NAMES[kind], style=drawn)


def colour_sample(name: str, colour: tuple[float, float, float] | None) -> Sample:
    """The sample of a class with this colour, from 0 to 1; without a colour only its name is written."""
    square = {"marker": "s", "markersize": 7, "markeredgewidth": 0.4, "markeredgecolor": "#404040"}
    style = {"linestyle": "none"} | ({} if colour is None else {**square, "markerfacecolor": colour})
    return Sample(name=name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…", style=style)


def add_key(figure: Figure, corner: tuple[float, float], samples: Sequence[Sample], *, room_inch: float) -> int:
    """Draw rows of samples, each with its name.

    Args:
        figure: what it is drawn on.
        corner: its upper left corner, from 0 to 1.
        samples: of what is told.
        room_inch: the width that it may have.
    Returns:
        The number of rows.
    """
    if not samples:
        return 0
    entry = max(ENTRY_INCH, 0.45 + LETTER_INCH * max(len(sample.name) for sample in samples))
    columns = max(1, min(len(samples), int(room_inch / entry)))
    legend = figure.legend(
        handles=[sample.drawn() for sample in samples],
        loc="upper left",
        bbox_to_anchor=corner,
        ncol=columns,
        frameon=False,
        fontsize=LABEL_POINTS - 1,
        labelcolor="#606060",
        handlelength=2.2,
        handletextpad=0.6,
        columnspacing=1.5,
        borderpad=0,
        borderaxespad=0,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return -(-len(samples) // columns)
