"""How much memory a raster may take: how many blocks at once, and what is refused."""

from __future__ import annotations

import dask
import pytest

from rangegeo.errors import UsageError
from rangegeo.jobs import memory
from rangegeo.jobs.memory import block_bytes, process_bytes, threads_within
from rangegeo.jobs.options import Engine, RasterOutput
from rangegeo.jobs.raster import RasterJob
from rangegeo.jobs.scheduler import computing_with


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ("4GB", 4_000_000_000),
        ("500 MB", 500_000_000),
        ("2GiB", 2 * 2**30),
        ("1.5g", 1_500_000_000),
        ("1e9", 10**9),
        (12345, 12345),
    ],
)
def test_bytes_as_users_give_them(given, count):
    assert Engine(memory=given).bytes == count


@pytest.mark.parametrize("given", ["", "lots", "-1GB", "0", "0.1", "4 apples", "nan", "4GBB", "٤GB"])
def test_what_is_no_number_of_bytes_is_refused(given):
    with pytest.raises(UsageError) as caught:
        Engine(memory=given).check()
    assert caught.value.for_shell() == f"--memory must be a number of bytes, got {given!r}; for example --memory 4GB"


@pytest.fixture
def job(extent, content, folder):
    return RasterJob.prepare(extent, content, Engine(), RasterOutput(out=folder / "a.zarr"))


@pytest.mark.parametrize(("blocks", "threads"), [(1, 1), (2.5, 2), (100, 8)])
def test_as_many_blocks_as_fit_are_computed_at_once(job, blocks, threads):
    spec = job.raster.spec
    room = int(process_bytes(job.model) + blocks * block_bytes(spec))
    assert threads_within(room, spec, job.model, None, 8) == threads


def test_workers_and_this_process_share_the_memory(job, monkeypatch):
    monkeypatch.setattr(memory, "CPU_COUNT", 8)
    spec = job.raster.spec
    one = (process_bytes(job.model) + 2 * block_bytes(spec) + 1) / memory.OF_WORKER
    assert threads_within(int(3 * one) + 3, spec, job.model, 2, None) == 2
    assert threads_within(int(30 * one), spec, job.model, 2, None) == 4  # a worker's share of the cores


def test_less_than_one_block_is_refused_with_the_least_that_works(extent, content, folder):
    output = RasterOutput(out=folder / "a.zarr")
    with pytest.raises(UsageError, match=r"memory must be at least \d+MB, for 1 process and a block of") as caught:
        RasterJob.prepare(extent, content, Engine(memory="1MB"), output)
    least = caught.value.for_shell().partition("give --memory ")[2].partition(",")[0]
    assert RasterJob.prepare(extent, content, Engine(memory=least), output).at_once >= 1
    assert list(folder.iterdir()) == []


def test_dask_computes_no_more_blocks_at_once():
    with computing_with(Engine(memory="4GB"), 1):
        assert dask.config.get("num_workers") == 1
