"""What a database holds, and a picture of where its rows lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rangegeo.databases.telling import database_facts, draw_rows
from rangegeo.errors import UsageError
from rangegeo.support.destination import check_destination
from rangegeo.support.unfinished import unfinished
from rangegeo.weights.names import database_file

PICTURES = (".png", ".svg", ".pdf")


def facts_and_map(db: str, plot: Path | None, *, overwrite: bool) -> dict[str, Any]:
    """Facts about a database, and a picture of its rows if a path is given.

    Raises:
        UsageError: there is no such database, or the picture has another suffix. WeightsError: it cannot be read.
        OutputError: the picture cannot be written.
    """
    if plot is not None:
        if plot.suffix.lower() not in PICTURES:
            raise UsageError(argument="plot", expected=f"one of {', '.join(PICTURES)}", got=str(plot), example="a.png")
        check_destination(plot, 0, overwrite=overwrite)
    path = database_file(db, "database")
    facts = database_facts(path)
    if plot is not None:
        figure = draw_rows(path)
        with unfinished(plot) as draft:
            figure.savefig(draft, dpi=150)
    return facts
