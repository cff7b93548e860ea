"""Lines on standard output and standard error, also if nobody can read them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

import click

from rangegeo.errors import OutputError
from rangegeo.support.location import Location
from rangegeo.support.text import printable


def remark(line: str) -> None:
    """Print a line on standard error. No work ends because nobody reads how it goes: then nothing more is said."""
    try:
        click.echo(" ".join(printable(line).splitlines()), err=True)
    except OSError:  # a pipe whose reader has enough, a full disk, a terminal that was closed
        _to_nowhere(sys.stderr)


def tell(text: str) -> None:
    """Print facts on standard output; text of others in them cannot act on the terminal."""
    click.echo(printable(text))


def print_written(path: Location) -> None:
    """Print the path of an output on standard output.

    Raises:
        BrokenPipeError: the reader has enough. OutputError: it cannot be printed for another reason.
    """
    try:
        seen = sys.stdout is not None and sys.stdout.isatty()  # programs want the name as it is
        click.echo(printable(str(path)) if seen else path)
    except BrokenPipeError:
        raise
    except OSError as error:
        _to_nowhere(sys.stdout)
        raise OutputError(f"{path} was written; its path could not be printed: {error.strerror}") from error


def _to_nowhere(stream: TextIO) -> None:
    """Let a stream lead to the null device. What it still holds goes there too, when the interpreter ends."""
    with suppress(OSError, ValueError):  # a stream that is no file needs nothing
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
