"""The outputs of a map: classes get a file of their own, which other programs draw with names and colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from rangegeo.evaluation.answers import Answer
from rangegeo.evaluation.labels import CLASSES
from rangegeo.evaluation.lazy import LazyMap
from rangegeo.schema.facts import facts_of, with_facts
from rangegeo.support.location import Location
from rangegeo.support.paths import file_names


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Part:
    """One output.

    Attributes:
        out: where it is written.
        cube: (band, y, x).
        kind: "classes" if it holds a band with numbers of classes alone, else "numbers".
    """

    out: Location
    cube: xr.DataArray
    kind: str


def parts_of(lazy: LazyMap, out: Location, *, apart: bool) -> list[Part]:
    """The outputs of a map.

    Args:
        apart: whether classes are written apart: to `out` if they are the only target, else to NAME_TARGET.tif; and
            their probabilities to NAME_probability.tif. Without it the map is one output.
    """
    cube, answers = lazy.cube, lazy.finishing.answers
    classes = [answer for answer in answers if answer.kind == CLASSES]
    if not apart or not classes:
        return [Part(out=out, cube=cube, kind="numbers")]
    parts = []
    names = lazy.finishing.names
    others = [answer for answer in answers if answer.kind != CLASSES]
    if others:
        own = [names.index(name) for answer in others for name in lazy.finishing.names_of(answer)]
        parts.append(Part(out=out, cube=_taken(cube, own, others), kind="numbers"))
    targets = [answer.name for answer in answers]
    endings = dict(zip(targets, file_names(targets), strict=True))
    for answer in classes:
        first, *rest = (names.index(name) for name in lazy.finishing.names_of(answer))
        stem = out.stem if len(answers) == 1 else f"{out.stem}_{endings[answer.name]}"
        for bands, ending, kind in (([first], "", CLASSES), (rest, "_probability", "numbers")):
            part = _taken(cube, bands, [answer])
            if kind == CLASSES:
                part = _with_flags(part, answer)
            parts.append(Part(out=out.with_name(f"{stem}{ending}{out.suffix}"), cube=part, kind=kind))
    return parts


def _taken(cube: xr.DataArray, bands: list[int], answers: list[Answer]) -> xr.DataArray:
    """Some bands of a map, with what is true of them."""
    found = cube.isel(band=bands).assign_coords(band=np.arange(1, len(bands) + 1))
    facts = facts_of(cube)
    own, every = ", ".join(answer.name for answer in answers), facts["target"]
    facts |= {"target": own, "long_name": facts["long_name"].replace(every, own, 1)}
    facts = {name: fact for name, fact in facts.items() if name != "classes" and not name.startswith("classes_")}
    return with_facts(found, facts)


def _with_flags(cube: xr.DataArray, answer: Answer) -> xr.DataArray:
    """A band of classes that says what its numbers mean, as CF has it too."""
    words = ["_".join(name.split()) or "no_name" for name in answer.classes]
    flags = {"flag_values": list(range(len(words))), "flag_meanings": " ".join(words), "classes": list(answer.classes)}
    return with_facts(cube, facts_of(cube) | flags)
