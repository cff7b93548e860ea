"""An S3 server on this machine, and a way to it that can be closed, as if the network had failed."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

CREDENTIALS = {"access_key_id": "somebody", "secret_access_key": "a-secret-of-tests", "region": "us-east-1"}


@dataclass(frozen=True, slots=True)
class S3:
    """A running server.

    Attributes:
        port: where it listens.
    """

    port: int

    @property
    def options(self) -> dict[str, str]:
        """What rangegeo needs to use it."""
        return CREDENTIALS | {"endpoint": f"http://127.0.0.1:{self.port}"}

    @property
    def environment(self) -> dict[str, str]:
        """The same as variables of the environment."""
        return {
            "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_access_key"],
            "AWS_REGION": CREDENTIALS["region"],
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
        }

    def make_bucket(self, name: str) -> str:
        """Make an empty bucket; returns its address."""
        asked = http.client.HTTPConnection("127.0.0.1", self.port)
        asked.request("PUT", f"/{name}")
        assert asked.getresponse().status == 200
        asked.close()
        return f"s3://{name}"


@contextmanager
def s3_server() -> Iterator[S3]:
    """A context with a server that forgets all in the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield S3(port)
    finally:
        process.kill()
        process.wait()


class Gate:
    """A way to a server through this process, which can be closed and opened again.

    Attributes:
        port: where it listens while it is open.
    """

    def __init__(self, to: int) -> None:
        self._to, self.port = to, 0
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.open()

    def open(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._ends.append(listener)
        self._start(self._accept, listener)

    def close(self) -> None:
        """Refuse new connections and cut all others."""
        for end in [*self._ends]:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in [*self._threads]:
            thread.join()
        for end in self._ends:
            end.close()
        self._ends.clear()
        self._threads.clear()

    def _start(self, target: Callable, *given: object) -> None:
        self._threads.append(threading.Thread(target=target, args=given, daemon=True))
        self._threads[-1].start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
                self._start(_pass_on, near, far)
                self._start(_pass_on, far, near)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(2**16):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
