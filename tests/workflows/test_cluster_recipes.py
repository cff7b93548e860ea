"""The recipes for clusters: short, and run as far as they can be without the machines."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from distributed import LocalCluster

import rangegeo as rg

FOLDER = Path(__file__).parents[2] / "workflows" / "cluster"
RECIPES = sorted(FOLDER.glob("*.py"))
LONGEST = 40  # lines


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_short_and_compile(path):
    text = path.read_text()
    assert len(text.splitlines()) < LONGEST
    compile(text, path, "exec")


def test_slurm_gets_the_job_that_is_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = runpy.run_path(str(FOLDER / "slurm.py"))
    with recipe["cluster"](scheduler_options={"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}) as cluster:
        script = cluster.job_script()
    for line in ("#SBATCH --cpus-per-task=8", "#SBATCH --mem=15G", "#SBATCH -t 01:00:00"):
        assert line in script.splitlines()
    assert "export OMP_NUM_THREADS=8 HF_HUB_OFFLINE=1" in script
    assert f"{sys.executable} -m distributed.cli.dask_worker tcp://127.0.0.1:" in script
    assert "--nthreads 8" in script


@pytest.fixture
def stand_ins(monkeypatch, tmp_path):
    """The classes of clusters of others, each of which starts a worker in this process; how they were called."""
    called = []

    def start(*positional: object, **options: object) -> LocalCluster:
        called.append((positional, options))
        own = {"protocol": "tcp", "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "local_directory": tmp_path}
        return LocalCluster(n_workers=1, threads_per_worker=1, processes=False, **own)

    for package, module, name in (
        ("dask_kubernetes", "dask_kubernetes.operator", "KubeCluster"),
        ("dask_cloudprovider", "dask_cloudprovider.aws", "EC2Cluster"),
    ):
        monkeypatch.setitem(sys.modules, package, ModuleType(package))
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{name: start}))
    monkeypatch.setattr("dask.distributed.SSHCluster", start)
    raster = rg.raster
    monkeypatch.setattr(rg, "raster", lambda box, res, **options: raster(box, res=1, bands=[1], **options))
    return called


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("kubernetes", ("image", "PATH")), ("cloud", ("image", "PATH")), ("ssh", ("PATH", "one", "two"))],
)
def test_the_other_recipes_write_a_raster(name, arguments, stand_ins, tmp_path):
    path = tmp_path / "a.zarr"
    recipe = runpy.run_path(str(FOLDER / f"{name}.py"))
    recipe["main"](*(str(path) if each == "PATH" else each for each in arguments))
    assert rg.open_cube(path).shape == (3, 1, 4, 5)
    ((positional, options),) = stand_ins
    assert (positional, options) == {
        "kubernetes": ((), {"name": "rangegeo", "image": "image", "n_workers": 10, "env": {"OMP_NUM_THREADS": "4"}}),
        "cloud": (
            (),
            {
                "instance_type": "c7i.2xlarge",
                "n_workers": 4,
                "docker_image": "image",
                "env_vars": {"OMP_NUM_THREADS": "8"},
            },
        ),
        "ssh": (
            (["one", "one", "two"],),
            {"worker_options": {"nthreads": 4}, "remote_python": sys.executable},
        ),
    }[name]
