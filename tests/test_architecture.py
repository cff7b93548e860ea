"""The house: imports run one way, strictly, and the top level holds what it should."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rangegeo"
LONGEST_MODULE, LONGEST_FUNCTION = 400, 60  # lines
MOST_LOOSE_MODULES, MOST_ROOMS = 6, 30  # modules beside the packages; packages and loose modules together

# From the ground up. A room is a package or a loose module. Its files import one another and rooms on lower floors, but
# no other room on their own floor. Late imports and imports for type checkers count like all others.
FLOORS = (
    {"errors"},
    {"support"},
    {"field", "grid"},
    {"schema"},
    {"encoders", "colours", "places", "spectral"},
    {"weights", "engine"},
    {"models"},
    {"stores", "tables"},
    {"cubes"},
    {"analysis", "picture"},
    {"evaluation"},
    {"suite", "databases"},
    {"reports", "jobs"},
    {"accessor"},
    {"view"},
    {"backend", "cli"},
    {"__main__", "__init__"},
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
# What the files of a room must not import.
FORBIDDEN = {
    "errors": {"rangegeo", "numpy"},
    "support": {"torch", "dask", "xarray", "rasterio", "zarr"},
    "field": {"dask", "xarray", "rasterio", "zarr", "huggingface_hub", "odc", "rangegeo.grid", "rangegeo.schema"},
    "grid": {"torch", "dask", "rangegeo.field"},
    "encoders": {"dask", "xarray", "rasterio", "zarr", "huggingface_hub", "odc", "numpy"},
    "spectral": {"torch", "dask", "xarray", "rasterio", "rangegeo.field"},
    "engine": {"dask", "xarray", "zarr", "rasterio", "rangegeo.weights"},
    "stores": {"torch", "rangegeo.field", "rangegeo.engine", "rangegeo.weights", "rangegeo.models", "rangegeo.cubes"},
    "tables": {"torch", "dask", "xarray", "rasterio", "geopandas", "rangegeo.models", "rangegeo.engine"},
    "cubes": {"torch", "zarr", "rasterio"},
    "accessor": {"torch", "dask", "zarr", "rasterio"},
}
NETWORK = {"huggingface_hub", "urllib", "requests", "httpx", "socket", "http", "obstore", "icechunk"}
REACH_OUT = (
    "weights/hub.py",
    "support/address.py",
    "support/repository.py",
    "suite/fetching.py",
    "view/serving.py",
)  # the files that may use it


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def by_name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def name_of(path: Path) -> str:
    """The dotted name of a module, such as rangegeo.grid.box; a package has the name of its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def room_of(name: str) -> str:
    """The package that a module lies in; a loose module is a room of its own."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@cache
def imported_names(path: Path) -> frozenset[str]:
    """Every module imported anywhere in a file, also inside functions and for type checkers."""
    names: set[str] = set()
    known = {name_of(module) for module in modules()}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (below & known) or {node.module}
    return frozenset(names)


def ours(path: Path) -> set[str]:
    return {name for name in imported_names(path) if name.startswith("rangegeo.")}


def test_the_guide_draws_the_floors():
    """The picture in developers.md has a line for each floor, the highest first, and names what is on it."""
    guide = (ROOT / "workflows" / "guide" / "developers.md").read_text()
    (picture,) = re.findall(r"```\n(cli .*?)```", guide, flags=re.DOTALL)
    drawn = [set(re.split(r" {3,}", line)[0].replace(".py", "").split()) for line in picture.splitlines()]
    assert drawn == [rooms for rooms in reversed(FLOORS) if not rooms & {"__init__", "__main__"}]


def test_every_room_has_a_floor():
    assert {room_of(name_of(path)) for path in modules()} == set(LEVEL)


@pytest.mark.parametrize("path", modules(), ids=by_name)
def test_imports_run_downwards(path: Path):
    room = room_of(name_of(path))
    for name in ours(path):
        if room_of(name) != room:
            assert LEVEL[room_of(name)] < LEVEL[room], f"{room} imports {name}, which is not on a lower floor"
    for name in imported_names(path):
        for banned in FORBIDDEN.get(room, ()):
            assert not f"{name}.".startswith(f"{banned}."), f"{room} must not know {banned}"


def test_no_circle_of_files():
    waiting = {name_of(path): {name for name in ours(path) if name != name_of(path)} for path in modules()}
    waiting.pop("rangegeo.__init__")  # it imports public names when they are used
    while free := [name for name, needs in waiting.items() if not needs & set(waiting)]:
        for name in free:
            del waiting[name]
    assert not waiting, f"these import one another in a circle, or import such files: {sorted(waiting)}"


@pytest.mark.parametrize("path", modules(), ids=by_name)
def test_rooms_are_small(path: Path):
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            lines, body = node.end_lineno - node.lineno, node.end_lineno - first.lineno  # body: without docstring
            assert lines <= LONGEST_FUNCTION or body <= LONGEST_FUNCTION // 2, f"{node.name} has {lines} lines"


def test_there_are_few_rooms():
    assert len([path for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")]) <= MOST_LOOSE_MODULES
    assert len({room_of(name_of(path)) for path in modules()}) <= MOST_ROOMS


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/__init__.py")), ids=by_name)
def test_every_package_says_what_it_owns(path: Path):
    assert len(ast.get_docstring(ast.parse(path.read_text())) or "") > 40


def test_tests_mirror_the_house():
    packages = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    tested = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert packages <= tested


def test_every_file_of_tests_has_a_name_of_its_own():
    """Pytest imports them by their names alone."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))


def test_messages_name_arguments_not_flags():
    """Python callers read `pca=3`; only the shell, which renders it, spells `--pca 3`."""
    flags = re.compile(r"(?<![\w-])--[a-z](?!o-deps)")  # pip's own option is none of ours
    for path in modules():
        if room_of(name_of(path)) in ("cli", "errors"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and node.exc is not None:
                for part in ast.walk(node.exc):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        assert not flags.search(part.value), f"{path}:{part.lineno} speaks of a flag: {part.value}"


@pytest.mark.parametrize("path", modules(), ids=by_name)
def test_few_files_use_the_network(path: Path):
    if path not in [PACKAGE / name for name in REACH_OUT]:
        assert not {name.split(".")[0] for name in imported_names(path)} & NETWORK


def test_only_checkpoint_opens_pickles():
    for path in modules():
        opens = {"pickle"} & imported_names(path) or "torch.load" in path.read_text()
        assert not opens or path == PACKAGE / "weights" / "checkpoint.py", path


def loaded_by(code: str) -> set[str]:
    """Modules that are loaded after a program has run."""
    program = f"import sys; {code}; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_help_imports_nothing_heavy():
    loaded = loaded_by("import rangegeo.cli.main as m; m.run(['--help'])")
    assert not loaded & {"torch", "dask", "rasterio", "xarray", "numpy"}


def test_help_of_a_command_imports_nothing_heavy():
    loaded = loaded_by("import rangegeo.cli.main as m; m.run(['raster', '--help'])")
    assert not loaded & {"torch", "dask", "rasterio", "xarray"}


def test_import_of_the_package_is_light():
    assert not loaded_by("import rangegeo") & {"torch", "numpy"}


def test_top_level_is_fixed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = {line.split("/")[0] for line in tracked.splitlines()}
    allowed = {"rangegeo", "workflows", "tests", "pyproject.toml", "environment.yml", "README.md", "LICENSE"}
    assert {name for name in names if not name.startswith(".")} <= allowed
