"""What type checkers tell the author of a script that imports the installed package: mypy, and pyright behind IDEs."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.programs import need

ROOT = Path(__file__).parents[1]
# Lines of the script, and what a type checker says of them: a type that is revealed, an error, or nothing.
TYPE, ERROR, NOTHING = "type", "error", "nothing"
SCRIPT = (
    ("import rangegeo as rg", NOTHING, ""),
    ('model = rg.load_model("RANGE+", beta=0.25)', NOTHING, ""),
    ("reveal_type(model)", TYPE, "Model"),
    ("cube = rg.raster((5, 44, 6, 45), 0.1, model=model, betas=(0, 0.5, 1))", NOTHING, ""),
    ("reveal_type(cube)", TYPE, "DataArray"),
    ("reveal_type(rg.raster((5, 44, 6, 45), res=(0.1, 0.2), beta=0.5, crs=3035))", TYPE, "DataArray"),
    ('reveal_type(rg.open_cube("a.zarr", level=1))', TYPE, "DataArray"),
    ("reveal_type(rg.similarity(cube, (5.5, 44.5), model=model))", TYPE, "DataArray"),
    ('reveal_type(rg.verify("a.zarr", pixels=10).sound)', TYPE, "bool"),
    ("reveal_type(rg.__version__)", TYPE, "str"),
    ("reveal_type(rg.RANGE(betas=0.5))", TYPE, "RANGE"),
    ("reveal_type(model.recipe(beta=[0, 1]).names)", TYPE, r"tuple\[(builtins\.)?str, \.\.\.\]"),
    ("reveal_type(model.neighbors([5.5, 44.5], k=3))", TYPE, "Dataset"),
    ("vectors = model.encode([[5.5, 44.5]], 0.5, bands=(1, 2, 'location'), tolerance=1e-4)", NOTHING, ""),
    ("stored = cube.rangegeo.to_zarr('a.zarr', overwrite=True)", NOTHING, ""),
    ("rg.raster((5, 44, 6, 45), 0.1, overwite=True)", ERROR, "overwite"),
    ('rg.raster((5, 44, 6, 45), 0.1, betas="x")', ERROR, "betas"),
    ('rg.raster((5, 44, 6, 45), 0.1, beta="x")', ERROR, "beta"),
    ('rg.raster("5,44,6,45", 0.1)', ERROR, "bbox|Argument 1"),
    ('rg.load_model("RANGE+", wieghts="demo")', ERROR, "wieghts"),
    ("model.encode([[5.5, 44.5]], bteas=0.5)", ERROR, "bteas"),
    ("rg.nonsense", ERROR, "nonsense"),
)


@pytest.fixture
def script(tmp_path) -> Path:
    """A user's script, in a folder that knows nothing of the repository."""
    path = tmp_path / "script.py"
    path.write_text("\n".join(line for line, *_ in SCRIPT) + "\n")
    return path


def run(folder: Path, *command: str) -> str:
    environment = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr  # 2 is a failure of the type checker itself
    return done.stdout


def assert_told(messages: dict[int, list[tuple[str, str]]]) -> None:
    """Compare what was said of each line, as pairs of a kind and a text, with what is expected."""
    for number, (line, kind, expected) in enumerate(SCRIPT, start=1):
        told = messages.get(number, [])
        assert {found for found, _ in told} == ({kind} - {NOTHING}), (line, told)
        assert kind == NOTHING or any(re.search(expected, text) for _, text in told), (line, told)


def test_mypy_resolves_the_package_and_finds_mistakes(script):
    options = ("--no-error-summary", "--config-file", ROOT / "pyproject.toml", "--cache-dir", ROOT / ".mypy_cache")
    said = run(
        script.parent, "mypy", *map(str, options), script.name
    )  # what is known of the package is not found again
    messages: dict[int, list[tuple[str, str]]] = {}
    for number, kind, text in re.findall(r"^script\.py:(\d+): (error|note): (.*)$", said, re.MULTILINE):
        if kind == "error" or text.startswith("Revealed type"):
            messages.setdefault(int(number), []).append((ERROR if kind == "error" else TYPE, text))
    assert_told(messages)
    revealed = [texts[0][1] for _, texts in sorted(messages.items()) if texts[0][0] == TYPE]
    assert revealed[0] == 'Revealed type is "rangegeo.models.model.Model"'
    assert revealed[1] == 'Revealed type is "xarray.core.dataarray.DataArray"'


def test_pyright_resolves_the_package_and_finds_mistakes(script):
    need(importlib.util.find_spec("pyright") is not None, "pyright", 'pip install "pyright[nodejs]"')
    said = json.loads(run(script.parent, "pyright", "--outputjson", "--pythonpath", sys.executable, script.name))
    messages: dict[int, list[tuple[str, str]]] = {}
    for one in said["generalDiagnostics"]:
        if one["severity"] in ("error", "information"):
            kind = ERROR if one["severity"] == "error" else TYPE
            messages.setdefault(one["range"]["start"]["line"] + 1, []).append((kind, one["message"]))
    assert_told(messages)
