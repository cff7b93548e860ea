"""Downloads of published files into the cache of huggingface_hub. No other module uses the network.

huggingface_hub 1.18 and later resumes a download only in the same process. So this module downloads itself, to
`blobs/SHA256.incomplete`: huggingface_hub's tools look there, and a later process can continue. The file gets its final
name when it has the hash that the hub stated. Elsewhere in rangegeo unfinished files are removed
(`rangegeo.support.unfinished`). These stay, so that a download can continue.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rangegeo.errors import DownloadError, argument, arguments, first_line
from rangegeo.support.disk import check_room
from rangegeo.support.text import human_bytes
from rangegeo.weights.cache import file_sha256
from rangegeo.weights.published import PublishedFile

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

SHA256 = re.compile(r"[0-9a-f]{64}")
BUSY = (408, 429, 500, 502, 503, 504)  # HTTP statuses after which asking again may help
WAITS = (1.0, 2.0)  # seconds before the hub is asked again
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)  # numbers that no network error has
WITH_A_DEMO = ("satclip", "database")  # the forms that the embedded model can replace
HINTS = {
    401: ", set HF_TOKEN to a token that may read it",
    403: ", ask for access on its page and set HF_TOKEN",
    404: ", nothing of that name and revision is there",
    429: ", too many requests, try again later",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """What the hub states about a published file.

    Attributes:
        source: the published file.
        size: in bytes.
        sha256: hex digest of the whole file.
        url: where it is downloaded from.
        endpoint, revision: the address and the version that were requested.
    """

    source: PublishedFile
    size: int
    sha256: str
    url: str
    endpoint: str | None
    revision: str | None

    @property
    def blob(self) -> Path:
        """The final path of the file in the cache."""
        return _cache(self.source) / "blobs" / self.sha256

    @property
    def partial(self) -> Path:
        """The path of the file while it is not complete."""
        return self.blob.with_name(f"{self.sha256}.incomplete")

    @property
    def left(self) -> int:
        """Number of bytes that have still to be downloaded."""
        return 0 if self.blob.exists() else max(0, self.size - _bytes_of(self.partial))


def fetch(wanted: PublishedFile) -> Path:
    """The local path of a published file. It is downloaded if it is not in the cache; else no network is used.

    The environment variables HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE are respected.

    Raises:
        DownloadError: the hub cannot be reached, does not have the file, refuses it, or sends a different one.
    """
    return cached(wanted) or download(ask_hub(wanted))


def cached(wanted: PublishedFile, revision: str | None = None) -> Path | None:
    """The path of a published file in the cache, or None; no network is used."""
    from huggingface_hub import try_to_load_from_cache  # the import takes 0.2 s

    if wanted.archive:
        return None
    found = try_to_load_from_cache(wanted.repo, wanted.file, repo_type=wanted.kind, revision=revision)
    # None means that it is not cached; any other object means that the hub lacks the file.
    return Path(found) if isinstance(found, str) else None


def ask_hub(wanted: PublishedFile, *, endpoint: str | None = None, revision: str | None = None) -> HubFile:
    """Ask the hub for the size and the hash of a file.

    Args:
        wanted: the file.
        endpoint: address of the hub or of a mirror; None for HF_ENDPOINT, or for the hub itself.
        revision: branch, tag or commit; None for the newest.
    Raises:
        DownloadError: the hub cannot be reached, does not state the size or the hash, or does not have the file.
    """
    from huggingface_hub import hf_hub_url

    endpoint = endpoint and endpoint.rstrip("/")
    if wanted.archive:
        raise DownloadError(
            f"this file is not on the hub; download {wanted.archive}, unzip it, and pass the path of {wanted.file} "
            f"({argument('weights', 'PATH')})"
        )
    url = hf_hub_url(wanted.repo, wanted.file, repo_type=wanted.kind, revision=revision, endpoint=endpoint)
    with _as_download_errors(wanted, url):
        metadata = _metadata(url)
    sha256 = metadata.etag or ""
    if metadata.commit_hash is None or metadata.size is None or not SHA256.fullmatch(sha256):
        raise _error(
            wanted,
            f"{_host(url)} did not state the commit, size or hash, so the file cannot be checked; check whether "
            f"{argument('endpoint')}, HF_ENDPOINT and the proxy point to a hub",
        )
    return HubFile(source=wanted, size=metadata.size, sha256=sha256, url=url, endpoint=endpoint, revision=revision)


def download(stated: HubFile) -> Path:
    """Download a file, or the bytes of it that are still missing in the cache, and check its size and its hash.

    Returns:
        Its path in the cache.
    Raises:
        DownloadError: the file did not arrive, or is not the one that the hub stated. A wrong file is removed; an
            unfinished one stays for the next try.
    """
    from huggingface_hub import hf_hub_download

    source = stated.source
    path = cached(source, stated.revision)
    if path and _matches(path, stated):
        return path  # without writing, so that a read-only cache works
    with _as_download_errors(source, stated.url):
        _complete_blob(stated)
        path = Path(  # huggingface_hub downloads nothing now, but links the blob to the name of the file
            hf_hub_download(
                source.repo,
                source.file,
                repo_type=source.kind,
                revision=stated.revision,
                endpoint=stated.endpoint,
            )
        )
        is_copy = path.resolve() != stated.blob.resolve()  # on file systems without symbolic links
        if is_copy and not _matches(path, stated):
            path.unlink()
            raise _error(source, f"{path} was not the file that the hub stated and was removed; try again")
    return path


def is_right(path: Path) -> bool | None:
    """Whether a file of the cache has the hash that the hub stated.

    None if the cached file is no link, so that this hash is unknown: a link leads to a file that the hash names.
    """
    name = Path(os.readlink(path)).name if path.is_symlink() else ""
    return file_sha256(path) == name if SHA256.fullmatch(name) else None


@contextmanager
def without_bars(quiet: bool) -> Iterator[None]:
    """A context in which huggingface_hub shows no progress bars if `quiet`, and else shows them only on a terminal."""
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
    """The folder in which huggingface_hub keeps its files."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _metadata(url: str) -> HfFileMetadata:
    """The hub's metadata of a file. Tries again if the hub is busy. Fails at once if it cannot be reached."""
    from huggingface_hub import get_hf_file_metadata

    began = time.monotonic()
    for wait in WAITS:
        try:
            return get_hf_file_metadata(url)
        except Exception as error:
            # huggingface_hub before 1.0 retries itself; then much time has passed, and there is no retry on top.
            retried = time.monotonic() - began > sum(WAITS)
            if retried or _status(error) not in BUSY:
                raise
        time.sleep(wait)
    return get_hf_file_metadata(url)


def _complete_blob(stated: HubFile) -> None:
    """Download the blob of a file, unless it is in the cache and not damaged. Other processes wait meanwhile."""
    from huggingface_hub.utils import WeakFileLock

    lock = cache_root() / ".locks" / _cache(stated.source).name / f"{stated.sha256}.lock"  # also huggingface_hub's lock
    for folder in (lock.parent, stated.blob.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if stated.blob.exists() and not _matches(stated.blob, stated):
            stated.blob.unlink()
        if not stated.blob.exists():
            _transfer(stated)


def _transfer(stated: HubFile) -> None:
    """Complete the partial file, check it, and give it its final name."""
    check_room([(stated.partial.parent, stated.left)])
    if _bytes_of(stated.partial) > stated.size:
        stated.partial.unlink()
    resumed = _bytes_of(stated.partial) > 0
    _receive(stated)
    if resumed and not _matches(stated.partial, stated):  # the old part belonged to another file; start again
        stated.partial.unlink()
        _receive(stated)
    if not _matches(stated.partial, stated):
        size, sha256 = _bytes_of(stated.partial), file_sha256(stated.partial)
        stated.partial.unlink()
        wrong = (
            f"{size} bytes instead of {stated.size}"
            if size != stated.size
            else f"SHA-256 {sha256} instead of {stated.sha256}"
        )
        raise _error(stated.source, f"what arrived has {wrong} and was removed")
    os.replace(stated.partial, stated.blob)


def _receive(stated: HubFile) -> None:
    """Append the missing bytes to the partial file. A broken download is resumed as long as bytes arrive."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    while (before := _bytes_of(stated.partial)) < stated.size:
        try:
            with stated.partial.open("ab") as file:
                headers = build_hf_headers()  # with the token, which is not sent on to other hosts
                http_get(stated.url, file, resume_size=before, headers=headers, displayed_filename=stated.source.file)
            return
        except Exception as error:
            received = _bytes_of(stated.partial)
            if received <= before:
                reason = _reason(error, stated.url, "broke off")
                if received:
                    amounts = f"{human_bytes(received)} of {human_bytes(stated.size)}"
                    reason += f"; {amounts} are kept, the next try goes on from there"
                raise _error(stated.source, reason) from error
        finally:
            if _bytes_of(stated.partial) == 0:
                stated.partial.unlink(missing_ok=True)


def _matches(path: Path, stated: HubFile) -> bool:
    """Whether a file has the size and the hash that the hub stated."""
    return _bytes_of(path) == stated.size and file_sha256(path) == stated.sha256


def _bytes_of(path: Path) -> int:
    """The size of a file in bytes; 0 if it does not exist."""
    return path.stat().st_size if path.exists() else 0


def _cache(source: PublishedFile) -> Path:
    """The folder of a file's repository in huggingface_hub's cache."""
    from huggingface_hub.file_download import repo_folder_name

    return cache_root() / repo_folder_name(repo_id=source.repo, repo_type=source.kind)


@contextmanager
def _as_download_errors(wanted: PublishedFile, url: str) -> Iterator[None]:
    """A context in which every error becomes a DownloadError of one line, and huggingface_hub prints nothing."""
    from huggingface_hub.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # do not log each attempt; the error is enough
    try:
        yield
    except DownloadError:
        raise
    except Exception as error:  # the classes of errors depend on the HTTP library of huggingface_hub's version
        raise _error(wanted, _reason(error, url)) from error
    finally:
        logging.set_verbosity(verbosity)


def _error(wanted: PublishedFile, reason: str) -> DownloadError:
    """The error for a failed download, with advice."""
    path = argument("db" if wanted.form == "database" else "weights")
    demo = (
        f", or take the embedded model ({arguments(weights='demo', db='demo')})" if wanted.form in WITH_A_DEMO else ""
    )
    try_first = "unset HF_HUB_OFFLINE" if "HF_HUB_OFFLINE" in reason else "set HF_ENDPOINT to a mirror"
    return DownloadError(
        f"could not download {wanted.file} of {wanted.repo}: {reason}; {try_first}, or download it "
        f"elsewhere and give its path with {path}{demo}"
    )


def _reason(error: Exception, url: str, what: str = "cannot be reached") -> str:
    """What went wrong, in one line that does not contain the token."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return f"offline mode is on (HF_HUB_OFFLINE) and {cache_root()} does not hold it"
    if status := _status(error):
        return f"HTTP status {status}{HINTS.get(status, '')}"
    # Errors of the network are OSErrors too, and some have a number, but none has a file name.
    if isinstance(error, OSError) and (error.filename or error.errno in DISK_ERRORS):
        return f"{error.strerror} ({error.filename or cache_root()})"
    said = first_line(error).replace(get_token() or "\0", "***")
    return f"{_host(url)} {what} ({said})"


def _status(error: BaseException | None) -> int | None:
    """The HTTP status of the hub's answer, from an error or its causes; None if there was no answer."""
    while error is not None:
        if status := getattr(getattr(error, "response", None), "status_code", None):
            return status
        error = error.__cause__
    return None


def _host(url: str) -> str:
    """The host in a URL, without the user name and the password that the URL may contain."""
    return urlsplit(url).netloc.rpartition("@")[2]
