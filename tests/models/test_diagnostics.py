"""Diagnostics as bands: asked for by name, interpolated like the rest, kept out of colours and projections."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import rasterio
import xarray as xr

import rangegeo as rg
from rangegeo.cubes.proof import proof
from rangegeo.errors import UsageError
from rangegeo.grid import make_geobox, pixel_places
from rangegeo.schema.bands import DIAGNOSTICS, SEMANTIC_DIAGNOSTICS, embedding_bands

BOX = ((6, 45, 7.28, 46.28), 0.02)
MANY = "all,diagnostics"


@pytest.fixture(scope="module")
def demo():
    return rg.load_model(device="cpu")


@pytest.fixture(scope="module")
def cube(demo) -> xr.DataArray:
    return rg.raster(*BOX, model=demo, betas=(0, 1), bands=MANY).compute()


def test_embedding_bands():
    assert embedding_bands(["visual_0", "semantic_entropy", "location_0"]) == [0, 2]
    assert embedding_bands(DIAGNOSTICS) == [0, 1, 2, 3]  # of nothing else, they are what there is


def test_they_follow_the_embedding_and_leave_it_as_it_is(demo, cube):
    plain = rg.raster(*BOX, model=demo, betas=(0, 1))
    assert cube["band_name"].values.tolist() == [*plain["band_name"].values.tolist(), *DIAGNOSTICS]
    assert cube["band"].values.tolist() == list(range(1, demo.dim + 5))
    np.testing.assert_allclose(cube[:, : demo.dim], plain, rtol=0, atol=1e-5 * float(abs(plain).max()))
    assert "in nats" in cube.rangegeo.facts["diagnostics"]
    assert "diagnostics" not in plain.rangegeo.facts


def test_they_are_the_models_at_every_pixel(demo, cube):
    lonlat = pixel_places(make_geobox(*BOX), slice(0, 64), slice(0, 64)).lonlat_deg
    expected = demo.encode(lonlat, bands=DIAGNOSTICS).T.reshape(4, 64, 64)
    for found, band in zip(cube.isel(beta=0)[-4:].values, expected, strict=True):
        np.testing.assert_allclose(found, band, rtol=0, atol=1.2e-5 * band.max())
    np.testing.assert_array_equal(cube[0, -4:], cube[1, -4:])  # beta weighs the averages, not their rows
    assert cube.rangegeo.facts["evaluation"] == "interpolated"


def test_alone_they_need_no_average(demo, monkeypatch):
    monkeypatch.setattr("rangegeo.field.range.softmax_average", None)
    monkeypatch.setattr("rangegeo.field.geographic.FoldedAverage.forward", None)
    few = rg.raster(*BOX, model=demo, bands="diagnostics")
    values, facts = dask.compute(few.data, proof(few))
    assert values.shape == (1, 4, 64, 64)
    assert 0 < facts["measured_error"] <= 1e-5


def test_bands_by_name(demo):
    names = ["location_003", "semantic_neighbours", "visual_010"]
    found = rg.raster(*BOX, model=demo, bands=names, exact=True)
    assert found["band_name"].values.tolist() == names
    mixed = rg.raster(*BOX, model=demo, bands=(260, "semantic_neighbours", 11), exact=True)
    np.testing.assert_array_equal(found.values, mixed.values)
    assert demo.encode([6, 45], bands="location,semantic_entropy").shape == (1, demo.location + 1)


def test_models_have_those_of_their_averages(golden):
    files = {"weights": str(golden / "satclip-mini.ckpt"), "device": "cpu"}
    plain = rg.load_model("RANGE", db=str(golden / "range_db_mini.npz"), **files)
    assert plain.diagnostics == SEMANTIC_DIAGNOSTICS
    assert plain.encode([6, 45], bands="diagnostics").shape == (1, 2)
    satclip = rg.load_model("SatCLIP", **files)
    for bands in ("diagnostics", MANY, "semantic_entropy"):
        with pytest.raises(UsageError, match=r"bands must be all, location, a name such as location_00 or a number"):
            satclip.encode([6, 45], bands=bands)
    with pytest.raises(UsageError, match=r"got 'geographic_entropy'"):
        plain.encode([6, 45], bands="geographic_entropy")


@pytest.mark.parametrize("bands", ["all,visual", "diagnostics,semantic_entropy", ("visual_00", 1), "", "all,"])
def test_a_band_twice_or_none_is_refused(mini, bands):
    with pytest.raises(UsageError, match="bands must"):
        mini.recipe(bands=bands)


def test_they_are_no_part_of_a_projection(mini):
    with pytest.raises(UsageError, match="pca projects embeddings; leave diagnostics out of bands"):
        rg.raster(*BOX, model=mini, bands=MANY, pca=3)


def test_colours_are_those_of_the_embedding(mini, tmp_path):
    plain, told = (rg.raster(*BOX, model=mini, bands=bands, exact=True) for bands in ("all", MANY))
    np.testing.assert_array_equal(told.rangegeo.rgb(), plain.rangegeo.rgb())
    plain.rangegeo.to_geotiff(tmp_path / "plain.tif")
    told.rangegeo.to_geotiff(tmp_path / "told.tif")
    pictures = []
    for name in ("plain_rgb.tif", "told_rgb.tif"):
        with rasterio.open(tmp_path / name) as file:
            pictures.append(file.read())
    np.testing.assert_array_equal(*pictures)
    assert rg.open_cube(tmp_path / "told.tif")["band_name"].values.tolist()[-4:] == list(DIAGNOSTICS)
    alone = rg.raster(*BOX, model=mini, bands="diagnostics", exact=True)
    assert alone.rangegeo.rgb().shape == (1, 64, 64, 3)


def test_any_beta_keeps_them(mini):
    box = ((6, 45, 7, 46), 0.1)
    stored = rg.raster(*box, model=mini, layout="components", bands=MANY, exact=True)
    found = stored.rangegeo.at(0.3)
    expected = rg.raster(*box, model=mini, betas=0.3, bands=MANY, exact=True).isel(beta=0)
    assert found["band_name"].values.tolist() == expected["band_name"].values.tolist()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=5e-6)
