"""Whether cubes agree where they overlap, looked at in a few small windows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import xarray as xr

from rangegeo.errors import CubeWarning
from rangegeo.grid.union import Place
from rangegeo.schema.complete import band_names
from rangegeo.schema.cube import as_4d
from rangegeo.schema.facts import facts_of

SIDE = 8  # pixels of a window
SLACK = 4  # the largest value of a window may be so many times smaller than that of the part it was measured in
ROUND_OFF = 1e-5  # of the largest value, where no error was measured


def warn_of_differences(parts: Sequence[tuple[str, xr.DataArray, Place]]) -> None:
    """Warn of stored cubes that differ by more than their errors where they overlap.

    Args:
        parts: the name of each cube, the cube, and its place in a grid that all share.
    """
    for (first_name, first, place), (name, other, other_place) in combinations(parts, 2):
        rows, cols = (
            slice(max(one.start, two.start), min(one.stop, two.stop))
            for one, two in ((place.rows, other_place.rows), (place.cols, other_place.cols))
        )
        if rows.start >= rows.stop or cols.start >= cols.stop:
            continue
        differing, allowed = 0.0, 0.0
        for window in product(_lines(rows), _lines(cols)):
            found = [_read(cube, at, window) for cube, at in ((first, place), (other, other_place))]
            for component, bound in _bounds(first, other).items():
                kept = np.array([part.rpartition("_")[0] == component for part in band_names(first)])
                one, two = (values[:, kept] for values in found)
                largest = np.nanmax(np.abs(one), initial=0.0)
                share = np.nanmax(np.abs(one - two), initial=0.0) / (largest or 1.0)
                if share / bound > differing / (allowed or np.inf):
                    differing, allowed = float(share), bound
        if differing > allowed:
            warnings.warn(
                CubeWarning(
                    f"{first_name} and {name} differ by {differing:.1e} of the largest value where they overlap, and "
                    f"their errors are up to {allowed / SLACK:.1e}; the values of {first_name}, which comes first, are "
                    "kept"
                ),
                stacklevel=3,
            )


def _bounds(first: xr.DataArray, other: xr.DataArray) -> dict[str, float]:
    """How much each component of two cubes may differ, as a share of its largest value."""
    known = [facts_of(cube) for cube in (first, other)]
    return {
        component: SLACK
        * sum(
            max(facts.get("tolerance", 0), facts.get("measured_error", 0), ROUND_OFF)
            + facts.get(f"quantisation_error_{component}", 0)
            for facts in known
        )
        for component in dict.fromkeys(name.rpartition("_")[0] for name in band_names(first))
    }


def _lines(lines: slice) -> list[slice]:
    """Windows at both ends and in the middle of lines."""
    last = max(lines.start, lines.stop - SIDE)
    starts = dict.fromkeys((lines.start, (lines.start + last) // 2, last))
    return [slice(start, min(start + SIDE, lines.stop)) for start in starts]


def _read(cube: xr.DataArray, place: Place, window: tuple[slice, slice]) -> np.ndarray:
    """(betas, bands, h, w) of a window of the shared grid."""
    rows, cols = (
        slice(part.start - start, part.stop - start)
        for part, start in zip(window, (place.top, place.left), strict=True)
    )
    return np.asarray(as_4d(cube.isel(y=rows, x=cols)).values)
