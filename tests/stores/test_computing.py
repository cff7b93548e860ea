"""Blocks are computed by threads or by a cluster; what a failure stops, and how a lost cluster is told."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time

import dask
import numpy as np
import pytest
from distributed import Client, LocalCluster

from rangegeo.errors import ClusterError
from rangegeo.stores import computing
from rangegeo.stores.blocks import Written, write_blocks
from rangegeo.stores.computing import Gate, active_client, chosen_scheduler, close_gate, compute_tasks
from rangegeo.stores.journal import Entry
from rangegeo.support.progress import Progress


class Counted(Progress):
    def __init__(self) -> None:
        self.stages, self.blocks, self.nbytes = [], 0, 0

    def stage(self, doing: str, total: int, unit: str, before: int = 0) -> None:
        self.stages.append((doing, total, unit))

    def advance(self, count: int = 1, nbytes: int = 0) -> None:
        self.blocks, self.nbytes = self.blocks + count, self.nbytes + nbytes


@pytest.fixture
def client(tmp_path):
    """A client of two workers that are threads of this process."""
    options = {"protocol": "tcp", "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "local_directory": tmp_path}
    options |= {"n_workers": 2, "threads_per_worker": 1, "processes": False}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        yield client


def write(block: np.ndarray, top: int, left: int) -> Entry:
    return Entry(checksums={f"{top}-{left}": block.size})


def test_the_client_that_dask_uses_is_found(client):
    assert active_client() is client
    with dask.config.set(scheduler="threads"):
        assert active_client() is None


def test_there_is_no_client():
    assert active_client() is None


@pytest.mark.parametrize("where", ["threads", "cluster"])
def test_each_block_and_its_bytes_are_counted(cube, where, request):
    if where == "cluster":
        request.getfixturevalue("client")
    told = Counted()
    options = {} if where == "cluster" else {"scheduler": where, "num_workers": 2}
    _, (entries,) = write_blocks(Written(cube=cube, write=write, itemsize=2), progress=told, **options)
    assert told.stages == [("embedding", 12, "block")]
    assert (told.blocks, told.nbytes) == (12, cube.size * 2)
    assert sum(size for entry in entries for size in entry.checksums.values()) == cube.size


def test_two_runs_of_one_cube_on_one_cluster_both_write(cube, client):
    """A cluster computes a key once for all programs."""
    first, second = (write_blocks(Written(cube=cube, write=write))[1] for _ in range(2))
    assert first == second
    keys = []
    with pytest.MonkeyPatch.context() as patch:
        compute = client.compute
        patch.setattr(client, "compute", lambda tasks, **_: keys.append({task.key for task in tasks}) or compute(tasks))
        for _ in range(2):
            write_blocks(Written(cube=cube, write=write))
    assert len(keys[0]) == len(keys[1]) == 12
    assert not keys[0] & keys[1]


def test_a_block_that_fails_once_on_a_worker_is_computed_again(client, tmp_path):
    def fail_once() -> int:
        with (tmp_path / "tried").open("x"):
            raise OSError("the network was away")

    def again() -> int:
        return 1 if (tmp_path / "tried").exists() else fail_once()

    assert compute_tasks([dask.delayed(again)()], Gate(), lambda key: None) == [1]


def test_what_a_worker_raises_is_raised_and_the_gate_is_closed_there(client):
    gate = Gate()

    def fail() -> None:
        with gate:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        compute_tasks([dask.delayed(fail)()], gate, lambda key: None)
    with pickle.loads(pickle.dumps(gate)) as is_open:
        assert not is_open


def test_a_gate_is_one_in_a_process_that_it_travels_to():
    gate = Gate()
    one, other = (pickle.loads(pickle.dumps(gate)) for _ in range(2))
    assert one is other
    close_gate(gate.name)
    with one as is_open:
        assert not is_open


def test_a_cluster_without_workers_is_told(client, monkeypatch):
    monkeypatch.setattr(computing, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(computing, "WITHOUT_WORKERS", 0.2)
    client.cluster.scale(0)
    while client.nthreads():
        time.sleep(0.02)
    with pytest.raises(ClusterError, match="has had no worker for 0 s; start workers and run it again"):
        compute_tasks([dask.delayed(os.getpid)()], Gate(), lambda key: None)


def test_a_scheduler_that_goes_is_told(client, monkeypatch):
    monkeypatch.setattr(computing, "LOOK_EVERY", 0.05)
    threading.Timer(0.3, client.cluster.close).start()
    with pytest.raises(ClusterError, match="the scheduler of the cluster is gone"):
        compute_tasks([dask.delayed(time.sleep)(2)], Gate(), lambda key: None)


def test_threads_are_chosen_without_a_look_for_clients(monkeypatch):
    assert chosen_scheduler("threads") == {"scheduler": dask.threaded.get}
    assert chosen_scheduler("processes") == {"scheduler": "processes"}
    with dask.config.set(scheduler="synchronous"):
        assert chosen_scheduler() == {"scheduler": "synchronous"}
        assert chosen_scheduler("threads") == {"scheduler": dask.threaded.get}
    assert chosen_scheduler() == {}  # dask.distributed is loaded, so there may be a client
    monkeypatch.delitem(sys.modules, "distributed")
    assert chosen_scheduler() == {"scheduler": dask.threaded.get}
