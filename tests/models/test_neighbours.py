"""Neighbours against every weight of the database in float64 loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import field as reference
from oracles import golden

import rangegeo as rg
from rangegeo.errors import ShapeError, UsageError
from rangegeo.field import strongest as module
from rangegeo.field.places import Places
from rangegeo.field.strongest import Kernel, distance_km, strongest_rows

PLACES = np.array([[5.7, 45.2], [-122.4, 37.8], [139.7, -35.7], [0.0, 90.0], [180.0, -89.9], [-180.0, 12.0]])


@pytest.fixture(scope="module")
def database() -> dict[str, np.ndarray]:
    return golden.load("range_db_mini")


@pytest.fixture(scope="module")
def expected(mini, database) -> dict[str, np.ndarray]:
    """(places, rows): the weight of every row in both averages, its cosine and its distance."""
    location = golden.normalised(
        mini.evaluator.components(Places(torch.tensor(PLACES, dtype=torch.float64)), ["location"]).location.double()
    )
    keys, vectors = golden.normalised(database["satclip_embeddings"]), reference.unit_vectors(database["locs"])
    return {
        "semantic_weight": reference.softmax_weights(location, keys, 12.0),
        "geographic_weight": reference.softmax_weights(reference.unit_vectors(PLACES), vectors, 40.0),
        "cosine": location @ keys.T,
        "distance": np.array([[reference.distance_km(a, b) for b in database["locs"]] for a in PLACES]),
    }


@pytest.mark.parametrize("k", [1, 10, 10_000])
@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_they_are_the_rows_of_largest_weight(mini, database, expected, k, beta, monkeypatch):
    monkeypatch.setattr(module, "KEY_BLOCK", 37)
    k = min(k, len(database["locs"]))
    found = mini.neighbors(PLACES, k, beta=beta)
    assert found.sizes == {"place": len(PLACES), "neighbour": k}
    blend = beta * expected["semantic_weight"] + (1 - beta) * expected["geographic_weight"]
    order = np.argsort(-blend, axis=1)[:, :k]
    np.testing.assert_allclose(found["weight"], np.take_along_axis(blend, order, axis=1), rtol=3e-5)
    rows = found["row"].values
    assert all(len(set(row)) == k for row in rows)
    tolerance = {"rtol": 3e-5, "atol": 1e-9}  # the location above was float32
    np.testing.assert_allclose(found["weight"], np.take_along_axis(blend, rows, axis=1), **tolerance)
    for name, all_rows in expected.items():
        np.testing.assert_allclose(found[name], np.take_along_axis(all_rows, rows, axis=1), rtol=3e-5, atol=1e-6)
    for axis, name in enumerate(("row_lon", "row_lat")):
        np.testing.assert_array_equal(found[name], database["locs"][rows][..., axis])


@pytest.mark.parametrize("k", [3, 10_000])
def test_weights_and_the_rest_are_all(mini, k, database):
    found = mini.neighbors(PLACES, min(k, len(database["locs"])), beta=0.3)
    for name in ("", "semantic_", "geographic_"):
        total = found[f"{name}weight"].sum("neighbour") + found[f"{name}rest"]
        np.testing.assert_allclose(total, 1, rtol=0, atol=1e-12)
        assert (found[f"{name}rest"] >= 0).all()
    if k == 3:
        assert (found["rest"] > 0.01).any()
    else:
        np.testing.assert_allclose(found["rest"], 0, atol=1e-12)


def test_with_all_rows_they_make_the_embedding(mini, database):
    found = mini.neighbors(PLACES, len(database["locs"]), beta=0.25)
    values = database["image_embeddings"].astype(float)[found["row"].values]
    made = np.einsum("pn,pnv->pv", found["weight"], values)
    expected = mini.encode(PLACES, 0.25, bands="visual")
    np.testing.assert_allclose(made, expected, rtol=0, atol=4e-6 * np.abs(expected).max())


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.tuples(st.integers(0, 12), st.integers(1, 60), st.integers(1, 20)),
    k=st.integers(1, 60),
    block=st.integers(1, 70),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**31),
)
def test_blocks_never_change_what_is_strongest(sizes, k, block, share, seed):
    n, rows, width = sizes
    generator = torch.Generator().manual_seed(seed)

    def unit(count: int) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.randn(count, width, generator=generator).double(), dim=1)

    kernels = [
        Kernel.of(unit(n), unit(rows).float(), 12.0, share),
        Kernel.of(unit(n), unit(rows).float(), 40.0, 1 - share),
    ]
    k = min(k, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "KEY_BLOCK", block)
        found, weights = strongest_rows(kernels, k)
    assert found.shape == (n, k)
    assert weights.shape == (2, n, k)
    full = [reference.softmax_weights(kernel.queries, kernel.keys, kernel.temperature) for kernel in kernels]
    blend = share * full[0] + (1 - share) * full[1]
    np.testing.assert_allclose(share * weights[0] + (1 - share) * weights[1], -np.sort(-blend)[:, :k], rtol=1e-9)


def test_equal_rows_are_all_found():
    keys = torch.eye(4).repeat(50, 1)
    rows, weights = strongest_rows([Kernel.of(torch.eye(4).double()[:1], keys, 12.0, 1.0)], 50)
    assert sorted(rows[0].tolist()) == list(range(0, 200, 4))
    assert weights.unique().numel() == 1


def test_a_database_is_never_held_against_all_queries(mini, monkeypatch):
    largest = 0
    block = Kernel.block

    def measured(self: Kernel, rows: slice) -> torch.Tensor:
        nonlocal largest
        weights = block(self, rows)
        largest = max(largest, weights.numel())
        return weights

    monkeypatch.setattr(Kernel, "block", measured)
    monkeypatch.setattr(module, "KEY_BLOCK", 10)
    monkeypatch.setattr("rangegeo.models.neighbours.QUERY_BLOCK", 7)
    many = np.tile(PLACES, (10, 1))
    found = mini.neighbors(many, 3)
    assert largest == 70
    xr.testing.assert_allclose(found.isel(place=slice(6)), mini.neighbors(PLACES, 3))


def test_distance_is_that_of_the_sphere():
    quarter = distance_km(torch.tensor([0.0, 0.0]), torch.tensor([[90.0, 0.0], [0.0, 90.0], [180.0, 0.0], [0, 1e-7]]))
    np.testing.assert_allclose(quarter, [10007.557, 10007.557, 20015.115, 1.1119e-5], rtol=1e-4)


def test_it_is_a_table_that_says_what_it_is(mini):
    found = mini.neighbors(PLACES[0], k=4)
    assert found.sizes == {"place": 1, "neighbour": 4}
    assert (found.attrs["model"], found.attrs["database"]) == ("RANGE+", "range_db_mini.npz")
    assert found.attrs["semantic_temperature"] == 12
    assert float(found["beta"]) == 0.5
    assert found["distance"].attrs["units"] == "km"
    assert all("long_name" in variable.attrs for variable in found.data_vars.values())
    table = found.to_dataframe()
    assert len(table) == 4
    assert {"row", "row_lon", "row_lat", "weight", "cosine", "distance", "rest", "lon", "lat"} <= set(table.columns)
    assert mini.neighbors(np.empty((0, 2))).sizes == {"place": 0, "neighbour": 10}


def test_without_a_geographic_average_the_semantic_decides(golden):
    files = {"weights": str(golden / "satclip-mini.ckpt"), "device": "cpu"}
    model = rg.load_model("RANGE", db=str(golden / "range_db_mini.npz"), **files)
    found = model.neighbors(PLACES, 5)
    assert "geographic_weight" not in found
    np.testing.assert_array_equal(found["weight"], found["semantic_weight"])
    assert float(found["beta"]) == 1
    with pytest.raises(UsageError, match="neighbors needs a model with a database, and SatCLIP has none; take RANGE"):
        rg.load_model("SatCLIP", **files).neighbors(PLACES)


def test_what_cannot_be_is_refused(mini):
    for k in (0, -1, 10_000, 2.5, "ten"):
        with pytest.raises(UsageError, match=rf"k must be from 1 to \d+, the rows of the database, got {k}"):
            mini.neighbors(PLACES, k)
    with pytest.raises(UsageError, match="neighbors takes one beta"):
        mini.neighbors(PLACES, beta=[0, 1])
    with pytest.raises(UsageError, match=r"beta must be in \[0, 1\]"):
        mini.neighbors(PLACES, beta=2)
    with pytest.raises(UsageError, match="longitude must be in"):
        mini.neighbors([500, 0])
    with pytest.raises(ShapeError, match="places must have shape"):
        mini.neighbors([1, 2, 3])
