"""A web server of this machine that gives a folder, well or badly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = Callable[["Handler"], None]


class Handler(SimpleHTTPRequestHandler):
    """Gives files and parts of files, as web servers do, and says nothing."""

    protocol_version = "HTTP/1.1"
    answer: Answer

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))  # type: ignore[attr-defined]
        type(self).answer(self)

    def do_HEAD(self) -> None:
        self.do_GET()

    def give(self, status: int, content: bytes = b"", **headers: str) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def file(self) -> Path:
        return Path(self.translate_path(self.path))

    def log_message(self, *_: object) -> None:
        pass


def parts(handler: Handler) -> None:
    """Give a file, or the part of it that is asked for."""
    found, asked = handler.file(), handler.headers.get("Range")
    if not found.is_file():
        return handler.give(404, b"<html>no such page</html>")
    content = found.read_bytes()
    if asked is None:
        return handler.give(200, content)
    first, last = asked.removeprefix("bytes=").split("-")
    start = int(first) if first else len(content) - int(last)
    stop = min(int(last) + 1 if first and last else len(content), len(content))
    return handler.give(206, content[start:stop], Content_Range=f"bytes {start}-{stop - 1}/{len(content)}")


def whole(handler: Handler) -> None:
    """Give whole files, whatever part is asked for, as `python -m http.server` does."""
    found = handler.file()
    handler.give(200, found.read_bytes()) if found.is_file() else handler.give(404)


def saying(status: int, content: bytes = b"<html>sorry</html>", **headers: str) -> Answer:
    """An answer that is always the same."""
    return lambda handler: handler.give(status, content, **headers)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing: clients leave when they have waited enough."""


@contextmanager
def web_server(folder: Path, answer: Answer = parts) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A context with a server; gives its address, and the list of what was asked for."""
    own = type("Own", (Handler,), {"answer": staticmethod(answer)})
    server = Server(("127.0.0.1", 0), partial(own, directory=str(folder)))
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
