"""A hub on this machine, which answers like the real one, and fails as a test tells it to.

huggingface_hub sends HEAD and GET requests for `/REPO/resolve/REVISION/FILE`. For a large file the hub redirects to a
storage on another origin, and this answer has the hash, the size and the commit. It sends a small file itself, with
git's hash.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

COMMITS = {"main": "0123456789abcdef0123456789abcdef01234567", "v1": "1123456789abcdef0123456789abcdef01234567"}
SMALL = ".json"  # suffix of files that the hub sends itself


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        method: "HEAD" or "GET".
        path: of the URL.
        start: the first byte that is wanted; 0 without a Range.
        token: the token that was sent; empty if none was.
    """

    method: str
    path: str
    start: int
    token: str


@dataclass(slots=True)
class Faults:
    """The faults of the hub, until a test changes them.

    Attributes:
        status: HTTP status of the hub's answers.
        storage_status: HTTP status of the storage's answers.
        error_code: the error code that the hub sends with a refusal.
        token: requests without this token are refused as for a private repository.
        cut: number of bytes after which the storage breaks off each connection.
        hold: number of bytes after which the storage sets `held` and waits for `release`.
        other_hash, other_size: what the hub states instead of the true hash and size.
        headers: names of headers that are left out.
        ignore_range: whether the storage always sends the whole file.
        held, release: events for `hold`.
    """

    status: int = 200
    storage_status: int = 200
    error_code: str = ""
    token: str = ""
    cut: int | None = None
    hold: int | None = None
    other_hash: str = ""
    other_size: int = 0
    headers: frozenset[str] = frozenset()
    ignore_range: bool = False
    held: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


class Hub:
    """A hub and its storage.

    Attributes:
        files: the files by their paths, `REPO/resolve/REVISION/FILE`.
        faults: what goes wrong.
        asked, stored: the requests for files to the hub and to the storage.
    """

    def __init__(self, files: dict[str, Path]) -> None:
        self.files = files
        self.faults = Faults()
        self.asked: list[Request] = []
        self.stored: list[Request] = []
        self.servers = [_Server(_HubHandler, self), _Server(_StorageHandler, self)]

    @property
    def url(self) -> str:
        return self.servers[0].url

    @property
    def storage_url(self) -> str:
        return self.servers[1].url

    @property
    def downloads(self) -> list[tuple[str, int]]:
        """The file and the first byte of every download."""
        return [(request.path.rpartition("/")[2], request.start) for request in self.stored]


@contextmanager
def serve(files: dict[str, Path]) -> Iterator[Hub]:
    """A hub with these files, which stops at the end of the `with` block."""
    hub = Hub(files)
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in hub.servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        hub.faults.release.set()
        for server in hub.servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


def point_to(url: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make huggingface_hub use a hub and a cache, as HF_ENDPOINT and HF_HOME do before it is imported."""
    constants = huggingface_hub.constants
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", f"{cache}-token")


def left(folder: Path) -> list[str]:
    """The names of all files and links in a cache, except locks and the tags for backup programs and git."""
    names = [path.name for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return sorted(name for name in names if not name.endswith(".lock") and name not in ("CACHEDIR.TAG", ".gitignore"))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], hub: Hub) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.hub = hub

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *where: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # in some tests the client hangs up
            super().handle_error(*where)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def received(self) -> Request:
        start = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return Request(self.command, self.path, int(start), token)

    def reply(self, status: int, headers: dict[str, object], content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name not in self.server.hub.faults.headers:
                self.send_header(name, str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class _HubHandler(_Handler):
    def answer(self) -> None:
        hub, faults = self.server.hub, self.server.hub.faults
        request = self.received()
        if "/resolve/" not in self.path:  # some versions of huggingface_hub ask for more, but do not need it
            self.reply(404, {"Content-Length": 0})
            return
        hub.asked.append(request)
        file = hub.files.get(self.path.lstrip("/"))
        code = faults.error_code
        if faults.token and request.token != faults.token:
            status, code = 401, "RepoNotFound"
        else:
            status = faults.status if file is not None or faults.status != 200 else 404
        if status != 200:
            self.reply(status, {"Content-Length": 2} | ({"X-Error-Code": code} if code else {}), b"no")
            return
        content = file.read_bytes()
        commit = {"X-Repo-Commit": COMMITS[self.path.split("/resolve/")[1].split("/")[0]]}
        if self.path.endswith(SMALL):
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            self.reply(200, commit | {"ETag": f'"{git}"', "Content-Length": len(content)}, content)
            return
        sha256 = faults.other_hash or hashlib.sha256(content).hexdigest()
        linked = {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": faults.other_size or len(content)}
        location = {"Location": hub.storage_url + self.path, "Content-Length": 0}
        self.reply(302, commit | linked | location)


class _StorageHandler(_Handler):
    def answer(self) -> None:
        hub, faults = self.server.hub, self.server.hub.faults
        request = self.received()
        hub.stored.append(request)
        if faults.storage_status != 200:
            self.reply(faults.storage_status, {"Content-Length": 0})
            return
        whole = hub.files[self.path.lstrip("/")].read_bytes()
        start = 0 if faults.ignore_range else request.start
        if start and start >= len(whole):
            self.reply(416, {"Content-Range": f"bytes */{len(whole)}", "Content-Length": 0})
            return
        content = whole[start:]
        partial = {"Content-Range": f"bytes {start}-{len(whole) - 1}/{len(whole)}"} if start else {}
        first = min((count for count in (faults.cut, faults.hold) if count is not None), default=len(content))
        self.reply(206 if start else 200, partial | {"Content-Length": len(content)}, content[:first])
        if faults.cut is not None:
            return
        if faults.hold is not None:
            faults.held.set()
            faults.release.wait(60)
        self.wfile.write(content[first:])
