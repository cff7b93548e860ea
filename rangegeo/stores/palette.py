"""Colours of classes: the usual ones of kinds of land, and for other names those that say nothing by themselves."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

# Kinds of land, by words in the names of their classes, and colours much like those of ESA WorldCover, of NLCD and of
# the IGBP classes of MODIS. The first line that fits a name counts.
USUAL = (
    (r"snow|ice|glaciers?", (205, 228, 245)),
    (r"wetlands?|marsh(es)?|swamps?|bogs?|fens?|peat\w*|mangroves?|mires?", (45, 160, 160)),
    (r"urban|built|built up|artificial|impervious|settlements?|city|cities|developed|buildings?", (220, 50, 47)),
    (r"crops?|croplands?|cultivated|agricultur\w*|arable|farm\w*|paddy|orchards?|vineyards?|fallow", (238, 175, 60)),
    (r"savann\w*|cerrado", (205, 200, 100)),
    (r"shrubs?|shrublands?|scrub|heath\w*|moorland|maquis|garrigue|matorral|thicket|bush", (150, 110, 60)),
    (r"grass\w*|meadows?|pastures?|rangelands?|herbaceous|steppes?|prairies?", (165, 205, 85)),
    (r"bare|barren|deserts?|rocks?|rocky|sands?|dunes?|sparse\w*", (195, 185, 170)),
    (r"moss\w*|lichens?|tundra", (228, 218, 165)),
    (r"forest\w*|trees?|woods?|woodlands?|woody|needleleaf|broadleaf|conifer\w*|deciduous", (0, 90, 40)),
    (r"waters?|lakes?|rivers?|sea|oceans?|ponds?|reservoirs?", (30, 100, 190)),
)
NEGATED = re.compile(r"\b(no|non|not|without|treeless|nonforest|unforested|deforest\w*)\b")
FADED = 0.65  # of white, in the last of several classes of one kind of land
# The colours of Okabe and Ito, which the colour-blind tell apart, those first that nobody takes for a kind of land.
# https://jfly.uni-koeln.de/color/
OTHERS = (
    (230, 159, 0),
    (204, 121, 167),
    (75, 75, 75),
    (240, 228, 66),
    (213, 94, 0),
    (86, 180, 233),
    (0, 158, 115),
    (0, 114, 178),
)
GOLDEN = 0.618034  # of a turn, by which hues of further classes are apart; the golden section keeps them different
TONES = ((0.65, 0.85), (0.85, 0.6), (0.4, 0.95))  # saturation and value of the first, second and third of these …
APART = (90, 60, 30, 1)  # sums of differences of red, green and blue that are tried, the largest first
MOST = 1000  # colours that are tried


@lru_cache(maxsize=64)
def colours_of(names: tuple[str, ...]) -> np.ndarray:
    """(classes, 3) uint8 red, green and blue, all different, for classes with these names."""
    kinds = [_kind(name) for name in names]
    found: list[tuple[int, int, int] | None] = [None] * len(names)
    for kind, (_, colour) in enumerate(USUAL):
        own = [number for number, its in enumerate(kinds) if its == kind]
        for place, number in enumerate(own):
            found[number] = _faded(colour, FADED * place / max(2, len(own) - 1))
    tried = np.array(list(_candidates()))
    for number, given in enumerate(found):
        if given is None or given in found[:number]:  # so many forests that the shades do not suffice
            found[number] = _next(tried, [other for other in found if other is not None])
    colours = np.maximum(np.array(found, dtype=np.uint8), 1)  # pictures have 0 where there is no data
    colours.flags.writeable = False
    return colours


def _kind(name: str) -> int | None:
    """The line of `USUAL` that fits a name; None for all other names."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", name).lower()
    if NEGATED.search(words):
        return None
    return next((kind for kind, (pattern, _) in enumerate(USUAL) if re.search(rf"\b({pattern})\b", words)), None)


def _faded(colour: Sequence[int], white: float) -> tuple[int, int, int]:
    """A colour with a share of white."""
    red, green, blue = (round(part + white * (255 - part)) for part in colour)
    return red, green, blue


def _candidates() -> Iterator[tuple[int, int, int]]:
    """Colours for classes that are no kind of land, the best ones first."""
    yield from OTHERS
    for number in range(MOST):
        saturation, value = TONES[number % len(TONES)]
        made = colorsys.hsv_to_rgb(0.33 + number * GOLDEN, saturation, value - 0.0005 * (number // 9))
        red, green, blue = (round(255 * part) for part in made)
        yield red, green, blue


def _next(tried: np.ndarray, taken: Sequence[tuple[int, int, int]]) -> tuple[int, int, int]:
    """The first colour that is far from all that are taken."""
    nearest = np.full(len(tried), 1000)
    if taken:
        nearest = np.abs(tried[:, None] - np.array(taken)[None]).sum(axis=2).min(axis=1)
    apart = next(apart for apart in APART if (nearest >= apart).any())
    red, green, blue = tried[int((nearest >= apart).argmax())].tolist()
    return red, green, blue
