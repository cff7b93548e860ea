"""All steps from a table to a file: the table is read once for its faults, then embedded and written batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rangegeo.errors import argument
from rangegeo.field.recipe import Recipe
from rangegeo.grid import WGS84, parse_crs
from rangegeo.support.destination import check_destination
from rangegeo.support.text import counted, human_bytes, human_seconds
from rangegeo.tables.columns import OutputColumns
from rangegeo.tables.formats import Format
from rangegeo.tables.parquet import geo_metadata, kept_geo
from rangegeo.tables.places import PlaceColumns
from rangegeo.tables.sinks import PROVENANCE
from rangegeo.tables.survey import Survey, survey
from rangegeo.tables.table import Table, free_name

BATCH_BYTES = 64e6  # of embeddings that are in memory at a time
INTERPOLATED_A_SECOND = 2e7  # values at places between Chebyshev points, measured on two busy cores
FEWEST_ROWS, MOST_ROWS = 1024, 65_536  # of a batch

# A function from (n, 2) longitude, latitude in degrees to (layers, n, bands) float32.
Evaluate = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Plan:
    """A table, and the output that is made of it.

    Attributes:
        table: the table.
        place_columns: the columns of the table that hold its places.
        survey: what the first reading of the table found.
        format: of the output.
        output: the columns of the output.
        metadata: of the schema of the output.
    """

    table: Table
    place_columns: PlaceColumns
    survey: Survey
    format: Format
    output: OutputColumns
    metadata: dict[bytes, bytes]

    @property
    def nbytes(self) -> int:
        """Size of the embeddings and of the columns that are carried over, uncompressed."""
        recipe = self.output.recipe
        return round(self.survey.rows * (4 * recipe.layers * recipe.bands + self.survey.row_bytes))

    @property
    def batch_rows(self) -> int:
        """Number of rows of a batch."""
        recipe = self.output.recipe
        return int(np.clip(BATCH_BYTES // (4 * recipe.layers * recipe.bands), FEWEST_ROWS, MOST_ROWS))

    def describe(self, evaluate: Evaluate, evaluations: int) -> str:
        """One line with the size and the time of the whole table.

        Args:
            evaluate: is timed on a sample of the places; the second of two runs counts.
            evaluations: the number of places that will be evaluated.
        """
        sample, elapsed = self.survey.sample_deg, 0.0
        for _ in range(2 if len(sample) else 0):
            start = time.perf_counter()
            evaluate(sample)
            elapsed = time.perf_counter() - start
        interpolated = max(0, self.survey.rows - evaluations) * self.output.recipe.layers * self.output.recipe.bands
        seconds = elapsed / max(1, len(sample)) * evaluations + interpolated / INTERPOLATED_A_SECOND
        seconds += self.nbytes / self.format.bytes_a_second
        betas = len(self.output.recipe.betas)
        layers = f"{counted(betas, 'beta')}, " if betas > 1 else ""
        size = f"{counted(self.survey.rows, 'place')}, {layers}{counted(self.output.recipe.bands, 'band')}"
        return f"{size}, {human_bytes(self.nbytes)} before compression, about {human_seconds(seconds)}"


def plan_table(
    table: Table,
    place_columns: PlaceColumns,
    output_format: Format,
    recipe: Recipe,
    *,
    lists: bool | None = None,
    drop: bool = False,
) -> Plan:
    """Read a table once and decide which columns its output has.

    Args:
        table: the table.
        place_columns: the columns that hold its places.
        output_format: of the output.
        recipe: layers and bands of the embeddings.
        lists: whether an embedding is one column of lists; None for the default of the format.
        drop: whether the columns of the table are left out.
    Raises:
        TableError: the table cannot be read, or no row has a place. UsageError: the format cannot hold its columns.
    """
    geometries = output_format.geometries
    geometry = None if table.geometry is None else table.geometry.column
    replaced = geometry is not None and geometries in ("columns", "points")
    carried = [name for name in table.schema.names if not (replaced and name == geometry)]
    if drop:
        carried = [geometry] if geometry is not None and geometries == "made" else []
    made = geometries == "points" or (geometries == "made" and geometry is None)
    as_columns = replaced and geometries == "columns" and not drop
    known = survey(table, place_columns, carried)
    output = OutputColumns(
        carried=known.types,
        untyped=table.untyped,
        places="columns" if as_columns else "geometry" if made else "none",
        recipe=recipe,
        lists=output_format.lists if lists is None else lists,
        decimal=table.decimal,
    )
    output_format.sink.check(output)
    return Plan(
        table=table,
        place_columns=place_columns,
        survey=known,
        format=output_format,
        output=output,
        metadata=_schema_metadata(table, place_columns, carried, made=made, drop=drop),
    )


def _schema_metadata(
    table: Table, place_columns: PlaceColumns, carried: list[str], *, made: bool, drop: bool
) -> dict[bytes, bytes]:
    """The metadata of the table that are still true of the output, and those of GeoParquet.

    Without its columns the metadata of pandas are no longer true, and without its geometries those of GeoParquet.

    Args:
        carried: the columns that the output takes over.
        made: whether the output gets a column of points.
        drop: whether the columns of the table are left out.
    """
    geometry = table.geometry
    kept = geometry is not None and geometry.column in carried
    metadata = {} if drop else dict(table.schema.metadata or {})
    if PROVENANCE.encode() in metadata:  # the table holds embeddings of an earlier run
        key = free_name(f"{PROVENANCE}_of_input", [known.decode(errors="replace") for known in metadata])
        metadata[key.encode()] = metadata.pop(PROVENANCE.encode())
    stored = (table.schema.metadata or {}).get(b"geo")
    metadata.pop(b"geo", None)
    still_true = kept_geo(stored, carried) if stored is not None and kept else None
    if still_true is not None:
        metadata[b"geo"] = still_true
    elif made:
        metadata |= geo_metadata("geometry", parse_crs(WGS84), ["Point"])
    elif geometry is not None and kept:
        others = [other for other in table.other_geometries if other.column in carried]
        metadata |= geo_metadata(geometry.column, geometry.crs or place_columns.crs, others=others)
    return metadata


def write_table(
    plan: Plan,
    path: Path,
    evaluate: Evaluate,
    provenance: Callable[[], dict[str, object]],
    advance: Callable[[int], None],
) -> None:
    """Embed a table into a file.

    Args:
        plan: from `plan_table`.
        path: of the file; until this function returns, the file is not complete.
        evaluate: computes the embeddings.
        provenance: returns what the file says about its values; it is called after everything is computed.
        advance: is told the number of rows after each batch.
    """
    columns = list(dict.fromkeys([*plan.place_columns.columns, *plan.output.carried]))
    recipe = plan.output.recipe
    with plan.format.sink(path, plan.output, plan.metadata) as sink:
        for block in plan.table.read(columns, plan.batch_rows):
            places = plan.place_columns.locate(block)
            values = evaluate(places.lonlat_deg[places.usable])
            if not places.usable.all():
                spread = np.zeros((recipe.layers, len(block), recipe.bands), dtype=np.float32)
                spread[:, places.usable] = values
                values = spread
            sink.write(block.columns, places, values)
            advance(len(block))
        sink.finish(provenance())


def check_output(path: Path, nbytes: float = 0, *, overwrite: bool) -> None:
    """Refuse a path that the output cannot have, before any work is done.

    Args:
        path: of the output.
        nbytes: the bytes that it may need.
        overwrite: whether an existing file may be replaced.
    Raises:
        OutputError: the path is a folder, or see `check_destination`.
    """
    smaller = f"take fewer {argument('bands')} or {argument('betas')}"
    check_destination(path, int(nbytes), overwrite=overwrite, smaller=smaller)
