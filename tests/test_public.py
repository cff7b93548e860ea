"""The names that users type: what completion shows, two spellings of beta, and docstrings that list the choices."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest
import torch
import xarray as xr
from oracles import golden

import rangegeo as rg
from rangegeo.accessor import RangegeoAccessor
from rangegeo.encoders import MODELS
from rangegeo.errors import UsageError

PLACES = [[5.7, 45.2], [-122.4, 37.8]]
BOX = (5, 44, 6, 45)
FILES = {
    "pretrained_path": str(golden.GOLDEN / "satclip-mini.ckpt"),
    "db_path": str(golden.GOLDEN / "range_db_mini.npz"),
    "device": "cpu",
}
SPELLINGS = ("beta", "betas")
BOTH = r"^beta and betas mean the same, got beta=0 and betas=\(0, 1\); leave one out$"


def public(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


# ------------------------------------------------------------------------------------------------ completion


def test_completion_of_the_package():
    assert set(dir(rg)) == {
        "Evaluation", "FittedMap", "Model", "RANGE", "RangegeoError", "__version__", "build_database", "build_planet",
        "evaluate",
        "evaluate_suite", "fit_map", "load_model", "load_satclip_location_encoder", "mosaic",
        "open_cube", "plan", "raster", "similarity", "train_encoder",
        "verify", "wrap"}  # fmt: skip
    assert all(hasattr(rg, name) for name in dir(rg))


def test_completion_of_a_model_has_what_users_need_and_no_more(mini):
    shown = {"encode", "neighbors", "recipe", "spec", "citation", "source_data", "facts", "beta", "dim", "visual",
             "location", "diagnostics", "temperatures", "has_beta", "row", "to", "cpu", "cuda", "eval"}  # fmt: skip
    assert shown <= set(dir(mini))
    assert all(hasattr(mini, name) for name in dir(mini))
    of_torch = set(dir(torch.nn.Module())) - {"to", "cpu", "cuda", "eval", "forward"}
    assert not of_torch & set(dir(mini))
    assert len(dir(mini)) < 30


def test_completion_of_a_cube(cube):
    assert public(cube.rangegeo) == {
        "at", "cluster", "facts", "plot", "predict", "rgb", "sample", "similarity", "to_dask", "to_geotiff", "to_zarr",
    }  # fmt: skip


# ------------------------------------------------------------------------------------- two spellings of beta


@pytest.fixture(scope="module")
def components(mini) -> xr.DataArray:
    return rg.raster(BOX, 0.25, model=mini, layout="components")


@pytest.fixture(scope="module")
def takers(mini, components) -> dict[str, Callable]:
    """Functions that take betas, each as a function of that argument which gives something to compare."""
    return {
        "raster": lambda **given: rg.raster(BOX, 0.25, model=mini, **given).values,
        "recipe": lambda **given: np.array(mini.recipe(**given).betas),
        "encode": lambda **given: mini.encode(PLACES, **given),
        "neighbors": lambda **given: mini.neighbors(PLACES, 3, **given)["weight"].values,
        "at": lambda **given: components.rangegeo.at(**given).values,
        "load_model": lambda **given: np.array(rg.load_model(**FILES, **given).beta),
        "RANGE": lambda **given: rg.RANGE(**FILES, **given).encode(PLACES),
    }


@pytest.mark.parametrize("name", ["raster", "recipe", "encode", "neighbors", "at", "load_model", "RANGE"])
def test_one_beta_is_taken_in_either_spelling(takers, name):
    take = takers[name]
    np.testing.assert_array_equal(take(beta=0.25), take(betas=0.25))
    assert not np.array_equal(take(betas=0.25), take(betas=0.75))
    with pytest.raises(UsageError, match=BOTH):
        take(beta=0, betas=(0, 1))


@pytest.mark.parametrize("name", ["raster", "recipe", "encode"])
def test_several_betas_are_taken_in_either_spelling(takers, name):
    take = takers[name]
    assert len(take(betas=[0, 0.25])) == 2
    np.testing.assert_array_equal(take(beta=(0, 0.25)), take(betas=[0, 0.25]))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", ["neighbors", "at", "load_model", "RANGE"])
def test_several_betas_are_refused_where_there_is_one(takers, name, spelling):
    with pytest.raises(UsageError, match=rf"^{name} takes one beta, got \[0, 1\]; for example beta=0\.5$"):
        takers[name](**{spelling: [0, 1]})


@pytest.mark.parametrize("name", ["raster", "recipe", "encode", "neighbors", "load_model", "RANGE"])
def test_without_a_beta_it_is_the_even_blend(takers, name):
    np.testing.assert_array_equal(takers[name](), takers[name](beta=0.5))


def test_a_model_remembers_its_beta():
    model = rg.load_model(**FILES, betas=0.25)
    np.testing.assert_array_equal(model.encode(PLACES), model.encode(PLACES, betas=0.25))
    np.testing.assert_array_equal(model.neighbors(PLACES)["row"], model.neighbors(PLACES, beta=0.25)["row"])


def test_a_cube_is_read_at_some_beta(components):
    with pytest.raises(UsageError, match=r"^at needs a beta in \[0, 1\]; for example \.at\(0\.5\)$"):
        components.rangegeo.at()


def test_positional_arguments_keep_their_places(mini):
    np.testing.assert_array_equal(mini.encode(PLACES, 0.25, 100), mini.encode(PLACES, beta=0.25))
    assert mini.recipe(0.25).betas == (0.25,)
    assert list(inspect.signature(rg.RANGE).parameters) == [
        "model_name", "db", "beta", "device", "pretrained_path", "db_path", "betas"]  # fmt: skip
    for taker in (rg.raster, rg.load_model, rg.RANGE, rg.Model.recipe, rg.Model.encode, rg.Model.neighbors):
        added = inspect.signature(taker).parameters["beta" if taker in (rg.raster, rg.Model.recipe) else "betas"]
        assert added.kind is inspect.Parameter.KEYWORD_ONLY


# ------------------------------------------------------------------------------------------------ docstrings

CHOICES = {
    rg.raster: ('"betas"', '"components"', '"all"', '"visual"', '"location"', '"diagnostics"', '"auto"', '"RANGE+"'),
    rg.load_model: ('"demo"', '"official"', '"large"', '"med"', '"cpu"', '"cuda"', *(f'"{name}"' for name in MODELS)),
    rg.open_cube: ('"auto"', "None"),
    rg.Model.encode: ('"all"', '"visual"', '"location"', '"diagnostics"', "DataFrame", "None"),
    rg.Model.recipe: ('"betas"', '"components"', '"all"', '"visual"', '"location"', '"diagnostics"'),
    rg.Model.neighbors: ("0 geographic to 1 semantic",),
    RangegeoAccessor.at: ("[0, 1]",),
    RangegeoAccessor.plot: ('"pca"', '"ica"', '"bands"'),
    RangegeoAccessor.sample: ('"nearest"', '"linear"'),
    RangegeoAccessor.to_zarr: ('"float32"', '"float16"', '"int16"', '"int8"', "COMPRESS", "LEVEL", "SHUFFLE", "SHARDS"),
    RangegeoAccessor.to_geotiff: ('"float32"', '"float16"', '"int16"', '"int8"', "COMPRESS"),
}  # fmt: skip


@pytest.mark.parametrize("function", CHOICES, ids=lambda function: function.__qualname__)
def test_docstrings_list_the_choices(function):
    text = " ".join(inspect.getdoc(function).split())
    for choice in CHOICES[function]:
        assert choice in text


@pytest.mark.parametrize(
    "function", [*CHOICES, rg.similarity, rg.RANGE, rg.build_planet], ids=lambda function: function.__qualname__
)
def test_docstrings_name_every_argument(function):
    text = inspect.getdoc(function)
    for name in inspect.signature(function).parameters:
        assert name == "self" or name in text, name


@pytest.mark.parametrize("kind", [rg.Model, RangegeoAccessor])
def test_every_public_method_has_a_docstring(kind):
    for name, member in vars(kind).items():
        if not name.startswith("_"):
            assert inspect.getdoc(member), name
