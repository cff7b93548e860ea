"""Windows: every pixel once, in order, none too large."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rangegeo.grid.windows import cut, of_sizes, tiled


@given(st.integers(0, 300), st.integers(1, 50), st.integers(0, 9))
def test_an_axis_is_cut_without_gaps(length, side, start):
    slices = cut(length, side, start)
    pixels = [i for part in slices for i in range(part.start, part.stop)]
    assert pixels == list(range(start, start + length))
    assert all(part.stop - part.start == side for part in slices[:-1])


def test_slices_of_sizes():
    assert of_sizes((3, 1, 2)) == [slice(0, 3), slice(3, 4), slice(4, 6)]
    assert of_sizes(()) == []


def test_a_window_in_windows_row_by_row():
    assert list(tiled((slice(2, 5), slice(10, 14)), 2)) == [
        (slice(2, 4), slice(10, 12)),
        (slice(2, 4), slice(12, 14)),
        (slice(4, 5), slice(10, 12)),
        (slice(4, 5), slice(12, 14)),
    ]
