"""Downloads, against a small server on this machine that answers as the hub does."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import huggingface_hub.utils
import pytest
from reference import golden

from rangegeo.errors import DownloadError
from rangegeo.weights.hub import OFFICIAL_DATABASES, OFFICIAL_ENCODER, PublishedFile, fetch
from rangegeo.weights.stored import file_sha256

PLACES = {  # what the hub has where, and the small file that stands for it
    "/microsoft/SatCLIP-ViT16-L40/resolve/main/satclip-vit16-l40.ckpt": "satclip-mini.ckpt",
    "/datasets/mvrl/RANGE-database/resolve/main/range_db_large.npz": "range_db_mini.npz",
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """A hub on 127.0.0.1.

    Attributes:
        status: every answer has it, unless it is 200.
        error_code: what the hub calls its refusal.
        cut: the connection ends halfway through a file.
        asked: method and path of every request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.error_code = ""
        self.cut = False
        self.asked: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        self.server.asked.append((self.command, self.path))
        file = PLACES.get(self.path)
        status = self.server.status if self.server.status != 200 or file else 404
        content = (golden.GOLDEN / file).read_bytes() if status == 200 else b"no"
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if status == 200:
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Size", str(len(content)))
        elif self.server.error_code:
            self.send_header("X-Error-Code", self.server.error_code)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[: len(content) // 2] if self.server.cut else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def point_to(url: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT and HF_HOME do before huggingface_hub is imported."""
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.setattr(huggingface_hub.utils._http.time, "sleep", lambda seconds: None)  # between its attempts


@pytest.fixture
def here(hub, tmp_path, monkeypatch) -> Hub:
    """The hub, asked by this very process."""
    point_to(hub.url, tmp_path / "hub", monkeypatch)
    return hub


def downloads(hub: Hub) -> list[str]:
    return [path for command, path in hub.asked if command == "GET" and "/resolve/" in path]


def test_published_files_are_fetched_once(here):
    path = fetch(OFFICIAL_ENCODER)
    assert path.name == "satclip-vit16-l40.ckpt"
    assert file_sha256(path) == file_sha256(golden.GOLDEN / "satclip-mini.ckpt")
    database = fetch(OFFICIAL_DATABASES["large"])
    assert file_sha256(database) == file_sha256(golden.GOLDEN / "range_db_mini.npz")
    assert downloads(here) == list(PLACES)
    assert fetch(OFFICIAL_ENCODER) == path
    assert downloads(here) == list(PLACES)


def test_a_file_that_is_in_the_cache_needs_no_hub(here):
    path = fetch(OFFICIAL_ENCODER)
    here.status = 500
    assert fetch(OFFICIAL_ENCODER) == path


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "HTTP status 401"),
        (403, "HTTP status 403"),
        (404, "HTTP status 404"),
        (500, "HTTP status 500"),
        (503, "HTTP status 503"),
    ],
)
@pytest.mark.parametrize("wanted", [OFFICIAL_ENCODER, OFFICIAL_DATABASES["large"]], ids=["encoder", "database"])
def test_a_hub_that_refuses_is_one_line(here, status, reason, wanted, capfd):
    here.status = status
    with pytest.raises(DownloadError) as caught:
        fetch(wanted)
    message = str(caught.value)
    start = f"could not download {wanted.file} of {wanted.repo}: "
    assert message.startswith(start)
    assert message.removeprefix(start).split(";")[0] == reason
    assert message.endswith(
        "download it elsewhere and give its path (--weights PATH --db PATH), or use the embedded model "
        "(--weights demo --db demo)"
    )
    assert "\n" not in message
    assert capfd.readouterr() == ("", "")
    assert not list(Path(huggingface_hub.constants.HF_HUB_CACHE).rglob("*.incomplete"))


def test_a_file_that_the_hub_does_not_have_is_one_line(here):
    with pytest.raises(
        DownloadError, match=r"could not download none\.bin of microsoft/SatCLIP-ViT16-L40: HTTP status 404;"
    ):
        fetch(PublishedFile(repo="microsoft/SatCLIP-ViT16-L40", file="none.bin"))


@pytest.mark.parametrize(
    ("code", "status"), [("RepoNotFound", 401), ("RepoNotFound", 404), ("EntryNotFound", 404), ("GatedRepo", 403)]
)
def test_the_hubs_own_names_of_a_refusal_are_one_line(here, code, status):
    here.status, here.error_code = status, code
    with pytest.raises(
        DownloadError, match=rf"could not download \S+ of \S+: HTTP status {status}; download it els"
    ) as caught:
        fetch(OFFICIAL_ENCODER)
    assert "\n" not in str(caught.value)


def test_a_download_that_breaks_off_is_one_line_and_leaves_no_file(here):
    here.cut = True
    with pytest.raises(DownloadError, match=r"could not download \S+ of \S+: .+; download it elsewhere") as caught:
        fetch(OFFICIAL_ENCODER)
    assert "\n" not in str(caught.value)
    here.cut = False
    assert file_sha256(fetch(OFFICIAL_ENCODER)) == file_sha256(golden.GOLDEN / "satclip-mini.ckpt")


def test_a_hub_that_cannot_be_reached_is_one_line(tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    point_to(f"http://127.0.0.1:{port}", tmp_path, monkeypatch)
    with pytest.raises(
        DownloadError, match=r"could not download \S+ of \S+: the hub cannot be reached; download it els"
    ):
        fetch(OFFICIAL_ENCODER)


def test_offline_mode_is_honoured(here, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        DownloadError, match=r"could not download satclip-vit16-l40\.ckpt of \S+: the hub cannot be reached"
    ):
        fetch(OFFICIAL_ENCODER)
    assert here.asked == []


# ------------------------------------------------------------------------------------------- the command line


def rangegeo(hub_url: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "HF_ENDPOINT": hub_url,
        "HF_HOME": str(folder / "home"),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "RANGEGEO_CACHE": str(folder / "cache"),
    }
    environment.pop("HF_HUB_OFFLINE", None)
    command = [sys.executable, "-m", "rangegeo.cli.main", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_the_command_line_downloads_the_published_files(hub, tmp_path):
    """--weights official --db large, with small files in the official formats behind the official names."""
    arguments = ("raster", "--bbox", "5,44,6,45", "--res", "0.25", "--weights", "official", "--db", "large", "-q")
    done = rangegeo(hub.url, tmp_path, *arguments, "-o", "out.zarr")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "out.zarr\n")
    attributes = json.loads((tmp_path / "out.zarr" / "embedding" / "zarr.json").read_text())["attributes"]
    assert attributes["encoder_file"] == "satclip-vit16-l40.ckpt"
    assert attributes["encoder_sha256"] == file_sha256(golden.GOLDEN / "satclip-mini.ckpt")
    assert attributes["database_file"] == "range_db_large.npz"
    assert attributes["database_sha256"] == file_sha256(golden.GOLDEN / "range_db_mini.npz")


def test_the_command_line_says_in_one_line_that_a_download_failed(hub, tmp_path):
    hub.status = 404
    done = rangegeo(hub.url, tmp_path, "info", "RANGE+", "--weights", "official", "--db", "large")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "rangegeo: could not download satclip-vit16-l40.ckpt of microsoft/SatCLIP-ViT16-L40: HTTP st"
    )
