"""Models, rasters, neighbours, similarity and the drop-in class on the stand-in device are those of the CPU."""

from __future__ import annotations

import copy

import dask
import numpy as np
import pytest
import torch
from helpers.elsewhere import ELSEWHERE, ElsewhereTensor, elsewhere
from oracles.every import RANGE

import rangegeo as rg

PLACES = [[5.7, 45.2], [-122.4, 37.8], [0.0, 90.0], [180.0, -89.9]]
BOX = ((5, 44, 6, 45), 0.02)
RASTERS = {
    "betas": {"betas": (0, 0.5, 1)},
    "pca": {"betas": (0, 1), "pca": 3},
    "components": {"layout": "components"},
    "diagnostics": {"bands": "all,diagnostics"},
    "bands": {"bands": (3, 30)},
    "exact": {"exact": True},
}


@pytest.fixture(autouse=True)
def _there():
    with elsewhere(), dask.config.set(scheduler="synchronous"):  # the device is there for this thread only
        yield


@pytest.fixture
def there() -> rg.Model:
    return rg.load_model("RANGE+", device=str(ELSEWHERE), **RANGE)


@pytest.mark.parametrize("kind", RASTERS)
def test_a_raster(there, mini, kind):
    found, expected = (rg.raster(*BOX, model=model, **RASTERS[kind]) for model in (there, mini))
    assert there.spec.device == str(ELSEWHERE)
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.attrs == expected.attrs


def test_any_beta_of_a_raster(there, mini):
    found, expected = (rg.raster(*BOX, model=model, layout="components").rangegeo.at(0.3) for model in (there, mini))
    np.testing.assert_array_equal(found, expected)


def test_points(there, mini):
    lonlat = np.random.default_rng(0).uniform((5, 44), (6, 45), (3000, 2))
    options = {"betas": (0, 0.5), "bands": "all,diagnostics"}
    np.testing.assert_array_equal(there.encode(lonlat[:99], **options), mini.encode(lonlat[:99], **options))
    np.testing.assert_array_equal(there.encode(lonlat, tolerance=1e-3), mini.encode(lonlat, tolerance=1e-3))
    assert there.encode(lonlat[:0]).shape == (0, there.dim)


@pytest.mark.parametrize("beta", [0, 0.4, 1])
def test_neighbours(there, mini, beta):
    expected = mini.neighbors(PLACES, 5, beta=beta)
    for places in (PLACES, torch.tensor(PLACES, dtype=torch.float64, device=ELSEWHERE)):
        assert there.neighbors(places, 5, beta=beta).identical(expected)
    assert there.neighbors(np.empty((0, 2)), beta=beta).identical(mini.neighbors(np.empty((0, 2)), beta=beta))


def test_similarity(there, mini):
    cubes = [rg.raster(*BOX, model=model) for model in (there, mini)]
    near = [rg.similarity(cube, [[5.5, 44.5]]).values for cube in cubes]
    far = [rg.similarity(cube, PLACES, model=model).values for cube, model in zip(cubes, (there, mini), strict=True)]
    np.testing.assert_array_equal(*near)
    np.testing.assert_array_equal(*far)


@pytest.mark.parametrize("name", ["RANGE+", "RANGE"])
@pytest.mark.parametrize("moved", [False, True])
def test_the_drop_in_class(name, moved):
    files = {"pretrained_path": RANGE["pretrained_path"], "db_path": RANGE["db_path"]}
    here = rg.RANGE(name, device="cpu", **files)
    there = rg.RANGE(name, device="cpu", **files).to(ELSEWHERE) if moved else rg.RANGE(name, device="meta:7", **files)
    assert there.device == ELSEWHERE
    coords = torch.tensor(PLACES)
    for given in (coords, coords.to(ELSEWHERE)):
        found = there(given)
        assert isinstance(found, ElsewhereTensor)
        np.testing.assert_array_equal(found.cpu(), here(coords))
        np.testing.assert_array_equal(there.encode(given), here.encode(coords))
    np.testing.assert_array_equal(there.loc_model(coords.to(ELSEWHERE)).cpu(), here.loc_model(coords))
    for attribute in ("db_satclip_embeddings", "db_image_embeddings", "db_locs_xyz"):
        assert getattr(there, attribute).device == ELSEWHERE, attribute
        np.testing.assert_array_equal(getattr(there, attribute).cpu(), getattr(here, attribute))
    assert copy.deepcopy(there).device == ELSEWHERE


def test_the_location_encoder_is_trained_there():
    places = torch.tensor(PLACES, dtype=torch.float64)
    gradients = []
    for device in ("cpu", str(ELSEWHERE)):
        encoder = rg.load_satclip_location_encoder(RANGE["pretrained_path"], device=device)
        given = places.clone().to(device).requires_grad_(True)
        encoder(given).square().sum().backward()
        gradients.append([given.grad.cpu(), *(parameter.grad.cpu() for parameter in encoder.parameters())])
    for here, there in zip(*gradients, strict=True):
        np.testing.assert_allclose(there, here, rtol=1e-12, atol=1e-12 * float(here.abs().max()))


def test_a_copy_loads_the_model_there(there, mini):
    made = copy.deepcopy(there)
    assert made.spec == there.spec
    np.testing.assert_array_equal(made.encode(PLACES), mini.encode(PLACES))


def every_value(model: rg.Model) -> list[np.ndarray]:
    """Points, interpolated points, neighbours, and rasters that are interpolated, projected and exact."""
    rasters = [rg.raster(*BOX, model=model, **RASTERS[kind]).values for kind in ("diagnostics", "pca")]
    points = [model.encode(PLACES), model.encode(PLACES * 800, tolerance=1e-3)]
    return [*points, model.neighbors(PLACES)["weight"].values, *rasters]


@pytest.mark.parametrize("device", ["cpu", str(ELSEWHERE)])
def test_torchs_default_device_changes_nothing(mini, device):
    """Programs that work on a GPU often call torch.set_default_device("cuda")."""
    expected = every_value(mini)
    with ELSEWHERE:
        found = every_value(rg.load_model("RANGE+", device=device, **RANGE))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
