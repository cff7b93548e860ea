"""Places and what is seen there, to the values and keys of a database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rangegeo.databases.parts import Part, Parts
from rangegeo.databases.sources import Source
from rangegeo.errors import ImageryError, UsageError
from rangegeo.field.encoder import LocationEncoder
from rangegeo.field.places import Places
from rangegeo.support.text import counted

BLOCK = 8192  # rows that are in memory as float64 at a time


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Gathered:
    """The rows of all places that have some.

    Attributes:
        kept: (n,) bool, which places have a row.
        rows: (k, d) float32.
        remarks: which places have none and why, one line each.
    """

    kept: np.ndarray
    rows: np.ndarray
    remarks: tuple[str, ...]


def gather(
    sources: Sequence[Source], lonlat_deg: np.ndarray, parts: Parts, batch: int, advance: Callable[[int], object]
) -> Gathered:
    """The rows of all places: what each source gives, side by side.

    Args:
        lonlat_deg: (n, 2).
        parts: keep what is done.
        batch: places of a part.
        advance: is told of the places that are done.
    Raises:
        ImageryError: no place has a row, or only one of several.
    """
    found: list[Part] = []
    for number, first in enumerate(range(0, len(lonlat_deg), batch)):
        numbers = range(first, min(first + batch, len(lonlat_deg)))
        part = parts.kept(number)
        if part is None:
            part = _side_by_side(sources, numbers, lonlat_deg)
            parts.keep(number, part)
        found.append(part)
        advance(len(numbers))
    faults = np.concatenate([part.faults for part in found])
    kept = faults == ""
    if kept.sum() < min(2, len(kept)):
        few = f"only 1 of {len(kept):,} places has" if kept.any() else "no place has"
        raise ImageryError(f"{few} a row: {faults[~kept][0]}; give other places, or what is known of these")
    rows = np.concatenate([part.rows[part.faults == ""] for part in found if (part.faults == "").any()])
    return Gathered(kept=kept, rows=rows, remarks=tuple(_told(faults, lonlat_deg)))


def _side_by_side(sources: Sequence[Source], numbers: Sequence[int], lonlat_deg: np.ndarray) -> Part:
    parts = [source.rows(numbers, lonlat_deg[list(numbers)]) for source in sources]
    faults = parts[0].faults
    for part in parts[1:]:
        faults = np.where(faults == "", part.faults, faults)
    return Part(rows=np.concatenate([part.rows for part in parts], axis=1), faults=faults)


def _told(faults: np.ndarray, lonlat_deg: np.ndarray) -> list[str]:
    """A line about the places without a row, with the first of them."""
    missing = np.flatnonzero(faults != "")
    if not len(missing):
        return []
    lon, lat = lonlat_deg[missing[0]]
    are = "is" if len(missing) == 1 else "are"
    first = f"{lon:.5g}, {lat:.5g}: {faults[missing[0]]}"
    return [f"{len(missing):,} of {counted(len(faults), 'place')} {are} left out; the first, at {first}"]


def check_principal(columns: int, rows: int, count: int) -> None:
    """Refuse principal components that rows cannot have.

    Raises:
        UsageError: there are fewer columns or rows.
    """
    most = min(columns, rows - 1)
    if not 1 <= count <= most:
        raise UsageError(argument="pca", expected=f"from 1 to {most}", got=count, example=min(64, most))


def principal(rows: np.ndarray, count: int) -> np.ndarray:
    """Principal components of rows whose columns are standardised first.

    Args:
        rows: (n, d) float32.
        count: how many components.
    Returns:
        (n, count) float32, in falling order of variance, with the root mean square 1 over all of them.
    Raises:
        UsageError: there are fewer columns or rows.
    """
    check_principal(rows.shape[1], len(rows), count)
    mean, std = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    weight = np.divide(1.0, std, out=np.zeros_like(std), where=std > 0)
    moments = np.zeros((rows.shape[1],) * 2)
    for first in range(0, len(rows), BLOCK):
        scaled = (rows[first : first + BLOCK] - mean) * weight
        moments += scaled.T @ scaled
    variances, axes = np.linalg.eigh(moments / len(rows))
    axes = axes[:, ::-1][:, :count]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(count)])  # a definite sign
    axes = weight[:, None] * axes / np.sqrt(variances[::-1][:count].mean())
    return np.concatenate(
        [((rows[first : first + BLOCK] - mean) @ axes).astype(np.float32) for first in range(0, len(rows), BLOCK)]
    )


@torch.inference_mode()
def location_keys(encoder: LocationEncoder, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n, d) float32 unit vectors of a location encoder at places (n, 2)."""
    places = torch.from_numpy(np.ascontiguousarray(lonlat_deg, dtype=np.float64))
    found = [encoder(Places.scattered(part)) for part in places.split(BLOCK)]
    return torch.nn.functional.normalize(torch.cat(found), dim=1).float().numpy()
