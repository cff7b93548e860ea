"""Classes are learned from a few clicks."""

from __future__ import annotations

import numpy as np
import pytest

from rangegeo.errors import UsageError
from rangegeo.view.labels import MOST_POINTS, parse_points
from rangegeo.view.tile import Tile
from rangegeo.view.viewer import MOST_LEARNED

NORTH = [{"lon": lon, "lat": 60, "label": "north"} for lon in range(0, 40, 8)]
SOUTH = [{"lon": lon, "lat": -50, "label": "south"} for lon in range(0, 40, 8)]


def test_a_map_of_two_classes(viewer):
    learned = viewer.learn(NORTH + SOUTH)
    assert learned.labels == ("north", "south")
    best, sure = viewer.classes(Tile(2, 2, 1), learned.name)
    assert best[10, 40] == 1
    assert viewer.classes(Tile(2, 2, 2), learned.name)[0][200, 40] == 2
    assert sure.min() > 100
    for point in NORTH + SOUTH:  # each label is learned right
        features = viewer.source.at(np.array([[point["lon"], point["lat"]]]))
        logits = learned.probes.apply(features.astype(np.float64)).T
        assert learned.labels[learned.classes(logits)[0, 0] - 1] == point["label"]


def test_the_same_labels_have_the_same_name(viewer):
    assert viewer.learn(NORTH + SOUTH).name == viewer.learn(NORTH + SOUTH).name != viewer.learn(SOUTH + NORTH).name


def test_old_maps_are_forgotten(viewer):
    first = viewer.learn(NORTH + SOUTH).name
    for count in range(MOST_LEARNED):
        viewer.learn([*NORTH, *SOUTH, {"lon": count, "lat": 1, "label": "new"}])
    with pytest.raises(UsageError, match="are not here any more; set a label again"):
        viewer.learned(first)


def test_no_data_have_no_class(viewer):
    learned = viewer.learn(NORTH + SOUTH)
    assert not learned.classes(np.full((2, 4), np.nan)).any()


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (None, "labels must be a list"),
        ([], "labels must be a list"),
        ([{}], "labels must be a list"),
        ([{"lon": 1, "lat": 1, "label": ""}], "labels must be a list"),
        ([{"lon": float("nan"), "lat": 1, "label": "a"}], "labels must be a list"),
        ([{"lon": True, "lat": [], "label": "a"}], "labels must be a list"),
        ([{"lon": 1, "lat": 91, "label": "a"}], "which is no place"),
        ([NORTH[0]] * (MOST_POINTS + 1), "at most 500"),
    ],
)
def test_labels_that_are_none(points, why):
    with pytest.raises(UsageError, match=why):
        parse_points(points)


def test_one_class_is_no_map(viewer):
    with pytest.raises(UsageError, match="from 2 to 12 classes, got 1; add another class"):
        viewer.learn(NORTH)
