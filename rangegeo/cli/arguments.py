"""Types of click for the values that verbs take, written as users of rio and gdalwarp write them."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

import click

from rangegeo.schema.bands import parse_bands
from rangegeo.support.paths import local_path

NUMBERS = {"--bbox": 4, "--res": 2}  # how many numbers these options take at most, joined by commas or apart
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?,?")


def join_numbers(arguments: list[str]) -> list[str]:
    """Turn `--bbox 5 44 10 48` into `--bbox 5,44,10,48`; everything else stays as it is."""
    joined: list[str] = []
    waiting = 0  # how many more numbers the last option can take
    for argument in arguments:
        if waiting and NUMBER.fullmatch(argument) and joined[-1] not in NUMBERS:
            joined[-1] += f",{argument}"
            waiting -= 1
            continue
        if not (waiting and joined[-1] in NUMBERS):
            waiting = NUMBERS.get(argument, 0)
        elif NUMBER.fullmatch(argument):
            waiting -= 1
        else:
            waiting = 0
        joined.append(argument)
    return joined


class NumberList(click.ParamType):
    """Numbers joined by commas or spaces; gives a tuple of floats.

    Args:
        counts: how many numbers are allowed, such as (1, 2); empty for any number of them.
        example: what a message shows as a right value.
    """

    name = "numbers"

    def __init__(self, counts: tuple[int, ...], example: str) -> None:
        self.counts = counts
        self.example = example

    def convert(
        self, value: str | tuple[float, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        parts = re.split(r"[,\s]+", value.strip(", "))
        try:
            numbers = tuple(float(part) for part in parts)
        except ValueError:
            numbers = ()
        if not numbers or (self.counts and len(numbers) not in self.counts):
            many = " or ".join(map(str, self.counts)) or "some"
            flag = param.opts[-1] if param else "the option"
            self.fail(f"expected {many} numbers, got {value!r}; for example {flag} {self.example}", param, ctx)
        return numbers


class NameValue(click.ParamType):
    """Text NAME=VALUE; gives the pair (NAME, VALUE) with the name in capitals."""

    name = "name=value"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not (name and equals and text):
            self.fail(f"expected NAME=VALUE, got {value!r}; for example --co COMPRESS=DEFLATE", param, ctx)
        return name.upper(), text


class LocalPath(click.Path):
    """A path on this machine; gives a Path. A leading `~` is the home folder, also where the shell leaves it."""

    def __init__(self, *, exists: bool = False) -> None:
        super().__init__(exists=exists, path_type=Path)

    def convert(
        self, value: str | PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | PathLike[str]:
        return super().convert(local_path(value), param, ctx)


class BandList(click.ParamType):
    """Bands; gives what `rangegeo.schema.bands.parse_bands` returns."""

    name = "bands"

    def convert(
        self, value: str | tuple[int | str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | tuple[int | str, ...]:
        return parse_bands(value) if isinstance(value, str) else value


def flattened(context: click.Context, parameter: click.Parameter, groups: tuple[tuple, ...]) -> tuple:
    """Callback of an option that takes several values and may be repeated: all values in one tuple."""
    return tuple(value for group in groups for value in group)


def unique_pairs(
    context: click.Context, parameter: click.Parameter, pairs: tuple[tuple[str, str], ...]
) -> dict[str, str]:
    """Callback of --co: a dictionary. Raises a usage error if a name is given twice."""
    named = dict(pairs)
    if len(named) < len(pairs):
        told = " ".join(f"--co {name}={value}" for name, value in pairs)
        raise click.UsageError(f"every --co must be given once, got {told}; leave one out")
    return named
