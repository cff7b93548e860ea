"""The memory of a GPU: smaller blocks where it is short, and one clear line where nothing fits."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.elsewhere import ELSEWHERE, elsewhere
from oracles.every import RANGE, SMALL

import rangegeo as rg
from rangegeo.engine import card
from rangegeo.engine.card import FittingBlock, is_shortage
from rangegeo.errors import DeviceError
from rangegeo.field.places import Places
from rangegeo.models.parts import ModelParts
from rangegeo.schema.bands import DIAGNOSTICS

LONLAT = np.random.default_rng(0).uniform((-180, -90), (180, 90), (300, 2))


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
    asked = short_of_memory(there, 100, monkeypatch, error)
    found = there.encode(LONLAT, (0, 0.5), bands="all,diagnostics")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert max(asked) == 300
    assert asked[-1] <= 64
    before = len(asked)
    there.encode(LONLAT)
    assert max(asked[before:]) <= 64  # it is known by then


def test_every_way_to_a_model_uses_blocks_that_fit(there, mini, monkeypatch):
    coords = torch.from_numpy(LONLAT)
    parts = ["semantic", "geographic", "location", "norm", "semantic_range"]
    grid = Places.grid(torch.linspace(0, 10, 20), torch.linspace(40, 50, 15))
    wanted = ["semantic", "geographic", *DIAGNOSTICS]

    def found(model: rg.Model) -> list[torch.Tensor]:
        components = model.evaluator.components(grid, wanted)
        values = ModelParts(model).values(grid, parts)
        return [*(components.part(name).cpu() for name in wanted), *values.values(), model.embed(coords).cpu()]

    expected = found(mini)
    short_of_memory(there, 100, monkeypatch, torch.OutOfMemoryError("CUDA out of memory"))
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
        block.run(work)
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
