"""Blocks: no block, no polygon and no place is ever on both sides of a split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rangegeo.errors import UsageError
from rangegeo.evaluation.blocks import (
    KM_A_DEGREE,
    BlockSide,
    blocks_of,
    choose_side,
    splits_at_random,
    splits_by_block,
)
from rangegeo.support.earth import EARTH_RADIUS_KM, great_circle_rad


def everywhere(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.stack([random.uniform(-180, 180, count), np.degrees(np.arcsin(random.uniform(-1, 1, count)))], axis=1)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    folds=st.integers(2, 8),
    side=st.sampled_from(["10deg", "3.5deg", "500km", "1200 km"]),
    classes=st.integers(1, 4),
)
def test_no_block_is_on_both_sides(seed, folds, side, classes):
    lonlat = everywhere(300, seed)
    strata = np.random.default_rng(seed).integers(0, classes, 300)
    blocks = blocks_of(lonlat, np.arange(300), BlockSide.parse(side), folds)
    tested = []
    for train, test in splits_by_block(blocks, strata, folds, seed):
        assert not set(blocks[train]) & set(blocks[test])
        assert sorted([*train, *test]) == list(range(300))
        tested += list(test)
    assert sorted(tested) == list(range(300))


def test_labels_that_belong_together_are_never_separated():
    lonlat = everywhere(200)
    together = np.repeat(np.arange(20), 10)  # polygons as wide as the globe
    blocks = blocks_of(lonlat, together, BlockSide.parse("10deg"), 5)
    for splits in (splits_by_block(blocks, np.zeros(200, int), 5, 0), splits_at_random(together, np.zeros(200), 5, 0)):
        for train, test in splits:
            assert not set(together[train]) & set(together[test])


def test_folds_have_about_as_many_labels_and_share_classes():
    lonlat, strata = everywhere(2000), np.random.default_rng(0).choice([0, 1], 2000, p=[0.9, 0.1])
    blocks = blocks_of(lonlat, np.arange(2000), BlockSide.parse("10deg"), 5)
    for _, test in splits_by_block(blocks, strata, 5, 0):
        assert 300 < len(test) < 500
        assert strata[test].mean() == pytest.approx(0.1, abs=0.03)


def test_seeds_give_other_folds_and_the_same_seed_the_same():
    lonlat = everywhere(300)
    blocks = blocks_of(lonlat, np.arange(300), BlockSide.parse("10deg"), 5)
    first, again, other = (list(splits_by_block(blocks, np.zeros(300, int), 5, seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(one[1], two[1]) for one, two in zip(first, again, strict=True))
    assert any(not np.array_equal(one[1], two[1]) for one, two in zip(first, other, strict=True))


def test_blocks_of_degrees_are_cells_of_longitude_and_latitude():
    lonlat = np.array([[0.1, 0.1], [9.9, 9.9], [10.1, 0.1], [-0.1, 0.1], [179.9, 0], [-179.9, 0]])
    numbers = BlockSide.parse("10deg").numbers(lonlat)
    assert numbers[0] == numbers[1]
    assert len(set(numbers.tolist())) == 5


@pytest.mark.parametrize("latitude", [0, 45, 70, 85])
def test_blocks_of_kilometres_are_as_wide_as_high_anywhere(latitude):
    """Two places in one block are at most its diagonal apart."""
    random = np.random.default_rng(0)
    lonlat = np.stack([random.uniform(0, 60, 2000), random.uniform(latitude, latitude + 4, 2000)], axis=1)
    numbers = BlockSide.parse("300km").numbers(lonlat)
    radians = np.radians(lonlat)
    widest = 0.0
    for number in np.unique(numbers):
        own = radians[numbers == number]
        apart = great_circle_rad(*own[0], own[:, 0], own[:, 1], xp=np)
        widest = max(widest, float(apart.max()) * EARTH_RADIUS_KM)
    assert 250 < widest < 300 * np.sqrt(2) * 1.25


def test_the_side_is_chosen_by_the_labels():
    assert str(choose_side(everywhere(1000), 5)) == "1100 km"
    near = np.array([5.0, 45.0]) + np.random.default_rng(0).uniform(0, 1, (100, 2))
    side = choose_side(near, 5)
    assert side.value < 30
    assert side.numbers(near).max() + 1 >= 20


@pytest.mark.parametrize("text", ["", "200", "200 miles", "-5km", "0deg", "181deg", "km"])
def test_other_sides_are_refused(text):
    with pytest.raises(UsageError, match=r'block must be kilometres or degrees.*for example block="200km"'):
        BlockSide.parse(text)


def test_sides_are_read():
    assert BlockSide.parse(" 2.5 deg ") == BlockSide(value=2.5, unit="deg")
    assert pytest.approx(111.2, abs=0.1) == KM_A_DEGREE


def test_labels_in_one_block_are_told_what_to_type():
    near = np.array([5.0, 45.0]) + np.random.default_rng(0).uniform(0, 1, (100, 2))
    with pytest.raises(
        UsageError, match=r"all labels lie in one block of 10 degrees.*type smaller ones, .*block=\"\d+km\""
    ):
        blocks_of(near, np.arange(100), BlockSide.parse("10deg"), 5)
    same = np.zeros((100, 2))
    with pytest.raises(UsageError, match="too few or too close together"):
        blocks_of(same, np.arange(100), BlockSide.parse("10deg"), 5)


@pytest.mark.parametrize(
    ("typed", "shown", "km"),
    [("69km", "69 km", 69), ("10deg", "10 degrees", 10 * KM_A_DEGREE), ("1 deg", "1 degree", KM_A_DEGREE)],
)
def test_sides_are_shown_with_a_space_and_typed_without(typed, shown, km):
    side = BlockSide.parse(typed)
    assert str(side) == shown
    assert side.typed == typed.replace(" ", "")
    assert BlockSide.parse(shown) == side
    assert side.km == pytest.approx(km)
    with pytest.raises(UsageError):
        BlockSide.parse("10 kmrees")
