"""What a store that grows takes over from its smaller self: whole stored blocks, as they are.

Objects of blocks that lie on the chunks of the new grid are linked into the draft. So they take no room and no time,
and the old store stays whole until the new one gets its name.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import zarr

from rangegeo.errors import OutputError
from rangegeo.stores.arrays import array_to_write, block_keys
from rangegeo.stores.drafts import Draft
from rangegeo.stores.identity import identity
from rangegeo.stores.journal import Entry, checksum, packed
from rangegeo.stores.kept import Blocks, read_journal
from rangegeo.stores.objects import store_of
from rangegeo.stores.opening import stored_array
from rangegeo.stores.sound import damaged


@dataclass(frozen=True, kw_only=True, eq=False)
class Carried:
    """Blocks of an old store that a draft takes over.

    Attributes:
        path: of the old store.
        token: of what it held when the blocks were chosen, from `identity`.
        top, left: where its first pixel lies in the new grid.
        sides: the rows and columns of a block of the new grid.
        blocks: the first rows and columns of the blocks in the new grid that hold nothing new.
    """

    path: Path
    token: str
    top: int
    left: int
    sides: tuple[int, int]
    blocks: frozenset[tuple[int, int]]

    def fits(self, array: zarr.Array) -> bool:
        """Whether the blocks of an array of the new grid are stored as those of the old one."""
        old, sides = stored_array(self.path), self.sides
        if self.top % sides[0] or self.left % sides[1] or (array.shards or array.chunks)[2:] != sides:
            return False
        kinds = [
            {name: value for name, value in one.metadata.to_dict().items() if name not in ("shape", "attributes")}
            for one in (old, array)
        ]
        return str(kinds[0]) == str(kinds[1])

    def take(self, draft: Draft, array: zarr.Array) -> dict[tuple[int, int], Entry]:
        """Link the blocks into a draft, and give their entries back, which are in its journal then.

        Args:
            array: of the draft.
        Raises:
            OutputError: the old store has changed since the blocks were chosen. CubeError: it is damaged.
        """
        assert isinstance(draft.store, Path)  # only stores of this machine grow
        if identity(self.path) != self.token:
            raise OutputError(f"{self.path} was changed by another program meanwhile; run the same command again")
        if not self.fits(array):
            return {}
        journal, known = draft.journal(), draft.journal().read()
        taken = {}
        for top, left in sorted(self.blocks):
            entry = self._linked(draft.store, array, top, left)
            taken[top, left] = entry
            if (top, left) not in known:
                journal.write(top, left, entry)
        return taken

    def _linked(self, root: Path, array: zarr.Array, top: int, left: int) -> Entry:
        """Link the objects of a block, and give its entry back."""
        before = block_keys(self._old, top - self.top, left - self.left)
        told = self._entries.get((top - self.top, left - self.left))
        checksums = {}
        for old, new in zip(before, block_keys(array, top, left), strict=True):
            source = self.path / old
            if not source.exists():
                if told is not None and old in told.checksums:
                    raise damaged(self.path, f"{old} is missing")
                continue
            _link(source, root / new)
            known = None if told is None else told.checksums.get(old)
            checksums[new] = checksum(source.read_bytes()) if known is None else known
        if not checksums:
            return Entry()
        valid = self._valid(top - self.top, left - self.left) if told is None else told.valid
        return Entry(checksums=checksums, valid=valid)

    @cached_property
    def _old(self) -> zarr.Array:
        return array_to_write(self.path)

    @cached_property
    def _entries(self) -> Blocks:
        """What the old store's own journal says; empty if it has none."""
        kept = read_journal(store_of(self.path))
        return {} if kept is None else kept.levels.get("", {})

    def _valid(self, top: int, left: int) -> str | None:
        """Which pixels of a block of the old store have data."""
        rows, cols = (slice(start, start + side) for start, side in zip((top, left), self.sides, strict=True))
        values, nodata = np.asarray(self._old[0, 0, rows, cols]), self._old.fill_value
        return packed(values != nodata if np.isfinite(float(str(nodata))) else ~np.isnan(values))


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system has no links, copy it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        draft = target.with_name(f"{target.name}.partial")
        shutil.copyfile(source, draft)
        draft.replace(target)
