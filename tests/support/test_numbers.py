"""Numbers of Python, numpy and torch; what is none is refused without a warning of numpy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from rangegeo.errors import UsageError
from rangegeo.support.numbers import check_seed, is_whole, real


@pytest.mark.parametrize("value", [2, 2.0, np.float16(2), np.int64(2), "2", np.array(2), torch.tensor(2.0)])
def test_numbers_of_any_kind_are_floats(value):
    assert real(value) == 2.0
    assert type(real(value)) is float


@pytest.mark.parametrize("value", [2j, np.complex64(2), np.array(2 + 0j), None, "two", [2, 3], 10**400])
def test_what_is_no_real_number_is_refused_silently(value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((TypeError, ValueError)):
            real(value)


def test_whole_numbers_are_those_of_python_and_numpy():
    assert all(map(is_whole, (0, -3, np.int8(3), 10**30)))
    assert not any(map(is_whole, (True, np.True_, 3.0, "3", None)))


def test_seeds_are_whole_numbers():
    assert check_seed(np.int64(7)) == 7
    for wrong in (-1, 1.5, "a", None, True, 2**32):
        with pytest.raises(UsageError, match=r"^seed must be a whole number from 0 to 4294967295, got .*; for example"):
            check_seed(wrong)
