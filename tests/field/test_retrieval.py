"""Streaming softmax retrieval against the full softmax in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import field as reference
from torch.utils._python_dispatch import TorchDispatchMode

from rangegeo.errors import ShapeError
from rangegeo.field import retrieval
from rangegeo.field.retrieval import softmax_average


def unit(rows: int, width: int, seed: int) -> torch.Tensor:
    vectors = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(vectors, dim=1)


def values_of(rows: int, width: int, seed: int = 7) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


class LargestTensor(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation returns."""

    def __init__(self) -> None:
        super().__init__()
        self.numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.numel = max(self.numel, result.numel())
        return result


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.tuples(st.integers(0, 40), st.integers(1, 60), st.integers(1, 24), st.integers(1, 12)),
    temperature=st.floats(0.1, 43.0),
    blocks=st.tuples(st.integers(1, 50), st.integers(1, 70)),
    seed=st.integers(0, 2**31),
)
def test_it_is_the_full_softmax_whatever_the_blocks(sizes, temperature, blocks, seed):
    n, rows, width, dim = sizes
    queries, keys, values = unit(n, width, seed), unit(rows, width, seed + 1), values_of(rows, dim, seed + 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "QUERY_BLOCK", blocks[0])
        patch.setattr(retrieval, "KEY_BLOCK", blocks[1])
        average = softmax_average(queries, keys, values, temperature)
    assert average.dtype == torch.float32
    expected = reference.softmax_average(queries, keys, values, temperature).reshape(n, dim)
    # A float32 similarity is accurate to about 2e-7, and the temperature multiplies this error.
    np.testing.assert_allclose(average, expected, rtol=0, atol=4e-7 * (1 + temperature) * float(values.abs().max()))


@pytest.mark.parametrize("temperature", [12.0, 15.0, 40.0, 43.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_equal_and_opposite_keys_neither_overflow_nor_vanish(temperature, sign):
    key = unit(1, 256, 0)
    values = values_of(3, 4)
    average = softmax_average(sign * key, key.expand(3, -1), values, temperature)
    np.testing.assert_allclose(average, values.mean(dim=0, keepdim=True), rtol=0, atol=1e-6)


def test_no_tensor_is_larger_than_the_block():
    queries, keys, values = unit(5000, 8, 0), unit(10_000, 8, 1), values_of(10_000, 16)
    with LargestTensor() as largest:
        softmax_average(queries, keys, values, 12.0)
    assert largest.numel <= retrieval.QUERY_BLOCK * retrieval.KEY_BLOCK
    assert largest.numel < len(queries) * len(keys) / 20


@pytest.mark.parametrize("copies", [2, 5])
def test_doubling_the_database_changes_nothing(copies):
    queries, keys, values = unit(100, 16, 0), unit(3000, 16, 1), values_of(3000, 8)
    once = softmax_average(queries, keys, values, 12.0)
    again = softmax_average(queries, keys.repeat(copies, 1), values.repeat(copies, 1), 12.0)
    np.testing.assert_allclose(again, once, rtol=0, atol=1e-6)


def test_order_of_the_database_changes_nothing():
    queries, keys, values = unit(100, 16, 0), unit(3000, 16, 1), values_of(3000, 8)
    shuffled = torch.randperm(3000, generator=torch.Generator().manual_seed(0))
    once = softmax_average(queries, keys, values, 12.0)
    np.testing.assert_allclose(
        softmax_average(queries, keys[shuffled], values[shuffled], 12.0), once, rtol=0, atol=1e-6
    )


def test_averages_stay_within_the_values():
    values = values_of(500, 8)
    average = softmax_average(unit(200, 4, 0), unit(500, 4, 1), values, 43.0)
    assert (average <= values.amax(dim=0) + 1e-6).all()
    assert (average >= values.amin(dim=0) - 1e-6).all()


@pytest.mark.parametrize(
    ("queries", "keys", "values"), [((2, 3), (5, 4), (5, 6)), ((2, 4), (5, 4), (6, 6))], ids=["width", "rows"]
)
def test_shapes_that_do_not_fit_are_named(queries, keys, values):
    with pytest.raises(ShapeError) as error:
        softmax_average(torch.ones(queries), torch.ones(keys), torch.ones(values), 12.0)
    assert str(error.value) == (
        f"retrieval needs queries (n, d), keys (N, d) and values (N, v), got {queries}, {keys} and {values}"
    )


@pytest.mark.parametrize("temperature", [0.0, -1.0, 43.5, float("nan")])
def test_a_temperature_out_of_range_is_named(temperature):
    with pytest.raises(ShapeError) as error:
        softmax_average(unit(2, 3, 0), unit(5, 3, 1), values_of(5, 2), temperature)
    assert str(error.value) == f"a softmax temperature must be in (0, 43], got {temperature:g}"
