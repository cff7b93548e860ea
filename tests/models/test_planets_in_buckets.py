"""Planets in buckets: the options of their server reach every verb, and no file or message holds them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import rangegeo as rg
from rangegeo.cli.main import run
from rangegeo.errors import UsageError
from rangegeo.models.load import loaded
from rangegeo.support.address import Address
from tests.helpers.planets import exact, write_planet

PLACES = np.array([[5.7, 45.2], [-60.1, -3.2]])


@pytest.fixture
def planet(s3, bucket, tmp_path) -> str:
    """The address of a planet."""
    local, address = write_planet(tmp_path / "local.zarr", count=15), f"{bucket}/planet.zarr"
    for file in local.rglob("*"):
        if file.is_file():
            Address.of(f"{address}/{file.relative_to(local)}", s3.options).write_bytes(file.read_bytes())
    return address


def test_in_python(planet, s3):
    model = rg.load_model(planet, storage_options=s3.options)
    np.testing.assert_allclose(model.encode(PLACES), exact(PLACES), atol=1e-3)
    again = loaded(pickle.loads(pickle.dumps(model.spec)))  # as a worker does it
    np.testing.assert_array_equal(again.encode(PLACES), model.encode(PLACES))
    assert rg.load_model("SatCLIP", weights=planet, storage_options=s3.options).dim == 6
    secret = s3.options["secret_access_key"]
    assert secret not in f"{model!r} {model.spec!r} {model.origin} {json.dumps(model.spec.stored)}"
    with pytest.raises(UsageError, match="storage_options is for the address of a planet; leave it out"):
        rg.load_model("RANGE+", storage_options=s3.options)


def test_in_the_shell(planet, s3, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("places.csv").write_text("name,lon,lat\nBern,7.45,46.95\nBrig,7.99,46.32\n")
    rows = [f"{5 + i % 8 / 9},{44 + i // 8 / 9},{i % 7}" for i in range(60)]
    Path("labels.csv").write_text("\n".join(["lon,lat,height", *rows]))
    quick = "labels.csv --target height --block 20km --folds 2 --seeds 1 --no-baselines -q"
    storage = [part for name, value in s3.options.items() for part in ("--storage", f"{name}={value}")]
    for line in (
        f"raster --model {planet} --bbox 5,44,6,45 --res 0.5 -q -o a.zarr",
        f"raster --model SatCLIP --weights {planet} --bbox 5,44,6,45 --res 0.5 -q -o b.tif",
        f"points places.csv --model {planet} -q -o c.npz",
        f"info {planet}",
        f"verify a.zarr --weights {planet} --pixels 4",
        f"map {quick} --model {planet} --bbox 5,44,6,45 --res 0.5 -o map.tif --report map.md --save fit.npz",
        f"evaluate {quick} --model {planet} --model SatCLIP={planet} --beta 0.5 -o scores.csv",
    ):
        assert run([*line.split(), *storage]) == 0, (line, capsys.readouterr().err)
    secret = s3.options["secret_access_key"].encode()
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and secret in file.read_bytes()]
    scored = Path("scores.csv").read_text()
    assert planet in scored
    assert "SatCLIP=planet" in scored
    for line in ("points places.csv -q -o d.npz", f"map {quick} -o other.tif --res 1", f"evaluate {quick}"):
        assert run([*line.split(), *storage]) == 2
        assert "--storage is for addresses such as s3://, and none is given; leave it out" in capsys.readouterr().err
