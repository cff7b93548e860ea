"""Every error a user can meet: one line that says what was expected, what was given and what to type.

The command line prints the message and exits with `exit_code`; Python callers can catch `RangegeoError`, or
the standard exception each class also is.
"""


class RangegeoError(Exception):
    """Base of all errors that rangegeo raises on purpose."""

    exit_code = 1


class UsageError(RangegeoError, ValueError):
    """An argument is out of its domain; nothing was read or written."""

    exit_code = 2


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


class GridWarning(UserWarning):
    """A grid is made as asked for, but looks as if something else was meant."""


class CubeWarning(UserWarning):
    """A cube is opened, but not all of it is there."""


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
