"""Cubes of areas: nodata outside, and nothing evaluated, held or stored where the area is not."""

from __future__ import annotations

import math
import pickle

import dask
import dask.array as da
import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401  registers .rio
import shapely
import torch
import xarray as xr
import zarr
from helpers.rasters import raster_spec
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import rangegeo as rg
from rangegeo.cubes.clip import clip
from rangegeo.cubes.cost import ALWAYS, plan
from rangegeo.cubes.projection import with_projection
from rangegeo.cubes.proof import proof
from rangegeo.errors import UsageError
from rangegeo.field.components import Components
from rangegeo.field.places import Places, unit_vectors
from rangegeo.grid.extent import choose_extent
from rangegeo.grid.mask import Mask
from rangegeo.models import load as load_module
from rangegeo.models.model import Model
from rangegeo.models.neural import NeuralModel
from rangegeo.models.spec import ModelSpec

TRIANGLE = shapely.Polygon([(5, 44), (7, 44.3), (5.4, 46)])
APART = shapely.MultiPolygon([shapely.box(0, 16, 3, 20), shapely.Point(17, 3).buffer(2)])  # in a box of 20 degrees


class Sphere(torch.nn.Module):
    """A field whose value is the place itself, and that keeps every place it was evaluated at."""

    visual, dim = 0, 3
    smooth_deg = math.inf

    def __init__(self) -> None:
        super().__init__()
        self.lonlat_deg: list[np.ndarray] = []

    def components(self, places: Places, **_: object) -> Components:
        self.lonlat_deg.append(places.lonlat_deg.numpy().copy())
        location: Tensor = unit_vectors(places.lonlat_deg)
        return Components(None, None, location)


@pytest.fixture
def sphere(monkeypatch) -> Model:
    """A model of it, which tasks find by its spec."""
    spec = ModelSpec(name="SatCLIP", weights="none", db=None, device="cpu", weights_sha256="0", db_sha256=None)
    model = NeuralModel(spec, Sphere(), {"encoder": {"file": "none", "sha256": "0"}})
    monkeypatch.setattr(load_module, "_LOADED", {spec: model})
    return model


def evaluated(model: Model, cube: xr.DataArray) -> np.ndarray:
    """Which pixels hold a place that a field was evaluated at, (h, w) bool."""
    lonlat = np.concatenate(model.field.lonlat_deg)
    cols, rows = ~cube.odc.geobox.affine @ lonlat.T
    seen = np.zeros(cube.shape[-2:], dtype=bool)
    seen[np.floor(rows).astype(int), np.floor(cols).astype(int)] = True
    return seen


def chunks_with(pixels: np.ndarray, side: int) -> np.ndarray:
    """Which chunks of so many pixels a side hold one of some pixels."""
    return da.from_array(pixels, side).map_blocks(lambda block: block.any(keepdims=True), dtype=bool).compute()


# ------------------------------------------------------------------------------------------------ what is left out


@pytest.mark.parametrize("exact", [True, False])
def test_chunks_outside_the_area_are_never_evaluated(sphere, exact):
    cube = rg.raster(aoi=APART, res=0.05, model=sphere, chunks=32, exact=exact)
    inside = np.isfinite(cube.values[0])
    assert cube.shape == (3, 380, 380)
    assert inside.mean() == pytest.approx(APART.area / 361, rel=0.01)
    wanted, seen = chunks_with(inside, 32), chunks_with(evaluated(sphere, cube), 32)
    assert wanted.sum() < 0.25 * wanted.size
    if exact:
        np.testing.assert_array_equal(seen, wanted)
        assert (evaluated(sphere, cube) >= inside).all()
    else:  # whole patches of three chunks a side
        patches = np.kron(chunks_with(inside, 96), np.ones((3, 3), dtype=bool))[: seen.shape[0], : seen.shape[1]]
        assert 0 < patches.sum() < 0.5 * patches.size
        assert (seen <= patches).all()


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("exact", [True, False])
def test_a_store_has_no_chunk_outside_the_area(sphere, tmp_path, zarr_format, exact):
    cube = rg.raster(aoi=APART, res=0.05, model=sphere, chunks=32, exact=exact)
    cube.rangegeo.to_zarr(tmp_path / "a.zarr", zarr_format=zarr_format)
    inside = np.isfinite(rg.open_cube(tmp_path / "a.zarr").values[0])
    folder = tmp_path / "a.zarr" / "embedding"
    separator = "/" if zarr_format == 3 else "."
    keys = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file() and file.name[-1].isdigit()}
    stored = {tuple(map(int, key.removeprefix("c/").split(separator)[-2:])) for key in keys}
    assert stored == {tuple(index) for index in np.argwhere(chunks_with(inside, 32))}
    assert zarr.open_array(folder, mode="r").nchunks_initialized == len(keys) == len(stored)
    np.testing.assert_array_equal(rg.open_cube(tmp_path / "a.zarr"), cube)


def test_a_geotiff_has_holes_outside_the_area(sphere, tmp_path):
    cube = rg.raster(aoi=APART, res=0.025, model=sphere)
    cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as file:
        values = file.read()
        assert file.block_shapes[0] == (256, 256)
        tags = [[f"BLOCK_OFFSET_{j}_{i}" for j in range(3)] for i in range(3)]
        there = np.array([[file.get_tag_item(tag, "TIFF", bidx=1) is not None for tag in row] for row in tags])
    np.testing.assert_array_equal(values, cube.values)
    np.testing.assert_array_equal(there, chunks_with(np.isfinite(values[0]), 256))
    assert 0 < there.sum() < 6
    with rasterio.open(tmp_path / "a_rgb.tif") as file:
        np.testing.assert_array_equal(file.read(1) > 0, np.isfinite(values[0]))


def test_the_graph_holds_the_area_once(sphere):
    corners = np.linspace(0, 2 * np.pi, 20_000)
    shape = shapely.Polygon(np.stack([10 + 5 * np.cos(corners), 10 + 5 * np.sin(corners)], axis=1))
    cube = rg.raster(aoi=shape, res=0.01, model=sphere, chunks=64)
    assert len(pickle.dumps(dict(cube.data.dask))) < 3 * len(shapely.to_wkb(shape))
    assert cube.data.npartitions == 256


# ---------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(("crs", "res"), [("EPSG:4326", 0.02), ("EPSG:32632", 2000), ("EPSG:3857", 3000)])
@pytest.mark.parametrize("exact", [True, False])
def test_inside_it_is_the_raster_of_the_box_as_rioxarray_clips_it(mini, crs, res, exact):
    odd = shapely.Polygon([(5, 44), (9, 44.3), (6.00071, 47.70033)])  # no pixel's centre lies on its edges
    area = gpd.GeoSeries([odd.segmentize(0.001)], crs=4326).to_crs(crs)
    options = {"model": mini, "betas": (0, 1), "crs": crs, "exact": exact}
    cube = rg.raster(aoi=area, res=res, chunks=48, **options)
    whole = rg.raster(area.total_bounds, res, bbox_crs=crs, chunks=48, **options).compute()
    assert cube.odc.geobox == whole.odc.geobox
    clipped = whole.sel(beta=1).rio.clip(area.geometry, drop=False)
    np.testing.assert_array_equal(cube.sel(beta=1).values, clipped.values)
    assert 0.3 < np.isfinite(cube.sel(beta=0, band=1)).mean() < 0.6


@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    cols=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    radius=st.floats(0.6, 40),
    all_touched=st.booleans(),
)
def test_clipping_any_chunks_is_clipping_the_whole(rows, cols, radius, all_touched):
    shape = (2, sum(rows), sum(cols))
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    circle = shapely.Point(shape[2] / 2, shape[1] / 2).buffer(radius)
    mask = Mask.of(np.array([circle]), rasterio.Affine.identity(), all_touched=all_touched)
    lazy = clip(da.from_array(values, chunks=(1, tuple(rows), tuple(cols))), mask)
    assert lazy.chunks == ((1, 1), tuple(rows), tuple(cols))
    inside = mask.inside(np.arange(shape[1]), np.arange(shape[2]))
    np.testing.assert_array_equal(lazy.compute(), np.where(inside, values, np.nan))
    np.testing.assert_array_equal(lazy[:, 1:, ::2].compute(), np.where(inside, values, np.nan)[:, 1:, ::2])


def test_slices_are_lazy_and_the_same(sphere):
    cube = rg.raster(aoi=APART, res=0.05, model=sphere, chunks=32)
    eager = cube.compute()
    sphere.field.lonlat_deg.clear()
    xr.testing.assert_identical(
        cube.sel(x=slice(5, 12), y=slice(19, 12)).compute(), eager.sel(x=slice(5, 12), y=slice(19, 12))
    )
    assert not sphere.field.lonlat_deg  # it is empty there
    xr.testing.assert_identical(cube.sel(x=slice(1, 2)).compute(), eager.sel(x=slice(1, 2)))


def test_other_processes_give_the_same(mini):
    cube = rg.raster(aoi=TRIANGLE, res=0.02, model=mini, chunks=32)
    here, there = (cube.compute(scheduler=name, num_workers=2) for name in ("synchronous", "processes"))
    np.testing.assert_allclose(there, here, rtol=0, atol=1e-5)


def test_names_are_deterministic_and_tell_areas_apart(sphere):
    def name(shape: shapely.Geometry, **more: object) -> str:
        return rg.raster(aoi=shape, res=0.5, model=sphere, **more).data.name

    assert name(APART) == name(APART)
    box = shapely.box(*APART.bounds)
    assert len({name(APART), name(box), name(APART, all_touched=True)}) == 3


# ---------------------------------------------------------------------------------------- around the values


def test_a_cube_says_what_it_was_clipped_with(sphere, tmp_path):
    gpd.GeoSeries([APART], crs=4326).to_file(tmp_path / "2024", driver="GeoJSON")
    cube = rg.raster(aoi=tmp_path / "2024", res=0.05, model=sphere)
    assert cube.attrs["aoi"] == "2024"
    assert cube.attrs["aoi_share"] == pytest.approx(APART.area / shapely.box(*APART.bounds).area)
    assert cube.attrs["aoi_share"] == pytest.approx(np.isfinite(cube[..., 0, :, :].values).mean(), abs=0.002)
    assert cube.attrs["aoi_share"] < cube.attrs["aoi_reach"] < 0.8
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    for path in ("a.zarr", "a.tif"):
        read = rg.open_cube(tmp_path / path).rangegeo.facts
        told = {name: value for name, value in cube.rangegeo.facts.items() if name.startswith("aoi")}
        assert {name: read[name] for name in told} == told
    assert "aoi" not in rg.raster((0, 0, 1, 1), 0.1, model=sphere).rangegeo.facts


def test_what_is_proved_is_of_the_patches_that_were_made(sphere):
    cube = rg.raster(aoi=APART, res=0.05, model=sphere, chunks=32)
    values, facts = dask.compute(cube.data, proof(cube))
    whole = rg.raster(APART.bounds, 0.05, model=sphere, chunks=32)
    assert 0 < facts["proof_pixels"] < dask.compute(proof(whole))[0]["proof_pixels"] / 2
    assert facts["measured_error"] < 1e-5
    assert np.isfinite(values).any()


def test_the_plan_is_of_the_area(sphere, mini, monkeypatch):
    monkeypatch.setattr("rangegeo.cubes.cost.seconds_per_place", lambda *_: 1e-3)
    geobox, area = choose_extent(aoi=APART, res=0.05)
    recipe = mini.recipe(0.5)
    whole, part = (
        plan(raster_spec(geobox, mini, recipe, area=some, tolerance=None), mini.evaluator) for some in (None, area)
    )
    assert part.seconds - ALWAYS == pytest.approx(area.reach * (whole.seconds - ALWAYS))
    assert part.share == area.reach
    assert f"{area.reach:.0%} of it around the area, about " in str(part)
    assert "area" not in str(whole)


def test_the_room_that_is_asked_for_is_the_areas(sphere, tmp_path, monkeypatch):
    asked = []
    for writer in ("zarr", "geotiff"):
        monkeypatch.setattr(f"rangegeo.stores.{writer}.check_destination", lambda path, size, **_: asked.append(size))
    from rangegeo.stores.geotiff import check_outputs
    from rangegeo.stores.zarr import check_store

    cube = rg.raster(aoi=APART, res=0.05, model=sphere)
    check_store(cube, tmp_path / "a.zarr", overwrite=False)
    check_outputs(cube, tmp_path / "a.tif", overwrite=False)
    assert asked[0] == int(cube.nbytes * cube.attrs["aoi_reach"])
    assert max(asked[1:]) == int(3.7 * asked[0])


def test_principal_components_are_of_the_area_alone(sphere):
    geobox, area = choose_extent(aoi=APART, res=0.05)
    recipe = with_projection(sphere.recipe(), sphere, geobox, 2, area)
    lonlat = np.concatenate(sphere.field.lonlat_deg)
    assert len(lonlat) == 1024
    assert shapely.contains_xy(APART, *lonlat.T).all()
    values = unit_vectors(torch.from_numpy(lonlat)).numpy()
    np.testing.assert_allclose(recipe.projection.mean, values.mean(axis=0), atol=1e-6)
    cube = rg.raster(aoi=APART, res=0.05, model=sphere, pca=2)
    assert np.isfinite(cube.values).mean() == pytest.approx(APART.area / 361, rel=0.01)


@pytest.mark.filterwarnings("ignore::rangegeo.errors.GridWarning")
def test_an_area_of_fewer_pixels_than_components_is_refused(sphere):
    with pytest.raises(UsageError, match=r"^pca=3 found 1 pixel with values; type pca=1, or take another extent$"):
        rg.raster(aoi=shapely.box(0, 0, 1e-3, 1e-3), res=1, all_touched=True, model=sphere, pca=3, crs="EPSG:4326")
