"""One page of text, tables and pictures, as HTML in one file or as Markdown with a folder of pictures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TypeAlias

from rangegeo.errors import UsageError, argument
from rangegeo.support.destination import check_destination
from rangegeo.support.unfinished import unfinished

STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1c; --soft: #555; --line: #ccc; --paper: #fff; --code: #f3f3f3 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --soft: #aaa; --line: #4a4a4a; --paper: #161616; --code: #242424 }
}
body { margin: 2rem auto; padding: 0 1rem; max-width: 62rem; font: 16px/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper) }
h1 { line-height: 1.2 } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line) }
figure { margin: 1rem 0 } img { max-width: 100%; height: auto; background: #fff; border-radius: 4px }
figcaption, caption { color: var(--soft); text-align: left; padding: .3rem 0 }
.scroll { overflow-x: auto } table { border-collapse: collapse; margin: 1rem 0; min-width: 26rem }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
pre { background: var(--code); padding: .8rem; border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere }
td { overflow-wrap: anywhere }
"""
SPECIAL = "\\`*_{}[]<>#|"  # characters that mean something in Markdown


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture.

    Attributes:
        name: of its file, without a suffix.
        alt: what it shows, for those who cannot see it.
        caption: the words below it.
        png: the bytes of its file.
    """

    name: str
    alt: str
    caption: str
    png: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table whose first column heads the rows.

    Attributes:
        caption: what it holds.
        columns: the heads of the columns.
        rows: of text.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Code:
    """Text that is typed."""

    text: str


Part: TypeAlias = str | Picture | Table | Code  # a text is a paragraph


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Parts below a heading."""

    title: str
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page.

    Attributes:
        title: of the page.
        lead: a sentence below the title.
        sections: those without parts are left out.
    """

    title: str
    lead: str
    sections: Sequence[Section]

    @property
    def filled(self) -> list[Section]:
        """The sections that have parts."""
        return [section for section in self.sections if section.parts]

    @property
    def pictures(self) -> list[Picture]:
        """All pictures, in order."""
        return [part for section in self.sections for part in section.parts if isinstance(part, Picture)]

    def html(self) -> str:
        """The page as HTML that needs nothing else: its pictures are in it."""
        body = "".join(
            f"<section>\n<h2>{escape(section.title)}</h2>\n{''.join(map(_html, section.parts))}</section>\n"
            for section in self.filled
        )
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"<h1>{escape(self.title)}</h1>\n<p>{escape(self.lead)}</p>\n{body}</main>\n</body>\n</html>\n"
        )

    def markdown(self, folder: str) -> str:
        """The page as Markdown whose pictures lie in a folder."""
        body = "".join(
            f"\n## {_marked(section.title)}\n\n{''.join(_markdown(part, folder) for part in section.parts)}"
            for section in self.filled
        )
        return f"# {_marked(self.title)}\n\n{_marked(self.lead)}\n{body}"


def _html(part: Part) -> str:
    if isinstance(part, str):
        return f"<p>{escape(part)}</p>\n"
    if isinstance(part, Code):
        return f"<pre><code>{escape(part.text)}</code></pre>\n"
    if isinstance(part, Picture):
        source = f"data:image/png;base64,{b64encode(part.png).decode()}"
        image = f'<img src="{source}" alt="{escape(part.alt)}">'
        return f"<figure>\n{image}\n<figcaption>{escape(part.caption)}</figcaption>\n</figure>\n"
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in part.columns)
    rows = "".join(_html_row(row) for row in part.rows)
    table = f"<caption>{escape(part.caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>"
    return f'<div class="scroll"><table>\n{table}\n</table></div>\n'


def _html_row(row: Sequence[str]) -> str:
    first, *others = row
    kinds = [' class="number"' if len(others) > 1 and cell[:1] in "-0123456789" else "" for cell in others]
    cells = "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, others, strict=True))
    return f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>\n'


def _markdown(part: Part, folder: str) -> str:
    if isinstance(part, str):
        return f"{_marked(part)}\n\n"
    if isinstance(part, Code):
        fence = "`" * 3
        while fence in part.text:
            fence += "`"
        return f"{fence}\n{part.text}\n{fence}\n\n"
    if isinstance(part, Picture):
        return f"![{_marked(part.alt)}](<{folder}/{part.name}.png>)\n\n*{_marked(part.caption)}*\n\n"
    lines = [part.columns, ["---"] * len(part.columns), *([_marked(cell) for cell in row] for row in part.rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{_marked(part.caption)}\n\n{table}\n\n"


def _marked(text: str) -> str:
    """Text without anything that Markdown would take for its own, on one line."""
    return "".join(f"\\{letter}" if letter in SPECIAL else letter for letter in " ".join(text.split()))


def pictures_folder(path: Path) -> Path:
    """Where a page in Markdown has its pictures."""
    return path.with_name(f"{path.stem}_files")


def _write_html(page: Page, path: Path) -> None:
    with unfinished(path) as draft:
        draft.write_text(page.html(), encoding="utf-8")


def _write_markdown(page: Page, path: Path) -> None:
    """The pictures first, so that a page that is there has them."""
    folder = pictures_folder(path)
    folder.mkdir(exist_ok=True)
    for picture in page.pictures:
        with unfinished(folder / f"{picture.name}.png") as draft:
            draft.write_bytes(picture.png)
    with unfinished(path) as draft:
        draft.write_text(page.markdown(folder.name), encoding="utf-8")


WRITERS: dict[str, Callable[[Page, Path], None]] = {".html": _write_html, ".md": _write_markdown}


def check_page(path: Path, *, overwrite: bool, name: str) -> None:
    """Refuse, before any work is done, a page that cannot be written.

    Args:
        path: of the page.
        overwrite: whether a page that exists is replaced, and its pictures.
        name: of the argument that holds the path, for messages.
    Raises:
        UsageError: the suffix is none of a page. OutputError: the page cannot be written.
    """
    if path.suffix.lower() not in WRITERS:
        expected = "a name that ends in .html or .md"
        raise UsageError(argument=name, expected=expected, got=repr(str(path)), example=path.with_suffix(".html"))
    other = argument(name, path.with_name(f"other{path.suffix}"))
    check_destination(path, 0, overwrite=overwrite, other=other)
    folder = pictures_folder(path)
    if path.suffix.lower() == ".md" and folder.exists() and not (overwrite and folder.is_dir()):
        check_destination(folder, 0, overwrite=False, other=other)


def write_page(page: Page, path: Path) -> Path:
    """Write a page whose path was checked; it replaces one that is there."""
    WRITERS[path.suffix.lower()](page, path)
    return path
