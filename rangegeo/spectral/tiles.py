"""Tiles of a planet: what is stored of each, and blocks of them as bytes on their way into the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numcodecs import Blosc

from rangegeo.spectral.layout import Bounds, quarters

CODEC = {"cname": "zstd", "clevel": 5, "shuffle": Blosc.BITSHUFFLE}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TilePart:
    """A part of a model in a tile.

    Attributes:
        stored: (count², bands) int32 coefficients in shells, see `rangegeo.spectral.layout.shells`.
        count: degrees are below it.
        step: what the integers are multiplied by.
        scale: the largest value of the part in the tile.
        error: the largest error that was measured, as a share of the scale.
    """

    stored: np.ndarray
    count: int
    step: float
    scale: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """A tile.

    Attributes:
        root: the number of the root tile that it is, or that it is cut from.
        path: which quarter of which quarter it is, such as "03"; empty for a root tile.
        parts: by their names.
    """

    root: int
    path: str
    parts: Mapping[str, TilePart]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """Principal components of a part, shared by the planet.

    Attributes:
        of: the name of the part.
        mean: (bands,) float64.
        directions: (components, bands) float64, orthonormal.
        explained: (components,) the share of the variance that each explains.
        scale: the largest value of a component on a sample; tolerance and errors of the overview are relative to it.
        tolerance: of the overview.
    """

    of: str
    mean: np.ndarray
    directions: np.ndarray
    explained: np.ndarray
    scale: float
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Tiles that were made together.

    Attributes:
        tiles: ordered by their roots, then by their paths.
        evaluations: places that were evaluated for coefficients, also those of tiles that were then cut.
        proved: places that were evaluated to measure errors.
    """

    tiles: Sequence[Tile] = field(repr=False)
    evaluations: int
    proved: int

    def to_bytes(self) -> bytes:
        """The block in the form that `from_bytes` reads."""
        codec = Blosc(**CODEC)
        bodies: list[bytes] = []
        tiles = []
        for tile in self.tiles:
            parts = {}
            for name, part in tile.parts.items():
                bodies.append(codec.encode(np.ascontiguousarray(part.stored, "<i4")))
                told = {"count": part.count, "step": part.step, "scale": part.scale, "error": part.error}
                parts[name] = told | {"bands": part.stored.shape[1], "bytes": len(bodies[-1])}
            tiles.append({"root": tile.root, "path": tile.path, "parts": parts})
        head = json.dumps({"tiles": tiles, "evaluations": self.evaluations, "proved": self.proved})
        return b"\n".join([head.encode(), b"".join(bodies)])

    @classmethod
    def from_bytes(cls, text: bytes, *, values: bool = True) -> Block:
        """A block from its bytes.

        Args:
            values: whether coefficients are wanted; without them only their numbers are looked at, and `stored` is
                empty.
        """
        head, _, body = text.partition(b"\n")
        told, codec, start = json.loads(head), Blosc(**CODEC), 0
        tiles = []
        for tile in told["tiles"]:
            parts = {}
            for name, part in tile["parts"].items():
                size, bands = part.pop("bytes"), part.pop("bands")
                stored = np.empty((0, bands), np.int32)
                if values:
                    stored = np.frombuffer(codec.decode(body[start : start + size]), "<i4").reshape(-1, bands)
                start += size
                parts[name] = TilePart(stored=stored, **part)
            tiles.append(Tile(root=tile["root"], path=tile["path"], parts=parts))
        return cls(tiles=tiles, evaluations=told["evaluations"], proved=told["proved"])


def bounds_of(root: Bounds, path: str) -> Bounds:
    """The bounds of a tile, from those of its root tile."""
    for quarter in path:
        root = quarters(root)[int(quarter)]
    return root
