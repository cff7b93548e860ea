"""Refuses stored cubes that are damaged, before their values become those of another cube that looks sound."""

from __future__ import annotations

import shlex

from rangegeo.errors import CubeError
from rangegeo.grid.zarr_store import store_of
from rangegeo.stores.checked import MISSING, OF_OTHERS
from rangegeo.stores.checked_zarr import DAMAGED_JOURNAL, check_zarr, lost_objects
from rangegeo.stores.kept import KeptJournal, read_journal
from rangegeo.stores.present import is_store, is_there
from rangegeo.support.location import Location
from rangegeo.support.text import counted


def damaged(path: Location, what: str) -> CubeError:
    """What to raise for a store that is damaged."""
    return CubeError(f"{path} is damaged: {what}; run rangegeo verify {shlex.quote(str(path))} --repair first")


def check_described(path: Location) -> None:
    """Compare the metadata and the coordinates of a Zarr store with its journal. Other files are not looked at.

    Raises:
        CubeError: they are damaged.
    """
    if not is_there(path) or not is_store(path):
        return
    store = store_of(path)
    journal = _journal(path)
    lost = [] if journal is None else lost_objects(store, journal)
    if lost:
        raise damaged(path, f"{lost[0]} is not as it was written")


def check_sound(path: Location, *, to_grow: bool = False) -> None:
    """Compare all objects of a Zarr store with its journal. Other files are not looked at.

    Args:
        to_grow: whether the store becomes a part of a larger one that replaces it. Then its values must be those that
            were written, and chunks of a store without a journal must be readable.
    Raises:
        CubeError: the store is damaged.
    """
    check_described(path)
    if not is_store(path) or (not to_grow and _journal(path) is None):
        return
    checked = check_zarr(path)
    if to_grow and not checked.is_own:
        raise CubeError(f"{path} cannot grow: {OF_OTHERS}")
    kinds = [kind for level in checked.levels for kind in level.faults.values()]
    if kinds:
        missing = kinds.count(MISSING)
        raise damaged(path, f"{counted(missing, 'block')} missing, {len(kinds) - missing} corrupt")


def _journal(path: Location) -> KeptJournal | None:
    try:
        return read_journal(store_of(path))
    except CubeError as error:
        raise damaged(path, DAMAGED_JOURNAL) from error
