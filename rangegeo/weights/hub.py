"""Published files through huggingface_hub and into its cache. The only module that uses the network.

huggingface_hub itself resumes a transfer only while its process lives (since 1.18), so transfers are led from here: to
`blobs/SHA256.incomplete`, where its own tools look for such files and where any later process goes on; the final name
comes when the hash is the one that the hub stated.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rangegeo.errors import DownloadError, first_line
from rangegeo.support.disk import check_room
from rangegeo.support.text import human_bytes
from rangegeo.weights.cache import file_sha256
from rangegeo.weights.published import PublishedFile

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

SHA256 = re.compile(r"[0-9a-f]{64}")
BUSY = (408, 429, 500, 502, 503, 504)  # HTTP statuses of a hub that may answer the next time
WAITS = (1.0, 2.0)  # seconds before it is asked again
WITH_A_DEMO = ("satclip", "database")  # forms of which the embedded model has its own
HINTS = {
    401: ", set HF_TOKEN to a token that may read it",
    403: ", ask for access on its page and set HF_TOKEN",
    404: ", nothing of that name and revision is there",
    429: ", too many requests, try again later",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the hub states of a file.

    Attributes:
        source: the file.
        size: bytes.
        sha256: of all of them.
        url: where it is downloaded from.
        endpoint, revision: as they were asked for.
    """

    source: PublishedFile
    size: int
    sha256: str
    url: str
    endpoint: str | None
    revision: str | None

    @property
    def blob(self) -> Path:
        """Its final place in the cache."""
        return _cache(self.source) / "blobs" / self.sha256

    @property
    def partial(self) -> Path:
        """Where it is downloaded to."""
        return self.blob.with_name(f"{self.sha256}.incomplete")

    @property
    def left(self) -> int:
        """Bytes that are still to be downloaded."""
        return 0 if self.blob.exists() else max(0, self.size - _size(self.partial))


def fetch(wanted: PublishedFile) -> Path:
    """The local path of a published file, downloaded if the cache does not hold it; no network otherwise.

    HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE are honoured.

    Raises:
        DownloadError: the hub cannot be reached, or does not have or give the file, or gives another one.
    """
    return cached(wanted) or download(stated(wanted))


def cached(wanted: PublishedFile, revision: str | None = None) -> Path | None:
    """The path of a published file in the cache; the network is not asked."""
    from huggingface_hub import try_to_load_from_cache  # takes 0.2 s to import

    if wanted.archive:
        return None
    found = try_to_load_from_cache(wanted.repo, wanted.file, repo_type=wanted.kind, revision=revision)
    return Path(found) if isinstance(found, str) else None  # anything else says that the hub does not have it


def stated(wanted: PublishedFile, *, endpoint: str | None = None, revision: str | None = None) -> Stated:
    """Ask the hub for a file's size and hash.

    Args:
        endpoint: address of the hub or of a mirror; None for HF_ENDPOINT or the hub itself.
        revision: branch, tag or commit; None for the newest.
    Raises:
        DownloadError: it does not say.
    """
    from huggingface_hub import hf_hub_url

    endpoint = endpoint and endpoint.rstrip("/")
    if wanted.archive:
        raise DownloadError(
            f"a file of this name is not on the hub: download {wanted.archive}, unzip it and give the path of "
            f"{wanted.file} (--weights PATH)"
        )
    url = hf_hub_url(wanted.repo, wanted.file, repo_type=wanted.kind, revision=revision, endpoint=endpoint)
    with _one_line(wanted, url):
        metadata = _ask(url)
    if metadata.commit_hash is None or metadata.size is None or not SHA256.fullmatch(metadata.etag or ""):
        raise _error(
            wanted,
            f"the answer of {_host(url)} lacks the commit, the size or the hash of the file, so that it could not be "
            "checked; see whether --endpoint, HF_ENDPOINT and the proxy lead to a hub",
        )
    return Stated(
        source=wanted, size=metadata.size, sha256=metadata.etag, url=url, endpoint=endpoint, revision=revision
    )


def download(facts: Stated) -> Path:
    """Bring a file into the cache whole, whatever is there of it, and check every byte of it.

    Returns:
        Its path in the cache.
    Raises:
        DownloadError: it did not arrive, or what arrived is not what was stated; what is wrong is removed, what is
            only unfinished stays for the next try.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import WeakFileLock

    source = facts.source
    path = cached(source, facts.revision)
    if path and _matches(path, facts):
        return path  # nothing is written, so that a cache may be shared read-only
    with _one_line(source, facts.url):
        lock = cache_root() / ".locks" / _cache(source).name / f"{facts.sha256}.lock"  # huggingface_hub's own
        for folder in (lock.parent, facts.blob.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            if facts.blob.exists() and not _matches(facts.blob, facts):
                facts.blob.unlink()
            if not facts.blob.exists():
                _transfer(facts)
        path = Path(
            hf_hub_download(
                source.repo,
                source.file,
                repo_type=source.kind,
                revision=facts.revision,
                endpoint=facts.endpoint,
            )
        )
        if path.resolve() != facts.blob.resolve() and not _matches(path, facts):  # a copy where links do not work
            path.unlink()
            raise _error(source, f"{path} was not the file that the hub stated and was removed; try again")
    return path


def is_right(path: Path) -> bool | None:
    """Whether a file of the cache has the hash that the hub stated of it; None where the cache does not tell."""
    name = Path(os.readlink(path)).name if path.is_symlink() else ""
    return file_sha256(path) == name if SHA256.fullmatch(name) else None


@contextmanager
def without_bars(quiet: bool) -> Iterator[None]:
    """Keep huggingface_hub from showing progress within, if it would; it only does on a terminal."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if not quiet or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


def cache_root() -> Path:
    """Where huggingface_hub keeps its files."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _ask(url: str) -> HfFileMetadata:
    """The hub's metadata of a file. A hub that is busy is asked again, one that cannot be reached is not."""
    from huggingface_hub import get_hf_file_metadata

    began = time.monotonic()
    for wait in WAITS:
        try:
            return get_hf_file_metadata(url)
        except Exception as error:
            late = time.monotonic() - began > sum(WAITS)  # huggingface_hub below 1.0 has tried again itself
            if late or _status(error) not in BUSY:
                raise
        time.sleep(wait)
    return get_hf_file_metadata(url)


def _transfer(facts: Stated) -> None:
    """Download to the partial file, check it, and give it its final name."""
    check_room([(facts.partial.parent, facts.left)])
    if _size(facts.partial) > facts.size:
        facts.partial.unlink()
    resumed = _size(facts.partial) > 0
    _receive(facts)
    if resumed and not _matches(facts.partial, facts):  # what an earlier try left was not the beginning of this file
        facts.partial.unlink()
        _receive(facts)
    if not _matches(facts.partial, facts):
        size, sha256 = _size(facts.partial), file_sha256(facts.partial)
        facts.partial.unlink()
        wrong = (
            f"{size} bytes instead of {facts.size}"
            if size != facts.size
            else f"SHA-256 {sha256} instead of {facts.sha256}"
        )
        raise _error(facts.source, f"what arrived has {wrong} and was removed")
    os.replace(facts.partial, facts.blob)


def _receive(facts: Stated) -> None:
    """Append to the partial file what is missing of it, for as long as more of it arrives."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    while (before := _size(facts.partial)) < facts.size:
        try:
            with facts.partial.open("ab") as file:
                headers = build_hf_headers()  # a token, which redirections to other hosts do not get
                http_get(facts.url, file, resume_size=before, headers=headers, displayed_filename=facts.source.file)
            return
        except Exception as error:
            there = _size(facts.partial)
            if there <= before:
                kept = f"; {human_bytes(there)} of {human_bytes(facts.size)} are kept, the next try goes on from there"
                reason = _reason(error, facts.url, "broke off")
                raise _error(facts.source, reason + (kept if there else "")) from error
        finally:
            if _size(facts.partial) == 0:
                facts.partial.unlink(missing_ok=True)


def _matches(path: Path, facts: Stated) -> bool:
    return _size(path) == facts.size and file_sha256(path) == facts.sha256


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _cache(source: PublishedFile) -> Path:
    """The repository's folder in huggingface_hub's cache."""
    from huggingface_hub.file_download import repo_folder_name

    return cache_root() / repo_folder_name(repo_id=source.repo, repo_type=source.kind)


@contextmanager
def _one_line(wanted: PublishedFile, url: str) -> Iterator[None]:
    """Whatever goes wrong within is a DownloadError; huggingface_hub's own reports are silenced."""
    from huggingface_hub.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it reports each attempt; what came of them is said below
    try:
        yield
    except DownloadError:
        raise
    except Exception as error:  # the HTTP library below differs between versions, each with errors of its own
        raise _error(wanted, _reason(error, url)) from error
    finally:
        logging.set_verbosity(verbosity)


def _error(wanted: PublishedFile, reason: str) -> DownloadError:
    flag = "--db" if wanted.form == "database" else "--weights"
    demo = ", or take the embedded model (--weights demo --db demo)" if wanted.form in WITH_A_DEMO else ""
    return DownloadError(
        f"could not download {wanted.file} of {wanted.repo}: {reason}; set HF_ENDPOINT to a mirror, or download it "
        f"elsewhere and give its path with {flag}{demo}"
    )


def _reason(error: Exception, url: str, what: str = "cannot be reached") -> str:
    """What went wrong, in one line and without the token."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return f"offline mode is on (HF_HUB_OFFLINE) and {cache_root()} does not hold it"
    if status := _status(error):
        return f"HTTP status {status}{HINTS.get(status, '')}"
    if isinstance(error, OSError) and error.errno:  # of the disk; those of the network are wrapped and have no number
        return f"{error.strerror} ({error.filename or cache_root()})"
    said = first_line(error).replace(get_token() or "\0", "***")
    return f"{_host(url)} {what} ({said})"


def _status(error: BaseException | None) -> int | None:
    """The hub's own answer where it gave one, which huggingface_hub may have wrapped."""
    while error is not None:
        if status := getattr(getattr(error, "response", None), "status_code", None):
            return status
        error = error.__cause__
    return None


def _host(url: str) -> str:
    """Of a URL, without the name and the password that it may hold."""
    return urlsplit(url).netloc.rpartition("@")[2]
