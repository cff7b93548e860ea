"""Requests for jobs, with the miniature model, in an empty folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dask
import pytest
import torch
from oracles import golden

from rangegeo.jobs.options import Content, Extent

MINI = {"weights": str(golden.GOLDEN / "satclip-mini.ckpt"), "db": str(golden.GOLDEN / "range_db_mini.npz")}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty current folder; what a job changes of threads is put back."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    threads = torch.get_num_threads()
    with dask.config.set(num_workers=None):
        yield tmp_path / "here"
    torch.set_num_threads(threads)


@pytest.fixture
def extent() -> Extent:
    return Extent(bbox=(5, 44, 6, 45), res=0.05)


@pytest.fixture
def content() -> Content:
    return Content(**MINI)
