"""Every way into a cube, by rangegeo and by other programs, and every way out of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rioxarray
import xarray as xr

import rangegeo as rg
from rangegeo.errors import UsageError

BOX, RES = (5, 44, 6, 45), 0.1
PLACE = (5.3, 44.6)


@pytest.fixture(scope="module")
def whole(mini) -> xr.DataArray:
    return rg.raster(BOX, RES, model=mini, betas=0.5, exact=True)


@pytest.fixture(scope="module")
def stored(whole, tmp_path_factory) -> Path:
    """A folder with the cube in every form."""
    folder = tmp_path_factory.mktemp("stored")
    whole.rangegeo.to_zarr(folder / "3.zarr")
    whole.rangegeo.to_zarr(folder / "2.zarr", zarr_format=2)
    whole.rangegeo.to_geotiff(folder / "a.tif")
    for dtype in ("float16", "int16", "int8"):
        whole.rangegeo.to_zarr(folder / f"{dtype}.zarr", dtype=dtype)
        whole.rangegeo.to_geotiff(folder / f"{dtype}.tif", dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Consolidated metadata", UserWarning)
        xr.open_zarr(folder / "3.zarr").to_netcdf(folder / "dataset.nc")
        rg.open_cube(folder / "3.zarr").to_netcdf(folder / "array.nc")
        whole.to_netcdf(folder / "own.nc")
        xr.open_zarr(folder / "3.zarr")["embedding"].to_zarr(folder / "array.zarr")
        xr.open_zarr(folder / "3.zarr").chunk(y=3, x=4).drop_encoding().to_zarr(folder / "chunks.zarr")
        xr.open_zarr(folder / "3.zarr").sortby("y").to_zarr(folder / "south.zarr")
        xr.open_zarr(folder / "3.zarr").rename(embedding="features").to_zarr(folder / "renamed.zarr")
        xr.open_zarr(folder / "3.zarr").transpose("y", "x", "beta", "band").drop_encoding().to_zarr(
            folder / "turned.zarr"
        )
        half = xr.open_zarr(folder / "3.zarr").drop_encoding()
        half.isel(y=slice(0, 5)).to_zarr(folder / "appended.zarr")
        half.isel(y=slice(5, None)).drop_vars("spatial_ref").to_zarr(folder / "appended.zarr", append_dim="y")
    return folder


def opened(path: Path) -> xr.DataArray:
    return rg.open_cube(path)


def in_memory(path: Path) -> xr.DataArray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(Scales|Offsets) differ", UserWarning)
        found = rioxarray.open_rasterio(path, masked=True, mask_and_scale=True)
    assert isinstance(found, xr.DataArray)
    return found


WAYS_IN: dict[str, Callable[[xr.DataArray, Path], xr.DataArray]] = {
    "lazy": lambda whole, folder: whole,
    "virtual": lambda whole, folder: rg.raster(BOX, RES, model=_model(whole), betas=0.5, exact=True, chunks=None),
    "in memory": lambda whole, folder: whole.compute(),
    **{
        f"open_cube {name}": (lambda whole, folder, name=name: opened(folder / name))
        for name in (
            "3.zarr",
            "2.zarr",
            "a.tif",
            "float16.zarr",
            "int16.zarr",
            "int8.zarr",
            "float16.tif",
            "int16.tif",
            "int8.tif",
            "dataset.nc",
            "array.nc",
            "own.nc",
            "array.zarr",
            "chunks.zarr",
            "south.zarr",
            "renamed.zarr",
            "turned.zarr",
            "appended.zarr",
        )
    },
    "xr.open_zarr 3": lambda whole, folder: xr.open_zarr(folder / "3.zarr")["embedding"],
    "xr.open_zarr 2": lambda whole, folder: xr.open_zarr(folder / "2.zarr")["embedding"],
    "xr.open_zarr int16": lambda whole, folder: xr.open_zarr(folder / "int16.zarr")["embedding"],
    "engine zarr": lambda whole, folder: xr.open_dataset(folder / "3.zarr", engine="rangegeo")["embedding"],
    "engine tif": lambda whole, folder: xr.open_dataset(folder / "a.tif", engine="rangegeo")["embedding"],
    "engine nc": lambda whole, folder: xr.open_dataset(folder / "array.nc", engine="rangegeo")["embedding"],
    "xarray nc": lambda whole, folder: xr.open_dataset(folder / "dataset.nc")["embedding"],
    "rioxarray": lambda whole, folder: in_memory(folder / "a.tif"),
    "rioxarray int16": lambda whole, folder: in_memory(folder / "int16.tif"),
}


def _model(whole: xr.DataArray):
    from rangegeo.models.load import loaded

    return loaded(whole.encoding["rangegeo_made_with"][0])


def flat(cube: xr.DataArray) -> xr.DataArray:
    """A cube without its beta axis, as rioxarray writes it."""
    return cube.isel(beta=0) if "beta" in cube.dims else cube


def again(cube: xr.DataArray, write: Callable[[xr.DataArray], object], path: str) -> xr.DataArray:
    write(cube)
    return rg.open_cube(path)


WAYS_OUT: dict[str, Callable[[xr.DataArray], xr.DataArray | None]] = {
    "to_zarr": lambda cube: again(cube, lambda c: c.rangegeo.to_zarr("o.zarr"), "o.zarr"),
    "to_geotiff": lambda cube: again(cube, lambda c: c.rangegeo.to_geotiff("o.tif"), "o.tif"),
    "xarray to_zarr": lambda cube: again(cube, lambda c: c.rename("e").to_zarr("x.zarr"), "x.zarr"),
    "xarray to_netcdf": lambda cube: again(cube, lambda c: c.rename("e").to_netcdf("x.nc"), "x.nc"),
    "rio.to_raster": lambda cube: flat(cube).rio.to_raster("r.tif"),
    "rgb": lambda cube: assert_shape(cube.rangegeo.rgb(), 10, 10),
    "rgb in a Dataset": lambda cube: cube.rangegeo.rgb().to_dataset().to_zarr("rgb.zarr") and None,
    "similarity": lambda cube: assert_shape(cube.rangegeo.similarity(*PLACE), 10, 10),
    "cluster": lambda cube: assert_shape(cube.rangegeo.cluster(3), 10, 10),
    "sample": lambda cube: assert_sampled(cube.rangegeo.sample(PLACE)),
    "at": lambda cube: cube.rangegeo.at(0.5) if "beta" in cube.coords else None,
    "plot": lambda cube: cube.rangegeo.plot() and None,
    "text": lambda cube: assert_text(cube),
    "arithmetic": lambda cube: again(cube * 1, lambda c: c.rangegeo.to_zarr("t.zarr"), "t.zarr"),
    "drop_attrs": lambda cube: again(cube.drop_attrs(), lambda c: c.rangegeo.to_geotiff("d.tif"), "d.tif"),
    "int16": lambda cube: again(cube, lambda c: c.rangegeo.to_zarr("i.zarr", dtype="int16"), "i.zarr"),
}
OF_OTHERS = {  # xarray's or rioxarray's own limits, in which nothing of ours takes part
    ("rioxarray int16", "xarray to_zarr"): "rioxarray remembers the scale of the first band for all",
    ("xr.open_zarr 2", "xarray to_zarr"): "xarray hands compressors of format 2 to format 3",
    ("xarray nc", "xarray to_zarr"): "xarray reads text of netCDF as bytes, of which Zarr warns",
    (
        "rioxarray",
        "xarray to_netcdf",
    ): "scipy cannot write the names of bands, which rioxarray makes an attribute",
    ("rioxarray int16", "xarray to_netcdf"): "the same",
    ("xr.open_zarr 2", "xarray to_netcdf"): "format 2 has _CRS, by which old versions of GDAL find the CRS",
}
WITHOUT_CRS = ("drop_attrs",)
NO_CRS_LEFT = ("xr.open_zarr 3", "xr.open_zarr 2", "xr.open_zarr int16", "xarray nc", "rioxarray", "rioxarray int16")


def assert_shape(found: xr.DataArray, *sides: int) -> None:
    assert (found.sizes["y"], found.sizes["x"]) == sides
    found.compute()


def assert_sampled(found: xr.DataArray) -> None:
    assert np.isfinite(found.values).all()


def assert_text(cube: xr.DataArray) -> None:
    text = repr(cube.rangegeo)
    assert "10 x 10 pixels of 0.1°" in text
    assert "EPSG:4326" in text
    assert "40: " in text


@pytest.mark.parametrize("out", WAYS_OUT)
@pytest.mark.parametrize("into", WAYS_IN)
@pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning")
def test_every_way_in_goes_every_way_out(whole, stored, tmp_path, monkeypatch, into, out):
    monkeypatch.chdir(tmp_path)
    if (into, out) in OF_OTHERS:
        pytest.skip(OF_OTHERS[into, out])
    cube = WAYS_IN[into](whole, stored)
    if out in WITHOUT_CRS and into in NO_CRS_LEFT:
        with pytest.raises(
            UsageError, match="the cube has no grid with a CRS; keep its coordinates spatial_ref, x and y"
        ):
            WAYS_OUT[out](cube)
        return
    found = WAYS_OUT[out](cube)
    if found is None:
        return
    expected, values = flat(cube), flat(found)
    if "south" in into and out in ("to_geotiff", "drop_attrs"):
        expected = expected.isel(y=slice(None, None, -1))
    largest = np.abs(whole.values).max()
    allowed = 1e-4 * largest if out == "int16" else 0
    np.testing.assert_allclose(values.values, expected.values, atol=allowed + 1e-6, rtol=1e-6)
    names = found["band_name"].values.tolist()
    assert names == whole["band_name"].values.tolist()
    assert found.rangegeo.facts.get("model", "RANGE+") == "RANGE+"
    np.testing.assert_allclose(values["x"], expected["x"])
