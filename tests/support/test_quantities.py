"""Quantities written for people."""

from __future__ import annotations

import pytest

from rangegeo.support.text import counted, human_bytes, human_seconds


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1234567, "1.2 MB"),
        (5e9, "5.0 GB"),
        (2e15, "2000.0 TB"),
    ],
)
def test_bytes(count, text):
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 s"), (59.4, "59 s"), (75, "1 min 15 s"), (3599, "59 min 59 s"), (3600, "1 h 0 min"), (9000, "2 h 30 min")],
)
def test_seconds(seconds, text):
    assert human_seconds(seconds) == text


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [(0, "band", "0 bands"), (1, "band", "1 band"), (2, "beta", "2 betas"), (2345, "row", "2,345 rows")],
)
def test_counts(count, noun, text):
    assert counted(count, noun) == text
