"""RANGE and RANGE+ against what upstream's own code gave and against plain float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import field as reference
from oracles import golden

from rangegeo.encoders import MODELS
from rangegeo.errors import ShapeError
from rangegeo.field import range as module
from rangegeo.field.geographic import fold
from rangegeo.field.places import Places
from rangegeo.field.range import GEOGRAPHIC_TEMPERATURE, EncoderField, RangeField, database_vectors

UPSTREAM = ("range", "range_pypi")
BETAS = ("0", "0.3", "0.5", "1")
VISUAL = 24
LARGEST_DEVIATION = 2e-5  # relative to the largest value, up to 45 degrees of latitude


@pytest.fixture(scope="module")
def database() -> dict[str, np.ndarray]:
    return golden.load("range_db_mini")


@pytest.fixture(scope="module")
def encoder() -> torch.nn.Module:
    return golden.encoder("satclip-mini.ckpt", 40)


@pytest.fixture(scope="module")
def coefficients(database) -> torch.Tensor:
    locs, values = torch.from_numpy(database["locs"]), torch.from_numpy(database["image_embeddings"])
    return fold(locs, values.float(), GEOGRAPHIC_TEMPERATURE)


@pytest.fixture(scope="module", params=["folded", "summed"])
def range_plus(request, database, encoder, coefficients) -> RangeField:
    return field("RANGE+", encoder, database, coefficients if request.param == "folded" else None)


@pytest.fixture(scope="module")
def places() -> Places:
    return Places.scattered(torch.from_numpy(golden.load("range")["lonlat"]))


class Table(torch.nn.Module):
    """An encoder that returns given outputs, whatever the places."""

    def __init__(self, outputs: np.ndarray) -> None:
        super().__init__()
        self.outputs = torch.from_numpy(outputs)
        self.dim = outputs.shape[1]

    def forward(self, places: Places) -> torch.Tensor:
        return self.outputs


def field(name: str, encoder: torch.nn.Module, database: dict, coefficients: torch.Tensor | None = None) -> RangeField:
    keys = torch.nn.functional.normalize(torch.from_numpy(database["satclip_embeddings"]).float(), dim=1)
    values, locs = torch.from_numpy(database["image_embeddings"]).float(), torch.from_numpy(database["locs"])
    return RangeField(encoder, keys, values, locs, temperature=MODELS[name].temperature, folded=coefficients)


def assert_is_upstream(found: torch.Tensor, expected: np.ndarray, lat_deg: np.ndarray) -> None:
    """Visual and location bands are within their tolerances, and all within 2e-5 of the largest value up to 45°."""
    found = found.double().numpy()
    golden.assert_within_bands(found[:, :VISUAL], expected[:, :VISUAL], lat_deg, golden.VALUES)
    location = np.array(golden.UNIT_OUTPUT) + golden.FLOAT32
    golden.assert_within_bands(found[:, VISUAL:], expected[:, VISUAL:], lat_deg, location)
    low = np.abs(lat_deg) <= 45
    for columns in (slice(VISUAL), slice(VISUAL, None)):
        allowed = LARGEST_DEVIATION * np.abs(expected[:, columns]).max()
        np.testing.assert_allclose(found[low, columns], expected[low, columns], rtol=0, atol=allowed)


@pytest.mark.parametrize("source", UPSTREAM)
def test_range_is_upstream(encoder, database, places, source):
    expected = golden.load(source)
    found = field("RANGE", encoder, database)(places)
    assert found.dtype == torch.float32
    assert_is_upstream(found[0], expected["output_RANGE"], expected["lonlat"][:, 1])


@pytest.mark.parametrize("source", UPSTREAM)
@pytest.mark.parametrize("beta", BETAS)
def test_range_plus_is_upstream(range_plus, places, source, beta):
    expected = golden.load(source)
    found = range_plus(places, [float(beta)])
    assert_is_upstream(found[0], expected[f"output_RANGE+_beta{beta}"], expected["lonlat"][:, 1])


@pytest.mark.parametrize("output", ["RANGE", *(f"RANGE+_beta{beta}" for beta in BETAS)])
def test_encode_of_the_point_package_is_the_same(encoder, database, coefficients, places, output):
    expected = golden.load("range_pypi")
    name, _, beta = output.partition("_beta")
    found = field(name, encoder, database, coefficients)(places, [float(beta or 1)])
    assert expected[f"output_encode_{output}"].dtype == np.float32
    assert_is_upstream(found[0], expected[f"output_encode_{output}"], expected["lonlat"][:, 1])


def test_the_geographic_average_is_upstream_at_every_latitude(range_plus, places):
    """Without SatCLIP there are no tolerances by latitude; only upstream's float32 makes a difference."""
    expected = golden.load("range")["output_RANGE+_beta0"][:, :VISUAL]
    np.testing.assert_allclose(range_plus(places, [0.0])[0, :, :VISUAL], expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("output", ["RANGE", *(f"RANGE+_beta{beta}" for beta in BETAS)])
def test_given_upstream_location_embeddings_values_are_upstream_at_every_latitude(database, places, output):
    """Near the poles only the round-off of upstream's harmonics makes a difference."""
    expected = golden.load("range")[f"output_{output}"]
    name, _, beta = output.partition("_beta")
    found = field(name, Table(expected[:, VISUAL:]), database)(places, [float(beta or 1)])
    np.testing.assert_allclose(found[0, :, :VISUAL], expected[:, :VISUAL], rtol=0, atol=5e-6)


@pytest.mark.parametrize("beta", BETAS)
def test_range_plus_is_the_formula(range_plus, encoder, database, places, beta):
    location, lonlat = encoder(places).numpy(), places.lonlat_deg.numpy()
    keys, locs, values = (database[name] for name in ("satclip_embeddings", "locs", "image_embeddings"))
    expected = reference.range_plus(location, lonlat, keys, locs, values, float(beta))
    found = range_plus(places, [float(beta)])[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(values).max())


def test_range_is_the_formula(encoder, database, places):
    location = encoder(places).numpy()
    expected = reference.range_only(location, database["satclip_embeddings"], database["image_embeddings"])
    found = field("RANGE", encoder, database)(places)[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(database["image_embeddings"]).max())


def test_folded_coefficients_change_nothing(encoder, database, coefficients, places):
    with_coefficients = field("RANGE+", encoder, database, coefficients)(places, [0.0, 0.5, 1.0])
    without = field("RANGE+", encoder, database)(places, [0.0, 0.5, 1.0])
    # `without` has upstream's float32 vectors of the rows, the coefficients have not; the difference is 40 · 1e-7.
    np.testing.assert_allclose(with_coefficients, without, rtol=0, atol=5e-6)
    assert torch.equal(with_coefficients[2], without[2])


def test_all_betas_from_one_evaluation_are_one_at_a_time(range_plus, places, monkeypatch):
    betas = [0.0, 0.3, 0.5, 1.0]
    one_at_a_time = [range_plus(places, [beta])[0] for beta in betas]
    calls = count_retrievals(monkeypatch)
    together = range_plus(places, betas)
    assert together.shape == (4, len(places), 40)
    np.testing.assert_allclose(together, torch.stack(one_at_a_time), rtol=0, atol=1e-7)
    assert calls.count(12.0) == 1


def test_beta_is_linear(range_plus, places):
    geographic, middle, semantic = range_plus(places, [0.0, 0.25, 1.0])
    np.testing.assert_allclose(middle, 0.75 * geographic + 0.25 * semantic, rtol=0, atol=1e-6)


def test_beta_0_does_not_retrieve(encoder, database, coefficients, places, monkeypatch):
    calls = count_retrievals(monkeypatch)
    field("RANGE+", encoder, database, coefficients)(places, [0.0])
    assert calls == []
    field("RANGE+", encoder, database)(places, [0.0])
    assert calls == []  # nor for the sum over all rows


def test_beta_1_does_not_average_by_distance(range_plus, places, monkeypatch):
    calls = count_retrievals(monkeypatch)
    monkeypatch.setattr(RangeField, "geographic_average", None)
    range_plus(places, [1.0])
    assert calls == [12.0]


def test_components_are_what_the_betas_blend(range_plus, places):
    found = range_plus.components(places)
    assert found.location.dtype == torch.float64
    np.testing.assert_allclose(found.location.norm(dim=1), 1, rtol=0, atol=1e-14)
    geographic, semantic = range_plus(places, [0.0, 1.0])
    assert torch.equal(found.semantic, semantic[:, :VISUAL])
    assert torch.equal(found.geographic, geographic[:, :VISUAL])
    assert torch.equal(found.location.float(), semantic[:, VISUAL:])
    only_location = range_plus.components(places, semantic=False, geographic=False)
    assert only_location.semantic is None
    assert only_location.geographic is None


def test_a_grid_is_its_places(range_plus):
    grid = Places.grid(torch.linspace(-180, 180, 11), torch.linspace(-90, 90, 9))
    betas = [0.0, 0.5, 1.0]
    scattered = Places.scattered(grid.lonlat_deg)
    np.testing.assert_allclose(range_plus(grid, betas), range_plus(scattered, betas), rtol=0, atol=2e-6)


def test_parts_are_the_whole(range_plus, places):
    whole = range_plus(places, [0.5])
    parts = torch.cat([range_plus(part, [0.5]) for _, part in places.split(37)], dim=1)
    np.testing.assert_allclose(parts, whole, rtol=0, atol=2e-6)


def test_an_encoder_alone_is_a_field_without_visual_bands(encoder, places):
    alone = EncoderField(encoder)
    assert (alone.visual, alone.dim) == (0, 16)
    assert torch.equal(alone(places), encoder(places))
    assert alone.components(places, semantic=True).semantic is None


def test_float64_keeps_the_location_columns_exact(range_plus, places):
    wide, narrow = range_plus(places, [0.5], dtype=torch.float64), range_plus(places, [0.5])
    assert torch.equal(wide[0, :, VISUAL:], range_plus.components(places).location)
    assert torch.equal(wide.float(), narrow)


def test_database_vectors_are_rounded_as_upstream_rounds_them(database):
    locs = torch.from_numpy(database["locs"])
    vectors = database_vectors(locs)
    assert vectors.dtype == torch.float32
    np.testing.assert_allclose(vectors, reference.unit_vectors(database["locs"]), rtol=0, atol=5e-7)


def test_a_database_made_with_other_weights_is_refused(database):
    with pytest.raises(ShapeError) as error:
        field("RANGE+", Table(np.zeros((1, 256))), database)
    assert str(error.value) == (
        "the encoder gives 256 values a place but the database's keys have 16; use the database made with these weights"
    )


def count_retrievals(monkeypatch) -> list[float]:
    """Temperatures of all softmax averages that are computed from now on."""
    temperatures = []
    average = module.softmax_average

    def counted(queries, keys, values, temperature):
        temperatures.append(temperature)
        return average(queries, keys, values, temperature)

    monkeypatch.setattr(module, "softmax_average", counted)
    return temperatures
