"""Pictures of maps that were learned from labels: classes with names and colours, numbers with a bar of colours.

Every band of a target has a panel of its own, but for the probabilities of single classes. Bands are known by their
names, as `rangegeo.evaluation.answers` gives them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from rangegeo.grid.samples import sample_lattice
from rangegeo.picture.ground import Frame
from rangegeo.picture.key import Sample, colour_sample
from rangegeo.picture.orientation import Orientation
from rangegeo.picture.panel import Bar
from rangegeo.picture.row import Panel, compose
from rangegeo.picture.shown import decimated, pixels_text
from rangegeo.schema.complete import band_names
from rangegeo.schema.cube import as_4d, geobox_of, north_up
from rangegeo.stores.legend import CLASSES, TARGET, VIRIDIS, Classes, Ramp, classes_from, classes_of, drawn_range
from rangegeo.support.location import Location
from rangegeo.support.paths import file_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# How names of bands end, and what the band is.
KINDS = {"_suitability": "suitability", "_probability": "probability of the class", "_spread": "spread"}
MOST_NAMES = 60  # of classes in a key


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Layer:
    """A band that is drawn.

    Attributes:
        target: what it is about.
        heading: what it says of it.
        name: of the band.
        cube: with this band alone.
        classes: that its numbers are; None for any other band.
    """

    target: str
    heading: str
    name: str
    cube: xr.DataArray
    classes: Classes | None


def is_map(cube: xr.DataArray) -> bool:
    """Whether a cube is a map that was learned from labels."""
    return TARGET in cube.attrs


def layers_of(cubes: Sequence[xr.DataArray]) -> dict[str, list[Layer]]:
    """The bands that are drawn of each target.

    Args:
        cubes: the outputs of one map, each (band, y, x).
    """
    found: dict[str, list[Layer]] = {}
    for cube in cubes:
        for layer in _layers(cube):
            found.setdefault(layer.target, []).append(layer)
    return found


def _layers(cube: xr.DataArray) -> Iterator[Layer]:
    names = band_names(cube)
    for number, name in enumerate(names):
        if f"{name.split(': ')[0]}_probability" in names and ": " in name:
            continue  # the probability of one class
        ending = next((ending for ending in KINDS if name.endswith(ending)), "")
        target = name.removesuffix(ending)
        yield Layer(
            target=target,
            heading=KINDS.get(ending, target),
            name=name,
            cube=cube.isel(band=[number]),
            classes=_classes(cube, target) if not ending else None,
        )


def _classes(cube: xr.DataArray, target: str) -> Classes | None:
    """The classes of a target; None for numbers."""
    alone = cube.attrs.get(CLASSES) if cube.attrs[TARGET] == target else None
    told = cube.attrs.get(f"{CLASSES}_{target}", alone)
    return None if told is None else classes_from(told)


def picture_paths(path: Location, targets: Sequence[str]) -> list[Location]:
    """The pictures of some targets: `path` if there is one target, else NAME_TARGET.png for each."""
    if len(targets) < 2:
        return [path]
    return [path.with_name(f"{path.stem}_{name}{path.suffix}") for name in file_names(targets)]


def draw_maps(
    layers: Sequence[Layer],
    *,
    borders: bool | None = None,
    towns: bool | int | None = None,
    title: str | None = None,
    note: str | None = None,
) -> Figure:
    """Draw bands of one map side by side.

    Args:
        layers: on one grid.
        borders, towns, title, note: as of `rangegeo.picture.draw`; the note tells the scores.
    """
    whole = north_up(layers[0].cube)
    panels, shown = [], []
    for layer in layers:
        values = decimated(north_up(layer.cube)).values
        panel, samples = _panel(layer, values.reshape(1, *values.shape[-2:]))
        panels.append(panel)
        shown += samples
    return compose(
        Frame(geobox_of(whole)),
        panels,
        Orientation(borders=borders, towns=towns),
        title=title or title_of_map(layers),
        note=note or note_of_map(layers),
        samples=shown,
    )


def _panel(layer: Layer, values: np.ndarray) -> tuple[Panel, list[Sample]]:
    """A panel of values (1, h, w), and what the key says of it."""
    if layer.classes is not None:
        picture = layer.classes.paint(values).transpose(1, 2, 0)
        return Panel(picture=picture, heading=layer.heading), _samples(layer.classes, values)
    ramp = Ramp.over(*drawn_range(values))
    finite = values[np.isfinite(values)]
    bar = Bar(
        low=ramp.low,
        high=ramp.high,
        colours=VIRIDIS / 255,
        name=layer.name,
        beyond=(bool((finite < ramp.low).any()), bool((finite > ramp.high).any())),
    )
    return Panel(picture=ramp.paint(values).transpose(1, 2, 0), heading=layer.heading, bar=bar), []


def _samples(classes: Classes, values: np.ndarray) -> list[Sample]:
    """The key of the classes that are there."""
    there = np.unique(values[np.isfinite(values)]).astype(int).tolist()
    found = [colour_sample(classes.names[number], tuple(classes.colours[number] / 255)) for number in there]
    more = len(found) - MOST_NAMES
    return found if more <= 0 else [*found[:MOST_NAMES], colour_sample(f"and {more} more classes", None)]


def legend_for(cube: xr.DataArray) -> Classes | Ramp:
    """The colours of the first band of a map; a sample of its pixels is read."""
    rows, cols = sample_lattice((cube.sizes["y"], cube.sizes["x"]), 0)
    first = as_4d(cube)[0, 0].isel(y=rows).isel(x=cols).values
    return classes_of(cube) or Ramp.over(*drawn_range(first))


def title_of_map(layers: Sequence[Layer]) -> str:
    """The title of a picture: what is mapped, and what it was predicted from."""
    targets = ", ".join(dict.fromkeys(layer.target for layer in layers))
    return f"{targets}, predicted from {layers[0].cube.attrs.get('model', 'embeddings')}"


def note_of_map(layers: Sequence[Layer]) -> str:
    """The small print of a picture: its pixels, and the scores of what it shows."""
    targets = dict.fromkeys(layer.target for layer in layers)
    parts = [pixels_text(layers[0].cube)]
    for line in str(layers[0].cube.attrs.get("scores", "")).splitlines():
        target, _, told = line.partition(": ")
        if target in targets and " in blocks that were left out" in told:
            parts.append(told if len(targets) == 1 else line)
    return "; ".join(parts)
