"""`rangegeo`: finds the verbs by name, imports them when they are called, and prints errors in one line."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from importlib import import_module
from io import TextIOWrapper
from typing import TextIO

import click

from rangegeo.cli.arguments import join_numbers
from rangegeo.cli.streams import remark
from rangegeo.errors import CubeWarning, GridWarning, ModelWarning, Note, PlaceWarning, RangegeoError
from rangegeo.support.text import printable

INTERRUPTED = 130
COMMANDS = {
    "raster": "Make an embedding raster of a box, an area or another grid.",
    "mosaic": "Join cubes that lie on one lattice.",
    "map": "Map what is known of some places, and test the map.",
    "evaluate": "Compare models and betas on labels that were left out.",
    "points": "Embed the places of a table.",
    "planet": "Write a model down for the whole Earth, to be read without torch.",
    "preview": "Draw a cube: a map, or colours for QGIS.",
    "view": "Look at a planet, a cube or a model in a browser.",
    "info": "Say what a cube, a planet, a model or a file of one is.",
    "verify": "Find out whether cubes are as they were written.",
    "models": "List the models and which weights are here.",
    "weights": "List, pull, verify and convert published files.",
    "db": "Build databases of your own, and say what one holds.",
    "train": "Train a location encoder on a database.",
    "neighbors": "Say which rows of the database decide the embedding of a place.",
}
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the quota or the largest file is full


class LazyGroup(click.Group):
    """A group whose commands live in modules of the same names; `rangegeo --help` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return import_module(f"rangegeo.cli.{name}").command if name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog="rangegeo COMMAND --help says more."
)
@click.version_option(package_name="rangegeo")
def cli() -> None:
    """Georeferenced embedding rasters from the RANGE location model.

    \b
    rangegeo raster --bbox 5,44,10,48 --res 0.01 --beta 0,0.5,1 -o alps.zarr
    """


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 1 failed, 2 bad usage, 130 interrupted."""
    # OpenMP's idle threads otherwise spin on cores that other threads compute and compress on. Runs take twice as long
    # on a busy machine and are no faster on an idle one. torch reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("CPL_LOG", os.devnull)  # where GDAL writes what it also tells its callers; else it is stderr
    arguments = sys.argv[1:] if arguments is None else arguments
    _open_closed_streams()
    _ignore_deprecations()
    _print_anything(sys.stdout, sys.stderr)
    _hear_signals()
    code = run(arguments)
    if code == INTERRUPTED:  # other threads may still compute; they crash if the interpreter shuts down under them
        sys.stdout.flush()
        os._exit(code)
    gc.freeze()  # Python would look through all objects for rubbish before it ends, for 0.2 seconds
    sys.exit(code)


def _open_closed_streams() -> None:
    """Put the null device in the place of standard streams that are closed.

    An output could get the number of a closed stream, and libraries in C would write their messages into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the program ends


def _ignore_deprecations() -> None:
    """Ignore what packages say to those who develop with them, also if PYTHONWARNINGS makes errors of warnings."""
    for category in (DeprecationWarning, PendingDeprecationWarning):
        warnings.simplefilter("ignore", category)


def _print_anything(*streams: TextIO | None) -> None:
    """Print letters that the encoding of a terminal lacks as escapes, so that no name of a file ends a run."""
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _left(arguments: list[str], error: BaseException) -> str:
    """What remains after a command line was interrupted."""
    if arguments[0] == "weights":
        return "what has arrived is kept, and the same command goes on from there"
    return _notes(error) or "what was there before is kept, and this run has left nothing"


def _notes(error: BaseException) -> str:
    """What rangegeo has noted on an error, such as how to continue."""
    chain = (error, error.__cause__)  # click raises its own error from an interrupt
    notes = [note for one in chain for note in getattr(one, "__notes__", []) if isinstance(note, Note)]
    return "; ".join(note.for_shell() for note in notes)


def _hear_signals() -> None:
    """Let the signals of schedulers and of closed terminals interrupt a run, or unfinished files would stay."""
    signal.signal(signal.SIGTERM, _interrupt)
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:  # nohup has it ignored
        signal.signal(hang_up, _interrupt)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code. An error is one line on stderr; -vv adds the traceback."""
    if not arguments:
        cli.main(["--help"], prog_name="rangegeo", standalone_mode=False)
        return 2
    try:
        with warnings.catch_warnings():
            of_others: dict[str, None] = {}  # in their order, each once
            warnings.showwarning = _one_line(of_others)
            result = cli.main(join_numbers(arguments), prog_name="rangegeo", standalone_mode=False, obj=arguments)
        for line in of_others:  # a run that fails says why itself
            remark(f"rangegeo: warning: {line}")
        return result if isinstance(result, int) else 0
    except (KeyboardInterrupt, click.Abort) as error:
        return _fail(f"interrupted; {_left(arguments, error)}", INTERRUPTED)
    except click.ClickException as error:
        return _fail(_with_remedy(error, arguments[0]), error.exit_code)
    except BrokenPipeError:
        return 1
    except Exception as error:
        if arguments.count("-v") + arguments.count("--verbose") + 2 * arguments.count("-vv") >= 2:
            click.echo(printable(traceback.format_exc()), err=True, nl=False)
        kept = f"; {notes}" if (notes := _notes(error)) else ""
        if isinstance(error, RangegeoError):
            return _fail(f"{error.for_shell()}{kept}", error.exit_code)
        if isinstance(error, ModuleNotFoundError) and error.name == "torch":
            return _fail("this needs torch, as all does but reading planets: pip install torch", 1)
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            why = f"writing failed: {error.strerror}"
            elsewhere = "" if arguments[0] == "weights" else ", or give another -o"
            return _fail(f"{why}; what was there before is kept; make room{elsewhere}{kept}", 1)
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            return _fail(f"the name {os.path.basename(str(error.filename))} is too long; give a shorter one", 1)
        if isinstance(error, OSError) and error.errno and error.filename:
            return _fail(f"{error.filename}: {error.strerror}; check the path and who may use it{kept}", 1)
        kind = type(error).__name__
        return _fail(f"{kind}: {str(error) or 'no further message'}; run again with -vv for the traceback{kept}", 1)


def _with_remedy(error: click.ClickException, command: str) -> str:
    """Click's message, and the command that shows the right spelling."""
    message = error.format_message()
    if ";" in message:
        return message
    context = getattr(error, "ctx", None)
    known = f"rangegeo {command}" if command in COMMANDS else "rangegeo"
    return f"{message.rstrip('.')}; type {context.command_path if context else known} --help"


def _one_line(of_others: dict[str, None]) -> Callable:
    """A replacement of `warnings.showwarning` that prints rangegeo's own warnings as one line, and keeps all others.

    Args:
        of_others: takes what other packages say.
    """

    def shown(message: Warning, category: type[Warning], *where: object) -> None:
        if isinstance(message, GridWarning | CubeWarning | PlaceWarning | ModelWarning):
            remark(f"rangegeo: warning: {message.for_shell()}")
        else:
            of_others.setdefault(f"{' '.join(str(message).split())} ({category.__name__})")

    return shown


def _fail(message: str, code: int) -> int:
    remark(f"rangegeo: {' '.join(message.split())}")
    return code


if __name__ == "__main__":
    main()
