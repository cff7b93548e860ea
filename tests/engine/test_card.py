"""The memory of a GPU: smaller blocks where it is short, and one clear line where nothing fits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import dask
import numpy as np
import pytest
import torch
from helpers.elsewhere import ELSEWHERE, elsewhere
from oracles.every import RANGE, SMALL

import rangegeo as rg
from rangegeo.cubes.evaluated import nothing_kept
from rangegeo.cubes.proof import proof
from rangegeo.engine import card, patches
from rangegeo.engine.card import FittingBlock, is_shortage
from rangegeo.errors import DeviceError
from rangegeo.field.places import Places
from rangegeo.models.parts import ModelParts
from rangegeo.schema.bands import DIAGNOSTICS

BOX = ((-3, 42, 12.36, 47.12), 0.08)  # 192 x 64 pixels, three patches
LONLAT = np.random.default_rng(0).uniform((-180, -90), (180, 90), (120, 2))


@pytest.fixture
def there():
    """A model elsewhere, loaded anew, so that its block has not shrunk."""
    with elsewhere():
        yield rg.load_model("RANGE+", device=str(ELSEWHERE), **RANGE)


def short_of_memory(model: rg.Model, most: int, monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[int]:
    """Let the encoder of a model fail for more than so many places; the numbers that it is asked for."""
    encoder, asked = model.field.encoder, []
    forward = type(encoder).forward

    def limited(self: torch.nn.Module, places: Places) -> torch.Tensor:
        asked.append(len(places))
        if len(places) > most:
            raise error
        return forward(self, places)

    monkeypatch.setattr(type(encoder), "forward", limited)
    return asked


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling …")]
)
def test_blocks_shrink_until_they_fit(there, mini, monkeypatch, error):
    expected = mini.encode(LONLAT, (0, 0.5), bands="all,diagnostics")
    asked = short_of_memory(there, 50, monkeypatch, error)
    found = there.encode(LONLAT, (0, 0.5), bands="all,diagnostics")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert max(asked) == 120
    assert asked[-1] <= 50
    before = len(asked)
    there.encode(LONLAT)
    assert max(asked[before:]) <= 50  # it is known by then


def test_every_way_to_a_model_uses_blocks_that_fit(there, mini, monkeypatch):
    coords = torch.from_numpy(LONLAT)
    parts = ["semantic", "geographic", "location", "norm", "semantic_range"]
    grid = Places.grid(torch.linspace(0, 10, 12), torch.linspace(40, 50, 10))
    wanted = ["semantic", "geographic", *DIAGNOSTICS]

    def found(model: rg.Model) -> list[torch.Tensor]:
        components = model.evaluator.components(grid, wanted)
        values = ModelParts(model).values(grid, parts)
        every = [*(components.part(name) for name in wanted), *values.values(), model.embed(coords)]
        return [one.cpu() for one in every]

    expected = found(mini)
    short_of_memory(there, 50, monkeypatch, torch.OutOfMemoryError("CUDA out of memory"))
    for one, other in zip(found(there), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5 * float(other.abs().max()))


def test_a_memory_without_room_for_a_few_places_is_told_in_a_line(there, monkeypatch):
    short_of_memory(there, 10, monkeypatch, torch.OutOfMemoryError("CUDA out of memory\nwith many lines"))
    with pytest.raises(DeviceError) as caught:
        there.encode(LONLAT)
    assert caught.value.for_shell() == (
        "meta:7 has too little memory to evaluate even a few places; end other programs that use it, or give "
        "--device cpu"
    )
    assert caught.value.__context__ is None


def test_other_errors_stay_what_they_are(there, monkeypatch):
    short_of_memory(there, 0, monkeypatch, RuntimeError("something else"))
    with pytest.raises(RuntimeError, match="something else"):
        there.encode(LONLAT)


def test_a_model_that_does_not_fit_is_told_in_a_line(monkeypatch):
    def refuse(self: torch.nn.Module, *_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with elsewhere():
        model = rg.load_model("CSP", device="cpu", **SMALL["CSP"].arguments)
        expected = model.encode(LONLAT[:3])
        with monkeypatch.context() as patch:
            patch.setattr(type(model.field), "to", refuse)
            with pytest.raises(DeviceError, match=r"too little memory to hold the model, which takes [\d.]+ [kM]B;"):
                rg.load_model("CSP", device=str(ELSEWHERE), **SMALL["CSP"].arguments)
        with monkeypatch.context() as patch:
            patch.setattr(type(model.field), "_apply", refuse)
            with pytest.raises(DeviceError, match="meta:7 has too little memory to hold the model"):
                model.to(ELSEWHERE)
        np.testing.assert_array_equal(model.encode(LONLAT[:3]), expected)


def test_the_free_memory_of_a_card_is_told_and_what_torch_holds_is_given_back(monkeypatch):
    emptied = []
    cuda = SimpleNamespace(mem_get_info=lambda device: (2e8, 8e9), empty_cache=lambda: emptied.append(1))
    monkeypatch.setattr(card.torch, "cuda", cuda)
    block = FittingBlock("cuda:0", 64, 16)

    def work(size: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(DeviceError, match=r"^cuda:0 has too little memory .*: 200\.0 MB of 8\.0 GB are free; end"):
        block.run(work, 100)
    assert len(emptied) == 3  # 64, 32 and 16 were tried
    assert block.size == 16


@pytest.mark.parametrize(
    ("error", "shortage"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_shortages_are_told_from_other_errors(error, shortage):
    assert is_shortage(error) == shortage


# ---------------------------------------------------------------------------------------------- patches and pixels


def raster_of(model: rg.Model, **options: object) -> np.ndarray:
    with dask.config.set(scheduler="synchronous"), nothing_kept():  # the device is there for this thread only
        return rg.raster(*BOX, model=model, tolerance=1e-1, chunks=64, **options).values


def test_many_patches_are_evaluated_together(there, mini, monkeypatch):
    """On the CPU, each by itself; the values are the same but for the rounding of larger products."""
    asked: list[int] = []
    components = type(there.evaluator).components

    def counted(self: object, places: Places, wanted: object) -> object:
        asked.append(len(places))
        return components(self, places, wanted)

    monkeypatch.setattr(type(there.evaluator), "components", counted)
    expected, alone = raster_of(mini, betas=(0, 1)), asked.copy()
    asked.clear()
    found = raster_of(there, betas=(0, 1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert sum(asked) == sum(alone)  # the same places
    assert len(asked) < len(alone)
    assert asked[0] == 3 * alone[0]


def test_a_part_of_a_raster_is_evaluated_with_the_same_patches(there):
    """So a run that is continued gives the bits of one run."""
    whole = raster_of(there, bands=(1, 30))
    with dask.config.set(scheduler="synchronous"), nothing_kept():
        part = rg.raster(*BOX, model=there, tolerance=1e-1, chunks=64, bands=(1, 30))[..., 10:30, 130:150].values
    np.testing.assert_array_equal(part, whole[..., 10:30, 130:150])


def test_what_is_measured_does_not_depend_on_who_is_evaluated_together(there, mini):
    facts = []
    for model in (there, mini):
        cube = rg.raster(*BOX, model=model, tolerance=1e-1, chunks=64, bands=(1, 30))
        with dask.config.set(scheduler="synchronous"), nothing_kept():
            facts.append(proof(cube).compute())
    assert facts[0].pop("measured_error") == pytest.approx(facts[1].pop("measured_error"), rel=0.01)
    assert facts[0] == facts[1]


def test_patches_are_evaluated_one_by_one_where_the_memory_is_short(there, mini, monkeypatch):
    together = []
    answered = patches.answered

    def limited(askings: list, *more: object) -> list:
        together.append(len(askings))
        if len(askings) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return answered(askings, *more)

    monkeypatch.setattr(patches, "answered", limited)
    expected = raster_of(mini, bands=(1, 30))
    together.clear()
    np.testing.assert_allclose(raster_of(there, bands=(1, 30)), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert together == [3, 3, 3, 2, 1]  # 16 at most, 8, 4 and 2


def test_pixels_are_interpolated_there_a_few_bands_at_a_time(there, mini, monkeypatch):
    expected = raster_of(mini, betas=(0, 1))
    shapes = []
    interpolate_by = patches.interpolate_by

    def limited(down: torch.Tensor, across: torch.Tensor, values: torch.Tensor, **options: object) -> torch.Tensor:
        assert down.device == across.device == values.device == ELSEWHERE
        shapes.append(len(values))
        if len(values) > 30:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return interpolate_by(down, across, values, **options)

    monkeypatch.setattr(patches, "interpolate_by", limited)
    found = raster_of(there, betas=(0, 1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert {80, 40, 20} <= set(shapes)


class Cuda:
    """Stands for `torch.cuda`; notes what is done with streams."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def Stream(self, device: torch.device) -> SimpleNamespace:
        return SimpleNamespace(
            wait_stream=lambda other: self.done.append(f"waits for {other}"),
            synchronize=lambda: self.done.append("synchronized"),
        )

    def current_stream(self, device: torch.device) -> str:
        return "what is computed"

    @contextmanager
    def stream(self, stream: object) -> Iterator[None]:
        self.done.append("begins")
        yield
        self.done.append("ends")

    def empty_cache(self) -> None:
        self.done.append("emptied")


@pytest.mark.parametrize("pinned", [True, False])
def test_a_gpu_copies_into_pinned_memory_on_a_stream_of_its_own(there, mini, monkeypatch, pinned):
    """The stand-in device takes the place of a GPU, with the streams of one."""
    expected = [raster_of(mini, bands=(1, 30)), mini.encode(LONLAT)]
    cuda, empty, asked = Cuda(), torch.empty, []

    def allocate(*shape: object, pin_memory: bool = False, **options: object) -> torch.Tensor:
        asked.append(pin_memory)
        if pin_memory and not pinned:
            raise RuntimeError("CUDA error: out of memory")
        return empty(*shape, **options)

    monkeypatch.setattr(card, "is_card", lambda device: torch.device(device) == ELSEWHERE)
    monkeypatch.setattr(torch, "cuda", cuda)
    monkeypatch.setattr(torch, "empty", allocate)
    found = [raster_of(there, bands=(1, 30)), there.encode(LONLAT)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * np.abs(other).max())
    assert True in asked
    assert cuda.done[:4] == ["waits for what is computed", "begins", "ends", "synchronized"]
    assert len(cuda.done) == 4 * cuda.done.count("begins")
