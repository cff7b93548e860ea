"""How models that are compared are taken apart into names, weights and databases."""

from __future__ import annotations

import pytest

from rangegeo.support.planets import split_model


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("RANGE+", ("RANGE+", "", "")),
        ("SatCLIP=a.ckpt", ("SatCLIP", "a.ckpt", "")),
        ("RANGE+=a.ckpt,b.npz", ("RANGE+", "a.ckpt", "b.npz")),
        ("s3://bucket/run=3,b/planet.zarr", ("s3://bucket/run=3,b/planet.zarr", "", "")),
        ("RANGE=https://example.org/a,b/planet.zarr", ("RANGE", "https://example.org/a,b/planet.zarr", "")),
        ("run=3/planet.zarr", ("run=3/planet.zarr", "", "")),
        ("RANGE=run=3/planet.zarr", ("RANGE", "run=3/planet.zarr", "")),
    ],
)
def test_what_is_compared(given, parts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run=3" / "planet.zarr").mkdir(parents=True)
    assert split_model(given) == parts
