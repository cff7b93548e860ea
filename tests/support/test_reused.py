"""Memory of blocks comes back when nobody uses it, and not before."""

from __future__ import annotations

import gc
import os

import numpy as np
import pytest

from rangegeo.support import reused
from rangegeo.support.reused import SMALLEST, empty, reusing

SHAPE = (4, SMALLEST // 16)


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_the_next_block_gets_the_memory_of_one_that_is_gone():
    with reusing():
        first = empty(SHAPE)
        assert (first.shape, first.dtype, first.flags.writeable) == (SHAPE, np.float32, True)
        first[:] = 1
        where = address(first)
        view = first[1:].reshape(-1)[5:]
        del first
        gc.collect()
        assert address(empty(SHAPE)) != where  # a view still uses it
        assert (view == 1).all()
        del view
        gc.collect()
        assert address(empty(SHAPE)) == where


def test_a_larger_block_serves_a_smaller_one_and_too_small_ones_are_freed():
    """So no more is held than as many of the largest blocks as were in use at once."""
    with reusing():
        large = empty((2, SMALLEST))
        where = address(large)
        del large
        gc.collect()
        small = empty(SHAPE)
        assert (small.shape, address(small)) == (SHAPE, where)
        del small
        gc.collect()
        assert [len(memory) for memory in reused._free] == [8 * SMALLEST]
        larger = empty((3, SMALLEST))
        assert reused._free == []
        larger[:] = 1


def test_nothing_is_kept_outside():
    """Neither what came back inside, nor what comes back later, nor what was never inside."""
    with reusing(), reusing():
        inside, later = empty(SHAPE), empty(SHAPE)
        del inside
        gc.collect()
        assert len(reused._free) == 1
    assert reused._free == []
    outside = empty(SHAPE)
    del later, outside
    gc.collect()
    assert reused._free == []


def test_small_blocks_are_the_allocators():
    with reusing():
        small = empty((1, 10))
        assert small.base is None
        del small
    assert reused._free == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_begins_anew():
    with reusing():
        kept = empty(SHAPE)
        del kept
        gc.collect()
        assert reused._free
        child = os.fork()
        if not child:
            os._exit(bool(reused._free) or reused._inside)
        assert os.waitpid(child, 0)[1] == 0
