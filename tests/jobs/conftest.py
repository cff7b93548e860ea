"""Requests for jobs, with the miniature model, in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from oracles import golden

from rangegeo.jobs.options import Content, Extent

MINI = {"weights": str(golden.GOLDEN / "satclip-mini.ckpt"), "db": str(golden.GOLDEN / "range_db_mini.npz")}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """An empty current folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def extent() -> Extent:
    return Extent(bbox=(5, 44, 6, 45), res=0.05)


@pytest.fixture
def content() -> Content:
    return Content(**MINI)
