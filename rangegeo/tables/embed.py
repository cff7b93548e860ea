"""The whole way of a table: read once for its faults, embedded batch by batch, written, named at last."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rangegeo.errors import OutputError
from rangegeo.field.recipe import Recipe
from rangegeo.grid import WGS84, parse_crs
from rangegeo.support.destination import check_destination
from rangegeo.support.text import human_bytes, human_seconds
from rangegeo.tables.columns import OutputColumns
from rangegeo.tables.formats import Format
from rangegeo.tables.parquet import geo_metadata
from rangegeo.tables.places import PlaceColumns
from rangegeo.tables.survey import Survey, survey
from rangegeo.tables.table import Table

BATCH_BYTES = 64e6  # of embeddings held at a time
FEWEST_ROWS, MOST_ROWS = 1024, 65_536  # of a batch

# (n, 2) longitude, latitude in degrees to (layers, n, bands) float32
Evaluate = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Plan:
    """A table and what becomes of it.

    Attributes:
        table, where, survey: what is read, and what is known of it.
        format, layout: what is written.
        metadata: of its schema.
    """

    table: Table
    where: PlaceColumns
    survey: Survey
    format: Format
    layout: OutputColumns
    metadata: dict[bytes, bytes]

    @property
    def nbytes(self) -> int:
        """Of the embeddings, uncompressed."""
        recipe = self.layout.recipe
        return 4 * self.survey.rows * recipe.layers * recipe.bands

    @property
    def batch_rows(self) -> int:
        recipe = self.layout.recipe
        return int(np.clip(BATCH_BYTES // (4 * recipe.layers * recipe.bands), FEWEST_ROWS, MOST_ROWS))

    def describe(self, evaluate: Evaluate, evaluations: int) -> str:
        """Size, and time for so many evaluations, measured on some of the places; the second run counts."""
        sample, elapsed = self.survey.sample_deg, 0.0
        for _ in range(2 if len(sample) else 0):
            start = time.perf_counter()
            evaluate(sample)
            elapsed = time.perf_counter() - start
        seconds = elapsed / max(1, len(sample)) * evaluations
        betas = len(self.layout.recipe.betas)
        layers = f"{betas} betas, " if betas > 1 else ""
        return (
            f"{self.survey.rows:,} places, {layers}{self.layout.recipe.bands} bands, {human_bytes(self.nbytes)} before "
            f"compression, about {human_seconds(seconds)}"
        )


def plan_table(
    table: Table, where: PlaceColumns, form: Format, recipe: Recipe, *, lists: bool | None = None, drop: bool = False
) -> Plan:
    """Read a table once and decide what its output holds.

    Args:
        lists: whether an embedding is one column of lists; None for what is usual in the format.
        drop: leave out the columns of the table.
    Raises:
        TableError: the table cannot be read, or no row has a place. UsageError: the format cannot hold its columns.
    """
    geometry = None if table.geometry is None else table.geometry.column
    as_columns = geometry is not None and form.geometries == "columns"
    carried = [name for name in table.schema.names if not (as_columns and name == geometry)]
    if drop:
        carried = [geometry] if geometry is not None and form.geometries == "made" else []
    made = form.geometries == "made" and geometry is None
    known = survey(table, where, carried)
    layout = OutputColumns(
        carried=known.types,
        untyped=table.untyped,
        places="columns" if as_columns and not drop else "geometry" if made else "none",
        recipe=recipe,
        lists=form.lists if lists is None else lists,
    )
    form.sink.check(layout)
    stored = table.schema.metadata or {}
    # what pandas says of its columns is no longer true without them, nor what GeoParquet says of its geometries
    metadata = {key: text for key, text in stored.items() if (geometry in carried if key == b"geo" else not drop)}
    if made:
        metadata |= geo_metadata("geometry", parse_crs(WGS84), ["Point"])
    elif geometry in carried and b"geo" not in metadata:
        metadata |= geo_metadata(geometry, table.geometry.crs or where.crs)
    return Plan(table=table, where=where, survey=known, format=form, layout=layout, metadata=metadata)


def write_table(
    plan: Plan,
    path: Path,
    evaluate: Evaluate,
    provenance: Callable[[], dict[str, object]],
    advance: Callable[[int], None],
) -> None:
    """Embed a table into a file.

    Args:
        path: of the file, which may be seen unfinished.
        provenance: asked once everything is computed.
        advance: told of the rows that are done.
    """
    columns = list(dict.fromkeys([*plan.where.columns, *plan.layout.carried]))
    recipe = plan.layout.recipe
    with plan.format.sink(path, plan.layout, plan.metadata) as sink:
        for block in plan.table.read(columns, plan.batch_rows):
            places = plan.where.locate(block)
            values = evaluate(places.lonlat_deg[places.usable])
            if not places.usable.all():
                spread = np.zeros((recipe.layers, len(block), recipe.bands), dtype=np.float32)
                spread[:, places.usable] = values
                values = spread
            sink.write(block.columns, places, values)
            advance(len(block))
        sink.finish(provenance())


def check_output(path: Path, nbytes: float = 0, *, overwrite: bool) -> None:
    """Refuse an output before any work is done; see `check_destination`."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder and was left as it is; give another -o")
    check_destination(path, int(nbytes), overwrite=overwrite, smaller="take fewer --bands or --beta")
