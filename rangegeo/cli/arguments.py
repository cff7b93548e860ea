"""Types of click for the values that verbs take, written as users of rio and gdalwarp write them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from functools import wraps
from os import PathLike
from pathlib import Path

import click

from rangegeo.schema.bands import parse_bands
from rangegeo.support.address import BUCKETS, Address
from rangegeo.support.location import KNOWN, Location, check_local, is_address, located
from rangegeo.support.paths import local_path
from rangegeo.support.planets import split_model

NUMBERS = {"--bbox": 4, "--res": 2}  # how many numbers these options take at most, joined by commas or apart
# Where the context of a command keeps the options of addresses, and whether there is an address.
STORAGE, ADDRESSED = "rangegeo.storage", "rangegeo.addressed"
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
    """Text NAME=VALUE; gives the pair (NAME, VALUE) with the name in capitals.

    Args:
        example: what a message shows as a right value.
        secret: whether the value must not be shown.
    """

    name = "name=value"

    def __init__(self, example: str = "--co COMPRESS=DEFLATE", *, secret: bool = False) -> None:
        self.example, self.secret = example, secret

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not (name and equals and text):
            got = "" if self.secret else f", got {value!r}"
            self.fail(f"expected NAME=VALUE{got}; for example {self.example}", param, ctx)
        return name.upper(), text


class Place(click.ParamType):
    """A path of this machine or an address; gives a Path, or an `Address` with what `--storage` says.

    Args:
        named: whether names that are no files are allowed too, which stay text.
    """

    name = "place"

    def __init__(self, *, named: bool = False) -> None:
        self.named = named

    def convert(
        self, value: str | Location, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | Location:
        if not isinstance(value, str):
            return value
        if self.named and not is_address(value):
            check_local(value, KNOWN)
            return value
        options = {} if ctx is None else ctx.meta.get(STORAGE, {})
        if value.lower().startswith("memory://"):
            self.fail(f"{value} lasts as long as a Python session; in the shell give a path, or {BUCKETS}", param, ctx)
        place = located(value, options)
        if ctx is not None and isinstance(place, Address):
            ctx.meta[ADDRESSED] = True
        return place


class ModelName(Place):
    """A name, a path or the address of a planet; gives text, or an `Address` with what `--storage` says."""

    name = "model"

    def convert(
        self, value: str | Location, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | Location:
        if isinstance(value, str) and not is_address(value):
            return value
        return super().convert(value, param, ctx)


class ComparedModel(Place):
    """A model that `evaluate` compares, such as "RANGE+=FILE,DB"; gives text. Addresses in it are checked."""

    name = "model"

    def convert(self, value: str | Location, param: click.Parameter | None, ctx: click.Context | None) -> str:
        for part in split_model(str(value)):
            if is_address(part):
                super().convert(part, param, ctx)
        return str(value)


def told_storage() -> dict[str, str]:
    """What `--storage` of the command says."""
    return dict(click.get_current_context().meta.get(STORAGE, {}))


def keep_storage(
    context: click.Context, parameter: click.Parameter, pairs: tuple[tuple[str, str], ...]
) -> dict[str, str]:
    """Callback of --storage: keeps the options where `Place` finds them."""
    context.meta[STORAGE] = {name.lower(): value for name, value in pairs}
    return context.meta[STORAGE]


def storage_option(command: Callable) -> Callable:
    """Add --storage, which is refused where no address is given that it could be for."""

    @wraps(command)
    def checked(**given: object) -> object:
        told = click.get_current_context().meta
        if told.get(STORAGE) and not told.get(ADDRESSED):
            raise click.UsageError("--storage is for addresses such as s3://, and none is given; leave it out")
        return command(**given)

    return click.option(
        "--storage",
        type=NameValue("--storage region=eu-central-1", secret=True),
        multiple=True,
        is_eager=True,  # read before the addresses
        expose_value=False,
        callback=keep_storage,
        metavar="NAME=VALUE",
        help="Option of obstore for s3://, gs:// and az://, such as region or endpoint. Repeatable.",
    )(checked)


class LocalPath(click.Path):
    """A path on this machine; gives a Path. A leading `~` is the home folder, also where the shell leaves it."""

    def __init__(self, *, exists: bool = False) -> None:
        super().__init__(exists=exists, path_type=Path)

    def convert(
        self, value: str | PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | PathLike[str]:
        check_local(value)
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


def typed_line() -> str:
    """The command line that runs, as a cube keeps it: without secrets and without --resume.

    The options of addresses may hold secrets. A resumed run gives the result of one run.
    """
    arguments = click.get_current_context().find_root().obj
    kept = ["rangegeo"]
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if before != "--storage" and argument.partition("=")[0] not in ("--storage", "--resume"):
            kept.append(argument)
    return shlex.join(kept)
