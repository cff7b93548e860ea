"""Planets on web servers that are slow, broken or hostile: right values, or one line after a bounded time."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import rangegeo as rg
from rangegeo.errors import RangegeoError, RemoteError, UsageError, WeightsError
from rangegeo.reports.describe import describe
from tests.helpers.planets import exact, write_planet
from tests.helpers.webserver import Answer, Handler, parts, saying, web_server, whole

PLACES = np.array([[5.7, 45.2], [-60.1, -3.2]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    write_planet(folder / "planet.zarr")
    return folder


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nothing is waited for long."""
    monkeypatch.setattr("rangegeo.support.address.TIMEOUTS", {"connect_timeout": "1s", "timeout": "1s"})
    monkeypatch.setattr("rangegeo.support.address.RETRIES", 0)


def is_chunk(handler: Handler) -> bool:
    return "/parts/" in handler.path and "/c/" in handler.path


def of_chunks(answer: Answer) -> Answer:
    """A good answer, but for coefficients."""
    return lambda handler: answer(handler) if is_chunk(handler) else parts(handler)


def late(handler: Handler) -> None:
    time.sleep(0.02)
    parts(handler)


def turning(handler: Handler) -> None:
    handler.give(302, Location=handler.path)


def stopping(handler: Handler, *, for_ever: bool = False) -> None:
    """Send the beginning of what is asked for."""
    size = handler.file().stat().st_size
    first, last = (handler.headers["Range"] or "bytes=0-9").removeprefix("bytes=").split("-")
    start, stop = (int(first), int(last) + 1) if first else (size - int(last), size)
    handler.send_response(206)
    handler.send_header("Content-Length", str(stop - start))
    handler.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
    handler.end_headers()
    handler.wfile.write(b"12")
    handler.wfile.flush()
    if for_ever:
        threading.Event().wait(3)
    handler.close_connection = True


def stalling(handler: Handler) -> None:
    stopping(handler, for_ever=True)


@pytest.mark.parametrize("answer", [parts, late, whole])
def test_values_are_those_of_the_folder(folder, answer):
    """`whole` is how `python -m http.server` answers: it gives no parts of files."""
    with web_server(folder, answer) as (address, asked):
        model = rg.load_model(f"{address}/planet.zarr")
        assert len(asked) < 15  # the metadata of all arrays come at once
        np.testing.assert_allclose(model.encode(PLACES), exact(PLACES), atol=2e-5)
        if answer is whole:  # objects are held, and serve other tiles too
            before = len(asked)
            np.testing.assert_allclose(model.encode(-PLACES), exact(-PLACES), atol=2e-5)
            assert len(asked) == before


FAULTS = {
    "nothing": (saying(404), UsageError, "there is no planet at http://127.0.0.1:PORT/planet.zarr; expected a planet"),
    "an error": (saying(500), RemoteError, "answered with an error of its own; try again later"),
    "a password": (saying(401), RemoteError, "a web server that asks for a password cannot be read"),
    "a page": (saying(200), WeightsError, "planet.zarr is not a readable planet (it holds no JSON where it should)"),
    "a circle": (turning, RemoteError, "sends from one address to the next without an end; check the address"),
    "chunks lost": (of_chunks(saying(404)), WeightsError, "is damaged (c/0/0/0 is not there); copy the planet again"),
    "chunks and an error": (of_chunks(saying(500)), RemoteError, "answered with an error of its own; try again later"),
    "a page for a chunk": (of_chunks(saying(200)), WeightsError, "of semantic, is damaged ("),
    "chunks in a circle": (of_chunks(turning), RemoteError, "sends from one address to the next without an end"),
    "chunks cut off": (of_chunks(stopping), RemoteError, "cannot be reached; check the address, its endpoint"),
    "no end of a chunk": (of_chunks(stalling), RemoteError, "did not answer in time; try again, or wait longer:"),
    "another part": (
        of_chunks(saying(206, b"0123", Content_Range="bytes 0-3/9")),
        RemoteError,
        "gave another part of a file than was asked for; copy the store to another server",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_after_a_bounded_time(folder, fault):
    answer, kind, told = FAULTS[fault]
    start = time.monotonic()
    with web_server(folder, answer) as (address, _), pytest.raises(kind) as caught:
        rg.load_model(f"{address}/planet.zarr").encode(PLACES)
    message = str(caught.value)
    assert told.replace("PORT", address.rpartition(":")[2]) in message
    assert "\n" not in message
    assert time.monotonic() - start < 10


def test_a_server_that_does_not_answer_is_told_by_info_too(folder):
    def silent(handler: Handler) -> None:
        threading.Event().wait(3)

    told = "did not answer in time; try again, or wait longer"
    with web_server(folder, silent) as (address, _), pytest.raises(RemoteError, match=told):
        describe(f"{address}/planet.zarr")
    with pytest.raises(RemoteError, match=r"cannot be reached; check the address"):
        rg.load_model("http://127.0.0.1:9/planet.zarr")


def test_metadata_that_a_server_gives_at_once_are_checked_too(folder, tmp_path):
    path = shutil.copytree(folder / "planet.zarr", tmp_path / "planet.zarr")
    told = json.loads((path / "zarr.json").read_text())
    array = told["consolidated_metadata"]["metadata"]["parts/semantic"]
    array["codecs"][0]["configuration"]["codecs"].append({"name": "numcodecs.pickle", "configuration": {}})
    (path / "zarr.json").write_text(json.dumps(told))
    with web_server(tmp_path) as (address, _), pytest.raises(RangegeoError, match="pickle") as caught:
        rg.load_model(f"{address}/planet.zarr")
    assert "\n" not in str(caught.value)
