"""Command lines, run in this process with the miniature model, in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typed import Ran, mini_for

from rangegeo.cli.main import run

CPU = ("--device", "cpu")  # `auto` would say what it took


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty current folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def rangegeo(folder, capsys) -> Callable[..., Ran]:
    """Runs a command line and gives back its exit code and what it printed."""

    def command(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return command


@pytest.fixture
def raster(rangegeo) -> Callable[..., Ran]:
    """`rangegeo raster` of a few pixels with the miniature model; later options win."""

    def command(*arguments: str) -> Ran:
        return rangegeo("raster", "--bbox", "5,44,6,45", "--res", "0.25", *CPU, *mini_for(arguments), *arguments)

    return command
