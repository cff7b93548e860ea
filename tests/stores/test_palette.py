"""Colours of classes: kinds of land have usual ones, and nothing else looks like a kind of land."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from rangegeo.stores.palette import OTHERS, USUAL, colours_of
from rangegeo.suite.readers import LAND_COVER


def hue(colour: np.ndarray) -> float:
    """In degrees: 0 is red, 120 green, 240 blue."""
    return 360 * colorsys.rgb_to_hsv(*(colour / 255))[0]


@pytest.mark.parametrize("name", ["wood", "Forest", "tree_cover", "TreeCover", "evergreen needleleaf forest", "woods"])
def test_forests_are_green(name):
    (colour,) = colours_of((name,))
    assert 90 < hue(colour) < 180
    assert colour.max() < 120


@pytest.mark.parametrize("name", ["water", "Open Water", "lakes", "sea"])
def test_water_is_blue(name):
    assert 190 < hue(colours_of((name,))[0]) < 260


@pytest.mark.parametrize("name", ["no forest", "non-forest", "without trees", "Quercus ilex", "BWh", "12", "rented"])
def test_other_names_get_colours_that_nobody_takes_for_land(name):
    assert tuple(colours_of((name,))[0]) == tuple(np.maximum(OTHERS[0], 1))


def test_the_first_kind_that_fits_counts():
    kinds = {
        "woody savanna": 4,
        "woody wetlands": 1,
        "cropland and natural vegetation": 3,
        "bare rock": 7,
        "built-up": 2,
    }
    for name, kind in kinds.items():
        assert tuple(colours_of((name,))[0]) == USUAL[kind][1]


def test_the_classes_of_modis_can_be_told_apart():
    colours = colours_of(LAND_COVER).astype(int)
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=2) + 999 * np.eye(len(colours), dtype=int)
    assert apart.min() >= 45
    forests = [number for number, name in enumerate(LAND_COVER) if "forest" in name]
    assert all(110 < hue(colours[number]) < 170 for number in forests)


def test_beside_kinds_of_land_other_classes_keep_away_from_their_colours():
    colours = colours_of(("forest", "water", "a", "b", "c", "d", "e")).astype(int)
    for other in colours[2:]:
        assert np.abs(colours[:2] - other).sum(axis=1).min() >= 90


def test_more_forests_than_shades_all_differ():
    assert len(np.unique(colours_of(tuple(f"forest {number}" for number in range(255))), axis=0)) == 255
