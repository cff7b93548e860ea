"""Pixels unlike all labels are left out, and only those."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import rangegeo as rg
from rangegeo.evaluation.unlike import Likeness


@pytest.mark.filterwarnings("ignore:.*from every label")  # most of the Earth
def test_the_mask_is_that_of_the_nearest_label(heights, mini):
    box = (-180, -60, 180, 70), 2
    strict = replace(heights.fit.likeness, farthest=heights.fit.likeness.farthest / 3)
    heights = replace(heights, fit=replace(heights.fit, likeness=strict))
    whole, masked = heights.raster(*box), heights.raster(*box, mask_unlike=True)
    assert masked.attrs["masked"] == "pixels unlike all labels"
    likeness, scaling = heights.fit.likeness, heights.fit.scaling
    rows, cols = np.meshgrid(whole.y.values, whole.x.values, indexing="ij")
    blends, visual = mini.encode(np.stack([cols.ravel(), rows.ravel()], 1), beta=[0, 1]).astype(float), mini.visual
    bands = np.hstack([blends[1][:, :visual], blends[0][:, :visual], blends[0][:, visual:]])
    projected = (bands - scaling.mean) / scaling.scale @ likeness.directions.T
    nearest = np.sqrt(((projected[:, None] - likeness.labels[None]) ** 2).sum(axis=2)).min(axis=1)
    unlike = (nearest > likeness.farthest).reshape(whole.shape[1:])
    sure = (np.abs(nearest - likeness.farthest) > 0.01).reshape(unlike.shape)
    assert 0.02 < unlike.mean() < 0.98
    assert (np.isnan(masked.values[0]) == unlike)[sure].all()
    kept = np.isfinite(masked.values[0])
    assert masked.values[:, kept] == pytest.approx(whole.values[:, kept], rel=1e-3, abs=1e-2)


def test_most_labels_are_like_other_labels(heights):
    likeness = heights.fit.likeness
    assert likeness.labels.shape == (200, 5)
    assert np.eye(5) == pytest.approx(likeness.directions @ likeness.directions.T, abs=1e-9)
    grid = likeness.labels.T.reshape(5, 10, 20)
    assert not likeness.unlike(grid).any()
    assert likeness.unlike(grid + 100).all()
    assert not likeness.unlike(np.full((5, 2, 2), np.nan)).any()


def test_what_is_unlike_survives_a_file(heights, mini, tmp_path):
    again = rg.FittedMap.load(heights.save(tmp_path / "h.npz"), model=mini)
    assert isinstance(again.fit.likeness, Likeness)
    box = (5, 44, 6, 45), 0.1
    expected = heights.raster(*box, mask_unlike=True).values
    assert np.array_equal(again.raster(*box, mask_unlike=True).values, expected, equal_nan=True)
