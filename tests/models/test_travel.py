"""Models on their way: pickled, copied, cloned, sent to spawned processes. They travel as their spec."""

from __future__ import annotations

import copy
import multiprocessing
import pickle

import numpy as np
import pytest
import torch
from oracles import golden
from sklearn.base import BaseEstimator, clone

import rangegeo as rg

PLACES = [[5.7, 45.2], [-122.4, 37.8], [0.0, 90.0]]
FILES = {
    "pretrained_path": str(golden.GOLDEN / "satclip-mini.ckpt"),
    "db_path": str(golden.GOLDEN / "range_db_mini.npz"),
}


def embed(model: rg.Model) -> np.ndarray:
    return model.encode(PLACES)


class Embedder(BaseEstimator):
    """An estimator that has a model as a parameter, as users write them."""

    def __init__(self, model: rg.Model | None = None) -> None:
        self.model = model


class Places(torch.utils.data.Dataset):
    """A dataset that holds a model, as training code has it."""

    def __init__(self, model: rg.Model) -> None:
        self.model = model

    def __len__(self) -> int:
        return len(PLACES)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.model.encode(PLACES[index])[0]


@pytest.fixture(scope="module")
def drop_in() -> rg.RANGE:
    return rg.RANGE("RANGE+", beta=0.3, device="cpu", **FILES)


def test_a_pickled_model_is_small_and_the_same(mini):
    sent = pickle.dumps(mini)
    assert len(sent) < 2000
    arrived = pickle.loads(sent)
    assert arrived.spec == mini.spec
    np.testing.assert_array_equal(embed(arrived), embed(mini))


def test_its_beta_travels_too(mini):
    model = rg.load_model("RANGE+", beta=0.2, device="cpu", **FILES)
    for arrived in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert arrived.beta == 0.2
        np.testing.assert_array_equal(embed(arrived), mini.encode(PLACES, 0.2))


def test_a_copy_is_a_model_of_its_own(mini):
    copied = copy.deepcopy(mini)
    assert copied is not mini
    assert copied.evaluator is not mini.evaluator
    copied.beta = 0.9
    assert mini.beta == 0.5
    np.testing.assert_array_equal(copied.encode(PLACES, 0.5), embed(mini))


def test_a_model_without_weights_travels():
    model = rg.load_model("Direct", device="cpu")
    np.testing.assert_array_equal(embed(pickle.loads(pickle.dumps(model))), embed(model))


def test_scikit_learn_clones_estimators_that_hold_one(mini):
    cloned = clone(Embedder(mini))
    np.testing.assert_array_equal(embed(cloned.model), embed(mini))


def test_a_spawned_process_embeds_the_same(mini):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (found,) = pool.map(embed, [mini])
    np.testing.assert_allclose(found, embed(mini), rtol=0, atol=4e-6 * np.abs(found).max())


def test_a_spawned_data_loader_embeds_the_same(mini):
    loader = torch.utils.data.DataLoader(
        Places(mini), batch_size=2, num_workers=1, multiprocessing_context="spawn", persistent_workers=False
    )
    found = np.concatenate([batch.numpy() for batch in loader])
    np.testing.assert_allclose(found, embed(mini), rtol=0, atol=4e-6 * np.abs(found).max())


def test_the_drop_in_class_travels(drop_in):
    sent = pickle.dumps(drop_in)
    assert len(sent) < 2000
    for arrived in (pickle.loads(sent), copy.deepcopy(drop_in)):
        assert arrived.beta == 0.3
        np.testing.assert_array_equal(arrived.encode(PLACES), drop_in.encode(PLACES))


def test_lazy_cubes_travel_too(mini):
    cube = rg.raster((5, 44, 6, 45), 0.02, model=mini, bands=(1, 2))
    virtual = rg.raster((5, 44, 6, 45), 0.02, model=mini, bands=(1, 2), chunks=None)
    for one in (cube, virtual):
        arrived = pickle.loads(pickle.dumps(one))
        np.testing.assert_array_equal(arrived.isel(x=slice(0, 9)).values, one.isel(x=slice(0, 9)).values)
