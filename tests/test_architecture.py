"""The house: imports only run downwards, and the top level holds what it should."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rangegeo"

# From the ground up; a module may import from lower floors and from its own.
FLOORS = (
    {"errors", "units", "bands"},
    {"extras"},
    {"field", "grid", "principal", "arguments", "tiles", "pyramid"},
    {"encoders", "colours", "painting", "picture", "columns", "frames", "locating", "quantise"},
    {"weights", "neighbours", "evaluator"},
    {"model", "patches", "scattered"},
    {"dropin", "clipping"},
    {"cube", "virtual", "writers", "tables"},
    {"opening", "overviews", "cosine", "sampling"},
    {"clusters", "summary"},
    {"accessor", "describe", "stac"},
    {"preview", "backend"},
    {"cli"},
    {"__main__"},
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
# What a room must not know.
FORBIDDEN = {
    "field": {"dask", "xarray", "rasterio", "zarr", "huggingface_hub", "odc", "rangegeo.weights"},
    "encoders": {"dask", "xarray", "rasterio", "zarr", "huggingface_hub", "odc", "numpy"},
    "grid": {"torch", "dask"},
    "tiles": {"torch", "dask", "xarray"},
    "cube": {"torch", "zarr", "rasterio"},
    "writers": {"torch", "rangegeo.models.model", "rangegeo.field", "rangegeo.weights", "rangegeo.cubes.raster"},
    "tables": {"torch", "dask", "xarray", "rasterio", "geopandas", "rangegeo.models.model"},
    "errors": {"rangegeo"},
}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room_of(name: str) -> str:
    return name.split(".")[1]


def imported_names(path: Path) -> set[str]:
    """Every module imported anywhere in a file, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "rangegeo"}
    return names


def test_every_room_has_a_floor():
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in modules()}
    assert rooms == set(LEVEL)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for name in imported_names(path):
        if name.startswith("rangegeo."):
            assert LEVEL[room_of(name)] <= LEVEL[room], f"{room} imports {name}, which stands above it"
        for banned in FORBIDDEN.get(room, ()):
            assert not f"{name}.".startswith(f"{banned}."), f"{room} must not know {banned}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_hub_uses_the_network(path: Path):
    if path != PACKAGE / "weights" / "hub.py":
        network = {"huggingface_hub", "urllib", "requests", "httpx", "socket", "http"}
        assert not {name.split(".")[0] for name in imported_names(path)} & network


def test_only_checkpoint_opens_pickles():
    for path in modules():
        opens = {"pickle"} & imported_names(path) or "torch.load" in path.read_text()
        assert not opens or path == PACKAGE / "weights" / "checkpoint.py", path


def test_help_imports_nothing_heavy():
    code = "import sys, rangegeo.cli.main as m; m.run(['--help']); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("torch", "dask", "rasterio", "xarray", "numpy"):
        assert f"'{heavy}'" not in loaded


def test_import_of_the_package_is_light():
    code = "import sys, rangegeo; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'torch'" not in loaded


def test_top_level_is_fixed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = {line.split("/")[0] for line in tracked.splitlines()}
    allowed = {"rangegeo", "workflows", "tests", "pyproject.toml", "environment.yml", "README.md", "LICENSE"}
    assert {name for name in names if not name.startswith(".")} <= allowed
