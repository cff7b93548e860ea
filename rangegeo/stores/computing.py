"""Blocks are computed: by the threads of this process, or by the workers of a dask cluster that is there."""

from __future__ import annotations

import queue
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import dask
import dask.threaded
from dask.base import get_scheduler
from dask.callbacks import Callback
from dask.delayed import Delayed

from rangegeo.errors import ClusterError
from rangegeo.support.reused import reusing

if TYPE_CHECKING:
    from distributed import Client, Future

RETRIES = 2  # of a block that fails on a worker; blocks that are lost with their worker do not count
LOOK_EVERY = 1.0  # seconds between two looks at a cluster while no block is finished
WITHOUT_WORKERS = 120.0  # seconds that a cluster may have no worker
Done = Callable[[str], None]  # is called with the key of a task that is done


def active_client() -> Client | None:
    """The client of dask.distributed that dask computes with; None if it computes in this process."""
    if "distributed" not in sys.modules:
        return None
    client = getattr(get_scheduler(), "__self__", None)
    return client if isinstance(client, sys.modules["distributed"].Client) else None


def chosen_scheduler(name: str | None = None) -> dict[str, Any]:
    """The option of dask for its scheduler: of a name, or else the one that dask is set to, or else threads.

    Threads are given as a function. By their name, or by none, dask would look for a client, and import
    dask.distributed for that, which takes a quarter of a second.
    """
    name = name or dask.config.get("scheduler", None)
    if name == "threads" or (name is None and "distributed" not in sys.modules):
        return {"scheduler": dask.threaded.get}
    return {} if name is None else {"scheduler": name}


def compute_tasks(tasks: Sequence[Delayed], gate: Gate, done: Done, **options: Any) -> list[Any]:
    """The results of tasks, in their order.

    Args:
        gate: that the tasks go through. If a task fails it is closed, and nothing goes through it any more.
        done: called with the key of each task as soon as it is done.
        options: of dask: the scheduler and its workers; by default those that dask is set to.
    Raises:
        ClusterError: workers, or the whole cluster, were lost.
    """
    client = None if options.get("scheduler") else active_client()
    try:
        if client is not None:
            return _on_cluster(client, tasks, gate, done)
        with _Counting(done), reusing():
            return list(dask.compute(*tasks, **options | chosen_scheduler(options.get("scheduler"))))
    except BaseException:
        gate.close()  # other threads still run, and must write nothing while the caller cleans up
        raise


class _Counting(Callback):
    """A dask callback for finished tasks."""

    def __init__(self, done: Done) -> None:
        super().__init__()
        self._done = done

    def _posttask(self, key: object, result: object, dsk: object, state: object, worker_id: object) -> None:
        self._done(str(key))


# ------------------------------------------------------------------------------------------------ on a cluster


def _on_cluster(client: Client, tasks: Sequence[Delayed], gate: Gate, done: Done) -> list[Any]:
    """The results of tasks that the workers of a cluster compute. Lost blocks are computed again."""
    with reaching_scheduler():
        futures: list[Future] = client.compute(list(tasks), retries=RETRIES) if tasks else []
    results: dict[str, Any] = {}
    try:
        for batch in _finished(client, futures):
            for future, result in zip(batch, _gathered(client, batch), strict=True):
                results[str(future.key)] = result
                done(str(future.key))
    except BaseException:
        _stop(client, futures, gate)
        raise
    return [results[str(future.key)] for future in futures]


def _finished(client: Client, futures: Sequence[Future]) -> Iterator[list[Future]]:
    """Futures as they are finished, in any order; one that was cancelled or has failed counts as finished."""
    arrived: queue.SimpleQueue[Future] = queue.SimpleQueue()
    for future in futures:
        future.add_done_callback(arrived.put)
    left, alone_since = len(futures), None
    while left:
        try:
            batch = [arrived.get(timeout=LOOK_EVERY)]
        except queue.Empty:
            alone_since = _look_at(client, alone_since)
            continue
        with suppress(queue.Empty):
            while True:
                batch.append(arrived.get_nowait())
        left, alone_since = left - len(batch), None
        yield batch


def _look_at(client: Client, alone_since: float | None) -> float | None:
    """Since when a cluster has no worker; None if it has one.

    Raises:
        ClusterError: it has had none for too long, or its scheduler is gone.
    """
    with reaching_scheduler():
        workers = client.nthreads()
    if workers:
        return None
    now = time.monotonic()
    if alone_since is not None and now - alone_since > WITHOUT_WORKERS:
        raise ClusterError(f"the cluster has had no worker for {WITHOUT_WORKERS:.0f} s; start workers and run it again")
    return alone_since or now


def _gathered(client: Client, futures: list[Future]) -> list[Any]:
    """The results of finished futures; raises what the first failed one raised."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    try:
        return client.gather(futures)
    except KilledWorker as error:
        raise ClusterError(
            "workers died again and again while they computed the same block; give them more memory, or take smaller "
            "chunks"
        ) from error
    except (CancelledError, CommClosedError, TimeoutError) as error:
        raise scheduler_is_gone() from error


@contextmanager
def reaching_scheduler() -> Iterator[None]:
    """A context that asks a scheduler something, and lets no function of a user run.

    Raises:
        ClusterError: it does not answer any more.
    """
    try:
        yield
    except (OSError, RuntimeError, CancelledError, AttributeError) as error:  # the last: a client that has closed
        raise scheduler_is_gone() from error


def scheduler_is_gone() -> ClusterError:
    """The error of a cluster that was there, and that does not answer any more."""
    return ClusterError("the scheduler of the cluster is gone; start the cluster again, and run the same again")


def _stop(client: Client, futures: Sequence[Future], gate: Gate) -> None:
    """Let the workers start no more tasks, and wait until they write nothing more."""
    with suppress(Exception):  # they may be gone, and the first error counts
        client.cancel(list(futures))
        if client.status == "running":
            client.run(close_gate, gate.name, on_error="ignore")


# ------------------------------------------------------------------------------------------------------- gates


class Gate:
    """Lets threads in until it is closed. `close` waits until all threads inside have left.

    A gate that travels to another process is the same one for all tasks there, so that it can be closed there too.

    Attributes:
        name: of this gate in all processes.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name or uuid.uuid4().hex
        self._changed = threading.Condition()
        self._inside, self._open = 0, True

    def __reduce__(self) -> tuple[Callable[[str], Gate], tuple[str]]:
        return gate_of, (self.name,)

    def __enter__(self) -> bool:
        with self._changed:
            self._inside += 1
            return self._open

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.wait_for(lambda: self._inside == 0)


_TRAVELLED: dict[str, Gate] = {}  # the gates that came from other processes
_TRAVELLING = threading.Lock()


def gate_of(name: str) -> Gate:
    """The gate of a name in a process that it has travelled to."""
    with _TRAVELLING:
        return _TRAVELLED.setdefault(name, Gate(name))


def close_gate(name: str) -> None:
    """Close a gate in a process that it may travel to."""
    gate_of(name).close()
