"""`rangegeo train`: what it says and prints."""

from __future__ import annotations

import numpy as np
import pytest

from rangegeo.weights.written import write_database

SIZES = ("--degree", "4", "--width", "8", "--dim", "4", "--epochs", "2", "--batch", "16")
OPTIONS = (*SIZES, "--threads", "1", "--held-out", "0.1")


@pytest.mark.filterwarnings("default:S explains:rangegeo.errors.ModelWarning")  # of so short a training
def test_a_training_tells_how_it_came_out_and_prints_its_files(rangegeo, folder):
    random = np.random.default_rng(0)
    lonlat = np.column_stack([random.uniform(-180, 180, 60), random.uniform(-80, 80, 60)])
    values = np.sin(np.radians(lonlat)).astype(np.float32)
    write_database(folder / "seen.npz", lonlat, np.ones((60, 2), np.float32), values, {})
    ran = rangegeo("train", "seen.npz", *OPTIONS, "-o", "own.ckpt", "--db-out", "own.npz")
    assert (ran.code, ran.out) == (0, "own.ckpt\nown.npz\n")
    assert ran.err.count("training on ") == 1
    assert "own.ckpt: 54 rows of 60, 2 epochs" in ran.err
    assert "6 rows held out find their own values: median rank" in ran.err
    assert "S of the other rows explains" in ran.err
    found = rangegeo("neighbors", "5", "45", "--weights", "own.ckpt", "--db", "own.npz", "-k", "1", "--json")
    assert found.code == 0
