"""Every model of the table gives upstream's vectors, and is called like the research repository's module."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import golden
from oracles.every import NEEDS_GEOCLIP, SMALL, VECTORS, each_model

import rangegeo as rg
from rangegeo.encoders import MODELS
from rangegeo.encoders.csp import CSPEncoder
from rangegeo.encoders.geoclip import equal_earth
from rangegeo.encoders.space2vec import grid_cells

FLOAT32_MODELS = {"GeoCLIP", "TaxaBind", "CSP", "CSP_INat"}
ARRAYS = {"RANGE", "RANGE+", "Cartesian_3D"}  # models whose forward returns NumPy arrays upstream
FREE = [name for name, row in MODELS.items() if not row.has_weights]


def load(name: str, vectors: dict = SMALL) -> rg.Model:
    return rg.load_model(name, device="cpu", **vectors[name].arguments)


def assert_is_upstream(name: str, found: np.ndarray, expected: np.ndarray, lonlat: np.ndarray, vector) -> None:
    """Differences are within the vector's tolerance; for models with SatCLIP within upstream's round-off."""
    if vector.tolerance is not None:
        np.testing.assert_allclose(found, expected, rtol=0, atol=vector.tolerance)
        return
    lat, location = lonlat[:, 1], slice(None) if name == "SatCLIP" else slice(-16, None)
    golden.assert_within_bands(
        golden.normalised(found[:, location]), golden.normalised(expected[:, location]), lat, golden.UNIT_OUTPUT
    )
    if name != "SatCLIP":
        golden.assert_within_bands(found[:, :-16], expected[:, :-16], lat, golden.VALUES)


@pytest.mark.parametrize("name", each_model(published=True))
def test_it_is_upstream(name):
    vector = VECTORS[name]
    vectors = golden.load(vector.file)
    model, lonlat = load(name, VECTORS), vectors["lonlat"]
    coords = torch.from_numpy(lonlat)
    found = model(coords)
    assert isinstance(found, np.ndarray if name in ARRAYS else torch.Tensor)
    expected = vectors[vector.output]
    assert_is_upstream(name, np.asarray(found), expected, lonlat, vector)
    assert np.asarray(found).dtype == (np.float32 if name in FLOAT32_MODELS else np.float64)
    np.testing.assert_array_equal(coords, vectors["lonlat"])  # upstream's SINR changed them in place


@pytest.mark.parametrize("name", each_model())
def test_it_behaves_as_upstreams_module(name):
    model = load(name)
    assert isinstance(model, torch.nn.Module)
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert model.to("cpu") is model.eval() is model
    coords = torch.tensor([[5.7, 45.2], [-122.4, 37.8], [0.0, 90.0]], dtype=torch.float64)
    found = model(coords)
    assert tuple(found.shape) == (3, model.location_feature_dim) == (3, model.dim)
    np.testing.assert_array_equal(found, model(coords))
    assert tuple(model(coords[:0]).shape) == (0, model.dim)
    single = model(coords.float())
    if name in FREE:
        assert single.dtype == (np.float32 if name in ARRAYS else torch.float32)
    else:
        assert single.dtype == found.dtype
    assert torch.is_tensor(found) is torch.is_tensor(single)


@pytest.mark.parametrize("name", each_model())
def test_encode_gives_the_same_as_float32(name):
    model = load(name)
    lonlat = golden.load(SMALL[name].file)["lonlat"][:60]
    expected = np.asarray(model(torch.from_numpy(lonlat)))
    encoded = model.encode(lonlat)
    assert (encoded.dtype, encoded.shape) == (np.float32, (60, model.dim))
    np.testing.assert_allclose(encoded, expected, rtol=0, atol=4e-7 * max(1, np.abs(expected).max()))
    assert model.encode(lonlat[0]).shape == (1, model.dim)
    np.testing.assert_array_equal(model.encode(lonlat, batch_size=7)[:7], model.encode(lonlat[:7]))


@pytest.mark.parametrize("name", each_model())
def test_a_place_has_one_embedding_however_its_longitude_is_written(name):
    model = load(name)
    lonlat = np.array([[-170.0, 40.0], [-10.5, -60.25], [99.0, 0.0]])
    expected = model.encode(lonlat)
    np.testing.assert_allclose(model.encode(lonlat + [360, 0] * (lonlat < 0)), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", FREE)
def test_models_without_weights_have_the_width_the_table_says(name):
    model = rg.load_model(name)
    assert model.dim == MODELS[name].dim
    assert model.spec.weights is model.spec.weights_sha256 is model.spec.db is None
    assert model.facts == {}
    vectors = golden.load(f"free_{name}")
    if "freq_list" in vectors:
        np.testing.assert_array_equal(model.field.encoder.frequencies, vectors["freq_list"])


@NEEDS_GEOCLIP
def test_geoclip_comes_from_its_package_and_has_the_width_the_table_says():
    model = rg.load_model("GeoCLIP")
    assert model.dim == MODELS["GeoCLIP"].dim == 512
    assert model.facts["encoder"]["file"] == "location_encoder_weights.pth"
    vectors = golden.load("geoclip_real")
    found = model(torch.from_numpy(vectors["lonlat"])).numpy()
    # most users have upstream's float32 module, which differs from its own float64 values by as much
    np.testing.assert_allclose(found, vectors["output_float32_module"], rtol=0, atol=3e-5)


def test_geoclips_projection_is_upstreams():
    vectors = golden.load("geoclip_real")
    found = equal_earth(torch.from_numpy(vectors["lonlat"]).flip(1))
    np.testing.assert_allclose(found, vectors["equal_earth"], rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", ["CSP", "CSP_INat"])
def test_csps_features_are_upstreams(name):
    vectors = golden.load(VECTORS[name].file)
    encoder = load(name).field.encoder
    assert isinstance(encoder, CSPEncoder)
    features = grid_cells(torch.from_numpy(vectors["lonlat"]), encoder.frequencies)
    np.testing.assert_allclose(features, vectors["gridcell_features"], rtol=0, atol=1e-13)


def test_the_vectors_tell_longitude_from_latitude():
    """Each test above would fail if the model took its coordinates in the wrong order."""
    for name in MODELS:
        model = load(name)
        lonlat = torch.tensor([[30.0, 10.0]], dtype=torch.float64)
        assert np.abs(np.asarray(model(lonlat)) - np.asarray(model(lonlat.flip(1)))).max() > 1e-3, name


def test_what_csp_shares_with_other_layers():
    """Hidden layers of equal width add their input before the layer norm; the last layer does neither."""
    frequencies = torch.ones(2, dtype=torch.float64)
    torch.manual_seed(0)
    with_skip = CSPEncoder(frequencies, (6, 6, 6), "tanh", normalise=True, skip=True).eval()
    assert [layer.skip for layer in with_skip.layers] == [False, True, False]
    assert [layer.layernorm is not None for layer in with_skip.layers] == [True, True, False]
    hidden = torch.randn(4, 6)
    layer = with_skip.layers[1]
    expected = torch.nn.functional.layer_norm(torch.tanh(layer.linear(hidden)) + hidden, (6,))
    torch.testing.assert_close(layer(hidden), expected)
