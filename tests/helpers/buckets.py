"""An S3 server on this machine, and a way to it that can be closed, as if the network had failed."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
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
        self._listener: socket.socket | None = None
        self._open_ends: list[socket.socket] = []
        self.open()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Refuse new connections and cut all others."""
        assert self._listener is not None
        for end in (self._listener, *self._open_ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open_ends.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open_ends += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(2**16):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
