"""A store with overviews goes to netCDF by every way that is open to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import rangegeo as rg
from rangegeo.cli.main import run

WAYS: dict[str, Callable[[str], xr.Dataset | xr.DataArray]] = {
    "open_cube": lambda path: rg.open_cube(path),
    "a level": lambda path: rg.open_cube(path, level=1),
    "our engine": lambda path: xr.open_dataset(path, engine="rangegeo"),
    "the array": lambda path: xr.open_zarr(path)["embedding"],
    "a group": lambda path: xr.open_dataset(path, engine="zarr", group="ovr_2x"),
    "a group by its path": lambda path: xr.open_zarr(f"{path}/ovr_2x"),
}


@pytest.fixture(scope="module")
def store(golden, tmp_path_factory) -> str:
    path = str(tmp_path_factory.mktemp("overviews") / "a.zarr")
    model = ["--weights", str(golden / "satclip-mini.ckpt"), "--db", str(golden / "range_db_mini.npz")]
    box = ["--bbox", "5,44,8,46", "--res", "0.005", "--bands", "1,2", "--overviews"]
    assert run(["raster", "-q", *box, *model, "-o", path]) == 0
    return path


@pytest.mark.parametrize("way", WAYS)
def test_it_goes_to_netcdf(store, tmp_path: Path, way):
    found = WAYS[way](store)
    found.to_netcdf(tmp_path / "a.nc")
    values = found["embedding"] if isinstance(found, xr.Dataset) else found
    np.testing.assert_array_equal(rg.open_cube(tmp_path / "a.nc").values, values.values)
