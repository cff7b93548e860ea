"""Scores: equal to scikit-learn's by hand on a small set."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor

import rangegeo as rg
from rangegeo.evaluation.baselines import NearestLabels, ProbeMethod, RadialFunctions
from rangegeo.evaluation.blocks import BlockSide, splits_by_block
from rangegeo.evaluation.crossvalidation import held_out
from rangegeo.evaluation.features import Scaling
from rangegeo.evaluation.fitting import Splitting
from rangegeo.evaluation.labels import Target
from rangegeo.evaluation.probes import OF_CLASSES, PENALTY, STRENGTHS, fit_paths
from rangegeo.evaluation.scores import measured, of_classes
from rangegeo.evaluation.spread import ONE

FOLDS, SIDE = 5, BlockSide.parse("5deg")


def splits_of(lonlat: np.ndarray, strata: np.ndarray) -> list:
    return list(splits_by_block(SIDE.numbers(lonlat), strata, FOLDS, 0))


def features_of(model, lonlat: np.ndarray) -> np.ndarray:
    """S, G and q side by side, centred, with one scale, from `model.encode`."""
    blends, visual = model.encode(lonlat, beta=[0, 1]).astype(float), model.visual
    bands = np.hstack([blends[1][:, :visual], blends[0][:, :visual], blends[0][:, visual:]])
    centred = bands - bands.mean(axis=0)
    return centred / np.sqrt((centred**2).mean())


def test_scores_of_numbers_are_those_of_scikit_learn(heights, frame, mini):
    lonlat, values = frame[["lon", "lat"]].to_numpy(), frame["height"].to_numpy()
    features, splits = features_of(mini, lonlat), splits_of(lonlat, np.zeros(len(frame), int))
    alphas = np.array(STRENGTHS) * values.std() ** 0  # ridge scales with the labels of a fold
    found = np.empty((len(alphas), len(values)))
    for train, test in splits:
        for row, alpha in enumerate(alphas):
            fitted = Ridge(alpha * len(train)).fit(features[train], values[train])
            found[row, test] = np.clip(fitted.predict(features[test]), values[train].min(), values[train].max())
    chosen = np.empty(len(values))
    for _, test in splits:
        others = np.setdiff1d(np.arange(len(values)), test)
        best = ((found[:, others] - values[others]) ** 2).sum(axis=1).argmin()
        chosen[test] = found[best, test]
    first = heights.scores.folds
    first = first[(first.split == "block") & (first.method == "embedding") & (first.seed == 0)]
    for fold, (_, test) in enumerate(splits):
        row = first[first.fold == fold].iloc[0]
        assert row.labels == len(test)
        assert row.r2 == pytest.approx(metrics.r2_score(values[test], chosen[test]), abs=1e-4)
        assert row.rmse == pytest.approx(metrics.root_mean_squared_error(values[test], chosen[test]), rel=1e-3)
        assert row.mae == pytest.approx(metrics.mean_absolute_error(values[test], chosen[test]), rel=1e-3)
    alone = rg.fit_map(frame, "height", model=mini, block="5deg", seeds=1, baselines=False)
    assert alone.scores.value("height", "block", "embedding", "r2")[0] == pytest.approx(
        metrics.r2_score(values, chosen), abs=1e-4
    )


def test_scores_of_classes_are_those_of_scikit_learn(covers, frame, mini):
    lonlat = frame[["lon", "lat"]].to_numpy()
    names, codes = np.unique(frame["cover"].to_numpy(), return_inverse=True)
    held = covers.fit.held[0]
    by_fold = covers.scores.folds[covers.scores.folds.split == "block"]
    for fold, (train, test) in enumerate(splits_of(lonlat, codes)):
        assert (held.folds[test] == fold).all()
        predictions = held.found[test].argmax(axis=1)
        row = by_fold[by_fold.fold == fold].iloc[0]
        assert row.accuracy == metrics.accuracy_score(codes[test], predictions)
        assert row.balanced_accuracy == metrics.balanced_accuracy_score(codes[test], predictions)
        likely = []
        features = features_of(mini, lonlat)
        turning = PCA().fit(features[train])
        turned = turning.transform(features)
        for strength in OF_CLASSES:
            own = turned / np.sqrt(turning.explained_variance_ + strength)
            fitter = LogisticRegression(C=1 / (PENALTY * len(train)), max_iter=2000)
            likely.append(fitter.fit(own[train], codes[train]).predict_proba(own[test]))
        nearest = min(np.abs(one - held.found[test]).max() for one in likely)
        assert nearest < 0.05
    table = covers.scores.classes
    chosen = held.found.argmax(axis=1)
    recall = metrics.recall_score(codes, chosen, average=None)
    assert table["class"].tolist() == names.tolist()
    assert table.recall.tolist() == pytest.approx(recall.tolist())
    assert table.labels.tolist() == np.bincount(codes).tolist()


def test_classes_that_a_weak_direction_tells_apart_are_learned():
    """Where other directions vary a thousand times as much."""
    random = np.random.default_rng(0)
    features = random.normal(size=(600, 40)) * np.geomspace(30, 0.03, 40)
    target = Target(
        name="a", kind="classes", values=np.digitize(features[:, -1], [-0.01, 0.01]).astype(float), classes=tuple("xyz")
    )
    taken = [
        probe.answers(features[400:]).argmax(axis=1)
        for probe in fit_paths([target.taken(np.arange(400))], features[:400], np.ones(400))[0]
    ]
    assert max((found == target.values[400:]).mean() for found in taken) > 0.75


def test_weights_count_in_scores():
    target = Target(name="a", kind="numbers", values=np.array([0.0, 1.0, 2.0, 3.0]))
    found, weights = np.array([[0.0], [1.0], [2.0], [9.0]]), np.array([1.0, 1.0, 1.0, 0.0])
    assert measured(target, found, weights)["r2"] == 1.0
    assert measured(target, found, np.ones(4))["r2"] < 0


def test_presence_has_an_area_under_the_curve():
    target = Target(name="a", kind="presence", values=np.array([0.0, 0.0, 1.0, 1.0]), classes=("background", "a"))
    found = np.array([[0.1], [0.4], [0.35], [0.8]])
    scores = measured(target, found, np.ones(4))
    assert scores["roc_auc"] == metrics.roc_auc_score([0, 0, 1, 1], found[:, 0])
    assert of_classes(target, found, np.ones(4)).recall.tolist() == [1.0, 0.5]


def test_the_nearest_labels_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    xyz = random.normal(size=(40, 3))
    values = random.normal(size=40)
    target = Target(name="a", kind="numbers", values=values)
    train, test = np.arange(30), np.arange(30, 40)
    expected = KNeighborsRegressor(5, weights="distance").fit(xyz[train], values[train]).predict(xyz[test])
    found = NearestLabels(xyz=xyz).predict([target], (train, test))[0].values
    assert found[0, :, 0] == pytest.approx(expected)


def test_radial_functions_follow_a_smooth_function_of_the_place():
    random = np.random.default_rng(0)
    xyz = random.normal(size=(400, 3))
    xyz /= np.linalg.norm(xyz, axis=1, keepdims=True)
    target = Target(name="a", kind="numbers", values=np.sin(3 * xyz[:, 0]) + xyz[:, 1])
    train, test = np.arange(300), np.arange(300, 400)
    found = RadialFunctions(xyz=xyz, weights=np.ones(400)).predict([target], (train, test))[0].values
    errors = np.abs(found[:, :, 0] - target.values[test]).max(axis=1)
    assert errors.min() < 0.05


def test_no_label_has_a_say_in_how_it_is_predicted():
    """A label that is changed changes the predictions of other folds alone."""
    random = np.random.default_rng(0)
    features, values = random.normal(size=(60, 20)), random.normal(size=60)
    splits = [(np.setdiff1d(np.arange(60), test), test) for test in np.array_split(np.arange(60), 5)]

    def found(values: np.ndarray) -> np.ndarray:
        method = ProbeMethod(features=features, weights=np.ones(60))
        target = Target(name="a", kind="numbers", values=values)
        return held_out(method, [target], np.ones(60), splits)[0].found[:, 0]

    changed = values.copy()
    changed[3] += 100
    before, after = found(values), found(changed)
    assert np.array_equal(before[:12], after[:12])
    assert (before[12:] != after[12:]).all()


def test_several_columns_share_a_fit_and_say_what_each_says_alone():
    """Their values are far apart, and they are fitted on other labels than they are tested with."""
    random = np.random.default_rng(0)
    features, values = random.normal(size=(60, 20)), random.normal(size=(60, 3)) * (1, 100, 1e4) + (0, 0, 1e5)
    targets = [Target(name=str(k), kind="numbers", values=values[:, k]) for k in range(3)]
    splits = [(np.setdiff1d(np.arange(60), test), test) for test in np.array_split(np.arange(60), 4)]
    weights = random.uniform(0.5, 2, 60)
    method = ProbeMethod(features=features, weights=weights)
    for one, target in zip(held_out(method, targets, weights, splits), targets, strict=True):
        (alone,) = held_out(method, [target], weights, splits)
        assert (one.target, one.setting) == (target, alone.setting)
        assert one.found == pytest.approx(alone.found, rel=1e-9)


def test_numbers_that_are_left_out_are_predicted_within_the_range_of_the_others():
    features = np.linspace(0, 1, 40)[:, None]
    target = Target(name="a", kind="numbers", values=np.linspace(0, 10, 40))
    parts = np.array_split(np.arange(40), 4)
    splits = [(np.setdiff1d(np.arange(40), test), test) for test in parts]
    highest = target.values[29]
    for clip, beyond in ((True, False), (False, True)):
        method = ProbeMethod(features=features, weights=np.ones(40), clip=clip)
        (held,) = held_out(method, [target], np.ones(40), splits)
        assert (held.found[30:].max() > highest + 1) == beyond
        assert clip is False or held.found[30:].max() == highest


def test_one_scale_for_all_bands():
    bands = np.random.default_rng(0).normal(5, [1, 10], (100, 2))
    features = Scaling.of(bands).apply(bands)
    assert features.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert np.sqrt((features**2).mean()) == pytest.approx(1)
    assert features[:, 1].std() / features[:, 0].std() == pytest.approx(bands[:, 1].std() / bands[:, 0].std())


def test_the_spread_covers_the_errors_in_blocks(heights, frame):
    scale = heights.fit.answers[0].scale
    assert scale.factor > 1
    assert scale.raw < ONE
    assert scale.covered == pytest.approx(ONE, abs=0.06)
    assert scale.covered_wide == pytest.approx(0.9, abs=0.06)
    assert len(heights.fit.answers[0].members) == 10


def test_the_scores_say_so_if_a_map_is_no_better(mini, frame):
    """Noise is predicted by nothing; a smooth function of the place by the place."""
    lonlat = frame[["lon", "lat"]].to_numpy()
    smooth = frame.assign(smooth=np.sin(np.radians(6 * lonlat[:, 0])) + lonlat[:, 1] / 20)
    told = str(rg.fit_map(smooth, "smooth", model=mini, beta=1, block="5deg", seeds=1).scores)
    assert "the map is no better than" in told
    assert "so it tells little that the labels alone do not" in told


def test_scores_tell_of_blocks_of_random_splits_and_of_baselines(heights):
    told = str(heights.scores).splitlines()
    assert [line.partition(":")[0] for line in told] == ["height"] * 3
    assert "in blocks that were left out" in told[0]
    assert "at random places" in told[1]
    assert "the nearest labels" in told[2]
    assert set(heights.scores.table.method) == {"embedding", "nearest", "rbf", "rbf+q"}
    assert (heights.scores.table.spread >= 0).all()


def test_testing_is_checked():
    from rangegeo.errors import UsageError

    with pytest.raises(UsageError, match="folds must be from 2 to 50, got 1; for example folds=5"):
        Splitting(folds=1)
    with pytest.raises(UsageError, match="seeds must be from 1 to 50"):
        Splitting(seeds=0)
    with pytest.raises(UsageError, match="seed must be"):
        Splitting(seed=-1)
