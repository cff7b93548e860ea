"""Blocks that are handed to the arrays of drafts."""

from __future__ import annotations

import numpy as np
import zarr

from rangegeo.stores.arrays import array_to_write, block_keys, block_writer
from rangegeo.stores.quantise import FLOAT32
from rangegeo.support.location import located


def test_chunks_are_stored_without_a_look_at_their_values(tmp_path, monkeypatch):
    group = zarr.create_group(tmp_path / "a.zarr")
    group.create_array("embedding", shape=(1, 2, 4, 8), chunks=(1, 1, 4, 4), dtype="float32", fill_value=np.nan)
    array = array_to_write(located(tmp_path / "a.zarr"))
    monkeypatch.setattr("zarr.core.buffer.core.NDBuffer.all_equal", None)
    block = np.full((1, 2, 4, 4), np.nan, dtype=np.float32)
    write = block_writer(array, FLOAT32)
    assert not write(block, 0, 0).checksums
    block[0, 0, 0, 0] = 1
    assert list(write(block, 0, 4).checksums) == block_keys(array, 0, 4)
    np.testing.assert_array_equal(zarr.open_group(tmp_path / "a.zarr")["embedding"][..., 4:], block)
    assert zarr.config.get("array.write_empty_chunks") is False
