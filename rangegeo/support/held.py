"""Locks in buckets, which keep two writers of one output apart.

The lock is an object that is made only if it is not there. It says who holds it, and it is written again now and then.
A lock that is no longer written belongs to a run that died, and is taken over.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from rangegeo.errors import CubeWarning, OutputError, RemoteError, argument
from rangegeo.support.address import Address, ChangedMeanwhile
from rangegeo.support.text import human_seconds

BEAT = 15.0  # seconds between two signs of life
DEAD = 120.0  # seconds without one, after which a lock is taken over
_HELD: dict[Address, Held] = {}  # by this process
_RUNS: set[str] = set()  # names of the runs of this process that hold a lock, or try to


class Held:
    """A lock that this process holds.

    Attributes:
        lock: the object.
        lost: whether another run has taken it over, because this one gave no sign of life for too long.
    """

    def __init__(self, lock: Address, run: str, tag: str | None, *, strict: bool) -> None:
        """Give signs of life from now on.

        Args:
            run: the name of the run.
            tag: of the object as it was written.
            strict: whether the server writes on conditions.
        """
        self.lock, self.run, self.lost = lock, run, False
        self._tag, self._strict = tag, strict
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="rangegeo-lock", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises OutputError if another run has taken over."""
        if self.lost:
            raise OutputError(
                f"another run writes {self.lock.parent} now, because this one gave no sign of life for "
                f"{human_seconds(DEAD)}; wait until that one is done"
            )

    def release(self) -> None:
        """Remove the lock."""
        self._over.set()
        self._thread.join()
        if not self.lost:
            self.lock.unlink()

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            try:
                self._tag = _put(self.lock, self.run, {"e_tag": self._tag} if self._strict else "overwrite")
            except ChangedMeanwhile:
                self.lost = True
                return
            except (RemoteError, OSError):  # the server is away for a while; the work itself will say so
                continue


@contextmanager
def held(lock: Address, output: Address) -> Iterator[None]:
    """A context in which this process holds the lock of an output.

    Args:
        lock: the object.
        output: for messages.
    Raises:
        OutputError: another run is writing the output.
    Warns:
        CubeWarning: the server cannot keep two writers apart.
    """
    run = uuid.uuid4().hex
    _RUNS.add(run)
    try:
        mine = _HELD[lock] = _acquired(lock, output, run)
        try:
            yield
        finally:
            del _HELD[lock]
            with suppress(RemoteError):  # the server is away; the next run sees that this one is over
                mine.release()
    finally:
        _RUNS.discard(run)


def check_held(lock: Address) -> None:
    """Raises OutputError if another run has taken over a lock that this process holds."""
    _HELD[lock].check()


def _acquired(lock: Address, output: Address, run: str) -> Held:
    """The lock, newly made or taken over from a run that died."""
    found = _refuse_if_alive(lock, output)
    try:
        tag = _put(lock, run, "create" if found is None else {"e_tag": found["e_tag"]})
    except ChangedMeanwhile:
        raise OutputError(_busy(output, "by another run that came first")) from None
    except NotImplementedError:
        tag = _put(lock, run, "overwrite")
    else:
        try:
            tag = _put(lock, run, "create")  # some servers overlook the condition, and would never refuse
        except ChangedMeanwhile:
            return Held(lock, run, tag, strict=True)
    warnings.warn(
        CubeWarning(f"{lock.root} cannot keep two writers apart; let no other run write {output} meanwhile"),
        stacklevel=6,
    )
    return Held(lock, run, tag, strict=False)


def _refuse_if_alive(lock: Address, output: Address) -> Any:
    """What the server says of a lock whose run is dead; None if there is no lock.

    Raises:
        OutputError: the run is alive, or may be.
    """
    try:
        with lock.clear_faults():
            got = lock.client().get(lock.key)
            holder, meta = _read(bytes(got.bytes())), got.meta
    except FileNotFoundError:
        return None
    age = (datetime.now(UTC) - meta["last_modified"]).total_seconds()
    who = f"by process {holder.get('pid')} on {holder.get('host')}"
    here = holder.get("host") == platform.node()
    if here and not _is_alive(holder):
        return meta
    if age < DEAD:
        raise OutputError(_busy(output, f"{who}, last sign of life {human_seconds(max(age, 0))} ago"))
    if not here:
        time.sleep(2 * BEAT)  # clocks may differ: a run that lives gives a sign meanwhile
        with lock.clear_faults():
            again = lock.client().head(lock.key)
        if again["e_tag"] != meta["e_tag"]:
            raise OutputError(_busy(output, who))
    return meta


def _busy(output: Address, by: str) -> str:
    return (
        f"{output} is being written {by}; wait until that is done, or give another {argument('out')}. If that run is "
        f"dead, its lock is taken over {human_seconds(DEAD)} after its last sign of life"
    )


def _read(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _is_alive(holder: dict[str, Any]) -> bool:
    """Whether a run of this machine is alive, or may be."""
    if holder.get("pid") == os.getpid():
        return holder.get("run") in _RUNS
    if os.name == "nt":  # Windows would not look but end the process
        return True
    try:
        os.kill(int(holder["pid"]), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _put(lock: Address, run: str, mode: Any) -> str:
    """Write a lock, with who holds it and a text that nobody else writes; returns its tag. Raises as `write_if`."""
    content = json.dumps({"host": platform.node(), "pid": os.getpid(), "run": run, "sign": uuid.uuid4().hex})
    return lock.write_if(content.encode(), mode)
