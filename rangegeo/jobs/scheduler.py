"""How much of the machine a job uses, and which machines: threads of this process, or a cluster of dask.distributed."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from multiprocessing import resource_tracker
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dask
from dask.system import CPU_COUNT

from rangegeo.errors import ClusterError, UsageError, argument, first_line
from rangegeo.stores.computing import scheduler_is_gone
from rangegeo.support.optional import import_optional
from rangegeo.support.paths import local_path
from rangegeo.support.text import counted

if TYPE_CHECKING:
    from distributed import Client
    from tornado.ioloop import IOLoop

    from rangegeo.jobs.options import Engine

CONNECTS_WITHIN = 15.0  # seconds until a scheduler must have answered
WORKERS_WITHIN = 60.0  # seconds until the workers of a new cluster, or the first one of another, must have come
# Variables that tell libraries how many threads they may use: torch, linear algebra, numba, Blosc and GDAL.
THREADS_OF = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "BLOSC_NTHREADS",
    "GDAL_NUM_THREADS",
)
# Threads of a worker, and of zarr in it, beside those that compute: while one waits for the disk, another computes.
# Without it two workers on two cores took 1.25 times as long as threads, and with it 1.0 times.
WAITING = 1
PROTOCOLS = ("tcp://", "tls://")
DEVICES = "CUDA_VISIBLE_DEVICES"
LEFT_SEMAPHORES = "ignore:resource_tracker:UserWarning"
LOUD = ("distributed", "tornado", "asyncio", "bokeh")  # loggers whose lines are of no use to a user of the shell


def use_threads(threads: int | None, *, with_torch: bool = True) -> None:
    """Limit dask and torch to so many threads; None leaves all cores to both.

    Args:
        with_torch: whether torch will be used; else it is not imported.
    """
    if threads is not None:
        if with_torch:
            import torch

            torch.set_num_threads(threads)
        dask.config.set(num_workers=threads)


@contextmanager
def computing_with(engine: Engine, threads: int | None = None) -> Iterator[None]:
    """A context in which dask computes with the workers that are asked for; with threads if none are.

    Args:
        threads: how many blocks each process may compute at once; None for as many as it has threads.
    Raises:
        MissingPackage: dask.distributed is not installed. UsageError: there are fewer devices than workers.
        ClusterError: the cluster does not answer, or its workers do not come.
    """
    if engine.workers is None and engine.scheduler is None:
        with dask.config.set({} if threads is None else {"num_workers": threads}):
            yield
        return
    import_optional("distributed", f"{argument('workers' if engine.scheduler is None else 'scheduler')}")
    with ExitStack() as stack:
        stack.enter_context(_silence())
        stack.enter_context(_quiet_tracker())
        if engine.scheduler is None:
            stack.enter_context(_local_cluster(engine, threads))
        else:
            stack.enter_context(_connection(engine.scheduler))
        yield


@contextmanager
def _silence() -> Iterator[None]:
    """A context in which dask.distributed logs nothing: what matters is raised."""
    loggers = [logging.getLogger(name) for name in LOUD]
    before = [logger.level for logger in loggers]
    own = {name: logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith("distributed.")}
    levels = {name: logger.level for name, logger in own.items()}
    for logger in (*loggers, *own.values()):
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
        for name, level in levels.items():
            own[name].setLevel(level)


@contextmanager
def _quiet_tracker() -> Iterator[None]:
    """A context in which Python's tracker of semaphores starts without a voice.

    It is a process that outlives an interrupted command, and would warn of semaphores that it then removes.
    """
    sys.warnoptions.append(LEFT_SEMAPHORES)  # child processes inherit it
    try:
        yield
    finally:
        sys.warnoptions.remove(LEFT_SEMAPHORES)


# --------------------------------------------------------------------------------------------- a cluster of our own


@contextmanager
def _local_cluster(engine: Engine, at_once: int | None = None) -> Iterator[Client]:
    """A cluster of processes on this machine, which ends with the context; each computes so many blocks at once."""
    from distributed import Client, Nanny, Scheduler, SpecCluster

    assert engine.workers is not None
    devices = visible_devices(engine.workers, engine.device)
    threads = engine.threads or max(1, CPU_COUNT // engine.workers)
    heard: dict[int, Any] = {}
    with ExitStack() as stack:
        stack.callback(_hear_signals, heard)
        folder = stack.enter_context(TemporaryDirectory(prefix="rangegeo-workers-", ignore_cleanup_errors=True))
        stack.enter_context(dask.config.set({"temporary-directory": folder}))
        options = {
            "nthreads": at_once or threads + WAITING,
            "memory_limit": "auto" if engine.bytes is None else engine.bytes // (engine.workers + 1),
            "local_directory": folder,
            "silence_logs": logging.CRITICAL + 1,
            "dashboard": False,
        }
        workers = {
            number: {"cls": Nanny, "options": options | {"env": worker_environment(threads, devices[number])}}
            for number in range(engine.workers)
        }
        scheduler = {
            "cls": Scheduler,
            "options": {"host": "127.0.0.1", "port": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
        }
        try:
            loop = stack.enter_context(_deaf_loop())
            silent = logging.CRITICAL + 1
            cluster = stack.enter_context(SpecCluster({}, scheduler, silence_logs=silent, loop=loop))
            client = stack.enter_context(Client(cluster))
            stack.callback(_ignore_signals, heard)
            cluster.worker_spec.update(workers)  # only now, so that an interrupt meanwhile ends them too
            cluster.scale(engine.workers)
            client.wait_for_workers(engine.workers, timeout=WORKERS_WITHIN)
        except (OSError, RuntimeError, TimeoutError) as error:
            raise ClusterError(
                f"{counted(engine.workers, 'worker')} did not start ({first_line(error)}); give fewer "
                f"{argument('workers')}, or leave it out to compute with threads"
            ) from error
        yield client


def worker_environment(threads: int, device: str | None) -> dict[str, str]:
    """The variables of a worker's process.

    Args:
        threads: how many threads each library may use.
        device: the CUDA device that the worker sees; None for all.
    """
    zarr = {"ZARR_THREADING__MAX_WORKERS": str(threads + WAITING)}
    return dict.fromkeys(THREADS_OF, str(threads)) | zarr | ({} if device is None else {DEVICES: device})


def visible_devices(workers: int, device: str) -> list[str | None]:
    """The CUDA device that each worker sees, one of its own; None to see what this process sees.

    Args:
        device: auto, cpu, cuda or cuda:i, as a user gives it.
    Raises:
        UsageError: there are fewer devices than workers.
    """
    devices = [] if device == "cpu" else cuda_devices()
    if not devices:
        return [None] * workers
    one = ":" in device  # its number counts only among all devices
    most = 1 if one else len(devices)
    if workers > most:
        raise UsageError(
            argument="workers",
            expected=f"at most {most}, one for each CUDA device",
            got=workers,
            remedy=f"or give {argument('device', 'cpu')}",
        )
    return [None] if one else [*devices[:workers]]


def cuda_devices() -> list[str]:
    """The CUDA devices that this process sees, as `CUDA_VISIBLE_DEVICES` names them."""
    if find_spec("torch") is None:
        return []
    import torch

    if not torch.cuda.is_available():
        return []
    named = [name.strip() for name in os.environ.get(DEVICES, "").split(",") if name.strip()]
    return named or [str(number) for number in range(torch.cuda.device_count())]


@contextmanager
def _deaf_loop() -> Iterator[IOLoop]:
    """A loop in a thread of its own, whose processes do not hear Ctrl-C in a terminal: their client ends them.

    A thread, and a process that it starts, inherits which signals are blocked. Windows cannot block any.
    """
    from distributed.utils import LoopRunner

    resource_tracker.ensure_running()  # which unblocks signals
    runner = LoopRunner()
    block = getattr(signal, "pthread_sigmask", None)
    before = None if block is None else block(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        runner.start()
    finally:
        if block is not None:
            block(signal.SIG_SETMASK, before)
    try:
        yield runner.loop
    finally:
        runner.stop()


def _ignore_signals(heard: dict[int, Any]) -> None:
    """Let nothing interrupt the end of a cluster, or its processes would be left behind; `heard` keeps the handlers."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        with suppress(AttributeError, ValueError):  # Windows has not all of them, and threads may not choose
            number = getattr(signal, name)
            heard[number] = signal.signal(number, signal.SIG_IGN)


def _hear_signals(heard: Mapping[int, Any]) -> None:
    """Hear signals again as before."""
    for number, handler in heard.items():
        signal.signal(number, handler)


# ---------------------------------------------------------------------------------------------- a cluster of others


@contextmanager
def _connection(address: str) -> Iterator[Client]:
    """A client of a cluster that is there, which goes on when the context ends."""
    from distributed import Client
    from distributed.security import Security

    found = _address(address)
    if found.startswith("tls://") and not Security().get_connection_args("client").get("ssl_context"):
        raise ClusterError(f"{address} needs certificates; name them in dask's settings under distributed.comm.tls")
    try:
        client = Client(found, timeout=CONNECTS_WITHIN)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no scheduler answers at {address}; start one with dask scheduler, or correct {argument('scheduler')}"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKERS_WITHIN)
        except TimeoutError as error:
            joined = f"--scheduler-file {address}" if "://" not in address else address
            raise ClusterError(
                f"no worker has joined the scheduler at {address} within {WORKERS_WITHIN:.0f} s; start some: "
                f"dask worker {joined}"
            ) from error
        except (OSError, RuntimeError) as error:
            raise scheduler_is_gone() from error
        yield client


def _address(given: str) -> str:
    """The address of a scheduler.

    Args:
        given: itself, or a file in which its scheduler has written it.
    Raises:
        UsageError: it is neither.
    """
    if given.startswith(PROTOCOLS):
        return given
    try:
        return json.loads(local_path(given).read_text(encoding="utf-8"))["address"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        why = ", which does not exist" if isinstance(error, FileNotFoundError) and "://" not in given else ""
        raise UsageError(
            argument="scheduler",
            expected="tcp://HOST:PORT, tls://HOST:PORT or a file that a scheduler has written",
            got=f"{given!r}{why}",
            example="tcp://127.0.0.1:8786",
        ) from None
