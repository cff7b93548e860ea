"""Options in groups, and what a verb says."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner

from rangegeo.cli.options import Verbosity, grouped
from rangegeo.errors import GridWarning, argument


@dataclass(frozen=True, kw_only=True)
class Size:
    width: int = 3
    height: int = 4


@dataclass(frozen=True, kw_only=True)
class Look:
    colour: str = "red"


@click.command()
@grouped("size", Size, click.option("--width", type=int), click.option("--height", type=int, default=9))
@click.option("--colour", default="blue", help="A field of the group below.")
@grouped("look", Look)
@click.option("--plain", is_flag=True)
def paint(size: Size, look: Look, plain: bool) -> None:
    click.echo(f"{size} {look} {plain}")


def run(*arguments: str) -> str:
    done = CliRunner().invoke(paint, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output.strip()


def test_options_arrive_in_their_groups():
    assert run("--width", "1", "--plain") == "Size(width=1, height=9) Look(colour='blue') True"


def test_an_option_may_be_added_apart_from_its_group():
    assert "Look(colour='green')" in run("--colour", "green")


def test_help_shows_options_in_the_order_of_the_source():
    lines = run("--help").splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  --")] == [
        "--width", "--height", "--colour", "--plain", "--help"]  # fmt: skip


def test_what_is_said_goes_to_stderr_in_the_spelling_of_the_shell(capsys):
    Verbosity().say(f"take {argument('dtype', 'int16')}")
    assert capsys.readouterr() == ("", "take --dtype int16\n")


def test_quiet_says_nothing(capsys):
    Verbosity(quiet=True).say("anything")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("quiet", [True, False])
def test_warnings_about_grids_are_silent_if_quiet(quiet):
    with warnings.catch_warnings(record=True, action="always") as caught:
        Verbosity(quiet=quiet).silence_grid_warnings()
        warnings.warn(GridWarning("coarse"), stacklevel=1)
        warnings.warn(UserWarning("other"), stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["other"] if quiet else ["coarse", "other"]
