"""`rangegeo models`: every row, as a table and as JSON."""

from __future__ import annotations

import json

import pytest

from rangegeo.encoders import MODELS
from rangegeo.weights import inventory as at_hand


@pytest.fixture
def nothing_here(monkeypatch):
    """No downloads and no packages with weights."""
    monkeypatch.setattr(at_hand, "cached", lambda file: None)
    monkeypatch.setattr(at_hand, "installed_geoclip", lambda: None)


def test_the_table_has_every_model(rangegeo, nothing_here):
    done = rangegeo("models")
    assert (done.code, done.err) == (0, "")
    head, *lines = done.out.splitlines()
    assert head.split() == ["model", "bands", "licence", "weights"]
    assert [line.split()[0] for line in lines] == list(MODELS)
    said = {line.split()[0]: line for line in lines}
    assert said["RANGE+"].split() == [
        "RANGE+",
        "1280",
        "MIT;",
        "database:",
        "none",
        "stated",
        "demo",
        "embedded",
        "(512",
        "bands)",
    ]
    assert said["SatCLIP"].endswith("  demo embedded")
    assert said["GeoCLIP"].endswith("  missing: --weights official downloads them")
    assert said["CSP"].endswith("  missing: --weights PATH")
    assert said["Theory"].endswith("192  no weights                  none needed")


def test_what_is_here_is_said(rangegeo, monkeypatch, tmp_path):
    monkeypatch.setattr(at_hand, "cached", lambda file: tmp_path if "L40" in file.repo else None)
    monkeypatch.setattr(at_hand, "installed_geoclip", lambda: tmp_path)
    said = {line.split()[0]: line for line in rangegeo("models").out.splitlines()}
    assert said["GeoCLIP"].endswith("  installed")
    assert (
        " demo embedded, satclip-vit16-l40 cached, satclip-resnet18-l40 cached, satclip-resnet50-l40 cached"
        in said["SatCLIP"]
    )


def test_json_has_it_all(rangegeo, nothing_here):
    facts = json.loads(rangegeo("models", "--json").out)
    assert [row["model"] for row in facts] == list(MODELS)
    by_name = {row["model"]: row for row in facts}
    assert by_name["RANGE+"]["databases"] == {"demo": "embedded", "large": "missing", "med": "missing"}
    assert by_name["GeoCLIP"]["weights"] == {"installed": "missing", "geoclip": "missing"}
    assert by_name["GeoCLIP"]["order"] == "lat,lon"
    assert "alias" in by_name["s2vec_spherec"]["notes"]
    for row in facts:
        assert row["citation"].startswith("arXiv:")
        assert row["source"]
        assert row["tested"]
        assert row["licence"]
        assert row["bands"] > 0
        assert row["needs_weights"] == MODELS[row["model"]].has_weights
