"""Every error a user can meet: one line that says what was expected, what was given and what to type.

The command line prints the message and exits with `exit_code`; Python callers can catch `RangegeoError`, or
the standard exception each class also is.

A message names arguments by `argument("pca", 3)`, because the shell spells them `--pca 3` and Python `pca=3`. `str` of
an error or a warning has Python's spelling, `for_shell` the other one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePath

# Arguments whose flag is not "--" and their name: how the shell and how Python spell them.
SPELLINGS = {
    "out": ("-o", "path"),
    "betas": ("--beta", "betas"),
    "creation_options": ("--co", "creation_options"),
    "shape": ("--as", "shape"),
    "source": ("IN", "source"),
    "k": ("-k", "k"),
}
_OPEN, _NEXT, _CLOSE = "\ue000", "\ue001", "\ue002"  # private characters around both spellings in a raw message
_BOTH = re.compile(f"{_OPEN}([^{_NEXT}]*){_NEXT}([^{_CLOSE}]*){_CLOSE}")
_SPECIAL = re.compile(r"[\s'\"\\$&;()<>*?#!`]")  # what a shell does not take as it is
_NOTHING = object()


def argument(name: str, value: object = _NOTHING) -> str:
    """An argument for a message, alone or with a value that can be typed.

    Args:
        name: as Python spells it, such as "bbox_crs".
        value: as Python has it; numbers of a tuple are joined by commas for the shell, and True stands for a flag.
    Returns:
        Text that an error or a warning of this module shows as `--bbox-crs EPSG:3035` or `bbox_crs="EPSG:3035"`.
    """
    flag, keyword = SPELLINGS.get(name, (f"--{name.replace('_', '-')}", name))
    if value is _NOTHING:
        return f"{_OPEN}{flag}{_NEXT}{keyword}{_CLOSE}"
    parts = [f"{key}={part}" for key, part in value.items()] if isinstance(value, Mapping) else [_typed(value)]
    typed = flag if value is True else " ".join(f"{flag} {part}" for part in parts)
    return f"{_OPEN}{typed}{_NEXT}{keyword}={_written(value)}{_CLOSE}"


def _typed(value: object) -> str:
    """A value as the shell takes it."""
    if isinstance(value, tuple | list):
        return ",".join(map(_typed, value))
    if isinstance(value, str | PurePath) and _SPECIAL.search(str(value)):
        return shlex.quote(str(value))
    return _number(value) if isinstance(value, float) else str(value)


def _written(value: object) -> str:
    """A value as Python source."""
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


class _TwoSpellings:
    """What errors and warnings share: a message that is spelled for whoever reads it."""

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
    """An argument is out of its domain; nothing was read or written.

    Args:
        message: the whole line; or leave it out and give its parts.
        argument: name of the argument, as Python spells it.
        expected: what it must be: "a multiple of 16 pixels".
        got: what was given.
        example: a value that would be taken.
        remedy: more to type, after the example or instead of it.
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
    """ "pca must be from 1 to 512, got 900; for example pca=3"."""
    if name is None or expected is None:
        raise TypeError("a UsageError takes a message, or an argument and what was expected")
    given = "" if got is _NOTHING else f", got {got if isinstance(got, str) else _given(got)}"
    hints = [f"for example {argument(name, example)}"] if example is not _NOTHING else []
    hints += [remedy] if remedy else []
    return "; ".join([f"{argument(name)} must be {expected}{given}", *hints])


def _given(value: object) -> str:
    if isinstance(value, float):
        return _number(value)
    return repr(value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value)


def _number(value: float) -> str:
    """0.00001 as 1e-5."""
    return f"{value:.10g}".replace("e-0", "e-").replace("e+0", "e+")


class WeightsError(RangegeoError, ValueError):
    """A checkpoint, a database or a stored model cannot be used as it is."""


class GridError(RangegeoError, ValueError):
    """A raster or an area that was given for its extent has none that can be used."""


class DownloadError(RangegeoError, OSError):
    """A published file could not be fetched."""


class OutputError(RangegeoError, OSError):
    """An output cannot be written where it was asked for."""


class CubeError(RangegeoError, ValueError):
    """A stored cube cannot be read as one."""


class ShapeError(RangegeoError, ValueError):
    """An array has another shape than the model needs."""

    exit_code = 2


class MissingPackage(RangegeoError, ImportError):
    """An optional package is not installed."""


class TableError(RangegeoError, ValueError):
    """A table of places cannot be read as one."""


class GridWarning(_TwoSpellings, UserWarning):
    """A grid is made as asked for, but looks as if something else was meant."""


class CubeWarning(_TwoSpellings, UserWarning):
    """A cube is opened, but not all of it is there."""


class PlaceWarning(_TwoSpellings, UserWarning):
    """Places are used as they are given, but some of them look as if something else was meant."""


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
