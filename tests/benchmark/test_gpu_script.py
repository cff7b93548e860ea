"""The GPU benchmark, shrunk: on the CPU as a whole, and on the stand-in device part by part."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.elsewhere import ELSEWHERE, elsewhere

from rangegeo.encoders import MODELS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "workflows" / "benchmark"
NAMES = ("gpu", "gpu_agreement", "gpu_blocks", "gpu_database", "gpu_machine", "gpu_rasters", "gpu_speed")
CHECKS = {"components", "components_of_a_grid", "components_without_folding", "diagnostics", "raster", "points"}
CHECKS |= {"drop_in_class", *(f"model_{name}" for name in MODELS)}
OF_EVERY_SECTION = {"memory", "seconds"}
# as on a machine that has torch and numpy alone
BARE = """
import runpy, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("odc", "pyproj", "shapely", "pandas", "pyarrow", "xarray", "zarr", "dask", "affine"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def script(monkeypatch) -> SimpleNamespace:
    """The modules of the benchmark by their names without `gpu_`."""
    monkeypatch.syspath_prepend(str(FOLDER))
    loaded = {name.removeprefix("gpu_"): importlib.import_module(name) for name in NAMES}
    return SimpleNamespace(**loaded)


def run_script(*options: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    command = [sys.executable, *before, str(FOLDER / "gpu.py"), "--device", "cpu", "--small", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def leaves(found: dict) -> Iterator[dict]:
    """The dictionaries that hold no dictionary."""
    inner = [value for value in found.values() if isinstance(value, dict)]
    yield from [found] if not inner else [leaf for value in inner for leaf in leaves(value)]


def test_one_command_gives_one_document(tmp_path):
    done = run_script("--out", str(tmp_path / "gpu.json"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert json.loads((tmp_path / "gpu.json").read_text()) == found
    assert (found["passed"], found["finished"]) == (True, True)
    assert not [leaf for leaf in leaves(found) if "skipped" in leaf or "failed" in leaf]

    assert found["machine"]["is"]["torch"] == torch.__version__
    assert all(found["machine"]["rates"][name] > 0 for name in ("float32_matrix_tflops", "copy_gb_per_second"))
    assert found["agreement"].keys() - OF_EVERY_SECTION == CHECKS
    checked = [leaf for name in CHECKS for leaf in leaves(found["agreement"][name])]
    assert all(leaf["error"] == 0 and leaf["passed"] for leaf in checked)  # the CPU agrees with itself
    assert {leaf["allowed"] for leaf in checked} == {1e-5, 1e-12, 0}
    for size in found["retrieval"].keys() - OF_EVERY_SECTION:
        result = found["retrieval"][size]
        assert min(result["places_per_second"].values()) > 0
        assert {"one_beta", "three_betas", "semantic_average_alone"} <= result["places_per_second"].keys()
        assert result["share_of_float32_rate"] > 0
        assert result["process_gb"] > 0.1
    assert found["nodes"]["sixteen_patches_at_once"]["nodes"] == 16 * found["nodes"]["one_patch"]["nodes"]
    errors = {name: found["precision"][name]["error"] for name in ("float32", "three_tf32", "tf32", "bf16")}
    assert errors["float32"] < 1e-6
    assert errors["three_tf32"] < 5e-6
    assert 1e-5 < errors["tf32"] < errors["bf16"]
    ways = {name: way for name, way in found["blocks"].items() if name not in OF_EVERY_SECTION}
    assert ways.keys() == {"64_keys", "500_keys", "attention"}
    assert all(way["error"] < 1e-5 and way["queries_per_second"] > 0 for way in ways.values())
    assert found["pixels"]["is"]["error"] == 0
    assert found["pixels"]["on_the_device"]["values_per_second"] > 0
    assert found["pixels"]["copied_as_the_engine_does"]["values_per_second"] > 0
    assert found["pca_raster"]["pca"]["shape"] == [1, 3, 64, 64]
    assert found["cube"]["three_betas"]["shape"][0] == 3
    assert found["cube"]["one_beta"]["stored_gb"] > 0
    assert 0 < found["cube"]["one_beta"]["measured_error"] <= 1e-5


def test_what_a_bare_machine_lacks_is_said(tmp_path):
    options = ("--out", str(tmp_path / "gpu.json"), "--only", "agreement,precision,cube")
    done = run_script(*options, before=("-c", BARE))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["cube"]["skipped"].startswith("needs affine, dask, odc-geo, pandas")
    assert "zarr" in found["cube"]["skipped"]
    for name in ("raster", "points", "drop_in_class"):
        assert "odc-geo" in found["agreement"][name]["skipped"]
    assert found["agreement"]["components"]["passed"]
    assert found["precision"]["tf32"]["error"] > 0


def test_every_part_runs_on_another_device_and_agrees(script):
    """The stand-in device computes as the CPU does, so what differs would be the script's own mistake."""
    with elsewhere():
        clock = script.machine.Clock(device=ELSEWHERE, small=True, seconds=600)
        assert dict(script.machine.machine(clock))["is"]["device"] == str(ELSEWHERE)
        found = dict(script.agreement.agreement(clock))
        assert found.keys() == CHECKS
        assert all(leaf["error"] == 0 for leaf in leaves(found))
        for section in (script.speed.retrieval, script.speed.nodes, script.speed.precision, script.blocks.pixels):
            assert list(section(clock))


def test_a_wrong_result_does_not_pass(script):
    compared = script.agreement.compared
    here = {"one": torch.tensor([1.0, 100.0]), "two": torch.tensor([1.0, 2.0], dtype=torch.float64)}
    assert compared(here, here)["passed"]
    slightly = {"one": here["one"] + torch.tensor([0.0009, 0.0]), "two": here["two"] + 1.5e-12}
    assert compared(slightly, here)["passed"]
    for name, wrong in [
        ("one", here["one"] + torch.tensor([0.002, 0.0])),
        ("two", here["two"] + 3e-12),
        ("two", here["two"].float()),
        ("one", here["one"][:1]),
        ("one", torch.tensor([float("nan"), 100.0])),
    ]:
        found = compared(here | {name: wrong}, here)
        assert not found["passed"]
        assert not found[name]["passed"]
    numbers = np.arange(4)
    assert script.agreement.difference(numbers, numbers)["passed"]
    assert not script.agreement.difference(numbers[::-1].copy(), numbers)["passed"]


def test_sections_that_fail_or_come_too_late_leave_the_others(script, tmp_path, capsys):
    section, seen = script.gpu.Section, []

    def good(clock):
        yield "first", {"passed": True}
        seen.append(json.loads((tmp_path / "out.json").read_text()))  # what is found is in the file at once
        yield "second", {"value": 2}

    def bad(clock):
        yield "first", {"value": 1}
        raise ValueError("broken")

    def wrong(clock):
        yield "check", {"passed": False}

    def run(*sections, seconds=100.0):
        clock = script.machine.Clock(device=torch.device("cpu"), small=False, seconds=seconds)
        document = script.gpu.Document(tmp_path / "out.json")
        return script.gpu.run(clock, document, sections), document.found

    one = section(name="one", steps=good, seconds=1)
    passed, found = run(section(name="bad", steps=bad, seconds=1), one)
    assert not passed
    assert found["bad"]["first"] == {"value": 1}
    assert found["bad"]["failed"] == "ValueError: broken"
    assert found["one"]["second"] == {"value": 2}
    assert seen[0]["one"] == {"first": {"passed": True}}
    assert run(one)[0]
    assert not run(one, section(name="two", steps=wrong, seconds=1))[0]
    passed, found = run(one, section(name="long", steps=bad, seconds=200))
    assert passed
    assert found["long"]["skipped"].startswith("takes up to 200 s, and ")
    checks = section(name="agreement", steps=script.gpu.agreement, seconds=200)
    assert not run(one, checks)[0]  # what was not checked has not passed
    assert "broken" in capsys.readouterr().err


def test_time_is_the_median_after_a_first_run(script):
    clock = script.machine.Clock(device=torch.device("cpu"), small=False, seconds=100)
    naps = iter([0.3, 0.001, 0.001, 0.1, 0.001, 0.001])
    assert 0.0005 < clock.time(lambda: time.sleep(next(naps)), rounds=5) < 0.05


def test_tf32_keeps_ten_bits(script):
    numbers = torch.tensor([1.0, 1 + 2**-10, 1 + 2**-11, 1 + 2**-12, -3.0, 0.0, 1e-20])
    expected = torch.tensor([1.0, 1 + 2**-10, 1 + 2**-10, 1.0, -3.0, 0.0])
    rounded = script.speed.tf32_rounded(numbers)
    torch.testing.assert_close(rounded[:-1], expected, rtol=0, atol=0)
    assert abs(float(rounded[-1]) / 1e-20 - 1) <= 2**-11
    large, small = rounded[:-1].double(), (numbers - rounded)[:-1].double()
    torch.testing.assert_close(large + small, numbers[:-1].double(), rtol=0, atol=0)


def test_the_script_asks_for_a_gpu_or_a_trial(script, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = subprocess.run(
        [sys.executable, str(FOLDER / "gpu.py"), "--out", str(tmp_path / "gpu.json")],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 2
    assert "torch finds no CUDA device; to try the script give --device cpu --small" in done.stderr
