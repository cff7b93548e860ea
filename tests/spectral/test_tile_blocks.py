"""Blocks of tiles come back from their bytes, and paths lead to quarters of quarters."""

from __future__ import annotations

import numpy as np

from rangegeo.spectral.tiles import Block, Tile, TilePart, bounds_of


def part(count: int, bands: int) -> TilePart:
    stored = np.random.default_rng(count).integers(-9, 9, (count**2, bands), dtype=np.int32)
    return TilePart(stored=stored, count=count, step=0.1 / 3, scale=1.5, error=1e-4)


def test_a_block_comes_back_from_its_bytes():
    tiles = [Tile(root=7, path="", parts={"a": part(3, 2)}), Tile(root=8, path="30", parts={"a": part(1, 2)})]
    block = Block(tiles=tiles, evaluations=5, proved=64)
    found, told = Block.from_bytes(block.to_bytes()), Block.from_bytes(block.to_bytes(), values=False)
    assert (found.evaluations, found.proved) == (told.evaluations, told.proved) == (5, 64)
    for one, other, without in zip(tiles, found.tiles, told.tiles, strict=True):
        assert (one.root, one.path) == (other.root, other.path) == (without.root, without.path)
        np.testing.assert_array_equal(one.parts["a"].stored, other.parts["a"].stored)
        assert without.parts["a"].stored.shape == (0, 2)
        for each in (other.parts["a"], without.parts["a"]):
            assert (each.count, each.step, each.scale, each.error) == (one.parts["a"].count, 0.1 / 3, 1.5, 1e-4)


def test_a_path_leads_to_a_quarter_of_a_quarter():
    assert bounds_of((0, 0, 8, 4), "") == (0, 0, 8, 4)
    assert bounds_of((0, 0, 8, 4), "30") == (4, 2, 6, 3)
