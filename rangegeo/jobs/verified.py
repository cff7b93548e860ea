"""What a verification found, as a value, as lines of text and as plain facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rangegeo.errors import Note, argument
from rangegeo.support.location import Location
from rangegeo.support.text import counted

SHOWN = 5  # blocks in a line; JSON has all


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of a stored cube.

    Attributes:
        level: 0 for the cube itself, 1 for its first overview, and so on.
        rows, cols: the first row and the one after the last, from 0 on; the same of its columns.
        bbox: west, south, east, north in degrees; None where the projection has no place for it, or if the grid is not
            known.
        tile: the file that it lies in, of a folder of tiles.
    """

    level: int
    rows: tuple[int, int]
    cols: tuple[int, int]
    bbox: tuple[float, float, float, float] | None
    tile: str | None = None

    def order(self) -> tuple[object, ...]:
        """By which blocks are sorted."""
        return self.tile or "", self.level, self.rows, self.cols

    def __str__(self) -> str:
        level = f"level {self.level}, " if self.level else ""
        rows, cols = (f"{start}-{stop - 1}" for start, stop in (self.rows, self.cols))
        place = f" ({', '.join(f'{degrees:.6g}' for degrees in self.bbox)})" if self.bbox else ""
        tile = f"{self.tile}, " if self.tile else ""
        return f"{tile}{level}rows {rows}, columns {cols}{place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `rangegeo.verify` found.

    Attributes:
        path: of the cube.
        blocks: how many it has, those of its overviews too.
        missing: blocks of which something that was written is not there.
        corrupt: blocks whose stored bytes are not those that were written, or cannot be read.
        wrong: blocks with a pixel whose value is not that of the model.
        changed: what else is not as it was written, such as metadata, one text each.
        notes: what is worth knowing and no fault, such as what could not be checked.
        pixels: how many were evaluated again.
        error: the largest difference among them, as a share of what the tolerance and the dtype allow; at most 1 in
            a sound cube.
        put_back: metadata, coordinates and files beside the cube that a repair has written again, one name each.
        repaired: blocks that were evaluated again and written.
        tiles: how many files it consists of, of a folder of tiles; 0 for another cube.
    """

    path: Location
    blocks: int
    missing: tuple[Block, ...] = ()
    corrupt: tuple[Block, ...] = ()
    wrong: tuple[Block, ...] = ()
    changed: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    pixels: int = 0
    error: float = 0.0
    put_back: tuple[str, ...] = ()
    repaired: tuple[Block, ...] = ()
    tiles: int = 0

    @property
    def damaged(self) -> tuple[Block, ...]:
        """All blocks with a fault, one after the other in their order."""
        return tuple(sorted({*self.missing, *self.corrupt, *self.wrong}, key=Block.order))

    @property
    def sound(self) -> bool:
        """Whether no fault was found."""
        return not (self.damaged or self.changed)

    @property
    def facts(self) -> dict[str, Any]:
        """Everything as plain facts that can be turned into JSON."""
        return {"sound": self.sound} | asdict(self) | {"path": str(self.path)}

    @property
    def summary(self) -> Note:
        """The verdict, and what to do if it is bad, in one line."""
        return Note(self._summary)

    @property
    def _summary(self) -> str:
        if self.sound:
            compared = counted(self.pixels, "pixel")
            of_model = (
                f", {compared} evaluated again, off by at most {self.error:.0%} of what is allowed"
                if self.pixels
                else ""
            )
            tiles = f"{counted(self.tiles, 'tile')}, " if self.tiles else ""
            return f"{self.path}: sound, {tiles}{counted(self.blocks, 'block')}{of_model}"
        blocks = [f"{len(self.damaged):,} of {counted(self.blocks, 'block')}"] if self.damaged else []
        others = [counted(len(self.changed), "other fault")] if self.changed else []
        found = " and ".join(blocks + others)
        return f"{self.path} is not sound, {found}; add {argument('repair', True)} to mend it"

    def lines(self) -> Iterator[str]:
        """One line for each kind of fault and for each thing that is changed, and if the cube is sound, that it is."""
        for kind in ("missing", "corrupt", "wrong"):
            if blocks := getattr(self, kind):
                yield f"{self.path}: {counted(len(blocks), 'block')} {kind}: {_shown(blocks)}"
        for text in self.changed:
            yield f"{self.path}: {text}"
        for name in self.put_back:
            yield f"{self.path}: {name} was put back"
        if self.repaired:
            yield f"{self.path}: {counted(len(self.repaired), 'block')} evaluated again: {_shown(self.repaired)}"
        if self.sound:
            yield self.summary


def _shown(blocks: Sequence[Block]) -> str:
    """Some blocks, for people."""
    more = f"; and {len(blocks) - SHOWN:,} more" if len(blocks) > SHOWN else ""
    return "; ".join(map(str, blocks[:SHOWN])) + more
