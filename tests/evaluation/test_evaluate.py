"""Comparisons: the scores of scikit-learn and of `fit_map`, one evaluation for all betas, and what is written."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

import rangegeo as rg
from rangegeo.errors import OutputError, PlaceWarning, UsageError
from rangegeo.evaluation.blocks import BlockSide, splits_by_block
from rangegeo.evaluation.comparing import Task, compare
from rangegeo.evaluation.embedded import Encoder, encoders_of, names_at_hand
from rangegeo.evaluation.evaluate import splitting_of
from rangegeo.evaluation.probes import STRENGTHS
from rangegeo.evaluation.reading import read_labels

HOW = {"block": "5deg", "folds": 3, "seeds": 2}


@pytest.fixture(scope="module")
def scores(mini, frame):
    """Scores of a number and of a class, of all features and baselines."""
    return rg.evaluate(frame, ["height", "cover"], model=mini, betas=0.5, **HOW)


def best_by_hand(features: np.ndarray, values: np.ndarray, splits: list) -> float:
    """R² of labels that were left out; each fold is predicted with the strength that the others speak for."""
    found = np.empty((len(STRENGTHS), len(values)))
    folds = np.empty(len(values), int)
    for fold, (train, test) in enumerate(splits):
        folds[test] = fold
        for row, strength in enumerate(STRENGTHS):
            fitted = Ridge(strength * len(train)).fit(features[train], values[train])
            found[row, test] = np.clip(fitted.predict(features[test]), values[train].min(), values[train].max())
    errors = (found - values) ** 2
    chosen = [errors[:, folds != fold].sum(axis=1).argmin() for fold in range(len(splits))]
    return r2_score(values, found[np.array(chosen)[folds], np.arange(len(values))])


def value(scores, task: str, features: str, split: str = "block", measure: str | None = None) -> float:
    table = scores.table
    rows = table[(table.task == task) & (table.features == features) & (table.split == split)]
    (found,) = rows[rows.measure == (measure or scores.measures[task])].value
    return found


@pytest.mark.parametrize("features", ["beta 0.5", "S+G+q", "q"])
def test_scores_are_those_of_scikit_learn_by_hand(scores, mini, frame, features):
    lonlat = frame[["lon", "lat"]].to_numpy()
    semantic, geographic = mini.encode(lonlat, beta=1), mini.encode(lonlat, beta=0)
    visual, location = mini.visual, semantic[:, mini.visual :]
    bands = {
        "beta 0.5": mini.encode(lonlat, beta=0.5),
        "S+G+q": np.hstack([semantic[:, :visual], geographic[:, :visual], location]),
        "q": location,
    }[features].astype(float)
    centred = bands - bands.mean(axis=0)
    scaled = centred / np.sqrt((centred**2).mean())
    blocks = BlockSide.parse("5deg").numbers(lonlat)
    found = []
    for seed in (0, 1):
        splits = list(splits_by_block(blocks, np.zeros(len(blocks), int), 3, seed))
        assert all(not set(blocks[train]) & set(blocks[test]) for train, test in splits)
        found.append(best_by_hand(scaled, frame["height"].to_numpy(), splits))
    assert value(scores, "height", features) == pytest.approx(np.mean(found), abs=1e-4)
    rows = scores.table[(scores.table.features == features) & (scores.table.split == "block")]
    (spread,) = rows[(rows.task == "height") & (rows.measure == "r2")].over_seeds
    assert spread == pytest.approx(np.std(found, ddof=1), abs=1e-4)


def test_scores_are_those_of_a_map_of_the_same_features(scores, mini, frame):
    fitted = rg.fit_map(frame, ["height", "cover"], model=mini, **HOW)
    for task, measure in (("height", "rmse"), ("cover", "accuracy"), ("cover", "f1_macro")):
        theirs, _ = fitted.scores.value(task, "block", "embedding", measure)
        assert value(scores, task, "S+G+q", measure=measure) == pytest.approx(theirs, rel=1e-3)
    for name in ("nearest", "rbf", "rbf+q"):
        assert value(scores, "height", name) == pytest.approx(fitted.scores.value("height", "block", name)[0])


def test_scores_of_a_beta_are_those_of_its_map(scores, mini, frame):
    fitted = rg.fit_map(frame, "height", model=mini, beta=0.5, baselines=False, **HOW)
    theirs, _ = fitted.scores.value("height", "block", "embedding")
    assert value(scores, "height", "beta 0.5") == pytest.approx(theirs, rel=1e-3)


def test_all_betas_come_from_one_evaluation_of_each_place(mini, frame, monkeypatch):
    labels = read_labels(frame, ["height", "cover"])
    tasks = [Task(name=target.name, labels=labels, targets=(target,)) for target in labels.targets]
    evaluated = []
    components = type(mini.evaluator).components

    def counting(self, places, wanted):
        evaluated.append(len(places))
        return components(self, places, wanted)

    monkeypatch.setattr(type(mini.evaluator), "components", counting)
    splitting = splitting_of(block="5deg", folds=2, seeds=1, seed=0, baselines=False)
    found = compare(tasks, [Encoder("mini", mini)], (0, 0.2, 0.4, 0.6, 1), splitting)
    assert sum(evaluated) == len(labels)
    assert len(found.wide()) == 9
    assert set(found.table.bands[found.table.features == "S"]) == {mini.visual}


def test_several_columns_of_one_task_count_by_their_mean(mini, frame):
    labels = read_labels(frame, ["height", "rain"])
    splitting = splitting_of(block="5deg", folds=2, seeds=1, seed=0, baselines=False)
    together = Task(name="both", labels=labels, targets=labels.targets)
    apart = [Task(name=target.name, labels=labels, targets=(target,)) for target in labels.targets]
    found = compare([together, *apart], [Encoder("mini", mini)], (0.5,), splitting).wide()
    assert found["both"].to_numpy() == pytest.approx(found[["height", "rain"]].mean(axis=1).to_numpy())


def test_tables_are_written_and_read(scores, tmp_path):
    long = pd.read_csv(scores.write(tmp_path / "s.csv"))
    pd.testing.assert_frame_equal(long, scores.table, check_exact=False)
    text = scores.write(tmp_path / "s.md").read_text()
    assert text == scores.to_markdown() == str(scores)
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads == ["## In blocks of 5 degrees that were left out", "## At random places"]
    first = text.split("##")[1].strip().splitlines()[2:]
    read = pd.read_csv(io.StringIO("\n".join(line.strip("| ") for line in first)), sep=r"\s*\|\s*", engine="python")
    assert list(read) == ["encoder", "features", "height (R²)", "cover (accuracy)", "mean"]
    cell = read[(read.encoder == "RANGE+") & (read.features == "beta 0.5")]["height (R²)"].iloc[0]
    assert float(cell.split("±")[0]) == pytest.approx(value(scores, "height", "beta 0.5"), abs=5e-4)
    wide = scores.wide()
    assert wide["mean"].to_numpy() == pytest.approx(wide[["height", "cover"]].mean(axis=1).to_numpy())
    assert list(wide.loc["baseline"].index) == ["nearest", "rbf", "rbf+q"]
    with pytest.raises(OutputError, match="exists and was left as it is"):
        scores.write(tmp_path / "s.md")


def test_a_picture_has_a_panel_for_each_task_and_a_line_for_each_row(scores, tmp_path):
    figure = scores.draw()
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == ["height, R²", "cover, accuracy"]
    assert [text.get_text() for text in panels[0].get_yticklabels()][:2] == ["RANGE+ beta 0.5", "RANGE+ S"]
    drawn = panels[0].containers[0].lines[0].get_xdata()
    assert drawn == pytest.approx(np.maximum(scores.wide()["height"].to_numpy(), -0.05))
    assert scores.write(tmp_path / "s.png").read_bytes()[:4] == b"\x89PNG"


def test_encoders_are_named_as_they_are_typed(golden, mini):
    typed = f"RANGE+={golden / 'satclip-mini.ckpt'},{golden / 'range_db_mini.npz'}"
    first, second = encoders_of([typed, "Theory"])
    assert first.name == "RANGE+=satclip-mini,range_db_mini"
    assert first.model.visual == mini.visual
    assert second.model.spec.name == "Theory"
    assert [one.name for one in encoders_of({"mine": mini})] == ["mine"]
    assert {"RANGE+", "RANGE", "SatCLIP", "s2vec_grid"} <= set(names_at_hand())
    assert "SINR" not in names_at_hand()


def test_a_model_without_betas_has_one_line(mini, frame):
    found = rg.evaluate(frame, "height", model=["Wrap", mini], betas=0, block="5deg", folds=2, seeds=1, baselines=False)
    assert list(found.wide().index)[:2] == [("Wrap", "embedding"), ("RANGE+", "beta 0")]
    assert found.table.over_seeds.isna().all()


def test_several_tables_give_a_task_for_each_target_that_they_have(mini, frame):
    other = frame[["lon", "lat", "rain", "height"]]
    with pytest.warns(PlaceWarning, match="the labels: there is no column 'cover', so the table is not used for it"):
        found = rg.evaluate(
            [frame, other], ["height", "cover"], model=mini, betas=0, block="5deg", folds=2, seeds=1, baselines=False
        )
    assert list(found.measures) == ["the labels height 1", "cover", "the labels height 2"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"height": 1.0}, "all labels have one value"),
        ({"height": np.nan}, "has no value beside a place"),
        ({"height": ["tall", *map(str, range(199))]}, "'tall' in row 1"),
        ({"lon": 5.0, "lat": 45.0}, "all labels lie in one block"),
    ],
    ids=["constant", "missing", "text", "one place"],
)
@pytest.mark.filterwarnings("ignore:.*contradict one another")  # where all labels are of one place
def test_bad_labels_give_the_same_lines_as_a_map(mini, frame, changed, told):
    bad = frame.assign(**changed)
    said = []
    for call in (rg.evaluate, rg.fit_map):
        with pytest.raises(UsageError, match=told) as error:
            call(bad, "height", model=mini, seeds=1)
        said.append(str(error.value))
    assert said[0] == said[1]
