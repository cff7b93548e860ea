"""The picture of a comparison: one panel for each task, one line for each encoder with its features."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rangegeo.support.optional import import_optional

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 5  # panels side by side
PANEL_INCH, LINE_INCH, LETTER_INCH = 2.2, 0.21, 0.075  # widths of a panel and of a letter, height of a line
MARKS = (("#0b4fa8", "#0b4fa8"), ("#808080", "white"))  # the colour and the filling of each kind of split
MARGIN = 0.04  # of the range of scores, on each side
LOWEST = -0.05  # scores below it are drawn at the left edge; they are as bad as no prediction


def draw_chart(
    headings: Sequence[tuple[str, pd.DataFrame, pd.DataFrame]], measures: Mapping[str, str], names: Sequence[str]
) -> Figure:
    """Draw the scores of all tasks.

    Args:
        headings: for each kind of split its heading, the scores (encoders, tasks), and their spreads.
        measures: how the measure of each task is shown.
        names: of the rows.
    Raises:
        MissingPackage: matplotlib is not installed.
    """
    import_optional("matplotlib", "drawing a picture")
    from matplotlib.figure import Figure

    tasks = list(measures)
    across = min(ACROSS, len(tasks))
    down = math.ceil(len(tasks) / across)
    height = LINE_INCH * len(names) + 0.8
    labels = LETTER_INCH * max(map(len, names)) + 0.2
    figure = Figure(figsize=(labels + PANEL_INCH * across, height * down + 0.4), layout="constrained")
    panels = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
    for axes, task in zip(panels, tasks, strict=False):
        _fill(axes, [(values[task], spreads[task]) for _, values, spreads in headings])
        axes.set_title(f"{task}, {measures[task]}", fontsize=9)
        axes.set_yticks(range(len(names)), names, fontsize=8)
    for axes in panels[len(tasks) :]:
        axes.set_visible(False)
    panels[0].invert_yaxis()
    handles = panels[0].get_legend_handles_labels()[0]
    figure.legend(
        handles, [heading for heading, *_ in headings], loc="outside lower center", ncols=min(2, across), fontsize=8
    )
    return figure


def _fill(axes: Axes, columns: Sequence[tuple[pd.Series, pd.Series]]) -> None:
    """Draw the scores of one task."""
    for (values, spreads), (edge, face) in zip(columns, MARKS, strict=False):
        scores = np.maximum(values.to_numpy(), LOWEST)
        axes.errorbar(
            scores,
            np.arange(len(scores)),
            xerr=spreads.fillna(0).to_numpy(),
            fmt="o",
            markersize=4.5,
            color=edge,
            markerfacecolor=face,
            elinewidth=1,
            label="scores",
        )
    lowest = min((values.clip(lower=LOWEST) - spreads.fillna(0)).min() for values, spreads in columns)
    axes.set_xlim(lowest - MARGIN * (1 - lowest), 1 + MARGIN * (1 - lowest))
    axes.grid(axis="x", color="#e6e6e6")
    axes.tick_params(axis="x", labelsize=7)
    axes.set_axisbelow(True)
