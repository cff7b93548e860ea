"""Downloads of published files into the cache of huggingface_hub. No other module uses the network.

Since 1.18 huggingface_hub resumes a transfer only within the same process, so this module transfers files itself. It
writes to `blobs/SHA256.incomplete`, where huggingface_hub's own tools look for unfinished files and where any later
process continues. The file gets its final name when it has the hash that the hub stated. Other files that are not
complete are removed (`rangegeo.support.unfinished`), but these stay, so that a broken transfer can be continued.
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

from rangegeo.errors import DownloadError, argument, first_line
from rangegeo.support.disk import check_room
from rangegeo.support.text import human_bytes
from rangegeo.weights.cache import file_sha256
from rangegeo.weights.published import PublishedFile

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

SHA256 = re.compile(r"[0-9a-f]{64}")
BUSY = (408, 429, 500, 502, 503, 504)  # HTTP statuses after which asking again may help
WAITS = (1.0, 2.0)  # seconds before the hub is asked again
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
        endpoint, revision: those with which the hub was asked.
    """

    source: PublishedFile
    size: int
    sha256: str
    url: str
    endpoint: str | None
    revision: str | None

    @property
    def blob(self) -> Path:
        """Its final path in the cache."""
        return _cache(self.source) / "blobs" / self.sha256

    @property
    def partial(self) -> Path:
        """The path to which it is downloaded."""
        return self.blob.with_name(f"{self.sha256}.incomplete")

    @property
    def left(self) -> int:
        """Number of bytes that have still to be downloaded."""
        return 0 if self.blob.exists() else max(0, self.size - _size(self.partial))


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
    return Path(found) if isinstance(found, str) else None  # another value says that the hub does not have it


def ask_hub(wanted: PublishedFile, *, endpoint: str | None = None, revision: str | None = None) -> HubFile:
    """Ask the hub for the size and the hash of a file.

    Args:
        wanted: the file.
        endpoint: address of the hub or of a mirror; None for HF_ENDPOINT, or for the hub itself.
        revision: branch, tag or commit; None for the newest.
    Raises:
        DownloadError: the hub cannot be reached or does not tell, or the file is not on the hub.
    """
    from huggingface_hub import hf_hub_url

    endpoint = endpoint and endpoint.rstrip("/")
    if wanted.archive:
        raise DownloadError(
            f"a file of this name is not on the hub: download {wanted.archive}, unzip it and give the path of "
            f"{wanted.file} ({argument('weights', 'PATH')})"
        )
    url = hf_hub_url(wanted.repo, wanted.file, repo_type=wanted.kind, revision=revision, endpoint=endpoint)
    with _as_download_errors(wanted, url):
        metadata = _metadata(url)
    sha256 = metadata.etag or ""
    if metadata.commit_hash is None or metadata.size is None or not SHA256.fullmatch(sha256):
        raise _error(
            wanted,
            f"the answer of {_host(url)} lacks the commit, the size or the hash of the file, so that it could not be "
            f"checked; see whether {argument('endpoint')}, HF_ENDPOINT and the proxy lead to a hub",
        )
    return HubFile(source=wanted, size=metadata.size, sha256=sha256, url=url, endpoint=endpoint, revision=revision)


def download(stated: HubFile) -> Path:
    """Download what the cache does not yet hold of a file, and check every byte of it.

    Returns:
        Its path in the cache.
    Raises:
        DownloadError: the file did not arrive, or is not the one that the hub stated. A wrong file is removed; an
            unfinished one stays for the next try.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import WeakFileLock

    source = stated.source
    path = cached(source, stated.revision)
    if path and _matches(path, stated):
        return path  # nothing is written, so a read-only cache can be shared
    with _as_download_errors(source, stated.url):
        lock = cache_root() / ".locks" / _cache(source).name / f"{stated.sha256}.lock"  # huggingface_hub's own
        for folder in (lock.parent, stated.blob.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            if stated.blob.exists() and not _matches(stated.blob, stated):
                stated.blob.unlink()
            if not stated.blob.exists():
                _transfer(stated)
        path = Path(
            hf_hub_download(
                source.repo,
                source.file,
                repo_type=source.kind,
                revision=stated.revision,
                endpoint=stated.endpoint,
            )
        )
        is_copy = path.resolve() != stated.blob.resolve()  # where links do not work
        if is_copy and not _matches(path, stated):
            path.unlink()
            raise _error(source, f"{path} was not the file that the hub stated and was removed; try again")
    return path


def is_right(path: Path) -> bool | None:
    """Whether a file of the cache has the hash that the hub stated; None if the cache does not tell this hash."""
    name = Path(os.readlink(path)).name if path.is_symlink() else ""
    return file_sha256(path) == name if SHA256.fullmatch(name) else None


@contextmanager
def without_bars(quiet: bool) -> Iterator[None]:
    """Within this context huggingface_hub shows no progress bars if `quiet`; else only on a terminal, as usual."""
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
    """The hub's metadata of a file. A busy hub is asked again, but not one that cannot be reached."""
    from huggingface_hub import get_hf_file_metadata

    began = time.monotonic()
    for wait in WAITS:
        try:
            return get_hf_file_metadata(url)
        except Exception as error:
            late = time.monotonic() - began > sum(WAITS)  # huggingface_hub before 1.0 tries again itself
            if late or _status(error) not in BUSY:
                raise
        time.sleep(wait)
    return get_hf_file_metadata(url)


def _transfer(stated: HubFile) -> None:
    """Complete the partial file, check it, and give it its final name."""
    check_room([(stated.partial.parent, stated.left)])
    if _size(stated.partial) > stated.size:
        stated.partial.unlink()
    resumed = _size(stated.partial) > 0
    _receive(stated)
    if resumed and not _matches(stated.partial, stated):  # an earlier try left something else
        stated.partial.unlink()
        _receive(stated)
    if not _matches(stated.partial, stated):
        size, sha256 = _size(stated.partial), file_sha256(stated.partial)
        stated.partial.unlink()
        wrong = (
            f"{size} bytes instead of {stated.size}"
            if size != stated.size
            else f"SHA-256 {sha256} instead of {stated.sha256}"
        )
        raise _error(stated.source, f"what arrived has {wrong} and was removed")
    os.replace(stated.partial, stated.blob)


def _receive(stated: HubFile) -> None:
    """Append the missing bytes to the partial file. A broken transfer is continued as long as bytes arrive."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    while (before := _size(stated.partial)) < stated.size:
        try:
            with stated.partial.open("ab") as file:
                headers = build_hf_headers()  # with the token, which redirections to other hosts do not get
                http_get(stated.url, file, resume_size=before, headers=headers, displayed_filename=stated.source.file)
            return
        except Exception as error:
            there = _size(stated.partial)
            if there <= before:
                kept = f"; {human_bytes(there)} of {human_bytes(stated.size)} are kept, the next try goes on from there"
                reason = _reason(error, stated.url, "broke off")
                raise _error(stated.source, reason + (kept if there else "")) from error
        finally:
            if _size(stated.partial) == 0:
                stated.partial.unlink(missing_ok=True)


def _matches(path: Path, stated: HubFile) -> bool:
    """Whether a file has the size and the hash that the hub stated."""
    return _size(path) == stated.size and file_sha256(path) == stated.sha256


def _size(path: Path) -> int:
    """The size of a file in bytes; 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def _cache(source: PublishedFile) -> Path:
    """The folder of a file's repository in huggingface_hub's cache."""
    from huggingface_hub.file_download import repo_folder_name

    return cache_root() / repo_folder_name(repo_id=source.repo, repo_type=source.kind)


@contextmanager
def _as_download_errors(wanted: PublishedFile, url: str) -> Iterator[None]:
    """Within this context every error becomes a DownloadError of one line, and huggingface_hub prints nothing."""
    from huggingface_hub.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it reports each attempt; the error tells the result
    try:
        yield
    except DownloadError:
        raise
    except Exception as error:  # its HTTP library, and so the classes of its errors, depend on the version
        raise _error(wanted, _reason(error, url)) from error
    finally:
        logging.set_verbosity(verbosity)


def _error(wanted: PublishedFile, reason: str) -> DownloadError:
    """A download that failed, and what to do instead."""
    path = argument("db" if wanted.form == "database" else "weights")
    names = f"{argument('weights', 'demo')} {argument('db', 'demo')}"
    demo = f", or take the embedded model ({names})" if wanted.form in WITH_A_DEMO else ""
    return DownloadError(
        f"could not download {wanted.file} of {wanted.repo}: {reason}; set HF_ENDPOINT to a mirror, or download it "
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
    if isinstance(error, OSError) and error.errno:  # of the disk; errors of the network have no number
        return f"{error.strerror} ({error.filename or cache_root()})"
    said = first_line(error).replace(get_token() or "\0", "***")
    return f"{_host(url)} {what} ({said})"


def _status(error: BaseException | None) -> int | None:
    """The HTTP status of the hub's answer, from the error or its causes; None if there was no answer."""
    while error is not None:
        if status := getattr(getattr(error, "response", None), "status_code", None):
            return status
        error = error.__cause__
    return None


def _host(url: str) -> str:
    """The host in a URL, without the user name and the password that the URL may contain."""
    return urlsplit(url).netloc.rpartition("@")[2]
