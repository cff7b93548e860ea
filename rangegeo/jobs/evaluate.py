"""From labels to a comparison of encoders on disk: read, load, score, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from rangegeo.errors import UsageError, argument
from rangegeo.evaluation.background import background_of
from rangegeo.evaluation.comparing import Task, compare
from rangegeo.evaluation.comparison import PICTURES, TABLES, Evaluation, check_scores
from rangegeo.evaluation.embedded import ALL, Encoder, chosen_betas, encoders_of, names_left_out
from rangegeo.evaluation.evaluate import splitting_of, tasks_of
from rangegeo.evaluation.fitting import Splitting
from rangegeo.evaluation.reading import rows_of_file
from rangegeo.jobs.evaluate_options import Comparing, ScoreOutput, Suite
from rangegeo.jobs.map import reading_of_input
from rangegeo.jobs.map_options import LabelInput
from rangegeo.jobs.scheduler import use_threads
from rangegeo.suite.scored import BLOCK as SUITE_BLOCK
from rangegeo.suite.scored import check_sources, chosen_tasks, made_tasks
from rangegeo.suite.tasks import PLACES
from rangegeo.support.inputs import check_keeps_inputs
from rangegeo.support.planets import split_model
from rangegeo.support.progress import SILENT, Progress
from rangegeo.support.text import counted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvaluateJob:
    """A comparison that can be made; nothing is scored yet. Made by `prepare`.

    Attributes:
        tasks: what encoders are tested with.
        encoders: what is compared.
        betas: of encoders that have some.
        splitting: how labels are left out.
        output: where the scores are written.
        remarks: what a user should know about the labels, one line each.
        left_out: names of models that are left out of all because they need weights.
    """

    tasks: tuple[Task, ...]
    encoders: tuple[Encoder, ...]
    betas: tuple[float, ...]
    splitting: Splitting
    output: ScoreOutput
    remarks: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @classmethod
    def prepare(
        cls, tables: Sequence[str], labels: LabelInput, comparing: Comparing, output: ScoreOutput
    ) -> EvaluateJob:
        """Check a request, cheap things first, then read the labels and load the models.

        Args:
            tables: paths of tables of labels, or - for standard input.
            labels: how they are read.
        Raises:
            UsageError: what is wrong with an argument or with the labels. TableError, WeightsError: a file cannot be
                used. OutputError: an output cannot be written. Nothing was touched.
        """
        splitting = _checked(comparing, output)
        if not tables:
            raise UsageError(
                f"a comparison needs a table of labels; give its path, or {argument('suite', True)} for public data"
            )
        check_keeps_inputs(output.named, labels=list(tables), background=labels.background)
        way = reading_of_input(labels)
        aoi = (comparing.aoi, comparing.aoi_layer, comparing.bbox_crs)
        beside = background_of(labels.background, way, *aoi)
        rows = [rows_of_file(table, way) for table in tables]
        encoders, betas = _loaded(comparing)
        tasks, remarks = tasks_of(
            rows,
            labels.target,
            encoders,
            classes=labels.classes,
            weight=labels.weight,
            background=beside,
            seed=comparing.seed,
        )
        return cls(
            tasks=tuple(tasks),
            encoders=encoders,
            betas=betas,
            splitting=splitting,
            output=output,
            remarks=tuple(remarks),
            left_out=_left_out(comparing),
        )

    @classmethod
    def of_suite(
        cls,
        suite: Suite,
        tables: Sequence[str],
        labels: LabelInput,
        comparing: Comparing,
        output: ScoreOutput,
        say: Callable[[str], None],
    ) -> EvaluateJob:
        """Check a request for the suite, then get its data and load the models.

        Args:
            tables, labels: as of `prepare`; none may be given.
            say: gets lines about what is fetched, one at a time.
        Raises:
            As `prepare`. DownloadError: data cannot be had.
        """
        splitting = _checked(replace(comparing, block=comparing.block or SUITE_BLOCK), output)
        given = [field.name for field in fields(labels) if getattr(labels, field.name) != field.default]
        given += ["aoi"] if comparing.aoi is not None else []
        if tables or given:
            raise UsageError(
                f"{argument('suite')} has labels of its own; leave out {[*tables, *map(argument, given)][0]}"
            )
        names, places = chosen_tasks(suite.tasks), PLACES if suite.places is None else suite.places
        check_sources(names, places, fetch=suite.fetch)
        encoders, betas = _loaded(comparing)
        tasks = made_tasks(names, places, fetch=suite.fetch, say=say)
        return cls(tasks=tuple(tasks), encoders=encoders, betas=betas, splitting=splitting, output=output, remarks=())

    def describe(self) -> Iterator[str]:
        """What is compared, one line each."""
        if self.left_out:
            example = f"{self.left_out[0]}=FILE"
            yield f"{', '.join(self.left_out)} need weights and are left out; add {argument('model', example)}"
        for task in self.tasks:
            classes = len(task.targets[0].classes)
            what = f"{classes} classes" if classes else counted(len(task.targets), "column") + " of numbers"
            yield f"{task.name}: {counted(len(task.labels), 'label')}, {what}"

    def score(self, progress: Progress = SILENT) -> Evaluation:
        """Score all encoders on all tasks."""
        found = compare(self.tasks, self.encoders, self.betas, self.splitting, progress)
        return replace(found, remarks=self.remarks)

    def write(self, scores: Evaluation) -> list[Path]:
        """Write the scores; returns the paths."""
        return [scores.write(path, overwrite=self.output.overwrite) for path in self.output.paths]


def _checked(comparing: Comparing, output: ScoreOutput) -> Splitting:
    """How labels are split, if it and the outputs are sound."""
    for path in output.outs:
        check_scores(path, overwrite=output.overwrite, suffixes=TABLES)
    if output.plot is not None:
        check_scores(output.plot, overwrite=output.overwrite, name="plot", suffixes=PICTURES)
    names = ("block", "folds", "seeds", "seed", "baselines")
    return splitting_of(**{name: getattr(comparing, name) for name in names})


def _loaded(comparing: Comparing) -> tuple[tuple[Encoder, ...], tuple[float, ...]]:
    """The models, and the betas of those that have some."""
    use_threads(comparing.threads)
    encoders = tuple(encoders_of(comparing.models, comparing.device, comparing.storage))
    return encoders, chosen_betas(encoders, comparing.betas or None)


def _left_out(comparing: Comparing) -> tuple[str, ...]:
    """Names of models that "all" does not take and that are not given besides."""
    given = {split_model(name)[0] for name in comparing.models}
    return tuple(name for name in names_left_out() if name not in given) if ALL in given else ()
