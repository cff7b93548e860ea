"""Rows that are computed part by part, and kept until the database is complete, so that a run can be continued."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rangegeo.errors import Note, OutputError, argument
from rangegeo.support.text import counted
from rangegeo.support.unfinished import claimed, empty

REQUEST, PART = "request.json", "part-{:06d}.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some rows, one after another.

    Attributes:
        rows: (n, d) float32; NaN in rows without numbers.
        faults: (n,) text, why a row has none; empty for the others.
    """

    rows: np.ndarray
    faults: np.ndarray


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an unfinished database.

    Attributes:
        folder: where they lie; this process has claimed it.
    """

    folder: Path

    def kept(self, number: int) -> Part | None:
        """A part that is complete; None if it is not there."""
        try:
            with np.load(self.folder / PART.format(number), allow_pickle=False) as file:
                return Part(rows=file["rows"], faults=file["faults"])
        except (OSError, ValueError, KeyError, EOFError):
            return None

    def keep(self, number: int, part: Part) -> None:
        """Store a part. It gets its name when it is complete."""
        path = self.folder / PART.format(number)
        draft = path.with_suffix(".partial")
        with draft.open("wb") as file:
            np.savez(file, rows=part.rows, faults=part.faults)
        os.replace(draft, path)


@contextmanager
def kept_parts(path: Path, request: Mapping[str, Any], *, overwrite: bool, resume: bool) -> Iterator[Parts]:
    """A context with the parts of an output, among them those that an interrupted run left. In the end they go.

    Args:
        path: of the output.
        request: JSON-able; what the rows depend on.
        overwrite: whether what an interrupted run left may be thrown away.
        resume: whether to go on with it.
    Raises:
        OutputError: another process writes the output; or there is something of an interrupted run, and it is of
            another request, or it is not said what to do with it.
    """
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    with claimed(path) as folder:
        assert isinstance(folder, Path)
        left, count = _left(folder)
        if count and resume and left != digest:
            raise OutputError(
                f"what an interrupted run left of {path} is of another request; repeat the same one, or give "
                f"{argument('overwrite', True)} and not {argument('resume')} to start again"
            )
        if count and not resume and not overwrite:
            raise OutputError(
                f"an interrupted run left {counted(count, 'part')} of {path}; add {argument('resume', True)} to "
                f"continue it, or add {argument('overwrite', True)} to start again"
            )
        if not (count and resume):
            empty(folder)
            (folder / REQUEST).write_text(digest, encoding="utf-8")
        try:
            yield Parts(folder)
        except BaseException as error:
            _, count = _left(folder)
            if count:
                are = "is" if count == 1 else "are"
                error.add_note(Note(f"{counted(count, 'part')} {are} kept; add {argument('resume', True)} to continue"))
            else:
                empty(folder)
            raise
        empty(folder)


def _left(folder: Path) -> tuple[str, int]:
    """The digest of the request that an interrupted run had, and how many parts it left."""
    try:
        digest = (folder / REQUEST).read_text(encoding="utf-8")
    except OSError:
        return "", 0
    return digest, len(list(folder.glob("part-*.npz")))
