"""Other programs that tests read our files with."""

from __future__ import annotations

import os

import pytest


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true")


def need(found: bool, what: str, remedy: str) -> None:
    """Skip the test where a program is missing; in CI, where it has to be there, fail."""
    if not found:
        (pytest.fail if in_ci() else pytest.skip)(f"{what} is not installed: {remedy}")


def version(text: str) -> tuple[int, ...]:
    """(3, 6) of 3.6.2."""
    return tuple(int(part) for part in text.split(".")[:2])
