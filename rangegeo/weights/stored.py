"""The project's own stored form: safetensors in the user's cache, one file for each source file converted.

Converting checks everything once. Afterwards a start maps the file: milliseconds, and processes share its pages.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from rangegeo.errors import WeightsError

FORMAT = 1  # raise it when a conversion changes, so that older files in the cache are not used


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


def cache_folder() -> Path:
    """RANGEGEO_CACHE, or the user's cache folder."""
    return Path(os.environ.get("RANGEGEO_CACHE") or platformdirs.user_cache_dir("rangegeo"))


def stored_form(source: Path, kind: str, convert: Callable[[Path], Stored]) -> Stored:
    """The converted form of a file, from the cache if it is there and the source has not changed since.

    Args:
        source: the published file.
        kind: what it is converted to; part of the cached file's name.
        convert: reads and checks the source; called at most once per state of the source.
    """
    status = source.stat()
    identity = f"{FORMAT}|{kind}|{source.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    name = f"{kind}-{source.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.safetensors"
    cached = cache_folder() / name
    if cached.exists():
        try:
            return read_safetensors(cached)
        except WeightsError:
            pass  # a damaged cache file is made again
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
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a mapping
            metadata = file.metadata() or {}
            return Stored(tensors, json.loads(metadata["facts"]) if "facts" in metadata else dict(metadata))
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} is not a readable safetensors file ({first_line(error)})") from error


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _write(path: Path, stored: Stored) -> None:
    """Write beside the final name and rename, so that no process ever maps half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(handle)
    try:
        tensors = {name: tensor.contiguous() for name, tensor in stored.tensors.items()}
        save_file(tensors, unfinished, metadata={"facts": json.dumps(stored.facts)})
        os.replace(unfinished, path)
    except SafetensorError as error:  # safetensors reports a full disk with its own class
        raise OSError(str(error)) from error
    finally:
        Path(unfinished).unlink(missing_ok=True)
