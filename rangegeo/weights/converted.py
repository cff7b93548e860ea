"""The converted form of checkpoints and databases: one safetensors file in the user's cache for each source file.

A file is checked once, when it is converted. Later starts map the converted file into memory. That takes milliseconds,
and processes share the memory.
"""

from __future__ import annotations

import glob
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from rangegeo.errors import WeightsError, first_line
from rangegeo.support.unfinished import unfinished
from rangegeo.weights.cache import stored_path

LOCKS = ".locks"  # folder for locks in the cache, named as in huggingface_hub's cache
CONTENT = "content_sha256"  # name of the fact that holds the hash of a converted file's tensors


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Checked tensors, and facts about them.

    Attributes:
        tensors: the tensors by name.
        facts: JSON-able description; `sha256` is the hash of the source file.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    @property
    def sha256(self) -> str:
        """SHA-256 hex digest of the source file."""
        return self.facts["sha256"]


def stored_form(source: Path, kind: str, convert: Callable[[Path], Stored]) -> Stored:
    """The converted form of a file: from the cache if it is there and fits the file, else converted now.

    Args:
        source: the file itself.
        kind: a family of encoders or "database"; part of the cached file's name.
        convert: reads and checks the source; called only if the cache does not hold the converted form.
    """
    cached = stored_path(source, kind)
    stored = _read_if_good(cached)
    if stored is not None:
        return stored
    with _locked(cached):
        stored = _read_if_good(cached)  # another process may have converted it in the meantime
        if stored is not None:
            return stored
        converted = convert(source)
        try:
            _write(cached, converted)
        except OSError:  # without the converted form the next start only takes some seconds longer
            return converted
    return read_safetensors(cached)


def read_safetensors(path: Path) -> Stored:
    """Map a safetensors file into memory. The facts are its metadata entry `facts` or, without one, all its metadata.

    Raises:
        WeightsError: the file is not safetensors.
    """
    return _map(path)[0]


def is_whole(path: Path) -> bool:
    """Whether a converted file holds exactly the tensors that were written to it."""
    try:
        stored, content = _map(path)
    except WeightsError:
        return False
    return content == _content_sha256(stored.tensors)


def _map(path: Path) -> tuple[Stored, str | None]:
    """What a safetensors file holds, and the hash of its tensors, which is None if another program wrote it."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is not a mapping
            metadata = file.metadata() or {}
            facts = json.loads(metadata["facts"]) if "facts" in metadata else dict(metadata)
            if not isinstance(facts, dict):
                raise ValueError("its facts are no object of JSON")
            return Stored(tensors, facts), facts.pop(CONTENT, None)
    except (SafetensorError, OSError, ValueError, RecursionError, TypeError, AttributeError, MemoryError) as error:
        raise WeightsError(f"{path} is not a readable safetensors file ({first_line(error)}); get it again") from error


def _read_if_good(path: Path) -> Stored | None:
    """What a converted file holds; None if it is missing or not readable."""
    try:
        return read_safetensors(path) if path.exists() else None
    except WeightsError:
        return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """A context in which no other process converts the same file. It removes unfinished files of killed processes.

    If the cache cannot be written or its file system has no locks, two processes may convert the same file, which only
    costs time.
    """
    lock = FileLock(path.parent / LOCKS / f"{path.name}.lock")
    with suppress(OSError, NotImplementedError):
        (path.parent / LOCKS).mkdir(parents=True, exist_ok=True)
        lock.acquire()
        for leftover in path.parent.glob(f".{glob.escape(path.name)}-*"):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    try:
        yield
    finally:
        lock.release()


def _write(path: Path, stored: Stored) -> None:
    """Write a converted file. It gets its name when it is complete, so that no process ever maps half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in stored.tensors.items()}
    facts = json.dumps(stored.facts | {CONTENT: _content_sha256(tensors)})
    try:
        with unfinished(path) as draft:
            save_file(tensors, draft, metadata={"facts": facts})
    except SafetensorError as error:  # safetensors has its own class of error for a full disk
        raise OSError(str(error)) from error


def _content_sha256(tensors: dict[str, Tensor]) -> str:
    """SHA-256 hex digest of the names, dtypes, shapes and bytes of tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
