"""What checking a stored cube finds, without any model: blocks that are missing or damaged, and changed metadata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rangegeo.grid.windows import Window
from rangegeo.stores.kept import KeptJournal

MISSING, CORRUPT = "missing", "corrupt"  # what may be wrong with a block as it is stored


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """A level of a stored cube, cut into the blocks that it was written in.

    Attributes:
        number: 0 for the cube itself, 1 for its first overview, and so on.
        windows: the blocks.
        faults: MISSING or CORRUPT, by the numbers of the blocks.
        read: gives the values of a block as they are stored, (layers, bands, h, w).
        has_data: gives the pixels of a block, by its number, that have data: (h, w) bool; None where nothing tells.
        is_evaluated: whether its values are those of the model, and not means of finer ones.
    """

    number: int
    windows: Sequence[Window]
    faults: dict[int, str]
    read: Callable[[Window], np.ndarray]
    has_data: Callable[[int], np.ndarray | None]
    is_evaluated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checked:
    """A stored cube whose blocks were looked at.

    Attributes:
        levels: the cube itself first.
        changed: what else is not as it was written, such as metadata, one text each.
        notes: what is worth knowing and no fault.
        journal: of a Zarr store; None if it has none.
        has_checksums: whether the blocks were compared with the checksums of what was written.
        loss: the largest error of its compression, in stored numbers and as a share of them.
        is_own: whether the values are those that were written, as far as most of them tell.
        beside: files that belong beside it and are not there.
        is_readable: whether the cube can be opened, so that its values can be looked at.
    """

    levels: list[Level]
    changed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    journal: KeptJournal | None = None
    has_checksums: bool
    loss: tuple[float, float] = (0.0, 0.0)
    is_own: bool = True
    beside: Sequence[Path] = ()
    is_readable: bool = True


OF_OTHERS = "all of its values differ from those that were written, because another program computed them"


def size_of(window: Window) -> tuple[int, int]:
    """(h, w) of a window."""
    rows, cols = window
    return rows.stop - rows.start, cols.stop - cols.start
