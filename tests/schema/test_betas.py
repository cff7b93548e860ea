"""Betas as users give them: numbers, lists and arrays; what is none is refused in both spellings."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from rangegeo.errors import UsageError
from rangegeo.schema.betas import check_beta, check_betas, index_of, one_spelling


@pytest.mark.parametrize(
    ("beta", "betas"),
    [(0.5, (0.5,)), (1, (1.0,)), ((0, 0.5, 1), (0.0, 0.5, 1.0)), (np.array([1.0, 0.25]), (1.0, 0.25)), ("0.5", (0.5,))],
)
def test_one_or_several_numbers_are_a_tuple(beta, betas):
    assert check_betas(beta) == betas
    assert all(type(value) is float for value in check_betas(beta))


@pytest.mark.parametrize(
    ("beta", "said", "has_example"),
    [
        (1.5, "beta must be in [0, 1], got 1.5", True),
        (-0.1, "beta must be in [0, 1], got -0.1", True),
        (np.nan, "beta must be in [0, 1], got nan", True),
        ("half", "beta must be a number in [0, 1], got 'half'", True),
        ([], "beta must have at least one value", True),
        ([0.5, 0.5], "every beta must be given once, got 0.5,0.5", False),
    ],
)
def test_what_is_no_beta_is_refused(beta, said, has_example):
    with pytest.raises(UsageError) as caught:
        check_betas(beta)
    assert str(caught.value) == said + "; for example betas=(0, 0.5, 1)" * has_example
    assert caught.value.for_shell() == said + "; for example --beta 0,0.5,1" * has_example


@pytest.mark.parametrize("beta", [0.25, 1, np.float32(0.5)])
def test_exactly_one_beta_is_a_float(beta):
    assert check_beta(beta, "at") == beta
    assert type(check_beta(beta, "at")) is float


@pytest.mark.parametrize("betas", [[0, 1], (0.5,), np.array([0.5])])
def test_several_are_refused_where_one_is_meant(betas):
    with pytest.raises(UsageError, match=r"^at takes one beta, got .*; for example beta=0\.5$"):
        check_beta(betas, "at")


def test_either_spelling_is_taken_and_not_both():
    assert one_spelling(None, None) is None
    assert one_spelling(0, None) == 0
    assert one_spelling(None, (0, 1)) == (0, 1)
    with pytest.raises(
        UsageError, match=r"^beta and betas mean the same, got beta=1 and betas=\[0, 1\]; leave one out$"
    ):
        one_spelling([0, 1], 1)


@pytest.mark.parametrize(
    "beta", [True, np.array([0.5 + 0j]), [[0.5]], {0, 1}, 10**400, np.ma.masked_array([0.1, 0.2], [True, False])]
)
def test_what_is_no_real_number_is_refused_without_a_warning(beta):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UsageError, match=r"^beta must be a number in \[0, 1\], got "):
            check_betas(beta)


@pytest.mark.parametrize("betas", [(0.3, 0.1 + 0.2), (0.7, np.float32(0.7)), (0.0, -0.0)])
def test_one_beta_that_is_written_in_two_ways_is_refused(betas):
    with pytest.raises(UsageError, match="every beta must be given once"):
        check_betas(betas)


@pytest.mark.parametrize(("beta", "checked"), [(1 + 4e-16, 1.0), (-1e-17, 0.0), (sum([0.1] * 3) + 0.7, 1.0)])
def test_sums_of_steps_end_at_one(beta, checked):
    assert check_betas(beta) == (checked,)


def test_a_beta_is_found_but_for_rounding():
    for betas in (np.linspace(0, 1, 11), np.linspace(0, 1, 11, dtype=np.float32), np.arange(0, 1.05, 0.1)):
        assert [index_of(tenth / 10, betas) for tenth in range(11)] == list(range(11))
        assert index_of(0.35, betas) is None
    assert index_of(0.5, 0.5) == 0
    assert index_of(0.5, []) is None
