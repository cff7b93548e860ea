"""Presence and background: suitability, balanced, with its cross-validation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import rangegeo as rg
from rangegeo.errors import PlaceWarning, UsageError
from rangegeo.evaluation.background import Background, narrowest
from rangegeo.evaluation.reading import read_labels, rows_of


@pytest.fixture(scope="module")
def present(frame):
    """Where it is high."""
    return frame[frame.cover == "high"].assign(species="Abies alba")


def test_suitability_is_high_where_it_was_found(mini, present, frame):
    fitted = rg.fit_map(present, "species", background=frame, model=mini, block="5deg", seeds=1)
    assert fitted.scores.value("Abies alba", "block", "embedding", "roc_auc")[0] > 0.75
    first = str(fitted.scores).splitlines()[0]
    assert first.endswith("left out (its places and the background weigh the same in total)")
    assert fitted.scores.classes["class"].tolist() == ["background", "Abies alba"]
    cube = fitted.raster((5, 44, 9, 48), 0.1)
    assert cube["band_name"].values.tolist() == ["Abies alba_suitability", "Abies alba_spread"]
    assert 0 <= cube.values[0].min() < cube.values[0].max() <= 1
    by_hand = fitted.fit.answers[0].probe.answers(
        fitted.fit.scaling.apply(
            np.hstack(
                [
                    mini.encode([[5.05, 47.95]], beta=1)[:, : mini.visual],
                    mini.encode([[5.05, 47.95]], beta=0),
                ]
            )
        )
    )
    assert cube.values[0, 0, 0] == pytest.approx(1 / (1 + np.exp(-by_hand[0, 0])), abs=1e-3)


def test_both_sides_weigh_the_same(mini, present):
    with pytest.warns(PlaceWarning, match="500 random places in the box around the labels"):
        fitted = rg.fit_map(present, background=500, model=mini, block="5deg", seeds=1, baselines=False)
    labels = fitted.labels
    values = labels.targets[0].values
    assert len(labels) == len(present) + 500
    assert labels.weights[values == 1].sum() == pytest.approx(labels.weights[values == 0].sum())
    assert labels.targets[0].name == "presence"


def test_random_places_lie_around_the_labels_and_are_seeded(mini, present):
    rows = rows_of(present)
    _, found, _ = Background(given=300).beside(rows, mini, 0)
    assert np.array_equal(found, Background(given="300").beside(rows, mini, 0)[1])
    assert not np.array_equal(found, Background(given=300).beside(rows, mini, 1)[1])
    west, south = found.min(axis=0)
    assert -30 < west < -15
    assert 25 < south < 35


def test_rows_that_say_it_was_not_found_are_left_out(present):
    said = np.where(np.arange(len(present)) < 3, "ABSENT", "PRESENT")
    rows = rows_of(present.assign(occurrenceStatus=said))
    labels = read_labels(rows, "species", background=np.array([[0.0, 50.0], [1.0, 50.0]]))
    assert labels.targets[0].values.sum() == len(present) - 3
    assert "3 rows say that nothing was found there (occurrenceStatus), and are left out" in labels.remarks[-1]


def test_a_place_at_0_0_does_not_widen_the_box_of_the_background(mini, present):
    far = pd.concat([present, present[:1].assign(lon=0.0, lat=0.0)])
    found, expected = (Background(given=300).beside(rows_of(table), mini, 0)[1] for table in (far, present))
    assert np.array_equal(found, expected)


def test_a_box_may_cross_the_antimeridian():
    assert narrowest(np.array([170.0, -170.0, 175.0])) == (170.0, 190.0)
    assert narrowest(np.array([5.0, 10.0])) == (5.0, 10.0)
    assert narrowest(np.array([5.0, 5.0])) == (5.0, 5.0)


def test_targets_that_say_several_things_are_refused(mini, frame):
    with pytest.raises(UsageError, match="background maps one thing, and cover holds high, low, middle"):
        rg.fit_map(frame, "cover", background=100, model=mini)
