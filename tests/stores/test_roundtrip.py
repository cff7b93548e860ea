"""A cube written and read again is the same cube: values, coordinates, attributes, CRS."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rangegeo as rg
import rangegeo.accessor  # registers .rangegeo
from rangegeo.schema.facts import facts_of, with_facts

CORNERS = {  # west, south and the size of a pixel
    "EPSG:4326": (-3.3, 40.1, 0.07),
    "EPSG:3857": (500_000.0, 5_500_000.0, 1234.5),
    "EPSG:32632": (300_000.0, 4_900_000.0, 1000.0),
    "EPSG:3995": (-100_000.0, -100_000.0, 5000.0),
    "ESRI:54009": (-18_500_000.0, 100_000.0, 90_000.0),
}
FORMATS = ("zarr 3", "zarr 2", "tif")


def write(cube: xr.DataArray, folder: Path, kind: str) -> list[Path]:
    if kind == "tif":
        return cube.rangegeo.to_geotiff(folder / "cube.tif")
    return cube.rangegeo.to_zarr(folder / "cube.zarr", zarr_format=int(kind[-1]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(FORMATS),
    crs=st.sampled_from(sorted(CORNERS)),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    betas=st.one_of(st.none(), st.lists(st.sampled_from([0, 0.1, 1 / 3, 1]), min_size=1, max_size=3, unique=True)),
    bands=st.integers(1, 6),
    chunks=st.sampled_from([16, 32, ((3, 13, 24), (5, 35))]),
    holes=st.booleans(),
)
def test_a_cube_written_and_read_again_is_the_same_cube(
    make_cube, kind, crs, height, width, betas, bands, chunks, holes
):
    west, south, size = CORNERS[crs]
    if not isinstance(chunks, int):
        height, width = 40, 40
    if kind == "tif" and betas is not None:
        betas = betas[:1]
    bbox = (west, south, west + width * size, south + height * size)
    cube = make_cube(bbox, size, crs, None if betas is None else tuple(map(float, betas)), bands, chunks)
    if holes:
        cube = with_facts(cube.where(cube["x"] > float(cube["x"][width // 2])), facts_of(cube))
    if kind == "tif" and betas is not None:
        cube = cube.isel(beta=0)
    with tempfile.TemporaryDirectory() as folder:
        (path,) = write(cube, Path(folder), kind)
        read = rg.open_cube(path)
        assert read.odc.geobox.crs == cube.odc.geobox.crs
        assert read.dtype == np.float32
        xr.testing.assert_identical(read.compute(), cube.compute())


@pytest.mark.parametrize("kind", FORMATS)
def test_a_real_cube_too(mini, tmp_path, kind):
    cube = rg.raster((176, -19, -178, -15), 0.2, model=mini, betas=0.3, chunks=16).isel(beta=0)
    (path,) = write(cube, tmp_path, kind)
    xr.testing.assert_identical(without_measurements(rg.open_cube(path).compute()), cube.compute())


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("options", [{"layout": "components"}, {"pca": 3}, {"bands": "location"}])
def test_cubes_of_other_content_too(mini, tmp_path, kind, options):
    cube = rg.raster((5, 44, 6, 45), 0.05, model=mini, betas=0.3, **options)
    cube = cube.isel(beta=0) if "beta" in cube.dims else cube
    (path,) = write(cube, tmp_path, kind)
    xr.testing.assert_identical(without_measurements(rg.open_cube(path).compute()), cube.compute())


def without_measurements(read: xr.DataArray) -> xr.DataArray:
    """What was measured while a cube was computed is added when it is written."""
    for name in ("measured_error", "proof_pixels", "evaluations", "refined_parts"):
        read.encoding["rangegeo"].pop(name, None)
    return read


@pytest.mark.parametrize("kind", FORMATS)
def test_what_was_read_can_be_written_again(cube, tmp_path, kind):
    cube = cube.isel(beta=0)
    (path,) = write(cube, tmp_path, kind)
    for again in FORMATS:
        folder = tmp_path / again
        folder.mkdir()
        (copy,) = write(rg.open_cube(path), folder, again)
        xr.testing.assert_identical(rg.open_cube(copy).compute(), cube.compute())


def test_both_formats_hold_the_same(make_cube, tmp_path):
    cube = make_cube(betas=(0.0, 1.0))
    (store,) = write(cube, tmp_path, "zarr 3")
    files = write(cube, tmp_path, "tif")
    for index, path in enumerate(files):
        np.testing.assert_array_equal(rg.open_cube(path).values, rg.open_cube(store).isel(beta=index).values)
