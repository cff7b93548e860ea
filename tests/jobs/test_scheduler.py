"""Workers and clusters as they are asked for: their threads, their devices, and what is refused in one line."""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import SimpleNamespace

import dask
import pytest
import torch
from distributed import LocalCluster
from distributed.comm import CommClosedError

from rangegeo.errors import ClusterError, MissingPackage, UsageError
from rangegeo.jobs import scheduler
from rangegeo.jobs.options import Engine
from rangegeo.jobs.scheduler import computing_with, visible_devices, worker_environment
from rangegeo.stores.computing import active_client


@pytest.mark.parametrize(
    ("engine", "python", "shell"),
    [
        ({"workers": 0}, "workers must be at least 1, got 0; for example workers=2", "--workers 2"),
        ({"workers": 2, "scheduler": "tcp://a:1"}, "scheduler computes with the workers of", "leave out --workers"),
        ({"threads": 2, "scheduler": "tcp://a:1"}, "the workers of scheduler have the threads", "leave out --threads"),
    ],
)
def test_workers_that_cannot_be_had_are_refused(engine, python, shell):
    with pytest.raises(UsageError) as caught:
        Engine(**engine).check()
    assert str(caught.value).startswith(python)
    assert caught.value.for_shell().endswith(shell)


def test_without_workers_nothing_is_started():
    with computing_with(Engine()):
        assert active_client() is None


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingPackage) as caught, computing_with(Engine(workers=2)):
        pass
    assert caught.value.for_shell() == "--workers needs distributed: pip install distributed"


def test_each_worker_has_its_share_of_the_threads():
    environment = worker_environment(3, None)
    assert {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GDAL_NUM_THREADS"} <= set(environment)
    assert environment.pop("ZARR_THREADING__MAX_WORKERS") == "4"  # one more, which waits for the disk
    assert set(environment.values()) == {"3"}
    assert worker_environment(1, "5")["CUDA_VISIBLE_DEVICES"] == "5"


@pytest.mark.parametrize(
    ("named", "workers", "device", "expected"),
    [
        (None, 2, "auto", ["0", "1"]),
        (None, 3, "cuda", ["0", "1", "2"]),
        ("2,0", 2, "auto", ["2", "0"]),
        (None, 3, "cpu", [None, None, None]),
        (None, 1, "cuda:1", [None]),
    ],
)
def test_each_worker_has_a_device(monkeypatch, named, workers, device, expected):
    cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 3)
    monkeypatch.setattr(torch, "cuda", cuda)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_devices(workers, device) == expected


@pytest.mark.parametrize(("workers", "device", "most"), [(3, "auto", 2), (2, "cuda:1", 1)])
def test_more_workers_than_devices_are_refused(monkeypatch, workers, device, most):
    monkeypatch.setattr(scheduler, "cuda_devices", lambda: ["0", "1"])
    with pytest.raises(UsageError) as caught, computing_with(Engine(workers=workers, device=device)):
        pass
    expected = f"--workers must be at most {most}, one for each CUDA device, got {workers}; or give --device cpu"
    assert caught.value.for_shell() == expected


@pytest.mark.parametrize("given", ["here:8786", "8786", "tcp:/host", "missing.json", "torn.json", "."])
def test_an_address_that_is_none_is_refused(given, folder):
    (folder / "torn.json").write_text('{"addr')
    with pytest.raises(UsageError) as caught, computing_with(Engine(scheduler=given)):
        pass
    assert str(caught.value).startswith("scheduler must be tcp://HOST:PORT, tls://HOST:PORT or a file")


def test_a_missing_file_of_a_scheduler_is_called_missing(folder):
    with pytest.raises(UsageError) as caught, computing_with(Engine(scheduler="missing.json")):
        pass
    assert "got 'missing.json', which does not exist; for example" in str(caught.value)


def test_a_scheduler_that_dies_before_workers_come_is_told_in_a_line(folder, tmp_path, monkeypatch):
    def dying(*_: object, **__: object) -> None:
        raise CommClosedError("in <TCP (closed)>")

    monkeypatch.setattr("distributed.Client.wait_for_workers", dying)
    options = {"protocol": "tcp", "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "local_directory": tmp_path}
    with (
        LocalCluster(n_workers=0, processes=False, **options) as cluster,
        pytest.raises(ClusterError, match="the scheduler of the cluster is gone; start the cluster again"),
        computing_with(Engine(scheduler=cluster.scheduler_address)),
    ):
        pass


@pytest.mark.parametrize("given", ["tcp://127.0.0.1:9", "s.json"])
def test_a_scheduler_that_does_not_answer_is_refused(given, folder, monkeypatch, capfd):
    monkeypatch.setattr(scheduler, "CONNECTS_WITHIN", 0.2)
    (folder / "s.json").write_text('{"address": "tcp://127.0.0.1:9"}')
    with pytest.raises(ClusterError) as caught, computing_with(Engine(scheduler=given)):
        pass
    start = "start one with dask scheduler, or correct --scheduler"
    assert caught.value.for_shell() == f"no scheduler answers at {given}; {start}"
    assert capfd.readouterr().err == ""


def test_tls_without_certificates_is_refused():
    with pytest.raises(ClusterError) as caught, computing_with(Engine(scheduler="tls://127.0.0.1:9")):
        pass
    assert str(caught.value) == (
        "tls://127.0.0.1:9 needs certificates; name them in dask's settings under distributed.comm.tls"
    )
    assert active_client() is None


def test_a_scheduler_without_workers_is_refused_and_goes_on(monkeypatch, tmp_path):
    monkeypatch.setattr(scheduler, "WORKERS_WITHIN", 0.2)
    options = {"protocol": "tcp", "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "local_directory": tmp_path}
    with LocalCluster(n_workers=0, processes=False, **options) as cluster:
        address = cluster.scheduler_address
        with pytest.raises(ClusterError) as caught, computing_with(Engine(scheduler=address)):
            pass
        assert str(caught.value).endswith(f"within 0 s; start some: dask worker {address}")
        cluster.scale(1)
        monkeypatch.setattr(scheduler, "WORKERS_WITHIN", 20)
        with computing_with(Engine(scheduler=address)):
            assert dask.delayed(os.getpid)().compute() == os.getpid()
        assert len(cluster.workers) == 1


def test_workers_that_do_not_start_are_told(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Cluster failed to start: no port is free")

    monkeypatch.setattr("distributed.SpecCluster", fail)
    with pytest.raises(ClusterError) as caught, computing_with(Engine(workers=2)):
        pass
    said = "2 workers did not start (Cluster failed to start: no port is free); give fewer --workers"
    assert caught.value.for_shell() == f"{said}, or leave it out to compute with threads"


def test_a_cluster_of_our_own_ends_with_all_that_it_made(monkeypatch, folder):
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    heard, level = signal.getsignal(signal.SIGTERM), logging.getLogger("distributed").level
    told = {}

    def fail() -> None:
        client = active_client()
        told.update(client.run(lambda: (os.getpid(), os.environ["OMP_NUM_THREADS"])))
        assert set(client.nthreads().values()) == {2}
        raise OSError("a full disk")

    with pytest.raises(OSError, match="a full disk"), computing_with(Engine(workers=2, threads=1)):
        fail()
    assert {threads for _, threads in told.values()} == {"1"}
    assert len({pid for pid, _ in told.values()} - {os.getpid()}) == 2
    assert active_client() is None
    for pid, _ in told.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert list(folder.iterdir()) == []
    assert (signal.getsignal(signal.SIGTERM), logging.getLogger("distributed").level) == (heard, level)
