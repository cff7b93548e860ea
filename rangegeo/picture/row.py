"""Where the panels of a figure stand, in one row, with a title above them and a key below."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rangegeo.picture.ground import Frame
from rangegeo.picture.key import TOWN_SAMPLE, Sample, add_key, line_sample
from rangegeo.picture.orientation import Orientation
from rangegeo.picture.panel import INK, Bar, Decorations, add_colour_bar, fill_panel
from rangegeo.picture.placing import add_towns, thin_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

PANEL_INCH = (7.0, 7.0)  # the largest size of a single panel
STRIP_INCH = (15.0, 5.0)  # the largest size of several panels together
SMALLEST_INCH = 0.4
MARGIN_INCH, GAP_INCH = 0.8, 0.45  # around all panels, and between two of them
BAR_INCH = 0.75  # more between two of them, where each has a colour bar
LABEL_INCH = 0.4  # more between the first panel and its colour bar, where the graticule has labels
LINE_INCH = 0.16  # the height of a line of small print
LETTER_INCH = 0.065  # the width of a letter of small print


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        picture: (h, w, 3) uint8; 0 where there is no data.
        heading: the words above it, if there are several.
        bar: its colour bar; None for none.
    """

    picture: np.ndarray
    heading: str
    bar: Bar | None = None


def compose(
    frame: Frame,
    panels: Sequence[Panel],
    wanted: Orientation,
    *,
    title: str,
    note: str,
    samples: Sequence[Sample] = (),
) -> Figure:
    """A figure of panels that lie on one ground.

    Args:
        frame: the ground.
        panels: from left to right.
        wanted: what is drawn for orientation.
        title, note: the words above the panels, large and small.
        samples: what the key tells besides the lines and the dots.
    """
    row = PanelRow.of(frame, len(panels), GAP_INCH + BAR_INCH * any(panel.bar for panel in panels[:-1]))
    decorations = Decorations.of(frame, row.panel, wanted)
    beside = LABEL_INCH if "right" in decorations.sides and panels[0].bar is not None else 0.0
    row = replace(row, gap=row.gap + beside)
    figure, places = row.figure()
    labels: list[Annotation] = []
    for number, (axes, panel) in enumerate(zip(places, panels, strict=True)):
        labels += fill_panel(axes, frame, panel.picture, decorations, first=number == 0)
        if len(panels) > 1:
            axes.set_title(panel.heading, fontsize=10, color=INK, pad=decorations.above, parse_math=False)
        if panel.bar is not None:
            add_colour_bar(axes, panel.bar, beside / row.panel[0] if number == 0 else 0.0)
    kept = thin_out(figure, labels)
    drawn = add_towns(figure, places, decorations.towns, decorations.most_towns, kept)
    row.write_key(figure, decorations, frame, towns=drawn > 0, samples=samples)
    row.write_title(figure, title, note, above=(decorations.above + 14 * (len(panels) > 1)) / 72)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRow:
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
    def of(cls, frame: Frame, panels: int, gap: float) -> PanelRow:
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

    def write_key(
        self, figure: Figure, decorations: Decorations, frame: Frame, *, towns: bool, samples: Sequence[Sample]
    ) -> None:
        """Write what the lines, the dots and other samples are, below the labels of the first panel, flush with it."""
        width, height = figure.get_size_inches()
        x, y = MARGIN_INCH / width, (MARGIN_INCH - decorations.below / 72 - 0.04) / height
        kinds, room = decorations.crossing(frame), self.room(width)
        rows = add_key(figure, (x, y), [*map(line_sample, kinds), *([TOWN_SAMPLE] if towns else [])], room_inch=room)
        add_key(figure, (x, y - rows * LINE_INCH / height), samples, room_inch=room)

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
