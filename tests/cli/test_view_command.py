"""`rangegeo view` says where it listens, and what is wrong in one line."""

from __future__ import annotations

import socket

import pytest
import uvicorn
from helpers.planets import write_planet

from rangegeo.cli.main import run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the server answered before it is stopped."""
    answers: list[bytes] = []

    def run_once(self: uvicorn.Server, sockets: list[socket.socket]) -> None:
        answers.append(str(sockets[0].getsockname()).encode())
        sockets[0].close()

    monkeypatch.setattr(uvicorn.Server, "run", run_once)
    return answers


def test_it_prints_the_address_of_the_page(asked, tmp_path, capfd):
    write_planet(tmp_path / "p.zarr", count=5, cut=(), tolerance=0.1)
    assert run(["view", str(tmp_path / "p.zarr"), "--port", "0"]) == 0
    told = capfd.readouterr()
    port = asked[0].decode().split(", ")[1].rstrip(")")
    assert told.out == f"http://127.0.0.1:{port}/\n"
    assert told.err == "showing p.zarr; stop with Ctrl+C\n"
    assert asked[0].startswith(b"('127.0.0.1', ")


def test_a_model_says_where_it_is_evaluated(asked, capfd):
    assert run(["view", "RANGE+", "--port", "0"]) == 0
    assert capfd.readouterr().err.count("evaluating on ") == 1
    assert run(["view", "RANGE+", "--port", "0", "--device", "cpu"]) == 0
    assert "evaluating on" not in capfd.readouterr().err


def test_a_port_that_is_taken(tmp_path, capfd):
    write_planet(tmp_path / "p.zarr", count=5, cut=())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["view", str(tmp_path / "p.zarr"), "--port", str(port)]) == 2
    told = capfd.readouterr().err
    assert f"cannot listen at --host 127.0.0.1 --port {port}: another program listens there; " in told
    assert "give another port, or --port 0 for any that is free" in told


def test_ctrl_c_ends_it_well(monkeypatch, tmp_path, capfd):
    def run_until_interrupted(self: uvicorn.Server, sockets: list[socket.socket]) -> None:
        sockets[0].close()
        raise KeyboardInterrupt  # as of the signals that uvicorn sends on

    monkeypatch.setattr(uvicorn.Server, "run", run_until_interrupted)
    write_planet(tmp_path / "p.zarr", count=5, cut=())
    assert run(["view", str(tmp_path / "p.zarr"), "--port", "0"]) == 0
    assert capfd.readouterr().err == "showing p.zarr; stop with Ctrl+C\nstopped\n"
    assert run(["view", str(tmp_path / "p.zarr"), "--port", "0", "-q"]) == 0
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("host", ["1.2.3.4", "no-such-name.invalid"])
def test_a_host_that_is_not_here(asked, tmp_path, capfd, host):
    write_planet(tmp_path / "p.zarr", count=5, cut=())
    assert run(["view", str(tmp_path / "p.zarr"), "--host", host, "--port", "0"]) == 2
    told = capfd.readouterr().err
    assert f"cannot listen at --host {host} --port 0: " in told
    assert "give --host 127.0.0.1 for this machine alone" in told
    assert "another port" not in told


def test_nothing_is_there(tmp_path, capfd):
    assert run(["view", str(tmp_path / "lost.tif")]) == 2
    assert "expected a planet, a cube, or the name of a model" in capfd.readouterr().err
