"""What was measured while a cube was computed: the error of its interpolation, on its own pixels.

Each patch measures itself. A block of the cube is interpolated from one patch or from a few, and several blocks share a
patch, so measurements are collected by the names of the patches.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import dask.array as da
import xarray as xr
from dask.base import tokenize
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph

from rangegeo.cubes.graph import patch_layers
from rangegeo.engine.patch import Patch

Measured = Mapping[str, Mapping[str, float]]  # what patches measured, by their names


def proof(cube: xr.DataArray) -> Delayed | None:
    """What is measured while a cube is computed, to be computed together with it; None if nothing is interpolated.

    Returns:
        Delayed dict, as `summarise` returns it.
    """
    measuring = None if cube.chunks is None else Measuring.of(cube.data)
    if measuring is None:
        return None
    keys = list(dict.fromkeys(key for found in measuring.patches.values() for key in found))
    name = f"proof-{tokenize(keys)}"
    graph = HighLevelGraph.from_collections(name, {name: (_summarised, list(map(_name, keys)), keys)}, [cube.data])
    return Delayed(name, graph, layer=name)


def summarise(measured: Iterable[Measured]) -> dict[str, str | int | float]:
    """What all patches measured together.

    Args:
        measured: of each block, or of each part of a cube; a patch may be in several.
    Returns:
        `measured_error`, the largest error at the sampled pixels relative to each component's largest value;
        `proof_pixels`, how many; `evaluations`, places the model was evaluated at for interpolation; `refined_parts`,
        components of patches that missed the tolerance at first and were refined. Empty if there is no patch.
    """
    patches: dict[str, Mapping[str, float]] = {}
    for part in measured:
        patches |= part
    if not patches:
        return {}
    found = patches.values()
    return {
        "measured_error": max(patch["error"] for patch in found),
        "proof_pixels": int(sum(patch["proved"] for patch in found)),
        "evaluations": int(sum(patch["evaluations"] for patch in found)),
        "refined_parts": int(sum(patch["missed_tolerance"] for patch in found)),
    }


class Measuring:
    """The patches that each block of an array is interpolated from.

    Attributes:
        values: the array.
        patches: the keys of the patches of each block, by the key of the block.
        earlier: what is known of parts of the array that were measured before, as `summarise` returns it.
    """

    def __init__(
        self,
        values: da.Array,
        patches: Mapping[Hashable, tuple[Hashable, ...]],
        earlier: Mapping[str, Any] | None = None,
    ) -> None:
        self.values, self.patches, self.earlier = values, patches, dict(earlier or {})
        self._name = f"measured-{tokenize(values.name, sorted(map(str, patches)))}"
        tasks: dict[Any, Any] = {
            (self._name, *key[1:]): (_measured, list(map(_name, found)), list(found))  # type: ignore[index]
            for key, found in patches.items()
        }
        self._graph = HighLevelGraph.from_collections(self._name, tasks, [values])  # type: ignore[list-item]

    @classmethod
    def of(cls, values: da.Array, earlier: Mapping[str, Any] | None = None) -> Measuring | None:
        """The patches of an array, also of one that was sliced or combined from others; None if there are none.

        Args:
            earlier: the facts of the array, of which those that an earlier run has measured count too.
        """
        layers = patch_layers(values)
        if not layers:
            return None
        known = {key for layer in layers for key in layer}
        below = values.dask.get_all_dependencies()
        memo: dict[Hashable, tuple[Hashable, ...]] = {}
        patches = {key: _patches_below(key, below, known, memo) for key in _flat(values.__dask_keys__())}
        return cls(values, patches, earlier) if any(patches.values()) else None

    def of_block(self, row: int, col: int) -> Delayed:
        """What the patches of a block of pixels measured, as `Measured`."""
        return Delayed((self._name, 0, 0, row, col), self._graph, layer=self._name)

    def facts(self, measured: Iterable[Measured]) -> dict[str, str | int | float]:
        """As `summarise`, with what was measured earlier."""
        if "measured_error" not in self.earlier:
            return summarise(measured)
        names = {"measured_error": "error", "proof_pixels": "proved", "evaluations": "evaluations"}
        names |= {"refined_parts": "missed_tolerance"}
        return summarise([*measured, {"earlier": {names[name]: self.earlier[name] for name in names}}])


def _patches_below(
    start: Hashable,
    below: Mapping[Hashable, Iterable[Hashable]],
    known: set[Hashable],
    memo: dict[Hashable, tuple[Hashable, ...]],
) -> tuple[Hashable, ...]:
    """The patches that a task needs, directly or through others."""
    waiting = [start]
    while waiting:
        key = waiting[-1]
        unknown = [] if key in known else [other for other in below[key] if other not in memo]
        if unknown and key not in memo:
            waiting += unknown
            continue
        waiting.pop()
        if key not in memo:
            found = [(key,)] if key in known else [memo[other] for other in below[key]]
            memo[key] = tuple(sorted({patch for part in found for patch in part}, key=str))
    return memo[start]


def _flat(keys: Iterable) -> Iterable[Hashable]:
    """Keys out of nested lists."""
    for key in keys:
        if isinstance(key, list):
            yield from _flat(key)
        else:
            yield key


def _name(patch: Hashable) -> str:
    """The name of a patch, from its key."""
    assert isinstance(patch, tuple)
    layer, *at = patch
    return "-".join(map(str, (layer.rpartition("-")[2], *at)))


def _measured(names: list[str], patches: list[Patch]) -> Measured:
    return {
        name: {
            "error": float(patch.error),
            "proved": int(patch.proved),
            "evaluations": int(patch.evaluations),
            "missed_tolerance": int(patch.missed_tolerance),
        }
        for name, patch in zip(names, patches, strict=True)
    }


def _summarised(names: list[str], patches: list[Patch]) -> dict[str, str | int | float]:
    return summarise([_measured(names, patches)])
