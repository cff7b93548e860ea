"""Two writers of one output in a bucket: one writes, and the other is refused; a dead one is in nobody's way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest

import rangegeo.accessor  # noqa: F401, registers .rangegeo
from rangegeo.errors import CubeWarning, OutputError
from rangegeo.support import held as module
from rangegeo.support.address import Address
from rangegeo.support.held import check_held, held
from rangegeo.support.unfinished import hidden_folder


@pytest.fixture(params=["memory", "s3"])
def output(request) -> Address:
    """An output that is not there yet."""
    if request.param == "memory":
        return Address.of(f"memory://{request.node.name}/a.zarr")
    return Address.of(f"{request.getfixturevalue('bucket')}/a.zarr", request.getfixturevalue("s3").options)


def lock_of(output: Address) -> Address:
    return hidden_folder(output) / "lock"


def left_by(output: Address, **holder: object) -> Address:
    """The lock of another run."""
    lock = lock_of(output)
    lock.write_text(json.dumps({"host": "elsewhere", "pid": 1} | holder))
    return lock


def test_the_second_writer_is_refused(cube, output):
    with held(lock_of(output), output), pytest.raises(OutputError) as caught:
        cube.rangegeo.to_zarr(output)
    said = str(caught.value)
    assert said.startswith(f"{output} is being written by process {os.getpid()} on ")
    assert "wait until that is done, or give another path" in said
    assert list(output.parent.all_keys()) == []
    cube.rangegeo.to_zarr(output)


def test_of_two_that_start_at_once_one_writes(output):
    gate, done = threading.Barrier(4), []

    def write() -> None:
        gate.wait()
        try:
            with held(lock_of(output), output):
                done.append("written")
                time.sleep(0.5)
        except OutputError:
            done.append("refused")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["refused", "refused", "refused", "written"]


def test_a_run_of_this_machine_that_died_is_in_nobodys_way(output):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left_by(output, host=module.platform.node(), pid=dead.pid)
    with held(lock_of(output), output):
        pass
    assert not lock_of(output).exists()


def test_a_run_elsewhere_is_dead_if_it_gives_no_sign_of_life(output, monkeypatch):
    lock = left_by(output)
    with pytest.raises(
        OutputError, match=r"is being written by process 1 on elsewhere, last sign of life .* ago; wait"
    ):
        held(lock, output).__enter__()
    monkeypatch.setattr(module, "DEAD", -3600)
    monkeypatch.setattr(module, "BEAT", 0.1)
    with held(lock, output):
        check_held(lock)


def test_a_run_whose_clock_differs_is_not_taken_for_dead(output, monkeypatch):
    lock = left_by(output)
    monkeypatch.setattr(module, "DEAD", -3600)
    monkeypatch.setattr(module.time, "sleep", lambda seconds: left_by(output, sign="another"))
    with pytest.raises(OutputError, match="is being written by process 1 on elsewhere; wait"):
        held(lock, output).__enter__()


def test_a_run_that_was_taken_for_dead_gives_nothing_its_name(cube, output, monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.02)
    taken = []

    def take_over(block):
        if not taken and block.size:
            taken.append(left_by(output))
            time.sleep(0.5)
        return block

    slow = cube.copy(data=cube.data.map_blocks(take_over, dtype=cube.dtype))
    with pytest.raises(OutputError, match=r"another run writes .* now, because this one gave no sign of life"):
        slow.rangegeo.to_zarr(output)
    assert not output.exists()
    assert json.loads(lock_of(output).read_text())["host"] == "elsewhere"


def test_it_gives_signs_of_life(output, monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.02)
    lock = lock_of(output)
    with held(lock, output):
        seen = set()
        for _ in range(200):
            seen.add(lock.read_text())
            time.sleep(0.01)
            if len(seen) > 2:
                break
    assert len(seen) > 2
    assert not lock.exists()


@pytest.mark.parametrize("fault", ["overlooks", "refuses"])
def test_a_server_that_writes_without_conditions_is_told(output, monkeypatch, fault):
    write_if = Address.write_if

    def without(self: Address, content: bytes, mode: object) -> str:
        if fault == "refuses" and mode != "overwrite":
            raise NotImplementedError
        return write_if(self, content, "overwrite")

    monkeypatch.setattr(Address, "write_if", without)
    context = held(lock_of(output), output)
    with pytest.warns(CubeWarning, match=r"cannot keep two writers apart; let no other run write .*a.zarr meanwhile"):
        context.__enter__()
    with pytest.raises(OutputError, match="is being written"):
        held(lock_of(output), output).__enter__()
    context.__exit__(None, None, None)
