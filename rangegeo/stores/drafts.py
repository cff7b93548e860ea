"""Unfinished outputs that a later run can continue.

A draft is the hidden folder of an output, or a hidden prefix in a bucket. It holds the request, a Zarr store with the
values, a journal of the blocks that are written, and the names of the files that have their final place already. If a
run ends before its output is complete, the draft stays, as soon as it holds a block.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xarray as xr
from dask.base import tokenize

from rangegeo.errors import Note, OutputError, RemoteError, argument
from rangegeo.grid.crs import wkt_of
from rangegeo.schema.complete import band_names
from rangegeo.schema.cube import as_4d, geobox_of
from rangegeo.schema.facts import facts_of
from rangegeo.stores.journal import Journal
from rangegeo.stores.owned import check_replaceable
from rangegeo.stores.quantise import Storage
from rangegeo.stores.transaction import commit_store
from rangegeo.support.address import Address, read_json
from rangegeo.support.location import Location, write_whole
from rangegeo.support.repository import Repository
from rangegeo.support.text import counted
from rangegeo.support.unfinished import claimed, commit, empty, exchange, hidden_folder, still_claimed

REQUEST, STORE, JOURNAL, COMMITTED = "request.json", "draft.zarr", "journal", "committed.json"
CUBE = "cube"  # the name of the journal of the cube itself
HALF_WRITTEN = ".partial"  # suffix that zarr gives an object while it writes it; a killed process leaves some
LONGEST_SHOWN = 30  # letters of a part of a request that a message shows
# Facts that are part of a request, and what messages call them.
ASKED = {
    "model": "model",
    "encoder_sha256": "encoder file",
    "encoder_version": "version of the encoder",
    "database_sha256": "database file",
    "semantic_temperature": "temperature",
    "geographic_temperature": "geographic temperature",
    "evaluation": "evaluation",
    "tolerance": "tolerance",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An unfinished output.

    Attributes:
        folder: the hidden folder, which this process has claimed.
        bench: a folder of this machine for files on their way; the same as `folder`, unless that is in a bucket.
        continued: whether an earlier run left it.
        overwrite: whether outputs that exist are replaced.
    """

    folder: Location
    bench: Path
    continued: bool
    overwrite: bool

    @property
    def store(self) -> Location:
        """The Zarr store with the values."""
        return self.folder / STORE

    def journal(self, name: str = CUBE) -> Journal:
        """The journal of an array."""
        return Journal(folder=self.folder / JOURNAL / name)

    def commit(self, finished: Path, path: Location) -> None:
        """Give a finished file of the bench its final name."""
        still_claimed(self.folder)
        if path.name not in _committed(self.folder):
            _check_free([path], overwrite=self.overwrite)
            _note_committed(self.folder, path)
        commit(finished, path)

    def exchange(self, path: Location) -> None:
        """Give the store its final name."""
        still_claimed(self.folder)
        if path.name not in _committed(self.folder):
            _check_free([path], overwrite=self.overwrite)
            if path.exists():
                check_replaceable(path)  # again: files may have come meanwhile
        if isinstance(path, Repository):
            commit_store(self.store, path, self.folder)
            return
        if isinstance(path, Address):  # it takes many steps, which a later run can finish
            _note_committed(self.folder, path)
        if isinstance(self.store, Path):
            for half_written in self.store.rglob(f"*{HALF_WRITTEN}"):
                half_written.unlink()
        exchange(self.store, path, self.folder)


@contextmanager
def drafted(
    path: Location,
    request: Mapping[str, Any],
    storage: Storage,
    *,
    outputs: Sequence[Location],
    overwrite: bool,
    resume: bool,
    discard: bool | None = None,
) -> Iterator[Draft]:
    """A context with the draft of an output. It is removed if the context ends well, and if it holds no block.

    Args:
        path: the output; its hidden folder is the draft.
        request: what is written, from `request_of`.
        storage: how values are stored.
        outputs: the files or folders that get their final names.
        overwrite: whether outputs that exist are replaced.
        resume: whether to continue what an earlier run left.
        discard: whether what an earlier run left may be thrown away; by default if outputs are replaced.
    Raises:
        OutputError: another process writes one of the outputs; an output exists; or an earlier run left another request
            unfinished, or the same one, and it is not said what to do with it. Nothing was touched.
    """
    told = json.loads(json.dumps(request))
    with ExitStack() as claims:
        folder = claims.enter_context(claimed(path))
        for other in {hidden_folder(output): output for output in outputs if hidden_folder(output) != folder}.values():
            claims.enter_context(claimed(other))
        if not resume and path.name in _committed(folder) and isinstance(path, Address) and path in outputs:
            exchange(folder / STORE, path, folder)  # the earlier run had all; what it began is finished first
            empty(folder)
        continued = _goes_on(path, folder, told, overwrite=overwrite if discard is None else discard, resume=resume)
        committed = _committed(folder) if continued else []
        _check_free([output for output in outputs if output.name not in committed], overwrite=overwrite)
        if not continued:
            empty(folder)
            _write_request(folder, told, storage)
        try:
            bench = claims.enter_context(_bench(folder))
            yield Draft(folder=folder, bench=bench, continued=continued, overwrite=overwrite)
        except BaseException as error:
            _say_what_is_kept(error, folder)
            raise
        empty(folder)


def _say_what_is_kept(error: BaseException, folder: Location) -> None:
    """Note on an error how a run goes on that it has ended; a draft without a block is removed."""
    try:
        blocks: int | None = _blocks(folder)
        if not blocks:
            empty(folder)
            return
    except RemoteError:  # the bucket is out of reach
        blocks = None
    error.add_note(continuation(blocks))


def continuation(blocks: int | None) -> Note:
    """How a run goes on of which so many blocks are kept; None if their number is not known."""
    what = "what was written is" if blocks is None else f"{counted(blocks, 'block')} {'is' if blocks == 1 else 'are'}"
    kept = f"{what} kept"
    return Note(f"{kept}; add {argument('resume', True)} to continue")


def request_of(cube: xr.DataArray, storage: Storage, **options: object) -> dict[str, Any]:
    """What is written, in JSON. Two requests are the same if these are equal.

    Args:
        options: of the format.
    """
    cube, geobox = as_4d(cube), geobox_of(cube)
    facts = facts_of(cube)
    return {
        "CRS": wkt_of(geobox),
        "pixels": [*geobox.shape, *geobox.affine[:6]],
        "betas": np.atleast_1d(cube["beta"].values).tolist() if "beta" in cube.coords else [],
        "bands": band_names(cube),
        **{name: facts[key] for key, name in ASKED.items() if key in facts},
        "dtype": storage.dtype,
        "steps": None if storage.scale is None else tokenize(*(np.ravel(part).tolist() for part in _steps(storage))),
        **options,
        "chunks": [list(sizes) for sizes in cube.chunks or ()],
        "values": tokenize(cube.data),
    }


def _steps(storage: Storage) -> tuple[np.ndarray, np.ndarray]:
    """The scales and the offsets of integers."""
    assert storage.scale is not None
    assert storage.offset is not None
    return storage.scale, storage.offset


def kept_storage(path: Location, dtype: str) -> Storage | None:
    """How the values of an unfinished output are stored; None if nothing of it was kept, or in another dtype."""
    kept = _read(hidden_folder(path))
    if kept is None or kept["storage"]["dtype"] != dtype:
        return None
    told = kept["storage"]
    arrays = {name: None if told[name] is None else np.array(told[name]) for name in ("scale", "offset")}
    return Storage(**(told | arrays | {"components": tuple(told["components"])}))


def kept_blocks(path: Location) -> int:
    """How many blocks of an output an interrupted run has written."""
    return _blocks(hidden_folder(path))


def is_begun(path: Location) -> bool:
    """Whether a run has begun an output, and has neither finished it nor cleaned up after itself."""
    folder = hidden_folder(path)
    return folder.is_dir() if isinstance(folder, Path) else (folder / REQUEST).is_file()


def committed(path: Location) -> list[str]:
    """The names of files that an unfinished run has already given their final place."""
    return _committed(hidden_folder(path))


@contextmanager
def _bench(folder: Location) -> Iterator[Path]:
    """A context with a folder of this machine for the files of a draft."""
    if isinstance(folder, Path):
        yield folder
        return
    with TemporaryDirectory(prefix="rangegeo-") as near:
        yield Path(near)


def _committed(folder: Location) -> list[str]:
    return read_json(folder / COMMITTED) or []


def _note_committed(folder: Location, path: Location) -> None:
    names = list(dict.fromkeys([*_committed(folder), path.name]))
    (folder / COMMITTED).write_text(json.dumps(names), encoding="utf-8")


def is_arriving(path: Location) -> bool:
    """Whether a finished store was being copied to its final place in a bucket when its run was interrupted."""
    return isinstance(path, Address) and path.is_writable and path.name in committed(path)


def check_arriving(path: Location, *, overwrite: bool, resume: bool) -> None:
    """Refuse to leave a store half at its final place."""
    if not overwrite and not resume:
        raise OutputError(
            f"an interrupted run had finished {path} and was copying it to its place; add {argument('resume', True)} "
            "to the same command to finish that"
        )


def _goes_on(path: Location, folder: Location, request: Mapping[str, Any], *, overwrite: bool, resume: bool) -> bool:
    """Whether this run continues what an earlier one left in the folder."""
    left, blocks = _read(folder), _blocks(folder)
    if left is None or not blocks or not (folder / STORE).exists():
        return False
    differing = [name for name in {**left["request"], **request} if left["request"].get(name) != request.get(name)]
    if not resume:
        if overwrite:
            return False
        other = f", of another request ({_difference(differing[0], left, request)})" if differing else ""
        way = "repeat that one with" if differing else "add"
        raise OutputError(
            f"an interrupted run left {counted(blocks, 'block')} of {path}{other}; {way} {argument('resume', True)} to "
            f"continue it, or add {argument('overwrite', True)} to start again"
        )
    if differing:
        difference = _difference(differing[0], left, request)
        raise OutputError(
            f"what an interrupted run left of {path} is of another request: {difference}; "
            f"repeat the same one, or give {argument('overwrite', True)} and not {argument('resume')} to start again"
        )
    return True


def _difference(name: str, left: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """What differs between two requests, in words."""
    before, now = (str(part.get(name)) for part in (left["request"], request))
    return f"{name} {before} there, {now} here" if max(len(before), len(now)) < LONGEST_SHOWN else f"other {name}"


def _check_free(outputs: Sequence[Location], *, overwrite: bool) -> None:
    """Look again whether an output exists, because it may have been made meanwhile."""
    for output in outputs:
        if output.exists() and not overwrite:
            raise OutputError(
                f"{output} exists and was left as it is; add {argument('overwrite', True)} to replace it, or give "
                f"another {argument('out')}"
            )


def _write_request(folder: Location, request: Mapping[str, Any], storage: Storage) -> None:
    told = {
        name: value.tolist() if isinstance(value := getattr(storage, name), np.ndarray) else value
        for name in storage.__dataclass_fields__
    }
    write_whole(folder / REQUEST, json.dumps({"request": request, "storage": told}))


def _read(folder: Location) -> dict[str, Any] | None:
    """The request of a draft and its storage; None if there is none."""
    return read_json(folder / REQUEST)


def _blocks(folder: Location) -> int:
    """How many blocks are written, those of overviews not counted."""
    return sum(1 for _ in (folder / JOURNAL / CUBE).glob("*.json"))
