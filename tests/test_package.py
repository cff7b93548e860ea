"""The files around the package agree with each other."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement

from rangegeo.encoders import MODELS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"torch": "pytorch"}  # where conda-forge calls a distribution otherwise


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines()]


def test_environment_yml_is_in_step_with_pyproject():
    wanted = {}
    for text in PROJECT["dependencies"]:
        requirement = Requirement(text)
        wanted[CONDA_NAMES.get(requirement.name, requirement.name)] = str(requirement.specifier)
    lines = re.findall(r"^\s+- ([\w-]+)((?:[><=!~]=?)[\d.]+)", (ROOT / "environment.yml").read_text(), re.MULTILINE)
    given = dict(lines)
    assert given.pop("python") == PROJECT["requires-python"]
    assert given == wanted


def test_readers_of_planets_install_everything_but_torch():
    lines = (ROOT / "workflows/planet/requirements.txt").read_text().splitlines()
    without = [text for text in PROJECT["dependencies"] if Requirement(text).name != "torch"]
    assert [line for line in lines if not line.startswith("#")] == without


def test_version_is_at_least_the_point_package_it_replaces():
    assert tuple(map(int, version("rangegeo").split(".")[:2])) >= (0, 2)
    assert version("rangegeo") == PROJECT["version"]


def test_ci_runs_the_command_of_the_readme():
    install = 'pip install "torch==2.13.0" -e ".[test]" && pip install --no-deps geoclip==1.3.0'
    command = f"{install} && ruff check . && ruff format --check . && mypy && pytest -n 2 --dist loadgroup"
    assert command in (ROOT / "README.md").read_text()
    assert command in (ROOT / ".ci/run").read_text()


def test_readme_begins_with_the_two_commands():
    blocks = re.findall(r"```(?:bash|sh)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    run = "rangegeo raster --bbox 5,44,10,48 --res 0.01 --beta 0,0.5,1 -o alps.zarr"
    assert blocks[0] == f'pip install "torch==2.13.0" -e . && {run}\n'
    assert blocks[1].startswith('pip install "torch==2.13.0" -e ".[test]"')


def test_readme_says_what_the_embedded_model_sees_before_the_first_command():
    text = (ROOT / "README.md").read_text()
    before = text[: text.index("```")]
    assert "embedded model sees landscapes of\n150 km and more" in before
    assert "cannot see" in before
    assert "no valley" in before


def test_readme_says_whose_name_it_is_on_the_package_index():
    text = " ".join((ROOT / "README.md").read_text().split())
    assert "`pip install rangegeo` does not install this package" in text


def test_the_guide_lists_every_model_with_its_width():
    text = (ROOT / "workflows/guide/encoders.md").read_text()
    rows = re.findall(r"^\| (\S+) \| (\d+) \| (.+?) \| .+? \| (.+?) \|", text, re.MULTILINE)
    assert [(name, int(bands)) for name, bands, *_ in rows] == [(name, row.dim) for name, row in MODELS.items()]
    for name, _, weights, licence in rows:
        assert (weights == "none", licence == "-") == (not MODELS[name].has_weights,) * 2
        assert licence in ("-", MODELS[name].licence)


def test_pictures_of_the_readme_and_of_the_guide_are_there_and_all_are_shown():
    shown = set()
    for page in [ROOT / "README.md", *(ROOT / "workflows/guide").glob("*.md")]:
        for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text()):
            assert (page.parent / target).is_file(), target
            shown.add((page.parent / target).resolve())
    assert shown == set((ROOT / "workflows/pictures").glob("*.png"))


def test_no_file_holds_a_path_of_one_machine():
    pattern = re.compile(rb"(?<![\w.])/(?:home|root|Users|work|tmp)/\w")
    for path in tracked_files():
        if path.suffix in {".py", ".md", ".toml", ".yml", ".ipynb", ".json"} and path != Path(__file__):
            assert not pattern.search(path.read_bytes()), path


def test_no_tracked_file_is_too_large():
    for path in tracked_files():
        assert path.stat().st_size <= 20_000_000, path
