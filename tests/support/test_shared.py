"""Values that threads share: made once, kept within a bound, and tried again after an error."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rangegeo.support.shared import SharedValues


def test_threads_wait_for_the_first_one():
    values, together = SharedValues(100), threading.Barrier(4, timeout=10)
    made = []

    def ask(_: int) -> int:
        together.wait()
        return values.get("a", lambda: made.append(1) or 7, lambda _: 8)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [7] * 4
    assert len(made) == values.made == 1
    assert values.nbytes == 8
    assert "a" in values


def test_the_last_used_ones_are_kept():
    values = SharedValues(20)
    for key in ("a", "b", "a", "c"):
        values.get(key, lambda: 0, lambda _: 10)
    assert ["a" in values, "b" in values, "c" in values] == [True, False, True]
    assert values.nbytes == 20
    values.get("large", lambda: 0, lambda _: 50)
    assert "large" in values
    assert values.nbytes == 50


def test_an_error_is_told_and_the_next_call_tries_again():
    values = SharedValues(100)
    with pytest.raises(ZeroDivisionError):
        values.get("a", lambda: 1 // 0, lambda _: 1)
    assert values.get("a", lambda: 5, lambda _: 1) == 5
