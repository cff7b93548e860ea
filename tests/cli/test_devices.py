"""What `--device auto` has taken is told on stderr, by every verb that evaluates a model."""

from __future__ import annotations

import pytest
from typed import mini_for

LINE = "evaluating on the CPU\n"


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)


def test_a_raster_says_where_it_is_evaluated(raster):
    assert raster("--device", "auto", "-o", "a.zarr").err.count(LINE) == 1
    assert "evaluating on" not in raster("-o", "b.zarr").err
    assert raster("--device", "auto", "-q", "-o", "c.zarr").err == ""


def test_other_verbs_say_it_too(rangegeo, folder):
    (folder / "places.csv").write_text("lon,lat\n5,45\n")
    mini = mini_for(())
    area = ("--bbox", "5,44,6,45", "--tolerance", "1e-2", "--dry-run")
    for verb in (
        ("points", "places.csv", "-o", "p.csv", *mini),
        ("planet", "build", *area, "-o", "p.zarr", *mini),
        ("neighbors", "5", "45", "-k", "1", *mini),
    ):
        ran = rangegeo(*verb)
        assert ran.code == 0, ran.err
        assert ran.err.count(LINE) == 1, verb


def test_a_planet_is_evaluated_nowhere(rangegeo, folder):
    (folder / "places.csv").write_text("lon,lat\n5,45\n")
    ran = rangegeo("points", "places.csv", "--model", "none.zarr", "-o", "p.csv")
    assert ran.code != 0
    assert "evaluating on" not in ran.err
