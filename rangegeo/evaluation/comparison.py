"""The result of a comparison: a long table, a table to read, files and a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from rangegeo.errors import UsageError, argument
from rangegeo.evaluation.chart import draw_chart
from rangegeo.evaluation.scores import shown as as_written
from rangegeo.evaluation.tested import BLOCK, RANDOM
from rangegeo.support.destination import check_destination
from rangegeo.support.optional import import_optional
from rangegeo.support.paths import local_path
from rangegeo.support.unfinished import unfinished

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BASELINE = "baseline"  # stands for the encoder in rows of baselines
MEAN = "mean"  # the column of the mean of all tasks
SUFFIXES = (".md", ".csv", ".png", ".svg", ".pdf")
TABLES, PICTURES = SUFFIXES[:2], SUFFIXES[2:]
DOTS_PER_INCH = 150


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Evaluation:
    """How well encoders predict labels that were left out.

    Attributes:
        table: columns task, encoder (or "baseline"), features (such as "beta 0.5", "S+G+q", "rbf+q"), bands (their
            number), split ("block" or "random"), blocks (their side), labels (their number), measure, value (over all
            labels that were left out, the mean of the seeds), over_seeds and over_folds (its standard deviations over
            the seeds and over the folds of all seeds; NaN with one seed).
        measures: of each task, the measure that encoders are compared by, such as "r2".
        remarks: what a user should know about the labels, one line each.
    """

    table: pd.DataFrame
    measures: dict[str, str]
    remarks: tuple[str, ...] = field(default=())

    @property
    def splits(self) -> list[str]:
        """The kinds of splits, blocks first."""
        return [split for split in (BLOCK, RANDOM) if (self.table["split"] == split).any()]

    def wide(self, split: str = BLOCK, column: str = "value") -> pd.DataFrame:
        """One row for each encoder with its features, one column for each task, and one for the mean of several tasks.

        Args:
            split: "block" or "random".
            column: "value", "over_seeds" or "over_folds".
        """
        table = self.table
        shown = table[(table["split"] == split) & (table["measure"] == table["task"].map(self.measures))]
        found = shown.set_index(["encoder", "features", "task"])[column].unstack("task", sort=False)[[*self.measures]]
        if column == "value" and len(self.measures) > 1:
            found[MEAN] = found.mean(axis=1, skipna=False)
        found.columns.name = None
        return found

    def cells(self, split: str) -> tuple[list[str], list[list[str]]]:
        """The header and the rows of the table to read, as text."""
        values, spreads = self.wide(split), self.wide(split, "over_seeds")
        names = [f"{task} ({as_written(measure)})" for task, measure in self.measures.items()]
        header = ["encoder", "features", *names, *([MEAN] if MEAN in values else [])]
        rows = []
        for label, row in values.iterrows():
            encoder, features = label
            around = [f"±{one:.3f}" if one == one else "" for one in spreads.loc[label]]
            numbers = [f"{value:.3f}" for value in row]
            padded = [*around, *[""] * (len(numbers) - len(around))]
            rows.append([encoder, features, *(a + b for a, b in zip(numbers, padded, strict=True))])
        return header, rows

    def headings(self) -> Iterator[tuple[str, str]]:
        """Each kind of split, and how a table of it is headed."""
        sides = ", ".join(dict.fromkeys(self.table["blocks"]))
        told = {BLOCK: f"In blocks of {sides} that were left out", RANDOM: "At random places"}
        yield from ((split, told[split]) for split in self.splits)

    def to_markdown(self) -> str:
        """The tables to read, one for each kind of split, in Markdown."""
        parts = []
        for split, heading in self.headings():
            header, rows = self.cells(split)
            rule = ["---", "---", *["---:"] * (len(header) - 2)]
            lines = [" | ".join(cell.replace("|", "\\|") for cell in cells) for cells in (header, rule, *rows)]
            parts.append(f"## {heading}\n\n" + "\n".join(f"| {line} |" for line in lines) + "\n")
        return "\n".join(parts)

    def to_csv(self) -> str:
        """The long table as CSV."""
        return self.table.to_csv(index=False)

    def draw(self) -> Figure:
        """Draw the scores of all tasks, and their standard deviations over the seeds; returns a figure of matplotlib.

        Raises:
            MissingPackage: matplotlib is not installed.
        """
        parts = [(heading, self.wide(split), self.wide(split, "over_seeds")) for split, heading in self.headings()]
        names = [" ".join(label) for label in parts[0][1].index]
        return draw_chart(parts, {task: as_written(measure) for task, measure in self.measures.items()}, names)

    def write(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the tables to read to a .md, the long table to a .csv, or draw a .png, .svg or .pdf.

        Raises:
            UsageError: the name has another suffix. OutputError: the file exists, or cannot be written.
            MissingPackage: matplotlib is not installed, and the file is a picture.
        """
        path = check_scores(path, overwrite=overwrite)
        with unfinished(path) as draft:
            suffix = path.suffix.lower()
            if suffix in PICTURES:
                self.draw().savefig(draft, dpi=DOTS_PER_INCH)
            else:
                text = self.to_markdown() if suffix == ".md" else self.to_csv()
                draft.write_text(text, encoding="utf-8", newline="\n")
        return path

    def __str__(self) -> str:
        return self.to_markdown()

    def __repr__(self) -> str:
        return f"<rangegeo evaluation of {', '.join(self.measures)}>\n{self}"


def check_scores(path: str | Path, *, overwrite: bool, name: str = "out", suffixes: tuple[str, ...] = SUFFIXES) -> Path:
    """Refuse, before any work is done, a file that cannot be written. Raises as `Evaluation.write`."""
    path = local_path(path)
    if path.suffix.lower() not in suffixes:
        example = path.with_suffix(suffixes[0]) if path.name else Path(f"scores{suffixes[0]}")
        raise UsageError(
            argument=name, expected=f"a name that ends in {', '.join(suffixes)}", got=repr(path.name), example=example
        )
    if path.suffix.lower() in PICTURES:
        import_optional("matplotlib", f"drawing a {path.suffix.lower()}")
    check_destination(path, 0, overwrite=overwrite, other=f"another {argument(name)}")
    return path
