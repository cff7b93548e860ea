"""What is known about a cube stays with its values, and only what stays true goes on to what is computed from it."""

from __future__ import annotations

import numpy as np
import pytest
import rioxarray  # noqa: F401, registers .rio
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


MOVED = {
    "reprojected": lambda cube: cube.rio.reproject(32632),
    "reprojected within its CRS": lambda cube: cube.rio.reproject(4326, resolution=0.03),
    "other labels": lambda cube: cube.assign_coords(x=cube["x"] + 90),
    "beyond its end": lambda cube: cube.isel(x=slice(-3, None)).assign_coords(
        x=cube["x"].values[-1] + [0.02, 0.04, 0.06]
    ),
    "another CRS": lambda cube: cube.rio.write_crs("EPSG:4258"),
}


@pytest.mark.parametrize("way", MOVED)
def test_what_lies_elsewhere_does_not_claim_to_be_an_embedding(cube, way, tmp_path):
    """These keep the encoding."""
    cube = cube.isel(beta=0, drop=True) if "beta" in cube.dims else cube
    found = MOVED[way](cube)
    assert repr(found.rangegeo).splitlines()[1].strip().startswith("model   computed from RANGE+ embedding")
    (path,) = found.rangegeo.to_zarr(tmp_path / "b.zarr")
    assert not OF_VALUES - {"long_name"} & rg.open_cube(path).rangegeo.facts.keys()


def test_a_beta_that_was_never_evaluated_is_no_embedding(mini):
    cube = rg.raster((5, 44, 6, 45), 0.02, model=mini, betas=(0, 1), bands=[1, 4])
    found = cube.reindex(beta=[0, 0.2, 1], method="nearest")
    assert "evaluation" not in found.rangegeo.facts
    assert "evaluation" in cube.reindex(beta=[1, 0]).rangegeo.facts


@pytest.mark.parametrize("way", KEPT)
def test_a_part_of_a_cube_knows_all_of_it(cube, way):
    if "beta" not in cube.dims or (way == "one beta" and 1 not in cube["beta"].values):
        pytest.skip("one beta alone")
    whole, part = cube.rangegeo.facts, KEPT[way](cube).rangegeo.facts
    assert part == whole


OF_DATASETS = {
    "product": lambda found: found * 2,
    "difference": lambda found: found - found.isel(y=0, drop=True),
    "masked": lambda found: found.where(found["embedding"] > 0),
    "filled": lambda found: found.fillna(0),
    "mapped": lambda found: found.map(np.sqrt),
    "changed in place": lambda found: found.__iadd__(1),
    "mean": lambda found: found.mean("band", keepdims=True),
}


@pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("dtype", ["float32", "int16"])
@pytest.mark.parametrize("consolidated", [True, False])
def test_facts_follow_the_values_of_a_whole_dataset(mini, tmp_path, dtype, consolidated):
    """The attributes of a group stay on whatever xarray computes from it; the array itself tells that they are old."""
    made = rg.raster((5, 44, 6, 45), 0.05, model=mini, betas=(0, 1), bands=[1, 4])
    made.rangegeo.to_zarr(tmp_path / "a.zarr", dtype=dtype)
    facts = rg.open_cube(tmp_path / "a.zarr").rangegeo.facts
    for way, change in OF_DATASETS.items():
        found = change(xr.open_zarr(tmp_path / "a.zarr", consolidated=consolidated))
        found.to_zarr(tmp_path / f"{way}.zarr")
        again = rg.open_cube(tmp_path / f"{way}.zarr").rangegeo
        assert not OF_VALUES & again.facts.keys(), way
        assert again.facts["model"] == "RANGE+"
        assert "computed from RANGE+ embedding" in repr(again)
    whole = xr.open_zarr(tmp_path / "a.zarr", consolidated=consolidated)
    whole.isel(x=slice(3, 9)).to_zarr(tmp_path / "part.zarr")
    assert rg.open_cube(tmp_path / "part.zarr").rangegeo.facts.items() >= facts.items()
    assert "computed from" not in repr(whole["embedding"].rangegeo)
    if consolidated and dtype == "float32":  # what is quantised has an attribute that netCDF cannot hold
        (whole * 2).to_netcdf(tmp_path / "b.nc")
        whole.isel(x=slice(3, 9)).to_netcdf(tmp_path / "c.nc")
        assert not OF_VALUES & rg.open_cube(tmp_path / "b.nc").rangegeo.facts.keys()
        assert rg.open_cube(tmp_path / "c.nc").rangegeo.facts["tolerance"] == facts["tolerance"]


def test_dropped_attributes_are_gone(cube):
    assert cube.drop_attrs().rangegeo.facts == {}


@pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning")
@pytest.mark.parametrize("axis", ["x", "y"])
def test_what_was_measured_on_a_store_is_not_claimed_for_what_was_appended(mini, tmp_path, axis):
    boxes = {"x": ((5, 44, 6, 45), (6, 44, 7, 45)), "y": ((5, 44, 6, 45), (5, 43, 6, 44))}[axis]
    first, second = (rg.raster(box, 0.05, model=mini, bands=[1]) for box in boxes)
    first.rangegeo.to_zarr(tmp_path / "a.zarr")
    second.rangegeo.to_zarr(tmp_path / "b.zarr")
    assert "measured_error" in rg.open_cube(tmp_path / "a.zarr").rangegeo.facts
    part = xr.open_zarr(tmp_path / "a.zarr").isel(x=slice(1, 3)).load()
    part.to_zarr(tmp_path / "part.zarr")
    assert "measured_error" in rg.open_cube(tmp_path / "part.zarr").rangegeo.facts
    with xr.open_zarr(tmp_path / "b.zarr") as more:
        more.drop_vars("spatial_ref").drop_encoding().to_zarr(tmp_path / "a.zarr", append_dim=axis)
    grown = rg.open_cube(tmp_path / "a.zarr")
    assert grown.sizes[axis] == 40
    assert not {"measured_error", "proof_pixels", "evaluations", "command"} & grown.rangegeo.facts.keys()
    assert grown.rangegeo.facts["model"] == "RANGE+"
