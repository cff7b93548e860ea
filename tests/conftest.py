"""Shared by all tests: a cache of their own, no network but this machine, and small models."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

# The tests of two processes share the cores. A thread that waits must not spin meanwhile, which is torch's habit and
# which doubles the time of the suite. The variable is read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import dask
import dask.threaded
import numpy as np
import pytest
import torch
from helpers.buckets import S3, s3_server

GOLDEN = Path(__file__).parent / "golden"
THREADS = torch.get_num_threads()
LOCAL = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Conversions go to a throw-away cache, never to the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RANGEGEO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> None:
    """A connection to any other machine is an error."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in LOCAL:
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local_only)
        yield


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """An S3 server on this machine."""
    with s3_server() as server:
        yield server


@pytest.fixture
def bucket(s3, request) -> str:
    """The address of an empty bucket on this server."""
    return s3.make_bucket(f"b{abs(hash(request.node.nodeid))}")


@pytest.fixture(autouse=True)
def _own_threads() -> Iterator[None]:
    """What tests and fixtures before said of threads does not hold for this test, whose last digits it would change."""
    torch.set_num_threads(THREADS)
    with dask.threaded.pools_lock:  # threads keep the number that they began with
        pools = [dask.threaded.default_pool, *(pool for of in dask.threaded.pools.values() for pool in of.values())]
        dask.threaded.default_pool = None
        dask.threaded.pools.clear()
    for pool in pools:
        if pool is not None:
            pool.shutdown(wait=False)
    with dask.config.set(num_workers=None):
        yield


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    """What a test evaluates is not kept for the next one, which may have replaced a model."""
    yield
    module = sys.modules.get("rangegeo.cubes.evaluated")
    if module is not None:
        module.clear()


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of upstream's own vectors and miniature files."""
    return GOLDEN


@pytest.fixture(scope="session")
def mini():
    """RANGE+ over the miniature files in the official formats: 24 visual and 16 location bands."""
    from rangegeo.models.load import load_model

    return load_model(
        "RANGE+", weights=str(GOLDEN / "satclip-mini.ckpt"), db=str(GOLDEN / "range_db_mini.npz"), device="cpu"
    )


@pytest.fixture(scope="session")
def cube(mini):
    """Lazy, two betas, four chunks; modules with other needs have a cube of their own."""
    import rangegeo as rg

    return rg.raster((5, 44, 6, 45), 0.05, model=mini, betas=(0, 1), chunks=16)


@pytest.fixture(scope="session")
def values(cube) -> np.ndarray:
    return cube.values


@pytest.fixture
def evaluated(monkeypatch) -> list[tuple[int, int]]:
    """The first row and column of each chunk that is evaluated from now on, in order."""
    from rangegeo.cubes import graph as module

    seen = []
    compute = module.exact_block

    def count(spec, geobox, window, recipe):
        seen.append((window[0].start, window[1].start))
        return compute(spec, geobox, window, recipe)

    monkeypatch.setattr(module, "exact_block", count)
    return seen


# Files that read what one of them has made run in one process, and what takes long begins first.
TOGETHER = {"test_gdal.py": "programs", "test_qgis.py": "programs", "test_validators.py": "programs"}
TOGETHER |= {"test_hints.py": "hints", "test_hints_python.py": "hints", "test_hints_complete.py": "hints"}
FIRST = ("programs", "workflows", "jobs", "cli")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Each file runs in one process, and so do those that belong together.

    The groups of pytest-xdist 3.8 do not reach its scheduler with pytest 9.2, which does not let it change names.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return TOGETHER.get(file.rpartition("/")[2], file)

    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """GPU tests are skipped where there is no GPU."""
    for item in items:
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
    folders = {item: item.path.parent.name for item in items}
    items.sort(key=lambda item: FIRST.index(folders[item]) if folders[item] in FIRST else len(FIRST))
