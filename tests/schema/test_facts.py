"""What is known about a cube stays with its values, and only what stays true goes on to what is computed from it."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import rangegeo as rg

OF_VALUES = {"long_name", "measured_error", "command", "tolerance", "evaluation", "quantisation_dtype", "pca_mean"}
COMPUTED = {
    "product": lambda cube: cube * 2,
    "difference": lambda cube: cube - cube.isel(y=0),
    "root": lambda cube: np.sqrt(cube**2),
    "mean": lambda cube: cube.mean("band", keepdims=True),
    "largest": lambda cube: cube.max("beta"),
    "masked": lambda cube: cube.where(cube > 0),
    "by dataset": lambda cube: (cube.to_dataset(name="embedding") * 2)["embedding"],
    "coarser": lambda cube: cube.coarsen(x=2, y=2).mean(),
}
KEPT = {
    "slice": lambda cube: cube.isel(x=slice(3, 9)),
    "bands": lambda cube: cube.isel(band=[1, 0]),
    "one beta": lambda cube: cube.sel(beta=1),
    "in memory": lambda cube: cube.compute(),
    "chunks": lambda cube: cube.chunk(x=4),
    "sorted": lambda cube: cube.sortby("y"),
    "renamed": lambda cube: cube.rename("features"),
}


@pytest.fixture(scope="module", params=["raster", "a.zarr", "a.tif", "plain xarray"])
def cube(request, mini, tmp_path_factory) -> xr.DataArray:
    folder = tmp_path_factory.mktemp("facts")
    made = rg.raster((5, 44, 6, 45), 0.02, model=mini, betas=(0, 1), bands=[1, 4])
    if request.param == "raster":
        return made
    if request.param == "a.tif":
        (zero, _) = made.rangegeo.to_geotiff(folder / "a.tif")
        return rg.open_cube(zero).expand_dims("beta")
    (path,) = made.rangegeo.to_zarr(folder / "a.zarr")
    return rg.open_cube(path) if request.param == "a.zarr" else xr.open_zarr(path)["embedding"]


@pytest.mark.parametrize("way", COMPUTED)
def test_what_is_computed_from_a_cube_does_not_claim_to_be_one(cube, way, tmp_path):
    found = COMPUTED[way](cube)
    assert not OF_VALUES & found.attrs.keys()
    assert found.attrs["model"] == "RANGE+"
    assert repr(found.rangegeo).splitlines()[1].strip().startswith("model   computed from RANGE+ embedding")
    (path,) = found.rangegeo.to_zarr(tmp_path / "b.zarr")
    again = rg.open_cube(path)
    assert not OF_VALUES - {"long_name"} & again.rangegeo.facts.keys()
    assert again.rangegeo.facts["long_name"] == "computed from RANGE+ embedding"


@pytest.mark.parametrize("way", KEPT)
def test_a_part_of_a_cube_knows_all_of_it(cube, way):
    if "beta" not in cube.dims or (way == "one beta" and 1 not in cube["beta"].values):
        pytest.skip("one beta alone")
    whole, part = cube.rangegeo.facts, KEPT[way](cube).rangegeo.facts
    assert part == whole


def test_dropped_attributes_are_gone(cube):
    assert cube.drop_attrs().rangegeo.facts == {}
