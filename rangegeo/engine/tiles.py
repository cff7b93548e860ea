"""Fits the tiles of a planet: Chebyshev coefficients, rounded so that the measured error keeps a tolerance.

The values of a tile are evaluated at 11 x 11, 21 x 21 or 41 x 41 Chebyshev points, as `rangegeo.engine.fit` does it for
rasters. A tile that needs more points is cut in four by the caller. Tiles of equal latitudes are evaluated together, on
one grid.

The tolerance is shared out: most of it to rounding, whose error is computed all over the tile, and a little to the
coefficients that are left out. Then both together are measured at 32 places, the four corners among them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from rangegeo.engine.fit import SMALLEST_GAIN
from rangegeo.engine.rectangles import PROOF_PLACES, seeded
from rangegeo.errors import UsageError, argument
from rangegeo.field.chebyshev import LEVELS, estimated_error, nodes, to_coefficients
from rangegeo.field.places import Places
from rangegeo.spectral.layout import (
    NOTHING,
    OVERVIEW,
    Bounds,
    chebyshev_matrix,
    domain_of,
    positions_in,
    quarters,
    to_shells,
    to_square,
)
from rangegeo.spectral.rounding import rounded, trimmed_count
from rangegeo.spectral.tiles import Basis, Block, Tile, TilePart

ROUNDING, OMISSION = 0.92, 0.05  # shares of the tolerance for rounding, and for coefficients that are left out
ROUND_OFF = 1e-6  # of float32 values, relative to the largest one; coefficients cannot be told apart from it
SECOND_TRY = 0.6  # of the share for rounding, if the error that was measured is above the tolerance
MOST_CUTS = 6  # of a root tile into quarters; the smallest tiles are 0.08 degrees high
TOGETHER = 8  # tiles that are evaluated together at most; bounds the memory


class Source(Protocol):
    """Gives the parts of a model at places.

    Attributes:
        bands: the numbers of bands, by the names of the parts.
        smooth_deg: degrees over which a few Chebyshev points follow the parts, see `rangegeo.engine.evaluator`.
    """

    @property
    def bands(self) -> Mapping[str, int]: ...

    @property
    def smooth_deg(self) -> float: ...

    def values(self, places: Places, wanted: Collection[str]) -> dict[str, Tensor]:
        """The parts that are wanted at n places, each (n, bands) on the CPU."""
        ...


@dataclass(slots=True, eq=False)
class _Trial:
    """A tile while it is fitted.

    Attributes:
        bounds: of the tile.
        squares: (n, n, bands) float64 coefficients of the parts that have converged.
        scales: the largest value of these parts at the points.
        estimates: the errors that the coefficients let expect of the parts that have not converged, relative to these.
        hopeless: whether the tile must be cut.
    """

    bounds: Bounds
    squares: dict[str, np.ndarray] = field(default_factory=dict)
    scales: dict[str, float] = field(default_factory=dict)
    estimates: dict[str, float] = field(default_factory=dict)
    hopeless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Where:
    """Positions in the domain of a tile, from -1 to 1; along latitude first, then along longitude.

    Attributes:
        at: (m, 2) those of the proof places.
        sides: (2, 2) first and last position of the tile itself, along each.
    """

    at: np.ndarray
    sides: np.ndarray


class TileFit:
    """Fits tiles.

    Args:
        source: gives exact values.
        tolerance: the largest error of each part, relative to its largest value in the tile.
        largest: integer that can be stored.
        basis: of the overview.
    """

    def __init__(self, source: Source, tolerance: float, largest: int, basis: Basis) -> None:
        self.source, self.tolerance, self.largest, self.basis = source, tolerance, largest, basis
        self.evaluations, self.proved = 0, 0

    def fitted(self, tiles: Sequence[Bounds]) -> list[dict[str, TilePart] | None]:
        """The parts of tiles of equal latitudes, the overview last; None for a tile that must be cut in four."""
        trials = [_Trial(bounds) for bounds in tiles]
        south, north = tiles[0][1], tiles[0][3]
        if north - south > self.source.smooth_deg:
            return [None] * len(tiles)
        for level in LEVELS:
            pending = [trial for trial in trials if not trial.hopeless and len(trial.squares) < len(self.source.bands)]
            for start in range(0, len(pending), TOGETHER):
                self._evaluate(pending[start : start + TOGETHER], level)
        finished = [trial for trial in trials if not trial.hopeless and len(trial.squares) == len(self.source.bands)]
        parts = dict(zip(map(id, finished), self._proved(finished), strict=True))
        return [parts.get(id(trial)) for trial in trials]

    def _evaluate(self, trials: Sequence[_Trial], level: int) -> None:
        """Evaluate the parts that have not converged at so many points a side."""
        wanted = [name for name in self.source.bands if any(name not in trial.squares for trial in trials)]
        unit = nodes(level).numpy()
        domains = [domain_of(trial.bounds) for trial in trials]
        _, south, _, north = domains[0]
        lat = south + (unit + 1) / 2 * (north - south)
        lon = np.concatenate([west + (unit + 1) / 2 * (east - west) for west, _, east, _ in domains])
        values = self.source.values(Places.grid(torch.from_numpy(lon), torch.from_numpy(lat)), wanted)
        self.evaluations += len(lon) * len(lat)
        change = to_coefficients(level).numpy()
        for name in wanted:
            split = values[name].reshape(level, len(trials), level, -1)
            for number, trial in enumerate(trials):
                if name not in trial.squares and not trial.hopeless:
                    self._judge(trial, name, split[:, number].double(), change)

    def _judge(self, trial: _Trial, name: str, values: Tensor, change: np.ndarray) -> None:
        """Take the coefficients of a part if they have converged; else see whether more points can help."""
        scale = max(float(values.abs().max()), NOTHING)
        estimate = estimated_error(values.permute(2, 0, 1)) / scale
        if estimate <= self._omission:
            half = np.tensordot(change, values.numpy(), axes=(1, 0))
            trial.squares[name] = np.tensordot(change, half, axes=(1, 1)).transpose(1, 0, 2)
            trial.scales[name] = scale
            return
        before = trial.estimates.get(name, math.inf)
        trial.hopeless = estimate > max(self.tolerance, SMALLEST_GAIN * before) or len(change) == LEVELS[-1]
        trial.estimates[name] = estimate

    @property
    def _omission(self) -> float:
        return OMISSION * self.tolerance + ROUND_OFF

    # ------------------------------------------------------------------------------ rounding and measuring

    def _proved(self, trials: Sequence[_Trial]) -> list[dict[str, TilePart] | None]:
        """The parts of tiles that have converged, with measured errors; None where they miss the tolerance."""
        if not trials:
            return []
        places = np.concatenate([_proof_places(trial.bounds) for trial in trials])
        exact = self.source.values(Places.scattered(torch.from_numpy(places)), list(self.source.bands))
        self.proved += len(places)
        found = []
        for number, trial in enumerate(trials):
            rows = slice(number * PROOF_PLACES, (number + 1) * PROOF_PLACES)
            proof = {name: part[rows].double().numpy() for name, part in exact.items()}
            found.append(self._parts(trial, places[rows], proof))
        return found

    def _parts(self, trial: _Trial, lonlat_deg: np.ndarray, exact: dict[str, np.ndarray]) -> dict[str, TilePart] | None:
        """All parts of a tile, and its overview.

        Args:
            lonlat_deg: (PROOF_PLACES, 2) places in it.
            exact: the parts there.
        """
        west, south, east, north = trial.bounds
        domain = domain_of(trial.bounds)
        corners = positions_in(domain, np.array([(west, south), (east, north)]))
        where = _Where(at=positions_in(domain, lonlat_deg)[:, ::-1], sides=corners.T[::-1])
        parts: dict[str, TilePart] = {}
        for name, square in trial.squares.items():
            part = self._part(square, trial.scales[name], where, exact[name], self.tolerance)
            if part is None:
                return None
            parts[name] = part
        basis = self.basis
        square = trial.squares[basis.of].copy()
        square[0, 0] -= basis.mean
        projected = (exact[basis.of] - basis.mean) @ basis.directions.T
        overview = self._part(square @ basis.directions.T, basis.scale, where, projected, basis.tolerance)
        if overview is None:
            return None
        return {name: parts[name] for name in self.source.bands} | {OVERVIEW: overview}

    def _part(
        self, square: np.ndarray, scale: float, where: _Where, exact: np.ndarray, tolerance: float
    ) -> TilePart | None:
        """A part with integers for coefficients; None if they would be too large, or if it misses the tolerance."""
        count = trimmed_count(square, self._omission / self.tolerance * tolerance * scale)
        square = square[:count, :count]
        for share in (ROUNDING, ROUNDING * SECOND_TRY):
            found = rounded(square, share * tolerance * scale, self.largest, where.sides)
            if found is None:
                return None
            stored, step = to_shells(found[0]), found[1]
            error = float(np.abs(values_at(stored, step, where.at) - exact).max()) / scale
            if error <= tolerance:
                return TilePart(stored=stored, count=count, step=step, scale=scale, error=error)
        return None


def values_at(stored: np.ndarray, step: float, unit: np.ndarray) -> np.ndarray:
    """Values of stored coefficients.

    Args:
        stored: (n², bands) integers in shells.
        unit: (m, 2) positions from -1 to 1, along latitude and along longitude.
    Returns:
        (m, bands) float64.
    """
    count = math.isqrt(len(stored))
    down, across = (chebyshev_matrix(count, unit[:, axis]) for axis in (0, 1))
    square = to_square(stored, count).astype(np.float64)
    half = np.tensordot(down, square, axes=(1, 0))  # (m, n, bands)
    return step * np.einsum("mj,mjb->mb", across, half)


def fit_block(fit: TileFit, roots: Mapping[int, Bounds]) -> Block:
    """The tiles of some root tiles; those that do not converge are cut in four, and their quarters too.

    Args:
        roots: bounds by the numbers of the root tiles.
    Raises:
        UsageError: even the smallest tiles do not converge.
    """
    tiles: list[Tile] = []
    waiting = [(root, "", bounds) for root, bounds in roots.items()]
    while waiting:
        cut: list[tuple[int, str, Bounds]] = []
        for _, group in groupby(sorted(waiting, key=lambda one: one[2][1]), key=lambda one: one[2][1]):
            row = list(group)
            for (root, path, bounds), parts in zip(row, fit.fitted([one[2] for one in row]), strict=True):
                if parts is not None:
                    tiles.append(Tile(root=root, path=path, parts=parts))
                    continue
                if len(path) == MOST_CUTS:
                    raise _not_followed(bounds, fit.tolerance)
                cut += [(root, f"{path}{number}", quarter) for number, quarter in enumerate(quarters(bounds))]
        waiting = cut
    tiles.sort(key=lambda tile: (tile.root, tile.path))
    return Block(tiles=tiles, evaluations=fit.evaluations, proved=fit.proved)


def _not_followed(bounds: Bounds, tolerance: float) -> UsageError:
    west, south, east, north = bounds
    return UsageError(
        f"no polynomial follows the model within {tolerance:g} near {(west + east) / 2:.2f}, "
        f"{(south + north) / 2:.2f}, even in tiles of {north - south:.2g} degrees; "
        f"give a larger {argument('tolerance', 10 * tolerance)}"
    )


def _proof_places(bounds: Bounds) -> np.ndarray:
    """(PROOF_PLACES, 2) longitudes and latitudes at which a tile is measured: its corners, and random places."""
    random = seeded(" ".join(f"{side:.12g}" for side in bounds))
    west, south, east, north = bounds
    corners = [(west, south), (west, north), (east, south), (east, north)]
    return np.concatenate([corners, random.uniform(bounds[:2], bounds[2:], (PROOF_PLACES - len(corners), 2))])
