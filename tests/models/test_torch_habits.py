"""What programs with torch do around a model: default dtypes, casts, forks, training."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
import torch
from oracles import golden

import rangegeo as rg

PLACES = [[5.7, 45.2], [-122.4, 37.8], [139.7, -35.7]]
FILES = {
    "pretrained_path": str(golden.GOLDEN / "satclip-mini.ckpt"),
    "db_path": str(golden.GOLDEN / "range_db_mini.npz"),
}
BOX = (5, 44, 6.5, 45.5)
PATIENCE = 60  # seconds, for a child that should answer at once


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_values_and_dtypes_do_not_depend_on_the_default_dtype(mini, dtype):
    lonlat = np.random.default_rng(0).uniform((5, 44), (7, 46), (3000, 2))
    scattered = {"tolerance": 1e-3}
    expected = mini.encode(PLACES, (0, 0.5)), mini.encode(lonlat, **scattered)
    rasters = [rg.raster(BOX, res, model=mini, bands=(1, 30)).values for res in (0.02, 0.3)]
    torch.set_default_dtype(dtype)
    try:
        model = rg.load_model("RANGE+", device="cpu", **FILES)
        found = model.encode(PLACES, (0, 0.5)), model.encode(lonlat, **scattered)
        cubes = [rg.raster(BOX, res, model=model, bands=(1, 30)).values for res in (0.02, 0.3)]
        drop_in = rg.RANGE("RANGE+", device="cpu", **FILES).encode(PLACES)
    finally:
        torch.set_default_dtype(torch.float32)
    for one, other in zip((*found, *cubes), (*expected, *rasters), strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=0, atol=4e-6 * np.abs(other).max())
    assert drop_in.dtype == np.float32


@pytest.mark.parametrize("cast", ["half", "float", "double", "bfloat16"])
def test_a_cast_leaves_the_numbers_as_they_are(cast):
    model = rg.load_model("RANGE+", device="cpu", **FILES)
    expected = model.encode(PLACES)
    assert getattr(model, cast)() is model
    np.testing.assert_array_equal(model.encode(PLACES), expected)
    np.testing.assert_array_equal(model.to(torch.float16).encode(PLACES), expected)
    drop_in = rg.RANGE("RANGE+", device="cpu", **FILES)
    np.testing.assert_array_equal(getattr(drop_in, cast)().encode(PLACES), drop_in.encode(PLACES))


class Network(torch.nn.Module):
    """A user's own network on top of embeddings."""

    def __init__(self, model: rg.Model) -> None:
        super().__init__()
        self.model, self.head = model, torch.nn.Linear(model.dim, 1)


def test_a_network_around_a_model_can_be_cast():
    model = rg.load_model("RANGE+", device="cpu", **FILES)
    expected = model.encode(PLACES)
    network = Network(model).half()
    assert network.head.weight.dtype == torch.float16
    np.testing.assert_array_equal(network.model.encode(PLACES), expected)


# ---------------------------------------------------------------------------------------------------------- forks


def in_a_forked_child(work: Callable[[], np.ndarray]) -> np.ndarray:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(work()))
    child.start()
    try:
        assert receiver.poll(PATIENCE), "the forked child hangs"
        return receiver.recv()
    finally:
        child.kill()
        child.join()


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_forked_after_use_embeds_and_computes(mini):
    """Torch and dask both had threads in the parent, which a child has not."""
    cube = rg.raster(BOX, 0.02, model=mini, bands=(1, 30))
    many = np.random.default_rng(0).uniform((-180, -90), (180, 90), (2000, 2))
    expected, values = mini.encode(many), cube.values
    found = in_a_forked_child(lambda: mini.encode(many))
    np.testing.assert_allclose(found, expected, rtol=0, atol=4e-6 * np.abs(expected).max())
    np.testing.assert_allclose(in_a_forked_child(lambda: cube.values), values, rtol=0, atol=1e-5 * np.abs(values).max())


class WithEncoder(torch.nn.Module):
    """A user's own network that trains the location encoder too."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = rg.load_satclip_location_encoder(FILES["pretrained_path"])
        self.head = torch.nn.Linear(self.encoder.dim, 1, dtype=torch.float64)

    def forward(self, places: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(places)).relu() + 1


@pytest.fixture
def compiled() -> Iterator[Callable]:
    """`torch.compile` that finds no more than a few small graphs, so that it ends soon."""
    sizes: list[int] = []

    def backend(graph: torch.fx.GraphModule, inputs: list) -> Callable:
        sizes.append(len(graph.graph.nodes))
        return graph.forward

    torch.compiler.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield partial(torch.compile, backend=backend)
    torch.compiler.reset()
    assert all(size < 20 for size in sizes)


@pytest.mark.parametrize("make", [partial(rg.load_model, device="cpu"), partial(rg.RANGE, device="cpu"), WithEncoder])
def test_compilation_breaks_around_a_model(make, compiled):
    """torch.compile would take hours for the harmonics."""
    module = make(**({} if make is WithEncoder else FILES))
    places = torch.tensor(PLACES, dtype=torch.float64)
    expected, found = module(places), compiled(module)(places)
    assert type(found) is type(expected)
    np.testing.assert_array_equal(torch.as_tensor(found).detach(), torch.as_tensor(expected).detach())
    if make is WithEncoder:
        found.sum().backward()
        assert next(module.encoder.parameters()).grad is not None


def test_compiled_code_may_encode(mini, compiled):
    def training_step(places: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(mini.encode(places * 1.0)).sum()

    places = torch.tensor(PLACES, dtype=torch.float64)
    torch.testing.assert_close(compiled(training_step)(places), training_step(places))


# ------------------------------------------------------------------------------------------------------- gradients


@pytest.fixture
def encoder() -> torch.nn.Module:
    return rg.load_satclip_location_encoder(FILES["pretrained_path"])


def test_the_drop_in_encoder_can_be_trained(encoder):
    places = torch.tensor(PLACES, dtype=torch.float64)
    optimiser = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    losses = []
    for _ in range(20):
        loss = (encoder(places) - 1.0).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    untouched = rg.load_satclip_location_encoder(FILES["pretrained_path"])
    assert not torch.equal(untouched(places), encoder(places))


def test_its_gradients_are_those_of_finite_differences(encoder):
    places = torch.tensor([[5.7, 45.2], [-122.4, 37.8]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda lonlat: encoder(lonlat)[:, :3], places, eps=1e-5, atol=1e-4)


def test_values_are_the_same_with_and_without_gradients(encoder):
    places = torch.tensor(PLACES, dtype=torch.float64)
    with torch.no_grad():
        plain = encoder(places)
    torch.testing.assert_close(encoder(places), plain, rtol=0, atol=1e-12)
    torch.testing.assert_close(encoder(places.requires_grad_()), plain, rtol=0, atol=1e-12)
