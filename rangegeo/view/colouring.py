"""Colours of a source by their names, which stand in addresses: pca, ica, bands-1-2-3, or pca@west,south,east,north.

A tile travels as whole numbers from 1 to 65535, one for each beta and colour, with 0 where there are no data. The page
blends them and looks the shade up in a table, so that another beta needs no request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rangegeo.colours.fit import Colours, fit_betas, fit_colours
from rangegeo.errors import UsageError
from rangegeo.field.probes import Probes
from rangegeo.view.sources import Source, parse_bounds

METHODS = ("pca", "ica")
LEVELS = 65_535  # the largest number in a tile
BEYOND = 0.75  # scores are kept so many times their span beyond what becomes black and full colour, and then cut off
NAME = re.compile(r"(pca|ica)(?:@([-+.,\d]{7,80}))?|bands(?:-(\d{1,5}))(?:-(\d{1,5})-(\d{1,5}))?")


@dataclass(frozen=True, eq=False, kw_only=True)
class Colouring:
    """Colours that were fitted.

    Attributes:
        name: as it stands in addresses.
        colours: of an embedding.
        probes: the scores of each beta and colour, in this order, from features.
        low, step: (3,) a score is low + step * number.
    """

    name: str
    colours: Colours
    probes: Probes
    low: np.ndarray
    step: np.ndarray

    @classmethod
    def of(cls, name: str, source: Source) -> Colouring:
        """Fit the colours of a name.

        Raises:
            UsageError: there are no such colours, or nothing to fit them to.
        """
        colours = _fitted(name, source)
        first, last = colours.knots[:, 0], colours.knots[:, -1]
        margin = BEYOND * (last - first)
        low, high = first - margin, last + margin
        wanted = source.layers.of_layers(colours.mean, colours.directions, source.features)
        return cls(name=name, colours=colours, probes=wanted, low=low, step=(high - low) / (LEVELS - 1))

    def numbers(self, scores: np.ndarray) -> np.ndarray:
        """(layers, 3, ...) uint16 of scores (layers * 3, ...)."""
        shape = (3, *[1] * (scores.ndim - 1))
        scale, first = (part.reshape(shape).astype(np.float32) for part in (1 / self.step, 1 - self.low / self.step))
        found = scores.reshape(-1, 3, *scores.shape[1:]) * scale
        found += first
        known = np.isfinite(found).all(axis=1, keepdims=True)
        np.rint(np.clip(found, 1, LEVELS, out=found), out=found)
        return (found if known.all() else np.where(known, found, 0)).astype(np.uint16)

    @cached_property
    def shades(self) -> np.ndarray:
        """(3, LEVELS + 1) uint8: the shade of each number, and 0 for no data."""
        scale = np.linspace(1, 255, self.colours.knots.shape[1])
        table = np.zeros((3, LEVELS + 1), np.uint8)
        for row, low, step, knots in zip(table, self.low, self.step, self.colours.knots, strict=True):
            row[1:] = np.rint(np.interp(low + step * np.arange(LEVELS), knots, scale))
        return table

    @property
    def nbytes(self) -> int:
        """Bytes of what it holds."""
        return self.shades.nbytes + self.probes.directions.nbytes

    def curves(self) -> list[list[float]]:
        """The numbers of each colour at which its shades are evenly spaced from 1 to 255."""
        rows = zip(self.low, self.step, self.colours.knots, strict=True)
        return [(1 + (knots - low) / step).round(2).tolist() for low, step, knots in rows]


def _fitted(name: str, source: Source) -> Colours:
    """The colours of a name."""
    found = NAME.fullmatch(name)
    if found is None:
        raise UsageError(
            f"there are no colours {name[:60]!r}; take pca, ica, bands-1-2-3, or pca@west,south,east,north"
        )
    layers = source.layers
    sample = source.sample(None if found[2] is None else parse_bounds(found[2]))
    if not len(sample):
        raise UsageError("there are no data in view to fit colours to; move the map to the coloured area")
    parts = [sample[:, columns].astype(np.float64) for columns in layers.columns]
    if found[1]:
        return fit_betas(parts, found[1], names=layers.names)[0]
    bands = [int(number) - 1 for number in found.groups()[2:] if number]
    if min(bands) < 0 or max(bands) >= layers.bands:
        raise UsageError(f"bands are numbered from 1 to {layers.bands}, got {max(bands) + 1}")
    chosen = np.concatenate(parts)[:, bands]
    fitted = fit_colours(chosen, "bands")
    mean, directions = np.zeros(layers.bands), np.zeros((3, layers.bands))
    for score, band in enumerate(bands * (3 // len(bands))):
        directions[score, band] = 1
        mean[band] = fitted.mean[score % len(bands)]
    return Colours(mean, directions, fitted.knots)
