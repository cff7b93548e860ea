"""Pictures of how a map was tested: scores of the folds where their blocks lie, and errors."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox

from rangegeo.evaluation.background import narrowest
from rangegeo.evaluation.blocks import BlockSide
from rangegeo.evaluation.crossvalidation import HeldOut
from rangegeo.evaluation.labels import CLASSES, NUMBERS, Labels
from rangegeo.evaluation.scores import main_measure, shown
from rangegeo.picture.ground import Frame
from rangegeo.picture.orientation import Orientation
from rangegeo.picture.panel import INK, Bar
from rangegeo.picture.row import Panel, compose
from rangegeo.stores.legend import VIRIDIS, Ramp
from rangegeo.support.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 110
MARGIN_DEG = 0.5  # around the blocks
PIXELS = 200  # a side of the ground that blocks are drawn on; only its edges are seen
MOST_NUMBERED = 150  # blocks; more of them get no numbers
MOST_NAMED, MOST_COUNTED = 40, 12  # classes of a confusion matrix; more of them get no names, or no numbers
MOST_EDGED = 2000  # dots with a white edge; more of them are smaller, and have none
DENSE = 3000  # points; more of them are drawn as hexagons
SIDE_INCH, CLASS_INCH = 5.0, 0.28  # of a picture of errors, and of a class in it
GREY = (0.9, 0.9, 0.9)


def png(figure: Figure) -> bytes:
    """The bytes of a figure as a PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.1)
    return file.getvalue()


def draw_folds(labels: Labels, blocks: np.ndarray, side: BlockSide, held: HeldOut) -> Figure:
    """Draw the blocks, each in the colour of the score of its fold, with the number of the fold; labels are dots.

    Args:
        labels: what was learned from.
        blocks: (n,) the block of each label.
        side: of the blocks.
        held: what was predicted of the labels.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    known, folds = _cells(labels, blocks, side, held)
    frame = _frame(known)
    middle = (frame.edges[0] + frame.edges[1]) / 2
    known[:, [0, 2]] -= 360 * np.round((known[:, [0, 2]].mean(axis=1, keepdims=True) - middle) / 360)
    measure = main_measure(held.target)
    scores = held.by_fold[measure].to_numpy(np.float64)
    finite = scores[np.isfinite(scores)]
    ramp = Ramp.over(*((finite.min(), finite.max()) if len(finite) else (0.0, 1.0)))
    bar = Bar(low=ramp.low, high=ramp.high, colours=VIRIDIS / 255, name=f"{shown(measure)} of the fold")
    height, width = frame.geobox.shape
    panel = Panel(picture=np.zeros((height, width, 3), np.uint8), heading="", bar=bar)
    title = f"{held.target.name}: {shown(measure)} of each fold"
    note = f"blocks of {side}; the numbers are those of the folds, and dots are the {counted(len(labels), 'label')}"
    figure = compose(frame, [panel], Orientation(towns=0), title=title, note=note)
    axes = figure.axes[0]
    shades = [GREY if not np.isfinite(score) else tuple(_shade(ramp, score)) for score in scores]
    patches = [Rectangle((west, south), east - west, north - south) for west, south, east, north in known]
    colours = [shades[fold] for fold in folds]
    drawn = PatchCollection(patches, facecolors=colours, edgecolors="white", linewidths=0.8, zorder=1, gid="blocks")
    axes.add_collection(drawn, autolim=False)
    places = frame.project(labels.lonlat_deg)
    dots: dict[str, Any] = {"marker": "o", "markersize": 2.6, "color": INK}
    dots |= {"markeredgecolor": "white", "markeredgewidth": 0.4}
    if len(places) > MOST_EDGED:
        dots |= {"markersize": 1.2, "markeredgewidth": 0}
    axes.plot(*places.T, linestyle="none", scalex=False, scaley=False, gid="labels", zorder=3, **dots)
    if len(known) <= MOST_NUMBERED:
        _number(axes, known, folds)
    return figure


def _shade(ramp: Ramp, score: float) -> np.ndarray:
    """The colour of a score, from 0 to 1."""
    return ramp.paint(np.full((1, 1, 1), score))[:, 0, 0] / 255


def _cells(labels: Labels, blocks: np.ndarray, side: BlockSide, held: HeldOut) -> tuple[np.ndarray, np.ndarray]:
    """West, south, east and north (b, 4) of each block, and its fold (b,)."""
    _, first = np.unique(labels.together, return_index=True)  # whose places the blocks were made from
    _, of_block = np.unique(blocks[first], return_index=True)
    rows = first[of_block]
    return side.bounds(labels.lonlat_deg[rows]), held.folds[rows]


def _frame(bounds: np.ndarray) -> Frame:
    """A ground around blocks, in longitude and latitude."""
    west, _ = narrowest(bounds[:, 0])
    reach = float(((bounds[:, 0] - west) % 360 + bounds[:, 2] - bounds[:, 0]).max())
    south, north = max(-90.0, bounds[:, 1].min() - MARGIN_DEG), min(90.0, bounds[:, 3].max() + MARGIN_DEG)
    left, right = (-180.0, 180.0) if reach + 2 * MARGIN_DEG >= 360 else (west - MARGIN_DEG, west + reach + MARGIN_DEG)
    return Frame(GeoBox.from_bbox((left, south, right, north), "EPSG:4326", shape=(PIXELS, PIXELS)))


def _number(axes: Axes, bounds: np.ndarray, folds: np.ndarray) -> None:
    """Write the number of its fold into the corner of each block."""
    from matplotlib.patheffects import withStroke

    for (west, _, _, north), fold in zip(bounds, folds, strict=True):
        text = axes.annotate(
            str(fold), (west, north), (2, -2), textcoords="offset points", va="top", fontsize=7, color=INK, zorder=4
        )
        text.set_path_effects([withStroke(linewidth=1.8, foreground="white", alpha=0.9)])
        text.set_clip_on(True)


def draw_errors(held: HeldOut) -> Figure:
    """Draw what was predicted of labels that were left out: a confusion matrix, or predictions against labels."""
    from matplotlib.figure import Figure

    kind, classes = held.target.kind, len(held.target.classes)
    side = max(SIDE_INCH, CLASS_INCH * min(classes, MOST_NAMED)) if kind == CLASSES else SIDE_INCH
    figure = Figure(figsize=(side, side))
    axes = figure.add_subplot()
    draw = _draw_numbers if kind == NUMBERS else _draw_confusion if kind == CLASSES else _draw_presence
    draw(axes, held)
    return figure


def _draw_numbers(axes: Axes, held: HeldOut) -> None:
    """Predictions over labels, with the line of equal values."""
    known, found = held.target.values, held.found[:, 0]
    if len(known) > DENSE:
        axes.hexbin(known, found, gridsize=60, mincnt=1, bins="log", cmap="viridis")
    else:
        axes.plot(known, found, ".", markersize=3, color="#2c728e", alpha=0.6, gid="labels")
    both = np.concatenate([known, found])
    axes.axline((both.min(),) * 2, (both.max(),) * 2, color=INK, linewidth=0.8)
    axes.set(aspect="equal")
    _name(axes, held, "predicted in blocks that were left out")


def _draw_confusion(axes: Axes, held: HeldOut) -> None:
    """Which share of the labels of each class was predicted as which class."""
    shares = shares_of(held)
    names, count = held.target.classes, len(held.target.classes)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if count <= MOST_COUNTED:
        for (row, column), share in np.ndenumerate(shares):
            colour = "white" if share > 0.6 else INK
            axes.text(column, row, f"{share:.0%}", ha="center", va="center", fontsize=8, color=colour)
    shown_names = names if count <= MOST_NAMED else ()
    axes.set_xticks(range(len(shown_names)), shown_names, rotation=90, fontsize=8, parse_math=False)
    axes.set_yticks(range(len(shown_names)), shown_names, fontsize=8, parse_math=False)
    _name(axes, held, "predicted in blocks that were left out", swapped=True)


def _draw_presence(axes: Axes, held: HeldOut) -> None:
    """How suitable places were said to be where it was found, and at places of the background."""
    found, present = held.found[:, 0], held.target.values == 1
    edges = np.linspace(0, 1, 21)
    for rows, name, colour in ((~present, "background", "#9a9a9a"), (present, held.target.name, "#2c728e")):
        weights = np.full(rows.sum(), 1 / max(1, rows.sum()))
        axes.hist(found[rows], edges.tolist(), weights=weights, color=colour, alpha=0.6, label=name)
    axes.set(xlabel="suitability predicted in blocks that were left out", ylabel="share of the places", xlim=(0, 1))
    for text in axes.legend(frameon=False).get_texts():
        text.set_parse_math(False)


def _name(axes: Axes, held: HeldOut, predicted: str, *, swapped: bool = False) -> None:
    names = (f"labels: {held.target.name}", predicted)
    across, up = names[::-1] if swapped else names
    axes.set_xlabel(across, parse_math=False)
    axes.set_ylabel(up, parse_math=False)


def counts_of(held: HeldOut) -> np.ndarray:
    """(classes, classes) how many labels of each class (rows) were predicted as which class (columns)."""
    codes, chosen = held.target.values.astype(int), held.found.argmax(axis=1)
    count = len(held.target.classes)
    return np.bincount(codes * count + chosen, minlength=count**2).reshape(count, count)


def shares_of(held: HeldOut) -> np.ndarray:
    """(classes, classes) which share of the labels of each class was predicted as which class."""
    counts = counts_of(held)
    return counts / np.maximum(1, counts.sum(axis=1, keepdims=True))


def confusions(held: HeldOut, most: int) -> pd.DataFrame:
    """The most frequent mistakes: columns class, predicted and labels."""
    counts = counts_of(held)
    np.fill_diagonal(counts, 0)
    rows, columns = np.unravel_index(np.argsort(-counts, axis=None, kind="stable")[:most], counts.shape)
    names = np.array(held.target.classes, dtype=object)
    found = pd.DataFrame({"class": names[rows], "predicted": names[columns], "labels": counts[rows, columns]})
    return found[found.labels > 0]
