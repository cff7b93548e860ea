"""Samples of pixels: as many as are asked for, from every part of the raster, the same ones for the same seed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from rangegeo.grid import pixel_arc_deg
from rangegeo.grid.samples import FEWEST_LINES, SAMPLE_PIXELS, sample_lattice, sample_lines


@settings(max_examples=100)
@given(height=st.integers(1, 20_000), width=st.integers(1, 20_000), seed=st.integers(0, 5))
def test_a_sample_has_about_the_pixels_asked_for(height, width, seed):
    rows, cols = sample_lattice((height, width), seed)
    for places, length in ((rows, height), (cols, width)):
        assert (np.diff(places) > 0).all()
        assert places[0] >= 0
        assert places[-1] < length
        assert np.diff([-1, *places, length]).max() <= 3 * length / len(places) + 1  # no part is left out
    if height * width <= SAMPLE_PIXELS:
        assert len(rows) * len(cols) == height * width
    else:
        assert SAMPLE_PIXELS / 3 <= len(rows) * len(cols) <= 1.2 * SAMPLE_PIXELS + max(len(rows), len(cols))


def test_a_seed_moves_the_sample():
    for one, other in zip(sample_lattice((3000, 2000), 0), sample_lattice((3000, 2000), 1), strict=True):
        assert len(one) == len(other)
        assert (one != other).any()
    for one, other in zip(sample_lattice((3000, 2000), 1), sample_lattice((3000, 2000), 1), strict=True):
        np.testing.assert_array_equal(one, other)


def test_lines_hold_both_edges_and_one_of_each_stretch():
    geobox = GeoBox.from_bbox((5, 44, 15, 48), "EPSG:4326", resolution=0.01)
    rows, cols = sample_lines(geobox, 20 * pixel_arc_deg(geobox))
    for lines, length, count in ((rows, 400, 20), (cols, 1000, 50)):
        assert (lines[0], lines[-1]) == (0, length - 1)
        assert len(lines) == count
        assert np.diff(lines).max() <= 2 * length / count
    again = sample_lines(geobox, 20 * pixel_arc_deg(geobox))
    np.testing.assert_array_equal(np.concatenate(again), np.concatenate((rows, cols)))


def test_a_small_raster_has_few_lines_and_no_stretch_is_one_pixel():
    geobox = GeoBox.from_bbox((5, 44, 5.5, 45), "EPSG:4326", resolution=0.1)
    rows, cols = sample_lines(geobox, 1e-9)
    assert rows.tolist() == list(range(10))  # fewer than FEWEST_LINES
    assert cols.tolist() == list(range(5))
    geobox = GeoBox.from_bbox((5, 44, 6, 45), "EPSG:4326", resolution=0.01)
    assert [len(lines) for lines in sample_lines(geobox, 1e-9)] == [50, 50]
    assert [len(lines) for lines in sample_lines(geobox, 90)] == [FEWEST_LINES] * 2
