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
SHARES = 0.95 ** np.arange(-18, 24)  # of the step of plain rounding that are tried, the largest first
ROUNDS = 120  # of mending
GIVE_UP, LEFT = 30, 0.9  # a smaller step is tried if so many rounds leave more than this share of the rows to mend
# How strongly errors are pulled back, to what share of the limit. With a pull of 2.5 and 80 rounds the planet takes 4
# percent more, and with 5 and 40 rounds 10 percent more.
PULL, AIM = 1.0, 0.95
NEAR_ZERO = 0.75  # of a step: smaller coefficients begin as 0, which takes fewer bytes, and are mended like others
# What borders of a tile may be off by, as a share of the rest of it: two sides of a border differ by both their errors,
# and also these differences keep the tolerance.
BORDER = 0.53
HARDEST, FEWEST = 16, 8  # steps are tried with one row in 16, those that plain rounding leaves worst; 8 at least
# Steps that are tried at a time, and rounds until it is looked at what is left to mend; by whether the device is a GPU.
# It must not be waited for too often.
AT_ONCE, ROUNDS_A_TURN = {False: 3, True: 12}, {False: 1, True: 5}
# Bytes of rows that are rounded together, and of errors that are computed at a time, which stay in the cache of a CPU.
# By whether the device is a GPU.
ROWS_BYTES = {False: 2**26, True: 2**30}
ERRORS_BYTES = {False: 2**21, True: 2**28}
PADDED = 8  # on a GPU parts whose counts differ by less are rounded together


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

    Many steps are tried at a time, with the rows that plain rounding leaves worst. With the largest step at which these
    can be mended all rows are; if some cannot be, the next smaller steps follow.
    """

    def __init__(self, parts: Sequence[Unrounded]) -> None:
        squares = [part.square for part in parts]
        size, starts = parts[0].padded, np.cumsum([0] + [len(square) for square in squares])
        self.parts, self.rows = parts, [np.arange(*ends) for ends in pairwise(starts.tolist())]
        self.coefficients = squares[0].new_zeros(int(starts[-1]), size, size)
        self.used = None  # 1 for coefficients, 0 for what only fills up
        if any(square.shape[-1] < size for square in squares):
            self.used = torch.zeros_like(self.coefficients, dtype=torch.float32)
        for part, (start, end) in zip(parts, pairwise(starts.tolist()), strict=True):
            count = part.square.shape[-1]
            self.coefficients[start:end, :count, :count] = part.square / part.within
            if self.used is not None:
                self.used[start:end, :count, :count] = 1
        self.dense = _Dense(size, parts[0].sides, self.coefficients.device)

    def rounded(self) -> list[tuple[Tensor, float]]:
        """Whole numbers and the step of each part, see `rounded`."""
        size = self.coefficients.shape[-1]
        of = np.repeat(np.arange(len(self.parts)), [len(rows) for rows in self.rows])
        mending = _Mending(self.coefficients, self.used, of, np.full(len(self.parts), 1 / (USUAL * size)), self.dense)
        plain = mending.plain()
        worst = np.array([plain[rows].max() for rows in self.rows])
        first = mending.step / np.maximum(worst, 0.2)
        hardest = [
            rows[np.argsort(-plain[rows], kind="stable")[: max(FEWEST, len(rows) // HARDEST)]] for rows in self.rows
        ]
        trial = self._searched(first, hardest)
        mending.step = first * SHARES[trial]
        mending.begin(np.arange(len(of)))
        while mending.waiting.any():
            for part, well in mending.turn():
                rows = self.rows[part]
                if well:
                    mending.begin(rows[mending.mended_with[rows] != mending.step[part]])
                    continue
                trial[part] += 1
                if trial[part] < len(SHARES):
                    mending.step[part] = first[part] * SHARES[trial[part]]
                    mending.begin(rows[mending.waiting[rows]])
                else:  # no coefficient is off by more than three quarters of this step
                    mending.step[part] = BORDER / (NEAR_ZERO * self.parts[part].square.shape[-1] ** 2)
                    mending.begin(rows)
                    mending.waiting[rows] = False
        found = []
        for asked, own, step in zip(self.parts, self.rows, mending.step.tolist(), strict=True):
            count = asked.square.shape[-1]
            found.append((mending.wanted[own[0] : own[-1] + 1, :count, :count].round(), step * asked.within))
        return found

    def _searched(self, first: np.ndarray, hardest: Sequence[np.ndarray]) -> np.ndarray:
        """(parts,) the first of `SHARES` at which the hardest rows of each part can be mended; or the last one."""
        found = np.full(len(self.parts), len(SHARES) - 1)
        waiting = list(range(len(self.parts)))
        at_once = AT_ONCE[is_card(self.coefficients.device)]
        for begun in range(0, len(SHARES), at_once):
            tried = range(begun, min(begun + at_once, len(SHARES)))
            groups = [(part, trial) for part in waiting for trial in tried]
            rows = np.concatenate([hardest[part] for part, _ in groups])
            of = np.repeat(np.arange(len(groups)), [len(hardest[part]) for part, _ in groups])
            at = _sent(rows, self.coefficients.device)
            step = np.array([first[part] * SHARES[trial] for part, trial in groups])
            used = None if self.used is None else self.used[at]
            mending = _Mending(self.coefficients[at], used, of, step, self.dense)
            mending.begin(np.arange(len(rows)))
            done = set()
            while mending.waiting.any():
                for group, well in mending.turn():
                    part, trial = groups[group]
                    if well:
                        found[part] = trial
                        done.add(part)
                    # A larger step than this one has been found, or is still tried; smaller ones are not needed.
                    dropped = range(group, group + tried.stop - trial) if well else [group]
                    mending.waiting[np.isin(of, dropped)] = False
            waiting = [part for part in waiting if part not in done]
            if not waiting:
                break
        return found


class _Dense:
    """Polynomials at points so dense that a maximum is hardly missed, and memory for errors there."""

    def __init__(self, count: int, sides: np.ndarray, device: torch.device) -> None:
        down, across = (_dense_matrix(count, side) for side in sides)
        strictness = np.ones((len(down), len(across)), dtype=np.float32)
        strictness[[0, -1]] = strictness[:, [0, -1]] = 1 / BORDER
        self.down, self.across, self.strictness = (
            torch.from_numpy(one).to(device) for one in (down, across, strictness)
        )
        self.at_once = max(1, ERRORS_BYTES[is_card(device)] // strictness.nbytes)
        self.half = torch.empty(self.at_once, count, len(across), dtype=torch.float32, device=device)
        self.errors = torch.empty(self.at_once, *strictness.shape, dtype=torch.float32, device=device)

    def measure(self, off: Tensor) -> tuple[Tensor, Tensor]:
        """(rows, points, points) errors of at most `at_once` rows of coefficients, and (rows,) the largest of each.

        Errors are shares of what is allowed there. They are overwritten by the next call.
        """
        half, errors = self.half[: len(off)], self.errors[: len(off)]
        torch.mm(off.view(-1, off.shape[-1]), self.across.T, out=half.view(-1, half.shape[-1]))
        torch.bmm(self.down.expand(len(off), -1, -1), half, out=errors)
        flat = errors.mul_(self.strictness).flatten(1)
        return errors, torch.maximum(-flat.amin(dim=1), flat.amax(dim=1))

    def back(self, errors: Tensor) -> Tensor:
        """(rows, n, n) in which way coefficients must be moved against errors that are too large."""
        pulled = nn.functional.softshrink(errors, AIM).clamp_(-1, 1)
        half = pulled.view(-1, pulled.shape[-1]) @ self.across
        return self.down.T @ half.view(len(errors), len(self.down), -1)


class _Mending:
    """Rows that are mended, in groups of equal steps.

    Each round looks for places where the error of a row is too large, and moves the coefficients of that row a little
    against it before they are rounded again. Which rows wait is kept on the CPU.

    Attributes:
        wanted: (rows, n, n) float64: what is rounded, in steps.
        of: (rows,) the group of each row.
        step: (groups,) of each group.
        waiting: (rows,) whether a row is to be mended.
        mended_with: (rows,) the last step with which a row was mended; 0 if none.
        left: of each group, how many rows were left before and after each turn.
    """

    def __init__(
        self, coefficients: Tensor, used: Tensor | None, of: np.ndarray, step: np.ndarray, dense: _Dense
    ) -> None:
        self.coefficients, self.used, self.of, self.step, self.dense = coefficients, used, of, step, dense
        self.wanted = torch.empty_like(coefficients)
        self.waiting, self.mended_with = np.zeros(len(of), dtype=bool), np.zeros(len(of))
        self.left: list[list[int]] = [[] for _ in step]
        self.rounds = ROUNDS_A_TURN[is_card(coefficients.device)]

    def plain(self) -> np.ndarray:
        """(rows,) the largest errors before anything is mended."""
        everything = np.arange(len(self.of))
        self.begin(everything)
        portions = self._portions(everything)
        return np.concatenate([self._errors(*self._there(rows))[1].cpu().numpy() for rows in portions])

    def begin(self, rows: np.ndarray) -> None:
        """Begin anew with rows, all that wait of their groups; small coefficients begin as 0."""
        if not len(rows):
            return
        at, step = self._there(rows)
        wanted = self.coefficients[at].div_(step)
        large = nn.functional.hardshrink(wanted, NEAR_ZERO)
        self.wanted.index_copy_(0, at, torch.where(large == 0, wanted.mul_(0.49 / NEAR_ZERO), large))
        self.waiting[rows] = True
        for group, count in zip(*np.unique(self.of[rows], return_counts=True), strict=True):
            self.left[group] = [int(count)]

    def turn(self) -> list[tuple[int, bool]]:
        """Some rounds for all rows that wait; returns the groups whose rows are all mended, or cannot be."""
        rows = np.flatnonzero(self.waiting)
        good = rows[np.concatenate([self._mend(some) for some in self._portions(rows)])]
        self.waiting[good] = False
        self.mended_with[good] = self.step[self.of[good]]
        ended = []
        counts = np.bincount(self.of[self.waiting], minlength=len(self.step))
        for group in np.unique(self.of[rows]).tolist():
            left = self.left[group]
            left.append(int(counts[group]))
            turns, most = len(left) - 1, GIVE_UP // self.rounds
            hopeless = turns * self.rounds >= ROUNDS or (turns >= most and left[-1] > LEFT * left[-1 - most])
            if not left[-1] or hopeless:
                ended.append((group, not left[-1]))
        return ended

    def _mend(self, rows: np.ndarray) -> np.ndarray:
        """Move the coefficients of rows whose errors are too large against these; returns whose are not."""
        at, step = self._there(rows)
        for _ in range(self.rounds - 1):
            errors, largest = self._errors(at, step)
            self._move(at, step, errors.mul_((largest > 1)[:, None, None]))
        errors, largest = self._errors(at, step)
        good = (largest <= 1).cpu().numpy()  # the device is waited for here alone
        bad = np.flatnonzero(~good)
        if len(bad) == len(rows):
            self._move(at, step, errors)
        elif len(bad):
            of = _sent(bad, at.device)
            self._move(at[of], step[of], errors[of])
        return good

    def _errors(self, at: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        return self.dense.measure(self.wanted[at].round_().mul_(step).sub_(self.coefficients[at]).float())

    def _move(self, at: Tensor, step: Tensor, errors: Tensor) -> None:
        back = self.dense.back(errors)
        if self.used is not None:
            back *= self.used[at]
        pull = -PULL / back.shape[-1] ** 2
        self.wanted.index_copy_(0, at, self.wanted[at].addcdiv_(back.double(), step, value=pull))

    def _portions(self, rows: np.ndarray) -> list[np.ndarray]:
        size = self.dense.at_once
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def _there(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """(rows,) numbers of rows and (rows, 1, 1) float64 steps on the device."""
        step = self.step[self.of[rows]][:, None, None]
        return _sent(rows, self.wanted.device), _sent(step, self.wanted.device)


def _sent(array: np.ndarray, device: torch.device) -> Tensor:
    """An array on a device. A GPU is not waited for: the array was copied when the call returns."""
    return torch.from_numpy(array).to(device, non_blocking=True)


def _dense_matrix(count: int, side: np.ndarray) -> np.ndarray:
    """(2 count + 1, count) float32 Chebyshev polynomials at points so dense that a maximum is hardly missed.

    Args:
        side: first and last position, within [-1, 1].
    """
    last, first = np.arccos(unmapped(side))
    angle = np.linspace(first, last, 2 * count + 1)
    return np.cos(angle[:, None] * np.arange(count)).astype(np.float32)
