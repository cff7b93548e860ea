"""Files that are damaged: whatever a library raises for one becomes an error of ours, in one line with its name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from rangegeo.errors import RangegeoError, first_line


@contextmanager
def reading(said: str, kind: type[RangegeoError], remedy: str) -> Iterator[None]:
    """A context in which a file of others is read.

    Libraries raise any kind of error for a file that is damaged, from TypeError to their own. So all are caught, but
    those of rangegeo and those of the system, such as a full disk.

    Args:
        said: what is wrong then, such as "a.zarr cannot be read".
        kind: the class of the error.
        remedy: what to do about it.
    """
    try:
        yield
    except RangegeoError:
        raise
    except MemoryError as error:
        raise kind(f"{said}: it asks for more memory than there is; {remedy}") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise kind(f"{said} ({_why(error)}); {remedy}") from error


def _why(error: Exception) -> str:
    """What is wrong with a file, from what a library says of it."""
    if isinstance(error, json.JSONDecodeError):
        return f"its JSON breaks at character {error.pos}" if error.pos else "it holds no JSON where it should"
    line = first_line(error).rstrip(".;")
    return "a checksum does not fit" if "computed checksum do not match" in line else line
