"""Fits the tiles of a planet: Chebyshev coefficients, rounded so that the measured error keeps a tolerance.

The values of a tile are evaluated at 11 x 11, 21 x 21 or 41 x 41 Chebyshev points, as `rangegeo.engine.fit` does it for
rasters. A tile that needs more points is cut in four by the caller. Tiles of equal latitudes are evaluated together, on
one grid. If the points of a tile share their sums, all points are evaluated at once, as for rasters.

The tolerance is shared out: most of it to rounding, whose error is computed all over the tile, and a little to the
coefficients that are left out. Then both together are measured at 32 places, the four corners among them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from rangegeo.engine.card import FittingBlock, device_of, is_card
from rangegeo.engine.fit import SMALLEST_GAIN
from rangegeo.engine.rectangles import PROOF_PLACES, seeded
from rangegeo.engine.rounding import Unrounded, rounded, trimmed_counts
from rangegeo.errors import UsageError, argument
from rangegeo.field.chebyshev import LEVELS, coefficients, largest_tail, nodes
from rangegeo.field.places import Places
from rangegeo.field.supports import LARGEST_ERROR
from rangegeo.spectral.layout import (
    NOTHING,
    OVERVIEW,
    Bounds,
    chebyshev_matrix,
    domain_of,
    positions_in,
    quarters,
    shells,
    to_square,
)
from rangegeo.spectral.tiles import Basis, Block, Tile, TilePart

ROUNDING, OMISSION = 0.92, 0.05  # shares of the tolerance for rounding, and for coefficients that are left out
ROUND_OFF = 1e-6  # of float32 values, relative to the largest one; coefficients cannot be told apart from it
SECOND_TRY = 0.6  # of the share for rounding, if the error that was measured is above the tolerance
MOST_CUTS = 6  # of a root tile into quarters; the smallest tiles are 0.08 degrees high
# Tiles that are fitted together at most, by whether the device is a GPU; if its memory is too small, fewer. If their
# points share sums, so many that a tile is evaluated in one block.
TOGETHER, SHARING = {False: 8, True: 16}, 2
# Threads that work with a GPU in turn; many small operations of several threads would wait for one another.
_ON_CARD = threading.Lock()


class Source(Protocol):
    """Gives the parts of a model at places.

    Attributes:
        bands: the numbers of bands, by the names of the parts.
        smooth_deg, shares: of the parts, see `rangegeo.engine.evaluator.Evaluator`.
    """

    @property
    def bands(self) -> Mapping[str, int]: ...

    @property
    def smooth_deg(self) -> float: ...

    @property
    def shares(self) -> bool: ...

    def values(self, places: Places, wanted: Collection[str]) -> dict[str, Tensor]:
        """The parts that are wanted at n places, each (n, bands), on any device."""
        ...


@dataclass(slots=True, eq=False)
class _Trial:
    """A tile while it is fitted.

    Attributes:
        bounds: of the tile.
        squares: (bands, n, n) float64 coefficients of the parts that have converged.
        scales: the largest value of these parts at the points.
        estimates: the errors that the coefficients let expect of the parts that have not converged, relative to these.
        hopeless: whether the tile must be cut.
    """

    bounds: Bounds
    squares: dict[str, Tensor] = field(default_factory=dict)
    scales: dict[str, float] = field(default_factory=dict)
    estimates: dict[str, float] = field(default_factory=dict)
    hopeless: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class _Part:
    """A part of a tile, or its overview, while it is rounded.

    Attributes:
        of: the number of the tile.
        name: of the part.
        square: (bands, n, n) float64 coefficients.
        scale: what errors are relative to.
        tolerance: relative to the scale.
        at: (m, 2) the proof places: positions in the domain, along latitude and along longitude.
        sides: (2, 2) first and last position of the tile itself, along each.
        exact: (m, bands) float64 values at the proof places.
    """

    of: int
    name: str
    square: Tensor
    scale: float
    tolerance: float
    at: np.ndarray
    sides: np.ndarray
    exact: Tensor


class TileFit:
    """Fits tiles, on the device that the source evaluates on.

    Args:
        source: gives exact values.
        tolerance: the largest error of each part, relative to its largest value in the tile.
        largest: integer that can be stored.
        basis: of the overview.
    """

    def __init__(self, source: Source, tolerance: float, largest: int, basis: Basis) -> None:
        self.source, self.tolerance, self.largest, self.basis = source, tolerance, largest, basis
        self.evaluations, self.proved = 0, 0
        device = device_of(source)
        self._shares = source.shares and OMISSION * tolerance >= LARGEST_ERROR
        self._block = FittingBlock(device, SHARING if self._shares else TOGETHER[is_card(device)], 1)

    def fitted(self, tiles: Sequence[Bounds]) -> list[dict[str, TilePart] | None]:
        """The parts of tiles of equal latitudes, the overview last; None for a tile that must be cut in four."""
        south, north = tiles[0][1], tiles[0][3]
        if north - south > self.source.smooth_deg:
            return [None] * len(tiles)
        before = self.evaluations, self.proved

        def work(size: int) -> list[dict[str, TilePart] | None]:
            self.evaluations, self.proved = before  # also when the memory was too small for more tiles
            some = [tiles[start : start + size] for start in range(0, len(tiles), size)]
            return [parts for together in some for parts in self._fitted(together)]

        with torch.inference_mode(), _ON_CARD if is_card(self._block.device) else nullcontext():
            return self._block.run(work, len(tiles))

    def _fitted(self, tiles: Sequence[Bounds]) -> list[dict[str, TilePart] | None]:
        """The same, of tiles that are evaluated together."""
        trials = [_Trial(bounds) for bounds in tiles]
        everywhere = self._values(trials, LEVELS[-1], list(self.source.bands)) if self._shares else None
        for level in LEVELS:
            pending = [trial for trial in trials if not trial.hopeless and len(trial.squares) < len(self.source.bands)]
            wanted = [name for name in self.source.bands if any(name not in trial.squares for trial in pending)]
            if not pending:
                break
            if everywhere is None:
                self._judge_all(pending, self._values(pending, level, wanted))
            else:
                own, step = [trials.index(trial) for trial in pending], (LEVELS[-1] - 1) // (level - 1)
                self._judge_all(pending, {name: everywhere[name][own, :, ::step, ::step] for name in wanted})
        finished = [trial for trial in trials if not trial.hopeless and len(trial.squares) == len(self.source.bands)]
        parts = dict(zip(map(id, finished), self._proved(finished), strict=True))
        return [parts.get(id(trial)) for trial in trials]

    def _values(self, trials: Sequence[_Trial], level: int, wanted: Collection[str]) -> dict[str, Tensor]:
        """Evaluate parts of tiles at so many points a side: each (tiles, bands, n, n)."""
        unit = nodes(level).numpy()
        domains = [domain_of(trial.bounds) for trial in trials]
        _, south, _, north = domains[0]
        lat = south + (unit + 1) / 2 * (north - south)
        lon = np.concatenate([west + (unit + 1) / 2 * (east - west) for west, _, east, _ in domains])
        places = Places.grid(torch.from_numpy(lon), torch.from_numpy(lat))
        if self._shares:
            patches = torch.arange(len(trials), device="cpu").repeat_interleave(level).repeat(level)
            places = replace(places, patches=patches)
        values = self.source.values(places, wanted)
        self.evaluations += len(places)
        return {name: part.view(level, len(trials), level, -1).permute(1, 3, 0, 2) for name, part in values.items()}

    def _judge_all(self, trials: Sequence[_Trial], values: Mapping[str, Tensor]) -> None:
        """Judge the parts that have not converged by their values at points, each (tiles, bands, n, n)."""
        judged: list[tuple[_Trial, str, Tensor]] = []
        measured: list[Tensor] = []
        for name, part in values.items():
            for trial, own in zip(trials, part, strict=True):
                if name not in trial.squares:
                    square = coefficients(own)
                    judged.append((trial, name, square))
                    measured += [own.abs().amax().double(), largest_tail(square)]
        numbers = iter(torch.stack(measured).tolist())
        for trial, name, square in judged:
            self._judge(trial, name, square, max(next(numbers), NOTHING), next(numbers))

    def _judge(self, trial: _Trial, name: str, square: Tensor, scale: float, tail: float) -> None:
        """Take the coefficients of a part if they have converged; else see whether more points can help."""
        estimate = tail / scale
        if estimate <= self._omission:
            trial.squares[name], trial.scales[name] = square, scale
            return
        before = trial.estimates.get(name, math.inf)
        most = max(self.tolerance, SMALLEST_GAIN * before)
        trial.hopeless |= not estimate <= most or square.shape[-1] == LEVELS[-1]
        trial.estimates[name] = estimate

    @property
    def _omission(self) -> float:
        return OMISSION * self.tolerance + ROUND_OFF

    # ------------------------------------------------------------------------------ rounding and measuring

    def _proved(self, trials: Sequence[_Trial]) -> list[dict[str, TilePart] | None]:
        """The parts of tiles that have converged, with measured errors; None where they miss the tolerance."""
        if not trials:
            return []
        places = np.stack([_proof_places(trial.bounds) for trial in trials])
        exact = self.source.values(Places.scattered(torch.from_numpy(places.reshape(-1, 2))), list(self.source.bands))
        self.proved += PROOF_PLACES * len(trials)
        waiting = [part for number in range(len(trials)) for part in self._parts(trials, number, places, exact)]
        omitted = [self._omission / self.tolerance * part.tolerance * part.scale for part in waiting]
        for part, count in zip(waiting, trimmed_counts([part.square for part in waiting], omitted), strict=True):
            part.square = part.square[:, :count, :count]
        found: list[dict[str, TilePart] | None] = [{} for _ in trials]
        for share in (ROUNDING, ROUNDING * SECOND_TRY):
            waiting = self._rounded(waiting, share, found) if waiting else []
        for part in waiting:
            found[part.of] = None
        names = [*self.source.bands, OVERVIEW]
        return [tile and {name: tile[name] for name in names} for tile in found]

    def _parts(
        self, trials: Sequence[_Trial], number: int, places: np.ndarray, exact: Mapping[str, Tensor]
    ) -> Iterator[_Part]:
        """The parts of a tile, and its overview.

        Args:
            trials: all tiles.
            number: of the tile.
            places: (tiles, PROOF_PLACES, 2) proof places of all tiles.
            exact: the parts there, tile by tile.
        """
        trial, rows = trials[number], slice(number * PROOF_PLACES, (number + 1) * PROOF_PLACES)
        west, south, east, north = trial.bounds
        domain = domain_of(trial.bounds)
        at = positions_in(domain, places[number])[:, ::-1]
        sides = positions_in(domain, np.array([(west, south), (east, north)])).T[::-1]
        for name, square in trial.squares.items():
            own, scale = exact[name][rows].double(), trial.scales[name]
            yield _Part(
                of=number,
                name=name,
                square=square,
                scale=scale,
                tolerance=self.tolerance,
                at=at,
                sides=sides,
                exact=own,
            )
        basis, whole = self.basis, trial.squares[self.basis.of]
        mean, directions = (torch.from_numpy(array).to(whole.device) for array in (basis.mean, basis.directions))
        square = (directions @ whole.flatten(1)).view(-1, *whole.shape[1:])
        square[:, 0, 0] -= directions @ mean
        own = (exact[basis.of][rows].double() - mean) @ directions.T
        within = {"scale": basis.scale, "tolerance": basis.tolerance}
        yield _Part(of=number, name=OVERVIEW, square=square, **within, at=at, sides=sides, exact=own)

    def _rounded(self, parts: Sequence[_Part], share: float, found: list[dict[str, TilePart] | None]) -> list[_Part]:
        """Put parts with integers for coefficients into `found`, or None for a tile whose integers are too large.

        Returns:
            The parts whose measured error is above the tolerance; they need a smaller share of it for rounding.
        """
        allowed = [share * part.tolerance * part.scale for part in parts]
        asked = [Unrounded(part.square, within, part.sides) for part, within in zip(parts, allowed, strict=True)]
        whole = rounded(asked, self.largest)
        fitting = [(part, *one) for part, one in zip(parts, whole, strict=True) if one is not None]
        for part, one in zip(parts, whole, strict=True):
            if one is None:
                found[part.of] = None
        errors = torch.stack([_largest_error(*one) for one in fitting]).tolist() if fitting else []
        missed = []
        for (part, integers, step), largest in zip(fitting, errors, strict=True):
            tile, error = found[part.of], largest / part.scale
            if tile is None:
                continue
            if not error <= part.tolerance:
                missed.append(part)
                continue
            count = integers.shape[-1]
            stored = _in_shells(integers)
            tile[part.name] = TilePart(stored=stored, count=count, step=step, scale=part.scale, error=error)
        return missed


def _largest_error(part: _Part, integers: Tensor, step: float) -> Tensor:
    """The largest error at the proof places, a tensor of one number."""
    matrices = (chebyshev_matrix(integers.shape[-1], along) for along in part.at.T)
    down, across = (torch.from_numpy(matrix).to(integers.device) for matrix in matrices)
    values = ((down @ integers) * across).sum(dim=2) * step  # (bands, m)
    return (values.T - part.exact).abs().amax()


def _in_shells(integers: Tensor) -> np.ndarray:
    """(bands, n, n) whole numbers, to (n², bands) int32 in shells on the CPU."""
    along_lat, along_lon = (torch.from_numpy(axis).to(integers.device) for axis in shells(integers.shape[-1]))
    return integers.int()[:, along_lat, along_lon].T.contiguous().cpu().numpy()


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
