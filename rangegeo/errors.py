"""All errors that users can meet. A message is one line: what was expected, what was given and what to type.

The command line prints the message and exits with `exit_code`. Python callers can catch `RangegeoError`, or the
built-in exception that each class inherits from.

A message names arguments by `argument("pca", 3)`, because the shell spells them `--pca 3` and Python `pca=3`; `either`
writes other advice that differs. `str` of an error or a warning gives Python's spelling, `for_shell` that of the shell.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePath

# Arguments whose flag is not "--" and their name, with the spellings of the shell and of Python.
SPELLINGS = {
    "out": ("-o", "path"),
    "betas": ("--beta", "betas"),
    "tasks": ("--task", "tasks"),
    "creation_options": ("--co", "creation_options"),
    "shape": ("--as", "shape"),
    "source": ("IN", "source"),
    "labels": ("LABELS", "labels"),
    "database": ("DB", "db"),  # the one of `rangegeo train` and `rangegeo db info`
    "k": ("-k", "k"),
    "storage_options": ("--storage", "storage_options"),
}
_OPEN, _NEXT, _CLOSE = "\ue000", "\ue001", "\ue002"  # private characters that mark the two spellings in a raw message
_BOTH = re.compile(f"{_OPEN}([^{_NEXT}]*){_NEXT}([^{_CLOSE}]*){_CLOSE}")
_SPECIAL = re.compile(r"[\s'\"\\$&;()<>*?#!`|~^{}\[\]]|^$")  # what a shell does not take as it is
LONGEST_LINE = 300  # characters of what a library says; some quote the whole content of a file
_NOTHING = object()


def argument(name: str, value: object = _NOTHING) -> str:
    """An argument in a message, alone or with a value.

    Args:
        name: its name in Python, such as "bbox_crs".
        value: its value in Python. The shell joins the numbers of a tuple by commas, and spells True as a flag alone.
    Returns:
        Text that errors and warnings of this module turn into `--bbox-crs EPSG:3035` or `bbox_crs="EPSG:3035"`.
    """
    flag, keyword = SPELLINGS.get(name, (f"--{name.replace('_', '-')}", name))
    if value is _NOTHING:
        return f"{_OPEN}{flag}{_NEXT}{keyword}{_CLOSE}"
    parts = [f"{key}={part}" for key, part in value.items()] if isinstance(value, Mapping) else [_typed(value)]
    typed = flag if value is True else " ".join(f"{flag} {part}" for part in parts)
    return f"{_OPEN}{typed}{_NEXT}{keyword}={_written(value)}{_CLOSE}"


def arguments(**values: object) -> str:
    """Several arguments with their values, as they are typed one after the other.

    Returns:
        Text that becomes `--weights demo --db demo` or `weights="demo", db="demo"`.
    """
    parts = [argument(name, value) for name, value in values.items()]
    return either(" ".join(parts), ", ".join(parts))


def either(shell: str, python: str) -> str:
    """Advice that users of the shell and of Python type in different words."""
    return f"{_OPEN}{for_shell(shell)}{_NEXT}{for_python(python)}{_CLOSE}"


def _typed(value: object) -> str:
    """A value as one types it in the shell."""
    if isinstance(value, tuple | list):
        return ",".join(map(_typed, value))
    if isinstance(value, str | PurePath) and _SPECIAL.search(str(value)):
        return shlex.quote(str(value))
    return _number(value) if isinstance(value, float) else str(value)


def _written(value: object) -> str:
    """A value as one types it in Python."""
    if isinstance(value, str | PurePath):
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, tuple) and len(value) > 1:
        return f"({', '.join(map(_written, value))})"
    return repr(value)


def for_python(text: str) -> str:
    """A message with arguments as Python spells them."""
    return _BOTH.sub(r"\2", text)


def for_shell(text: str) -> str:
    """A message with arguments as the shell spells them."""
    return _BOTH.sub(r"\1", text)


class Note(str):
    """A note to an error or a warning, see `BaseException.add_note`. Arguments are spelled as in messages.

    Attributes:
        message: the note with both spellings.
    """

    message: str

    def __new__(cls, message: str) -> Note:
        note = super().__new__(cls, for_python(message))
        note.message = message
        return note

    def for_shell(self) -> str:
        """The note as the command line prints it."""
        return for_shell(self.message)


class _TwoSpellings:
    """What errors and warnings share: a message with a spelling for Python and one for the shell."""

    args: tuple

    def __str__(self) -> str:
        return for_python(self._raw)

    def for_shell(self) -> str:
        """The message as the command line prints it."""
        return for_shell(self._raw)

    @property
    def _raw(self) -> str:
        return str(self.args[0]) if self.args else ""


class RangegeoError(_TwoSpellings, Exception):
    """Base of all errors that rangegeo raises on purpose."""

    exit_code = 1


class UsageError(RangegeoError, ValueError):
    """An argument has a value that is not allowed; nothing was read or written.

    Args:
        message: the whole line; or leave it out and give its parts.
        argument: name of the argument in Python.
        expected: what it must be, such as "a multiple of 16 pixels".
        got: what was given.
        example: a value that is allowed.
        remedy: more advice, after the example or instead of it.
    """

    exit_code = 2

    def __init__(
        self,
        message: str | None = None,
        *,
        argument: str | None = None,
        expected: str | None = None,
        got: object = _NOTHING,
        example: object = _NOTHING,
        remedy: str | None = None,
    ) -> None:
        if message is None:
            message = _composed(argument, expected, got, example, remedy)
        super().__init__(message)


def _composed(name: str | None, expected: str | None, got: object, example: object, remedy: str | None) -> str:
    """The message from its parts, such as "pca must be from 1 to 512, got 900; for example pca=3"."""
    if name is None or expected is None:
        raise TypeError("a UsageError takes a message, or an argument and what was expected")
    given = "" if got is _NOTHING else f", got {got if isinstance(got, str) else _given(got)}"
    hints = [f"for example {argument(name, example)}"] if example is not _NOTHING else []
    hints += [remedy] if remedy else []
    return "; ".join([f"{argument(name)} must be {expected}{given}", *hints])


def _given(value: object) -> str:
    """A value that was given, for a message."""
    if isinstance(value, float):
        return _number(value)
    return repr(value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value)


def _number(value: float) -> str:
    """A number with at most ten digits; 0.00001 becomes "1e-5"."""
    return f"{value:.10g}".replace("e-0", "e-").replace("e+0", "e+")


class WeightsError(RangegeoError, ValueError):
    """A checkpoint, a database or a stored model cannot be used as it is."""


class GridError(RangegeoError, ValueError):
    """A raster or an area was given for its extent, but has no extent that can be used."""


class DownloadError(RangegeoError, OSError):
    """A published file could not be downloaded."""


class OutputError(RangegeoError, OSError):
    """An output cannot be written to its path."""


class RemoteError(RangegeoError, RuntimeError):
    """A bucket or a web server does not do what is asked of it.

    It is no OSError, so that nothing takes it for a missing file.
    """


class ClusterError(RangegeoError, RuntimeError):
    """Workers of dask.distributed cannot be used, or were lost."""


class DeviceError(RangegeoError, RuntimeError):
    """A GPU has too little memory for a model, or for what is evaluated."""


class ImageryError(RangegeoError, OSError):
    """A raster or a picture cannot be read, or does not say where it lies."""


class CubeError(RangegeoError, ValueError):
    """A file or a store cannot be read as a cube."""


class ShapeError(RangegeoError, ValueError):
    """An array does not have the shape that the model needs."""

    exit_code = 2


class MissingPackage(RangegeoError, ImportError):
    """An optional package is not installed."""


class TableError(RangegeoError, ValueError):
    """A file cannot be read as a table of places."""


class GridWarning(_TwoSpellings, UserWarning):
    """A grid is made as it was asked for, but something else may have been meant."""


class CubeWarning(_TwoSpellings, UserWarning):
    """A cube is opened or written, but parts of it are missing or changed."""


class PlaceWarning(_TwoSpellings, UserWarning):
    """Places are used as they are given, but for some of them something else may have been meant."""


class ModelWarning(_TwoSpellings, UserWarning):
    """A model is used, but an argument that it does not have is ignored."""


def first_line(error: BaseException) -> str:
    """What a library says, for a message: its first line, or the name of its class if it says nothing."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} …"
