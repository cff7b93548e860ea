"""A precision that a program has set for its own products never affects embeddings, and is restored."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

import rangegeo as rg
from rangegeo.field.precision import full_precision

BBOX = (6, 45, 7.28, 46.28)


@pytest.fixture(params=["high", "medium"])
def lowered(request: pytest.FixtureRequest) -> Iterator[str]:
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision("highest")


def test_cubes_and_points_are_the_same_to_float32_round_off(mini, lowered: str):
    found = rg.raster(BBOX, 0.01, model=mini).values
    points = mini.encode([[6.5, 45.5]])
    torch.set_float32_matmul_precision("highest")
    np.testing.assert_allclose(found, rg.raster(BBOX, 0.01, model=mini).values, rtol=0, atol=5e-6)
    np.testing.assert_allclose(points, mini.encode([[6.5, 45.5]]), rtol=0, atol=5e-6)


def test_the_setting_is_raised_inside_and_restored_after_the_last_thread(lowered: str):
    first_may_leave, first_has_left = threading.Event(), threading.Event()

    def first() -> None:
        with full_precision():
            first_may_leave.wait(10)
        first_has_left.set()

    thread = threading.Thread(target=first)
    thread.start()
    with full_precision():
        first_may_leave.set()
        assert first_has_left.wait(10)
        assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"
        assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    thread.join()
    assert torch.get_float32_matmul_precision() == lowered


def test_an_error_inside_restores_it_too(lowered: str):
    with pytest.raises(ZeroDivisionError), full_precision():
        1 / 0  # noqa: B018
    assert torch.get_float32_matmul_precision() == lowered
