"""Downloads from a hub on this machine: the file that arrives is the one that the hub stated, or nothing stays."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
from helpers import hubserver
from helpers.hubserver import left, point_to
from oracles import golden

from rangegeo.errors import DownloadError
from rangegeo.support import disk as room
from rangegeo.weights import hub as hub_module
from rangegeo.weights.cache import file_sha256
from rangegeo.weights.hub import ask_hub, cached, download, fetch, is_right, without_bars
from rangegeo.weights.published import PublishedFile, published

ENCODER = published("satclip-vit16-l40")
DATABASE = published("range_db_large")
PLACES = {
    "microsoft/SatCLIP-ViT16-L40/resolve/main/satclip-vit16-l40.ckpt": golden.GOLDEN / "satclip-mini.ckpt",
    "microsoft/SatCLIP-ViT16-L40/resolve/v1/satclip-vit16-l40.ckpt": golden.GOLDEN / "satclip-mini-l10.ckpt",
    "datasets/mvrl/RANGE-database/resolve/main/range_db_large.npz": golden.GOLDEN / "range_db_mini.npz",
}
SIZE = (golden.GOLDEN / "satclip-mini.ckpt").stat().st_size
SHA256 = file_sha256(golden.GOLDEN / "satclip-mini.ckpt")
CHUNK = 100_000  # bytes that are written at a time; the default is 10 MB, more than these files have
ELSEWHERE = re.compile(
    "; (set HF_ENDPOINT to a mirror|unset HF_HUB_OFFLINE), or download it elsewhere and give its path with "
    "(weights|db), or take the "
    r"embedded model \(weights=\"demo\", db=\"demo\"\)$"
)


@pytest.fixture(scope="module")
def served() -> Iterator[hubserver.Hub]:
    with hubserver.serve(PLACES) as hub:
        yield hub


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """The seconds that would have been waited between attempts; no test waits."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


@pytest.fixture
def hub(served, tmp_path, monkeypatch, waits) -> Iterator[hubserver.Hub]:
    """A hub without faults, which this process asks, and an empty cache."""
    served.faults = hubserver.Faults()
    served.asked.clear()
    served.stored.clear()
    point_to(served.url, tmp_path / "hub", monkeypatch)
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", CHUNK)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield served
    served.faults.release.set()


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "hub"


def refused(wanted: PublishedFile, **how: str | None) -> str:
    """The reason in the message of a refused download; the message is one line."""
    with pytest.raises(DownloadError) as caught:
        download(ask_hub(wanted, **how))
    message = str(caught.value)
    start = f"could not download {wanted.file} of {wanted.repo}: "
    assert message.startswith(start)
    assert ELSEWHERE.search(message)
    assert "\n" not in message
    return ELSEWHERE.sub("", message.removeprefix(start))


# -------------------------------------------------------------------------------------------------- what goes right


def test_published_files_are_fetched_once(hub):
    path = fetch(ENCODER)
    assert path.name == "satclip-vit16-l40.ckpt"
    assert file_sha256(path) == SHA256
    assert file_sha256(fetch(DATABASE)) == file_sha256(golden.GOLDEN / "range_db_mini.npz")
    assert hub.downloads == [("satclip-vit16-l40.ckpt", 0), ("range_db_large.npz", 0)]
    hub.asked.clear()
    assert fetch(ENCODER) == path
    assert hub.asked == []  # a file in the cache needs no hub


def test_the_cache_is_laid_out_as_huggingface_hubs_own(hub, cache):
    path = fetch(ENCODER)
    repo = cache / "models--microsoft--SatCLIP-ViT16-L40"
    assert path == repo / "snapshots" / hubserver.COMMITS["main"] / "satclip-vit16-l40.ckpt"
    assert path.resolve() == repo / "blobs" / SHA256
    assert (repo / "refs" / "main").read_text() == hubserver.COMMITS["main"]
    assert left(cache) == sorted([SHA256, "main", "satclip-vit16-l40.ckpt"])
    own = huggingface_hub.hf_hub_download(ENCODER.repo, ENCODER.file)
    assert Path(own) == path
    assert len(hub.downloads) == 1


def test_what_huggingface_hub_downloaded_itself_is_used(hub):
    own = huggingface_hub.hf_hub_download(ENCODER.repo, ENCODER.file)
    hub.faults.status = 500
    assert cached(ENCODER) == fetch(ENCODER) == Path(own)


def test_a_revision_is_another_file(hub):
    assert cached(ENCODER, "v1") is None
    path = download(ask_hub(ENCODER, revision="v1"))
    assert file_sha256(path) == file_sha256(golden.GOLDEN / "satclip-mini-l10.ckpt")
    assert cached(ENCODER, "v1") == cached(ENCODER, hubserver.COMMITS["v1"]) == path
    assert cached(ENCODER) is None
    assert refused(ENCODER, revision="v2") == "HTTP status 404, nothing of that name and revision is there"


@pytest.mark.parametrize("end", ["", "/"])
def test_an_endpoint_is_asked_instead(hub, cache, monkeypatch, end):
    point_to("http://127.0.0.1:9", cache, monkeypatch)
    assert file_sha256(download(ask_hub(ENCODER, endpoint=hub.url + end))) == SHA256
    assert {request.path for request in hub.asked} == {f"/{next(iter(PLACES))}"}


def test_what_is_in_an_archive_is_fetched_by_hand():
    with pytest.raises(
        DownloadError, match=r"not on the hub; download https://\S+zip\S+, unzip it, and pass .*\.tar \("
    ):
        fetch(published("csp"))
    assert cached(published("csp")) is None


@pytest.mark.parametrize(
    ("wanted", "python", "shell"),
    [
        (
            ENCODER,
            'with weights, or take the embedded model (weights="demo", db="demo")',
            "with --weights, or take the embedded model (--weights demo --db demo)",
        ),
        (
            DATABASE,
            'with db, or take the embedded model (weights="demo", db="demo")',
            "with --db, or take the embedded model (--weights demo --db demo)",
        ),
        (published("sinr"), "give its path with weights", "give its path with --weights"),
        (published("csp"), '.tar (weights="PATH")', ".tar (--weights PATH)"),
    ],
)
def test_a_refused_download_says_what_to_type(hub, wanted, python, shell):
    hub.faults.status = 404
    with pytest.raises(DownloadError) as caught:
        fetch(wanted)
    assert str(caught.value).endswith(python)
    assert caught.value.for_shell().endswith(shell)


def test_nothing_is_written_where_all_is_right(hub, monkeypatch):
    """Then a read-only cache can be shared."""
    path = fetch(ENCODER)
    facts = ask_hub(ENCODER)
    monkeypatch.setattr(Path, "mkdir", None)
    assert download(facts) == path


# ------------------------------------------------------------------------------------------------- broken transfers


def test_a_broken_transfer_goes_on_within_one_call(hub, cache):
    hub.faults.cut = 3 * CHUNK + 10
    assert file_sha256(fetch(ENCODER)) == SHA256
    assert [start for _, start in hub.downloads] == [0, 3 * CHUNK, 6 * CHUNK]
    assert left(cache) == sorted([SHA256, "main", "satclip-vit16-l40.ckpt"])


def test_a_transfer_that_stops_is_one_line_and_goes_on_in_a_later_call(hub, cache, waits):
    hub.faults.cut = CHUNK // 2  # less than a chunk, so nothing arrives
    with_head_start = ask_hub(ENCODER)
    with_head_start.partial.parent.mkdir(parents=True)
    with_head_start.partial.write_bytes((golden.GOLDEN / "satclip-mini.ckpt").read_bytes()[: 2 * CHUNK])
    said = refused(ENCODER)
    assert re.fullmatch(
        r"127\.0\.0\.1:\d+ broke off \(.+\); 200\.0 kB of 854\.7 kB are kept, the next try goes on from there",
        said,
    )
    assert sum(waits) <= 10
    assert left(cache) == [f"{SHA256}.incomplete"]
    hub.stored.clear()
    hub.faults.cut = None
    assert file_sha256(fetch(ENCODER)) == SHA256
    assert hub.downloads == [("satclip-vit16-l40.ckpt", 2 * CHUNK)]
    assert left(cache) == sorted([SHA256, "main", "satclip-vit16-l40.ckpt"])


def test_a_reset_connection_is_taken_up_again(hub, monkeypatch):
    """The transfer continues as long as bytes arrive, whatever error the HTTP library raises."""
    from huggingface_hub import file_download

    whole = file_download.http_get
    starts = []

    def broken(url: str, file, *, resume_size: int, **more: object) -> None:
        starts.append(resume_size)
        if len(starts) <= 3:
            file.write((golden.GOLDEN / "satclip-mini.ckpt").read_bytes()[resume_size : resume_size + 1000])
            raise ConnectionResetError("by peer")
        whole(url, file, resume_size=resume_size, **more)

    monkeypatch.setattr(file_download, "http_get", broken)
    assert file_sha256(fetch(ENCODER)) == SHA256
    assert starts == [0, 1000, 2000, 3000]


def test_a_storage_without_ranges_sends_all_again(hub, cache):
    facts = ask_hub(ENCODER)
    facts.partial.parent.mkdir(parents=True)
    facts.partial.write_bytes((golden.GOLDEN / "satclip-mini.ckpt").read_bytes()[: 2 * CHUNK])
    hub.faults.ignore_range = True
    assert file_sha256(fetch(ENCODER)) == SHA256
    assert left(cache) == sorted([SHA256, "main", "satclip-vit16-l40.ckpt"])


@pytest.mark.parametrize("rest", [b"something else", b"x" * SIZE, b"x" * (SIZE + 5)], ids=["short", "full", "too long"])
def test_what_is_no_beginning_of_the_file_is_downloaded_again(hub, cache, rest):
    facts = ask_hub(ENCODER)
    facts.partial.parent.mkdir(parents=True)
    facts.partial.write_bytes(rest)
    assert file_sha256(fetch(ENCODER)) == SHA256
    assert hub.downloads[-1] == ("satclip-vit16-l40.ckpt", 0)
    assert left(cache) == sorted([SHA256, "main", "satclip-vit16-l40.ckpt"])


def test_a_damaged_blob_without_a_name_is_not_used(hub):
    facts = ask_hub(ENCODER)
    facts.blob.parent.mkdir(parents=True)
    facts.blob.write_bytes(b"half of it")
    assert file_sha256(download(facts)) == SHA256


# ------------------------------------------------------------------------------------------------- wrong content


def test_a_wrong_hash_is_removed(hub, cache):
    hub.faults.other_hash = "f" * 64
    assert refused(ENCODER) == f"what arrived has SHA-256 {SHA256} instead of {'f' * 64} and was removed"
    assert left(cache) == []


@pytest.mark.parametrize("stated_size", [SIZE - 1, SIZE + 1, 7])
def test_a_wrong_size_is_removed(hub, cache, stated_size):
    hub.faults.other_size = stated_size
    assert refused(ENCODER) == f"what arrived has {SIZE} bytes instead of {stated_size} and was removed"
    assert left(cache) == []


@pytest.mark.parametrize("header", ["X-Repo-Commit", "X-Linked-Etag"])
def test_an_answer_without_commit_or_hash_is_refused(hub, cache, header):
    hub.faults.headers = frozenset([header])
    assert "did not state the commit, size or hash, so the file cannot be checked" in refused(ENCODER)
    assert left(cache) == []


@pytest.mark.parametrize("digest", ["../../../../escaped", "short", "F" * 64])
def test_a_hash_that_is_none_never_becomes_a_path(hub, cache, tmp_path, digest):
    hub.faults.other_hash = digest
    assert "did not state the commit, size or hash" in refused(ENCODER)
    assert left(tmp_path) == []


def test_the_hash_of_a_file_in_the_cache(hub, tmp_path):
    path = fetch(ENCODER)
    assert is_right(path) is True
    with path.open("r+b") as file:
        file.write(b"damage")
    assert is_right(path) is False
    assert is_right(golden.GOLDEN / "satclip-mini.ckpt") is None  # a file outside the cache
    os.symlink(golden.GOLDEN / "satclip-mini.ckpt", tmp_path / "link")
    assert is_right(tmp_path / "link") is None


# --------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, ", set HF_TOKEN to a token that may read it"),
        (403, ", ask for access on its page and set HF_TOKEN"),
        (404, ", nothing of that name and revision is there"),
        (429, ", too many requests, try again later"),
        (500, ""),
        (503, ""),
    ],
)
@pytest.mark.parametrize("wanted", [ENCODER, DATABASE], ids=["encoder", "database"])
def test_a_hub_that_refuses_is_one_line(hub, cache, status, hint, wanted, capfd):
    hub.faults.status = status
    assert refused(wanted) == f"HTTP status {status}{hint}"
    assert capfd.readouterr() == ("", "")
    assert left(cache) == []


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (401, 1), (500, 3), (503, 3)])
def test_only_a_busy_hub_is_asked_again_and_not_for_long(hub, waits, status, attempts):
    hub.faults.status = status
    refused(ENCODER)
    assert len(hub.asked) == attempts
    assert waits == [1.0, 2.0][: attempts - 1]


def test_a_hub_that_was_busy_gives_the_file(hub, monkeypatch):
    hub.faults.status = 503
    monkeypatch.setattr(time, "sleep", lambda seconds: setattr(hub.faults, "status", 200))
    assert file_sha256(fetch(ENCODER)) == SHA256


@pytest.mark.parametrize(
    ("code", "status"), [("RepoNotFound", 401), ("RepoNotFound", 404), ("EntryNotFound", 404), ("GatedRepo", 403)]
)
def test_the_hubs_own_names_of_a_refusal_are_one_line(hub, cache, code, status):
    hub.faults.status, hub.faults.error_code = status, code
    assert refused(ENCODER).startswith(f"HTTP status {status}, ")
    assert left(cache) == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_storage_that_refuses_is_one_line(hub, cache, status, capfd):
    hub.faults.storage_status = status
    assert refused(ENCODER).startswith(f"HTTP status {status}")
    assert capfd.readouterr() == ("", "")
    assert left(cache) == []


def test_a_hub_that_cannot_be_reached_is_said_at_once(cache, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    point_to(f"http://name:secret@127.0.0.1:{port}", cache, monkeypatch)
    start = time.monotonic()
    said = refused(ENCODER)
    assert time.monotonic() - start < 2  # huggingface_hub alone would try for 23 seconds
    assert re.fullmatch(rf"127\.0\.0\.1:{port} cannot be reached \(.+\)", said)
    assert "secret" not in said
    assert left(cache) == []


def test_offline_mode_is_honoured(hub, cache, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert refused(ENCODER) == f"offline mode is on (HF_HUB_OFFLINE) and {cache} does not hold it"
    assert hub.asked == []


def test_a_token_is_sent_to_the_hub_alone_and_never_said(hub, monkeypatch):
    hub.faults.token = "hf_secret"
    assert refused(ENCODER).startswith("HTTP status 401, set HF_TOKEN")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "hf_wrong" not in refused(ENCODER)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.asked.clear()
    assert file_sha256(fetch(ENCODER)) == SHA256
    assert {request.token for request in hub.asked} == {"hf_secret"}
    assert {request.token for request in hub.stored} == {""}


def test_a_token_that_an_error_quotes_is_left_out(hub, monkeypatch):
    def refuse(url: str) -> None:
        raise ValueError("Illegal header value b'Bearer hf_secret'")

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", refuse)
    assert refused(ENCODER).endswith("cannot be reached (Illegal header value b'Bearer ***')")


# -------------------------------------------------------------------------------------------------------- disks


def test_a_disk_without_room_is_said_before_anything_is_written(hub, cache, monkeypatch):
    usage = room.shutil.disk_usage(".")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: usage._replace(free=SIZE - 1))
    with pytest.raises(
        DownloadError, match=r"up to 854\.7 kB are needed but the disk of .* has 854\.7 kB free; make room"
    ):
        fetch(ENCODER)
    assert hub.stored == []
    assert left(cache) == []


def test_a_cache_that_cannot_be_written_is_one_line(hub, cache):
    cache.write_text("a file where the folder should be")
    assert refused(ENCODER) == f"Not a directory ({cache}/.locks/models--microsoft--SatCLIP-ViT16-L40)"


def test_a_disk_that_fills_up_meanwhile_is_one_line(hub, cache, monkeypatch):
    from huggingface_hub import file_download

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_download, "http_get", full)
    assert refused(ENCODER) == f"No space left on device ({cache})"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        TimeoutError(errno.ETIMEDOUT, "Connection timed out"),
        OSError(errno.ENETUNREACH, "Network is unreachable"),
        ssl.SSLError(1, "certificate verify failed"),
        socket.gaierror(-2, "Name or service not known"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_the_network_with_a_number_is_not_one_of_the_disk(hub, cache, monkeypatch, error):
    from huggingface_hub import file_download

    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(file_download, "http_get", broken)
    said = refused(ENCODER)
    assert re.fullmatch(r"127\.0\.0\.1:\d+ broke off \(.+\)", said)
    assert error.strerror in said
    assert str(cache) not in said


def test_bars_come_back_after_a_quiet_pull():
    from huggingface_hub.utils import are_progress_bars_disabled

    with without_bars(True):
        assert are_progress_bars_disabled()
    assert not are_progress_bars_disabled()
    with without_bars(False):
        assert not are_progress_bars_disabled()


def test_a_snapshot_that_is_no_link_is_checked_too(hub, monkeypatch):
    """Where links do not work, the cache contains copies."""
    path = fetch(ENCODER)
    path.unlink()
    path.write_bytes(b"damage")
    with pytest.raises(DownloadError, match="was not the file that the hub stated and was removed; try again"):
        download(ask_hub(ENCODER))
    assert file_sha256(download(ask_hub(ENCODER))) == SHA256
    assert hub_module.cached(ENCODER) == path
