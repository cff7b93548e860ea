"""Coefficients as integers times a step, as coarse as a tolerance allows. The error is looked for all over the tile.

Where plain rounding is off by too much at some places, other coefficients are rounded up or down instead, so that their
errors cancel there. So the step can be a third larger than with plain rounding, and a planet takes an eighth less room.

All works on the device of the coefficients. On a GPU the parts of several tiles are rounded together, so that it is
busy. The coefficients of one band of one part are a *row* here. Everything is in units of the error that is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from rangegeo.engine.card import is_card
from rangegeo.field.chebyshev import LEVELS
from rangegeo.field.precision import full_precision
from rangegeo.spectral.layout import unmapped

WHOLE = np.array([(-1.0, 1.0), (-1.0, 1.0)])
USUAL = 0.9  # the largest error of n x n coefficients is about this, times n, times the step
SHARES = 0.95 ** np.arange(-14, 24)  # of the step of plain rounding that are tried, the largest first
ROUNDS = 40  # of mending
GIVE_UP, LEFT = 16, 0.9  # a smaller step is tried if so many rounds leave more than this share of the rows to mend
PULL = 5.0  # how strongly errors are pulled back; with 3 and with 7 the planet takes half a percent more
AIM = 0.98  # of the limit: what errors are pulled back to
# What borders of a tile may be off by, as a share of the rest of it: two sides of a border differ by both their errors.
# Half would do for differences within the tolerance; it takes a twelfth more bytes and three times as long to find.
BORDER = 0.65
HARDEST, FEWEST = 16, 8  # steps are tried with one row in 16, those that plain rounding leaves worst; 8 at least
# Bytes of rows that are rounded together, and of errors that are computed at a time, which stay in the cache of a CPU.
# By whether the device is a GPU.
ROWS_BYTES = {False: 2**26, True: 2**30}
ERRORS_BYTES = {False: 2**21, True: 2**29}
NONE = np.zeros(0, dtype=int)
PADDED = 4  # on a GPU parts whose counts differ by less are rounded together


@dataclass(frozen=True, slots=True, eq=False)
class Unrounded:
    """A part of a tile whose coefficients are to be integers.

    Attributes:
        square: (bands, n, n) float64 Chebyshev coefficients.
        within: the largest error of the values anywhere in the tile that rounding may cause, in their units, above 0;
            on its borders it is `BORDER` times that.
        sides: the tile in its domain: first and last position along latitude, then along longitude.
    """

    square: Tensor
    within: float
    sides: np.ndarray = field(default_factory=WHOLE.copy)

    @property
    def padded(self) -> int:
        """The n of the parts that it is rounded together with."""
        count = self.square.shape[-1]
        return min(LEVELS[-1], -(-count // PADDED) * PADDED) if is_card(self.square.device) else count


def trimmed_counts(squares: Sequence[Tensor], within: Sequence[float]) -> list[int]:
    """The smallest n such that the coefficients whose larger degree is n or more add up to at most `within`.

    Args:
        squares: of each part, (bands, m, m) Chebyshev coefficients by their two degrees.
        within: of each part, in the units of its values; in every band.
    """
    counts = []
    for square, limit in zip(squares, within, strict=True):
        size = square.abs()
        shells = size.tril().sum(dim=2) + size.triu(1).sum(dim=1)
        left_out = (shells @ torch.ones_like(size[0]).tril()).amax(dim=0)
        counts.append((left_out > limit).sum())
    return [max(1, count) for count in torch.stack(counts).tolist()]


def rounded(parts: Sequence[Unrounded], largest: int) -> list[tuple[Tensor, float] | None]:
    """Coefficients as integers times a step.

    Args:
        parts: on one device.
        largest: integer that can be stored.
    Returns:
        Of each part (bands, n, n) whole numbers as float64, and the step. None if a number would be too large.
    """
    found: dict[int, tuple[Tensor, float]] = {}
    # The team of OpenMP waits by spinning, which costs several times what these short operations take.
    with full_precision(), threadpool_limits(1, user_api="openmp"):
        for numbers in _batches(parts):
            found |= zip(numbers, _Batch([parts[number] for number in numbers]).rounded(), strict=True)
    in_order = [found[number] for number in range(len(parts))]
    fits = torch.stack([whole.abs().amax() <= largest for whole, _ in in_order]).tolist()
    return [one if fit else None for one, fit in zip(in_order, fits, strict=True)]


def _batches(parts: Sequence[Unrounded]) -> list[list[int]]:
    """The numbers of parts that are rounded together: of equal sides and about equal counts, within the memory."""
    most = ROWS_BYTES[is_card(parts[0].square.device)]
    room: dict[tuple[float, ...], int] = {}  # bytes that are left in the last batch of each kind
    batches: dict[tuple[float, ...], list[list[int]]] = {}
    for number, part in enumerate(parts):
        kind = part.padded, *part.sides.round(9).ravel().tolist()
        nbytes = 8 * len(part.square) * part.padded**2
        if nbytes > room.get(kind, 0):
            room[kind] = most
            batches.setdefault(kind, []).append([])
        room[kind] -= nbytes
        batches[kind][-1].append(number)
    return [batch for of_kind in batches.values() for batch in of_kind]


class _Batch:
    """Parts that are rounded together.

    Steps are tried from the largest down, first with the rows that plain rounding leaves worst. If they can be mended,
    all others follow with the same step; those that cannot join the search.
    """

    def __init__(self, parts: Sequence[Unrounded]) -> None:
        squares = [part.square for part in parts]
        size, device = parts[0].padded, squares[0].device
        starts = np.cumsum([0] + [len(square) for square in squares])
        self.parts, self.rows = parts, [slice(*ends) for ends in pairwise(starts.tolist())]
        self.of = np.repeat(np.arange(len(parts)), np.diff(starts))  # the part of each row
        self.coefficients = squares[0].new_zeros(len(self.of), size, size)
        self.used = None  # 1 for coefficients, 0 for what only fills up
        if any(square.shape[-1] < size for square in squares):
            self.used = torch.zeros(len(self.of), size, size, dtype=torch.float32, device=device)
        for part, rows in zip(parts, self.rows, strict=True):
            count = part.square.shape[-1]
            self.coefficients[rows, :count, :count] = part.square / part.within
            if self.used is not None:
                self.used[rows, :count, :count] = 1
        self.wanted = torch.empty_like(self.coefficients)  # in steps; this is what is rounded
        self.step = np.full(len(parts), 1 / (USUAL * size))
        self.plain_step = self.step.copy()
        self.trial = np.zeros(len(parts), dtype=int)  # how many steps of each part were tried before this one
        self.left: list[list[int]] = [[] for _ in parts]  # rows to mend, before and after each round of the trial
        self.waiting = np.zeros(len(self.of), dtype=bool)  # the rows that are mended now
        self.good_at = np.full(len(self.of), -1)  # the last trial in which a row could be mended
        self._prepare(size, device, parts[0].sides)

    def _prepare(self, count: int, device: torch.device, sides: np.ndarray) -> None:
        """Matrices of polynomials, and memory for errors."""
        down, across = (_dense_matrix(count, side) for side in sides)
        strictness = np.ones((len(down), len(across)), dtype=np.float32)
        strictness[[0, -1]] = strictness[:, [0, -1]] = 1 / BORDER
        self.down, self.across, self.strictness = (
            torch.from_numpy(one).to(device) for one in (down, across, strictness)
        )
        self.at_once = max(1, min(len(self.of), ERRORS_BYTES[is_card(device)] // strictness.nbytes))
        self.half = torch.empty(self.at_once, count, len(across), dtype=torch.float32, device=device)
        self.errors = torch.empty(self.at_once, *strictness.shape, dtype=torch.float32, device=device)

    def rounded(self) -> list[tuple[Tensor, float]]:
        """Whole numbers and the step of each part, see `rounded`."""
        self._begin()
        while self.waiting.any():
            rows = np.flatnonzero(self.waiting)
            good = rows[self._mend(rows)]
            self.waiting[good] = False
            self.good_at[good] = self.trial[self.of[good]]
            self._start(np.concatenate([self._next(part) for part in np.unique(self.of[rows]).tolist()]))
        found = []
        for part, own, step in zip(self.parts, self.rows, self.step.tolist(), strict=True):
            count = part.square.shape[-1]
            found.append((self.wanted[own, :count, :count].round(), step * part.within))
        return found

    def _begin(self) -> None:
        """Find the step of plain rounding, and begin with the rows that it leaves worst."""
        everything = np.arange(len(self.of))
        self._start(everything)
        plain = np.concatenate([self._worst(some).cpu().numpy() for some in self._portions(everything)])
        begun = []
        for number, rows in enumerate(self.rows):
            hardest = np.argsort(-plain[rows], kind="stable")[: max(FEWEST, len(plain[rows]) // HARDEST)]
            self.plain_step[number] = self.step[number] / max(float(plain[rows].max()), 0.2)
            self.step[number] = self.plain_step[number] * SHARES[0]
            begun.append(self._waiting(number, rows.start + hardest))
        self._start(np.concatenate(begun))

    def _next(self, number: int) -> np.ndarray:
        """What a part does after a round: the rows that start anew, none if it goes on or its step is found."""
        rows, left = self.rows[number], self.left[number]
        still = rows.start + np.flatnonzero(self.waiting[rows])
        left.append(len(still))
        if not len(still):
            return self._waiting(number, rows.start + np.flatnonzero(self.good_at[rows] != self.trial[number]))
        turn = len(left) - 1
        if turn < GIVE_UP or (turn < ROUNDS and left[-1] <= LEFT * left[-1 - GIVE_UP]):
            return NONE
        self.trial[number] += 1
        if self.trial[number] < len(SHARES):
            self.step[number] = self.plain_step[number] * SHARES[self.trial[number]]
            return self._waiting(number, still)
        # All coefficients are off by at most half a step.
        self.step[number] = 2 * BORDER / self.parts[number].square.shape[-1] ** 2
        self.waiting[rows] = False
        return np.arange(rows.start, rows.stop)

    def _waiting(self, number: int, rows: np.ndarray) -> np.ndarray:
        """Let rows of a part wait to be mended; returns them."""
        self.waiting[rows] = True
        self.left[number] = [len(rows)]
        return rows

    # ------------------------------------------------------------------------------------- on the device

    def _start(self, rows: np.ndarray) -> None:
        """Forget how rows were mended; their steps are new."""
        if len(rows):
            at, step = self._there(rows)
            self.wanted.index_copy_(0, at, self.coefficients[at].div_(step))

    def _mend(self, rows: np.ndarray) -> np.ndarray:
        """A round: move the coefficients of rows whose errors are too large against these; returns whose are not."""
        good = []
        for some in self._portions(rows):
            largest = self._worst(some)
            good.append((largest <= 1).cpu().numpy())  # the device is waited for here alone
            bad = np.flatnonzero(~good[-1])
            if not len(bad):
                continue
            errors = self.errors[: len(some)]
            if len(bad) < len(some):
                errors = errors[torch.from_numpy(bad).to(errors.device)]
            at, step = self._there(some[bad])
            pulled = nn.functional.softshrink(errors, AIM).clamp_(-1, 1)
            half = pulled.view(-1, pulled.shape[-1]) @ self.across
            back = self.down.T @ half.view(len(bad), len(self.down), -1)
            if self.used is not None:
                back *= self.used[at]
            moved = self.wanted[at].addcdiv_(back.double(), step, value=-PULL / len(self.down.T) ** 2)
            self.wanted.index_copy_(0, at, moved)
        return np.concatenate(good)

    def _worst(self, rows: np.ndarray) -> Tensor:
        """(rows,) the largest error of at most `at_once` rows; all of them are left in `errors`."""
        at, step = self._there(rows)
        off = self.wanted[at].round_().mul_(step).sub_(self.coefficients[at]).float()
        half, errors = self.half[: len(rows)], self.errors[: len(rows)]
        torch.mm(off.view(-1, off.shape[-1]), self.across.T, out=half.view(-1, half.shape[-1]))
        torch.bmm(self.down.expand(len(rows), -1, -1), half, out=errors)
        least, most = errors.mul_(self.strictness).flatten(1).aminmax(dim=1)
        return torch.maximum(-least, most)

    def _portions(self, rows: np.ndarray) -> list[np.ndarray]:
        return [rows[start : start + self.at_once] for start in range(0, len(rows), self.at_once)]

    def _there(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """(rows,) numbers of rows and (rows, 1, 1) float64 steps on the device."""
        step = self.step[self.of[rows]][:, None, None]
        return torch.from_numpy(rows).to(self.wanted.device), torch.from_numpy(step).to(self.wanted.device)


def _dense_matrix(count: int, side: np.ndarray) -> np.ndarray:
    """(2 count + 1, count) float32 Chebyshev polynomials at points so dense that a maximum is hardly missed.

    Args:
        side: first and last position, within [-1, 1].
    """
    last, first = np.arccos(unmapped(side))
    angle = np.linspace(first, last, 2 * count + 1)
    return np.cos(angle[:, None] * np.arange(count)).astype(np.float32)
