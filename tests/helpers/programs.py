"""Other programs, with which tests read our files."""

from __future__ import annotations

import os

import pytest


def in_ci() -> bool:
    """Whether the tests run in continuous integration."""
    return os.environ.get("CI", "").lower() in ("1", "true")


def need(found: bool, what: str, remedy: str) -> None:
    """Skip the test if a program is missing; in continuous integration, where it must be installed, fail."""
    if not found:
        (pytest.fail if in_ci() else pytest.skip)(f"{what} is not installed: {remedy}")


def version(text: str) -> tuple[int, ...]:
    """The first two numbers of a version: (3, 6) for 3.6.2."""
    return tuple(int(part) for part in text.split(".")[:2])
