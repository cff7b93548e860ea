"""Published files pulled, verified and converted: what `rangegeo weights` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from rangegeo.errors import DownloadError, UsageError, WeightsError
from rangegeo.support.disk import check_room
from rangegeo.support.text import human_bytes
from rangegeo.weights import hub
from rangegeo.weights.cache import cache_folder, file_sha256, stored_path
from rangegeo.weights.checkpoint import load_encoder, read_checkpoint
from rangegeo.weights.converted import is_whole, read_safetensors
from rangegeo.weights.database import is_database, load_database
from rangegeo.weights.inventory import Entry, entry, inventory
from rangegeo.weights.published import PublishedFile, published_files

OK, DAMAGED, MISSING, UNKNOWN = "OK", "damaged", "missing", "unknown"


def pull(
    words: Iterable[str],
    *,
    endpoint: str | None = None,
    revision: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Download published files, check them and convert them, so that they work offline afterwards.

    Args:
        words: names of files or models.
        endpoint: address of the hub or a mirror; None for HF_ENDPOINT or the hub itself.
        revision: branch, tag or commit of the one repository that is asked; None for the newest.
        say: is told what happens, a line at a time.
    Returns:
        The paths of the downloaded files.
    Raises:
        UsageError: a name that is none, or a revision for several repositories.
        DownloadError: there is no room, or a file did not arrive whole.
        WeightsError: a file is none that can be used.
    """
    files = published_files(words)
    if revision is not None and len({file.repo for file in files.values()}) > 1:
        raise UsageError(f"--revision belongs to one repository, got files of several: {', '.join(files)}")
    asked = {name: _ask(name, file, endpoint, revision, say) for name, file in files.items()}
    _check_room(asked)
    paths = []
    for name, known in asked.items():
        if isinstance(known, hub.Stated):
            if known.left:
                say(f"{name}: downloading {human_bytes(known.left)} of {human_bytes(known.size)}")
            path = hub.download(known)
        else:
            path = known
        convert(path, files[name].form, say)
        say(f"{name}: ready, {human_bytes(path.stat().st_size)}")
        paths.append(path)
    return paths


def verify(words: Iterable[str] = ()) -> list[tuple[Entry, str, str]]:
    """Read every byte of published files and of their converted forms.

    Args:
        words: names of files or models; none for all that are here.
    Returns:
        entry, state of the file, state of the converted form: OK, damaged, missing, or unknown where the cache does not
        tell the hash.
    Raises:
        WeightsError: none was named and none is here.
    """
    files = published_files(words)
    entries = [entry(name, file) for name, file in files.items()] or [one for one in inventory() if one.path]
    if not entries:
        raise WeightsError(f"no published file is in {hub.cache_root()}; type rangegeo weights pull")
    return [(one, *_states(one)) for one in entries]


def convert(path: Path, form: str | None = None, say: Callable[[str], None] = lambda line: None) -> Path:
    """Convert a local file to the memory-mapped form that a start uses; nothing if that is there and whole.

    Args:
        path: checkpoint or database.
        form: a family of encoders or "database"; None for whichever the file is.
    Returns:
        The path of the converted form.
    Raises:
        WeightsError: the file cannot be used, or the cache cannot be written.
    """
    form = form or ("database" if is_database(path) else read_checkpoint(path, family=None).facts["family"])
    converted = stored_path(path, form)
    if converted.exists():
        if is_whole(converted):
            return converted
        converted.unlink()
    say(f"{path.name}: checking and converting")
    if form == "database":
        load_database(path)
    else:
        load_encoder(path, form)
    if not converted.exists():
        raise WeightsError(
            f"the converted form of {path.name} could not be written to {converted.parent}: it is full or closed; "
            "make room, or point RANGEGEO_CACHE to another folder"
        )
    return converted


def _ask(
    name: str, file: PublishedFile, endpoint: str | None, revision: str | None, say: Callable[[str], None]
) -> hub.Stated | Path:
    """What the hub states of a file; the file of the cache if that is whole and the hub does not say."""
    try:
        return hub.stated(file, endpoint=endpoint, revision=revision)
    except DownloadError:
        path = hub.cached(file, revision)
        if path is None or not hub.is_right(path):
            raise
        say(f"{name}: the hub did not answer for it; the file of the cache is whole and is kept")
        return path


def _check_room(asked: dict[str, hub.Stated | Path]) -> None:
    """For all downloads and, at most as large, their converted forms."""
    coming = [known for known in asked.values() if isinstance(known, hub.Stated) and known.left]
    downloads = [(hub.cache_root(), known.left) for known in coming]
    conversions = [(cache_folder(), known.size) for known in coming]
    check_room([*downloads, *conversions])


def _states(one: Entry) -> tuple[str, str]:
    if one.path is None:
        return MISSING, MISSING
    converted = MISSING if one.converted is None else OK if is_whole(one.converted) else DAMAGED
    right = hub.is_right(one.path)
    if right is None and converted == OK:  # a cache without links does not tell; what was made of the file does
        right = file_sha256(one.path) == read_safetensors(one.converted).sha256
    return {True: OK, False: DAMAGED, None: UNKNOWN}[right], converted
