"""The workflow of the paper's claims: what it compares, and how it judges."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from oracles import golden
from safetensors.numpy import load_file

WEIGHTS, DB = str(golden.GOLDEN / "satclip-mini.ckpt"), str(golden.GOLDEN / "range_db_mini.npz")


@pytest.fixture(scope="module")
def claims():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "workflows" / "downstream"))
        yield importlib.import_module("claims")


def scores(claims, **changed: float) -> pd.Series:
    """Scores under which every claim holds but for those that are changed, by "model/features"."""
    names = ("RANGE+/q", "RANGE/embedding", "RANGE+/beta 0.5", "RANGE+/beta 0", "RANGE+/beta 1",
             "50% of the rows/beta 0.5", "10% of the rows/beta 0.5")  # fmt: skip
    held = zip(names, (0.4, 0.6, 0.7, 0.6, 0.6, 0.695, 0.61), strict=True)
    found = {tuple(name.split("/")): value for name, value in held}
    found |= {(name, "beta 0.5"): 0.65 for name in ("semantic 4", "semantic 30", "geographic 10", "geographic 160")}
    found |= {tuple(name.split("/")): value for name, value in changed.items()}
    return pd.Series(found)


@pytest.mark.parametrize(
    ("changed", "fails"),
    [
        ({}, None),
        ({"RANGE+/q": 0.595}, 0),
        ({"RANGE/embedding": 0.695}, 1),
        ({"RANGE+/beta 0": 0.72}, 2),
        ({"50% of the rows/beta 0.5": 0.68}, 4),
        ({"10% of the rows/beta 0.5": 0.405}, 5),
        ({"semantic 30/beta 0.5": 0.72}, 6),
        ({"geographic 160/beta 0.5": 0.72}, 7),
    ],
)
def test_claims_are_judged_by_the_scores(claims, changed, fails):
    smooth = pd.DataFrame({50: [0.1, 0.2, 0.3]}, index=[0.0, 0.5, 1.0])
    judged = claims.judged(scores(claims, **changed), smooth)
    assert [number for number, claim in enumerate(judged) if not claim.holds] == ([] if fails is None else [fails])
    rough = claims.judged(scores(claims), smooth[::-1].set_axis(smooth.index))
    assert [number for number, claim in enumerate(rough) if not claim.holds] == [3]


def test_the_models_that_are_compared(claims, tmp_path):
    models = claims.variants(WEIGHTS, DB, tmp_path)
    assert list(models) == ["RANGE+", "RANGE", "50% of the rows", "10% of the rows", "semantic 4", "semantic 30",
                            "geographic 10", "geographic 160"]  # fmt: skip
    assert [len(load_file(tmp_path / f"{share}.safetensors")["locs"]) for share in (0.5, 0.1)] == [250, 50]
    assert models["semantic 4"].temperatures != models["RANGE+"].temperatures


def test_change_grows_with_distance(claims, monkeypatch):
    monkeypatch.setattr(claims, "PAIRS", 40)
    models = {"RANGE+": claims.rg.load_model("RANGE+", weights=WEIGHTS, db=DB)}
    found = claims.roughness(models["RANGE+"])
    assert (np.diff(found.to_numpy(), axis=1) > 0).all()
    assert found[50][0.0] < found[50][1.0]


def test_the_report_has_a_row_for_each_claim_and_model(claims):
    smooth = pd.DataFrame({50: [0.1, 0.2, 0.3], 200: 0.4, 800: 0.5}, index=[0.0, 0.5, 1.0])
    means = scores(claims)
    text = claims.report(claims.judged(means, smooth), means, smooth, ["elevation"], 100, 2.0)
    assert text.count("| yes |") == 8
    assert "| RANGE+ | 0.600 | 0.700 | 0.600 |  | 0.400 |" in text
    assert "| beta 0.5 | 0.200 | 0.400 | 0.500 |" in text
