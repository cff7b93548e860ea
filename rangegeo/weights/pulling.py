"""The work of `rangegeo weights`: download published files, verify them and convert them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from rangegeo.errors import DownloadError, UsageError, WeightsError, argument
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
Say = Callable[[str], None]  # a function that gets lines about the progress, one at a time


def nothing_said(line: str) -> None:
    """A `Say` that ignores every line."""


def pull(
    words: Iterable[str],
    *,
    endpoint: str | None = None,
    revision: str | None = None,
    say: Say = nothing_said,
) -> list[Path]:
    """Download published files, check them and convert them, so that they can be used offline.

    Args:
        words: names of files or models.
        endpoint: address of the hub or of a mirror; None for HF_ENDPOINT, or for the hub itself.
        revision: branch, tag or commit, if all files are of one repository; None for the newest.
        say: gets lines about the progress, one at a time.
    Returns:
        The paths of the downloaded files.
    Raises:
        UsageError: a name is unknown, or a revision is given for several repositories.
        DownloadError: a disk has not enough room, or a file cannot be downloaded.
        WeightsError: a file cannot be used.
    """
    files = published_files(words)
    if revision is not None and len({file.repo for file in files.values()}) > 1:
        raise UsageError(f"{argument('revision')} belongs to one repository, got files of several: {', '.join(files)}")
    sources = {name: _on_hub_or_cached(name, file, endpoint, revision, say) for name, file in files.items()}
    _check_room(sources.values())
    paths = []
    for name, source in sources.items():
        if isinstance(source, hub.HubFile):
            if source.left:
                say(f"{name}: downloading {human_bytes(source.left)} of {human_bytes(source.size)}")
            path = hub.download(source)
        else:
            path = source
        convert(path, files[name].form, say)
        say(f"{name}: ready, {human_bytes(path.stat().st_size)}")
        paths.append(path)
    return paths


def verify(words: Iterable[str] = ()) -> list[tuple[Entry, str, str]]:
    """Read every byte of published files and of their converted forms.

    Args:
        words: names of files or models; without any, all files on this machine.
    Returns:
        for each file its entry, its state and the state of its converted form: "OK", "damaged", "missing", or
        "unknown" if the hash that the file should have is not known.
    Raises:
        UsageError: a name is unknown. WeightsError: no name was given and no file is on this machine.
    """
    files = published_files(words)
    entries = [entry(name, file) for name, file in files.items()] or [one for one in inventory() if one.path]
    if not entries:
        raise WeightsError(f"no published file is in {hub.cache_root()}; type rangegeo weights pull")
    return [(one, *_states(one)) for one in entries]


def convert(path: Path, form: str | None = None, say: Say = nothing_said) -> Path:
    """Convert a local file to the form that is mapped into memory, unless an undamaged converted form exists.

    Args:
        path: checkpoint or database.
        form: a family of encoders, or "database"; None to find out from the file.
        say: gets lines about the progress, one at a time.
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


def _on_hub_or_cached(
    name: str, file: PublishedFile, endpoint: str | None, revision: str | None, say: Say
) -> hub.HubFile | Path:
    """What the hub states about a file; or the path of an undamaged file in the cache, if the hub does not answer."""
    try:
        return hub.ask_hub(file, endpoint=endpoint, revision=revision)
    except DownloadError:
        path = hub.cached(file, revision)
        if path is None or not hub.is_right(path):
            raise
        say(f"{name}: the hub did not answer for it; the file of the cache is whole and is kept")
        return path


def _check_room(sources: Iterable[hub.HubFile | Path]) -> None:
    """Refuse if the disks have no room for the downloads and their converted forms, which are at most as large."""
    missing = [source for source in sources if isinstance(source, hub.HubFile) and source.left]
    downloads = [(hub.cache_root(), source.left) for source in missing]
    conversions = [(cache_folder(), source.size) for source in missing]
    check_room([*downloads, *conversions])


def _states(one: Entry) -> tuple[str, str]:
    """The state of a file and of its converted form, as `verify` returns them."""
    if one.path is None:
        return MISSING, MISSING
    converted = MISSING if one.converted is None else OK if is_whole(one.converted) else DAMAGED
    right = hub.is_right(one.path)
    # A cached file that is no link has no known hash. But its converted form knows the hash of the source file.
    if right is None and converted == OK and one.converted is not None:
        right = file_sha256(one.path) == read_safetensors(one.converted).sha256
    return {True: OK, False: DAMAGED, None: UNKNOWN}[right], converted
