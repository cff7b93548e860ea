"""The project's own stored form: safetensors in the user's cache, one file for each source file converted.

Converting checks everything once. Afterwards a start maps the file: milliseconds, and processes share its pages.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from rangegeo.errors import WeightsError, first_line
from rangegeo.weights.cache import stored_path

LOCKS = ".locks"  # folder of the cache, as in huggingface_hub's
CONTENT = "content_sha256"  # where a file written here says the hash of its tensors


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Checked tensors and what is known of them.

    Attributes:
        tensors: by name.
        facts: JSON-able description; `sha256` is the hash of the source file's bytes.
    """

    tensors: dict[str, Tensor]
    facts: dict

    @property
    def sha256(self) -> str:
        return self.facts["sha256"]


def stored_form(source: Path, kind: str, convert: Callable[[Path], Stored]) -> Stored:
    """The converted form of a file, from the cache if it is there and the source has not changed since.

    Args:
        source: the published file.
        kind: what it is converted to; part of the cached file's name.
        convert: reads and checks the source; called at most once per state of the source.
    """
    cached = stored_path(source, kind)
    found = _read_if_good(cached)
    if found is not None:
        return found
    with _alone(cached):
        found = _read_if_good(cached)  # another process may have converted it meanwhile
        if found is not None:
            return found
        converted = convert(source)
        try:
            _write(cached, converted)
        except OSError:  # a full or read-only cache costs the next start some seconds, nothing else
            return converted
    return read_safetensors(cached)


def read_safetensors(path: Path) -> Stored:
    """Map a safetensors file; its metadata entry `facts` becomes the facts.

    Raises:
        WeightsError: the file is not safetensors.
    """
    return _map(path)[0]


def is_whole(path: Path) -> bool:
    """Whether a converted file holds the very tensors that were written."""
    try:
        stored, content = _map(path)
    except WeightsError:
        return False
    return content == _content_sha256(stored.tensors)


def _map(path: Path) -> tuple[Stored, str | None]:
    """A safetensors file, and the hash of its tensors if it is one that was written here."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a mapping
            metadata = file.metadata() or {}
            facts = json.loads(metadata["facts"]) if "facts" in metadata else dict(metadata)
            return Stored(tensors, facts), facts.pop(CONTENT, None)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} is not a readable safetensors file ({first_line(error)})") from error


def _read_if_good(path: Path) -> Stored | None:
    """A damaged file of the cache is made again."""
    try:
        return read_safetensors(path) if path.exists() else None
    except WeightsError:
        return None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from converting the same file, and remove what one that was killed left of it.

    A cache that cannot be written, or a file system without locks, costs a conversion more, nothing else.
    """
    lock = FileLock(path.parent / LOCKS / f"{path.name}.lock")
    with suppress(OSError, NotImplementedError):
        (path.parent / LOCKS).mkdir(parents=True, exist_ok=True)
        lock.acquire()
        for unfinished in path.parent.glob(f".{path.name}-*"):
            unfinished.unlink()
    try:
        yield
    finally:
        lock.release()


def _write(path: Path, stored: Stored) -> None:
    """Write beside the final name and rename, so that no process ever maps half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(handle)
    try:
        tensors = {name: tensor.contiguous() for name, tensor in stored.tensors.items()}
        facts = json.dumps(stored.facts | {CONTENT: _content_sha256(tensors)})
        save_file(tensors, unfinished, metadata={"facts": facts})
        os.replace(unfinished, path)
    except SafetensorError as error:  # safetensors reports a full disk with its own class
        raise OSError(str(error)) from error
    finally:
        Path(unfinished).unlink(missing_ok=True)


def _content_sha256(tensors: dict[str, Tensor]) -> str:
    """Of names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
