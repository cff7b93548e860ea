"""From a table of places to a table of embeddings: prepare, describe, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rangegeo.errors import TableError, UsageError, argument
from rangegeo.jobs.options import Content, Engine, TableInput, TableOutput
from rangegeo.support.inputs import check_keeps_inputs
from rangegeo.support.unfinished import unfinished
from rangegeo.tables.dialect import TextOptions
from rangegeo.tables.embed import Plan, check_output, plan_table, write_table
from rangegeo.tables.formats import Format, choose_format
from rangegeo.tables.opening import open_table
from rangegeo.tables.outside import check_inside
from rangegeo.tables.places import find_places

if TYPE_CHECKING:
    from rangegeo.engine.values import PointValues
    from rangegeo.models.model import Model


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointsJob:
    """A table that can be embedded. Made within `prepared`.

    Attributes:
        plan: the table and what becomes of it.
        model: that is evaluated.
        interpolator: the model at the places of the table, within the tolerance.
        output: what is written.
        draft: where it is written until it is complete.
        provenance: of the embeddings.
    """

    plan: Plan
    model: Model
    interpolator: PointValues
    output: TableOutput
    draft: Path
    provenance: dict[str, object]

    @property
    def rows(self) -> int:
        return self.plan.survey.rows

    @property
    def lost(self) -> str:
        """Which rows have no place, in one line; empty if all have one."""
        survey = self.plan.survey
        return f"{survey}; they get nulls" if survey.unusable else ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else a user should know about the table, one line each."""
        return self.plan.survey.remarks

    def describe(self) -> str:
        """What it will cost; measures the model for a moment."""
        from rangegeo.engine.values import evaluate_places

        evaluate = partial(evaluate_places, self.model.evaluator, recipe=self.plan.output.recipe)
        return f"{self.output.written_to}: {self.plan.describe(evaluate, self.interpolator.expected)}"

    def write(self, advance: Callable[[int], None]) -> None:
        """Embed the table; `advance` is told of the rows that are done."""
        write_table(
            self.plan, self.draft, self.interpolator, lambda: self.provenance | self.interpolator.facts, advance
        )

    @property
    def measured(self) -> str:
        """What was measured while it was written."""
        return str(self.interpolator)


@contextmanager
def prepared(
    source: TableInput, content: Content, engine: Engine, output: TableOutput, *, command: str | None = None
) -> Iterator[PointsJob]:
    """A job within which the output is unfinished; it takes its name when the `with` ends well.

    Args:
        command: the command line, kept in the output.
    Raises:
        UsageError: what is wrong with an argument. TableError: the table cannot be read, or has rows without a place
            that are to be refused. OutputError: the output cannot be written; nothing was touched.
    """
    form = choose_format(output.out, output.format)
    if output.shape is not None and not form.choice:
        raise UsageError(
            f"{argument('shape')} is for Parquet; CSV has a column a band, and so has GeoPackage; npz has an array an "
            "embedding"
        )
    if not output.to_stdout:
        check_keeps_inputs([("out", output.out)], source=source.source, weights=content.weights, db=content.db)
        check_output(output.out, overwrite=output.overwrite)
    content.check()
    tolerance = engine.chosen_tolerance
    with _draft(output) as draft:
        yield _planned(source, content, engine, output, form, tolerance, draft, command)


@contextmanager
def _draft(output: TableOutput) -> Iterator[Path]:
    """A path to write to, in a folder of its own. What is written to standard output has no draft."""
    if not output.to_stdout:
        with unfinished(output.out) as draft:
            yield draft
        return
    with TemporaryDirectory(prefix="rangegeo-") as folder:
        yield Path(folder) / output.out


def _planned(
    source: TableInput,
    content: Content,
    engine: Engine,
    output: TableOutput,
    form: Format,
    tolerance: float | None,
    draft: Path,
    command: str | None,
) -> PointsJob:
    """The job of a request that is known to be sound; reads the table once and loads the model."""
    text = TextOptions(
        delimiter=source.delimiter, quoting=source.quoting, encoding=source.encoding, decimal=source.decimal
    )
    table = open_table(source.source, draft.parent, kind=source.input_format, layer=source.layer, text=text)
    where = find_places(
        table, lon=source.lon, lat=source.lat, crs=source.crs, representative=source.representative_point
    )

    from rangegeo.cubes.spec import provenance
    from rangegeo.engine.values import point_values
    from rangegeo.jobs.scheduler import use_threads
    from rangegeo.models.planet import PlanetModel

    use_threads(engine.threads, with_torch=not content.is_planet)
    model = content.load(engine.device)
    if content.is_planet and (engine.exact or engine.tolerance is not None):
        model.checked_tolerance(tolerance)
    recipe = content.recipe(model)
    lists = None if output.shape is None else output.shape == "list"
    plan = plan_table(table, where, form, recipe, lists=lists, drop=output.drop_columns)
    if plan.survey.unusable and source.invalid == "refuse":
        keep = f"leave out {argument('invalid', 'refuse')} to keep them with nulls"
        raise TableError(f"{plan.survey}; correct them in a copy, or {keep}")
    if isinstance(model, PlanetModel):
        check_inside(table, where, model.planet.outside, model.planet.covered)
    if not output.to_stdout:
        check_output(output.out, form.room * plan.nbytes, overwrite=output.overwrite)
    facts = provenance(model, recipe) | {
        "betas": list(recipe.betas) if model.has_beta else [],
        "band_names": list(recipe.names),
    }
    return PointsJob(
        plan=plan,
        model=model,
        interpolator=point_values(model.evaluator, recipe, tolerance, plan.survey.tiles),
        output=output,
        draft=draft,
        provenance=facts if command is None else facts | {"command": command},
    )
