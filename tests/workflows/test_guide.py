"""README and the guide: every command and every line of Python runs, page by page, and every link leads somewhere.

What a page cannot run here carries a comment above its block, `<!-- not run: reason -->`, with a reason of REASONS.
A `text` block below a `bash` block holds lines that the commands above it print; numbers may differ. In Python,
`expression  # -> text` promises the repr of a value.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from helpers.programs import need

from rangegeo.cli.arguments import join_numbers
from rangegeo.cli.main import cli, run
from rangegeo.support.location import located

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDE = ROOT / "workflows/guide"
INDEX = GUIDE / "README.md"
TASKS = sorted(set(GUIDE.glob("*.md")) - {INDEX})
PAGES = [README, INDEX, *TASKS]
DOCUMENTS = [*PAGES, *sorted(set((ROOT / "workflows").glob("*/README.md")) - {INDEX})]
REASONS = {
    "installs packages",
    "clones the repository",
    "needs the published weights",
    "needs GDAL's own tools",
    "needs R",
    "needs other machines",
    "needs a browser",
    "takes minutes",
}
LARGEST_README = 8_500  # bytes
RUNNABLE = {"bash", "python"}
OTHERS_FLAGS = {"--no-deps", "--dist", "--check", "--count", "--bounds"}  # of pip, pytest, ruff and rio
WRITING = {"raster", "points", "preview"}  # print the path of each file they have written
FENCE = re.compile(r"^```(\w*)$")
MARK = re.compile(r"^<!-- not run: (.+) -->$")
PROMISE = re.compile(r"# -> (.+)$")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")
LINK = re.compile(r"\]\(([^)\s]+)\)")
OPERATORS = set("();<>|&")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page: its language, where its first line is, and why it is not run if it is not."""

    page: str
    language: str
    line: int
    code: str
    reason: str | None

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found, language, start, reason = [], None, 0, None
    lines = page.read_text().splitlines()
    for number, line in enumerate(lines, start=1):
        fence = FENCE.match(line)
        if language is None and fence:
            mark = MARK.match(lines[number - 2]) if number > 1 else None
            language, start, reason = fence[1], number + 1, mark and mark[1]
        elif language is not None and line == "```":
            code = "\n".join(lines[start - 1 : number - 1])
            found.append(Block(str(page.relative_to(ROOT)), language, start, code, reason))
            language = None
    assert language is None, f"{page.name}: a block is not closed"
    return found


ALL = [block for page in PAGES for block in blocks(page)]


def prose(page: Path) -> str:
    """A page without its blocks."""
    return re.sub(r"^```\w*\n.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def shell_lines(code: str) -> list[str]:
    """The command lines of a block: joined where one goes on, without those that are only a comment."""
    return [line for line in code.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]


def words(line: str) -> list[str]:
    """The words of a command line; operators of the shell are words of their own."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def calls(line: str) -> Iterator[list[str]]:
    """The arguments of every `rangegeo` in a command line."""
    command: list[str] = []
    for word in [*words(line), ";"]:
        if set(word) <= OPERATORS:
            while command and re.match(r"^\w+=", command[0]):  # variables before a command
                command.pop(0)
            if command[:1] == ["rangegeo"]:
                yield command[1:]
            command = []
        else:
            command.append(word)


# --------------------------------------------------------------------------------------------- what the pages run


def run_shell(block: Block) -> str:
    """Everything the command lines of a block print; a plain `rangegeo` runs in this process, the rest in bash."""
    return "".join(run_line(line, block.where) for line in shell_lines(block.code))


def run_line(line: str, where: str) -> str:
    arguments, target = words(line), None
    if len(arguments) > 2 and arguments[-2] == ">":
        arguments, target = arguments[:-2], Path(arguments[-1])
    plain = arguments[0] == "rangegeo" and not any(set(word) <= OPERATORS for word in arguments)
    if plain and not re.search(r"[$*~`]", line):
        return run_here(arguments[1:], f"{where}: {line}", target)
    shim = f'rangegeo() {{ {shlex.quote(sys.executable)} -m rangegeo.cli.main "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", shim + line], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{where}: {line}\n{done.stderr}"
    assert "Warning" not in done.stderr, f"{where}: {line}\n{done.stderr}"
    return done.stdout + done.stderr


def run_here(arguments: list[str], where: str, target: Path | None) -> str:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(arguments)
    assert code == 0, f"{where}\n{err.getvalue()}"
    if arguments[0] in WRITING:
        missing = [path for path in out.getvalue().splitlines() if not located(path).exists()]
        assert not missing, f"{where}: printed, but not there: {missing}"
        assert out.getvalue() or "--dry-run" in arguments, where
    if target:
        target.write_text(out.getvalue())
        return err.getvalue()
    return out.getvalue() + err.getvalue()


def run_python(block: Block, namespace: dict) -> None:
    """A block as a script, statement by statement; errors point to the line of the page."""
    tree = ast.parse(block.code, block.where)
    lines = block.code.splitlines()
    ast.increment_lineno(tree, block.line - 1)
    for statement in tree.body:
        promised = PROMISE.search(lines[statement.end_lineno - block.line])
        if isinstance(statement, ast.Expr):
            value = eval(compile(ast.Expression(statement.value), block.page, "eval"), namespace)
            if promised:
                assert repr(value) == promised[1].strip(), f"{block.page}:{statement.end_lineno}"
        else:
            assert not promised, f"{block.page}:{statement.end_lineno}: only an expression has a value"
            exec(compile(ast.Module([statement], []), block.page, "exec"), namespace)


def assert_printed(block: Block, printed: str) -> None:
    """Every line of a `text` block was printed, but for its numbers."""
    found = {NUMBER.sub("0", line.rstrip()) for line in printed.splitlines()}
    for line in block.code.splitlines():
        assert NUMBER.sub("0", line.rstrip()) in found, f"{block.where}: {line}\nwas not printed, but\n{printed}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder, no hub, no published files, and no windows for pictures."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    from matplotlib import pyplot

    pyplot.switch_backend("Agg")
    yield here
    pyplot.close("all")


@pytest.mark.filterwarnings("ignore:(Scales|Offsets) differ across bands:UserWarning")  # rioxarray's, and harmless
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_everything_on_the_page_runs(page: Path, folder: Path):
    if any("--model GeoCLIP" in block.code for block in blocks(page) if block.reason is None):
        need(find_spec("geoclip") is not None, "GeoCLIP", "pip install --no-deps geoclip")
    namespace: dict = {"__name__": "__main__"}
    printed = ""
    for block in blocks(page):
        if block.language == "text" and block.reason is None:
            assert_printed(block, printed)
        elif block.reason is None and block.language == "bash":
            printed = run_shell(block)
        elif block.reason is None and block.language == "python":
            run_python(block, namespace)


def a_block(language: str, code: str) -> Block:
    return Block(page="page.md", language=language, line=7, code=code, reason=None)


def test_what_is_wrong_on_a_page_is_found(folder: Path):
    for line in ("rangegeo raster --bbox 5,44,10,48 -o no_resolution.tif", "rangegeo info none.zarr", "false | cat"):
        with pytest.raises(AssertionError, match=r"page\.md:7"):
            run_shell(a_block("bash", line))
    with pytest.raises(AssertionError, match=r"page\.md:8"):
        run_python(a_block("python", "one = 1\none  # -> 2"), {})
    with pytest.raises(AssertionError, match="has a value"):
        run_python(a_block("python", "one = 1  # -> 1"), {})
    with pytest.raises(AssertionError, match="was not printed"):
        assert_printed(a_block("text", "3 places, about 2 s"), "4 pixels, about 3 s\n")
    assert_printed(a_block("text", "3 places, about 2 s"), "30 places, about 0.5 s\n")
    for wrong in (
        "raster --bbox 5,44,10,48 --res 1 --nodes 4 -o a.zarr",
        "rasters",
        "weights fetch",
        "raster --res x",
    ):
        with pytest.raises(click.UsageError):
            parse(wrong.split())
    assert list(calls("cd a && HF_HOME=b rangegeo weights pull | cat; rangegeo models")) == [
        ["weights", "pull"],
        ["models"],
    ]


# ------------------------------------------------------------------------------------------ what the pages hold


def test_what_is_not_run_says_why():
    for block in ALL:
        if block.language in RUNNABLE | {"text"}:
            assert block.reason is None or block.reason in REASONS, block.where
        elif block.language:  # r, console: nothing here runs them
            assert block.reason in REASONS or block.language in {"bibtex", "toml"}, block.where


def test_every_mark_stands_right_above_a_block():
    for page in PAGES:
        marks = len(re.findall(r"<!--", page.read_text()))
        assert marks == sum(block.reason is not None for block in blocks(page)), page


def test_commands_that_are_not_run_are_commands_all_the_same():
    checked = 0
    for block in ALL:
        if block.language in {"bash", "console"} and block.reason:
            for line in shell_lines(block.code):
                for arguments in calls(line):
                    parse(arguments)
                    checked += 1
    assert checked >= 5


def parse(arguments: list[str]) -> None:
    """A command line as far as click checks it: the verb, its options and their values.

    Raises:
        click.UsageError: it is wrong.
    """
    command, words = cli, join_numbers(arguments)
    context = click.Context(cli, info_name="rangegeo")
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, words)
    try:
        command.make_context(name, words, parent=context)
    except click.exceptions.BadParameter as error:
        if "does not exist" not in error.message:  # published files are named, and are not here
            raise


def test_python_that_is_not_run_is_python_all_the_same():
    for block in ALL:
        if block.language == "python":
            compile(block.code, block.where, "exec")


def commands() -> dict[str, click.Command]:
    """Every verb by its name; those of a group as `weights pull`."""
    found = {}
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        if isinstance(command, click.Group):
            found |= {f"{name} {verb}": command.commands[verb] for verb in command.commands}
        else:
            found[name] = command
    return found


def flags(command: click.Command) -> set[str]:
    """Its options, in every spelling."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    return {spelling for option in options for spelling in (*option.opts, *option.secondary_opts)}


def test_every_flag_that_is_named_exists():
    known = {"--help", "--version"} | OTHERS_FLAGS | set().union(*map(flags, commands().values()))
    for page in (*PAGES, *sorted((ROOT / "workflows/notebooks").glob("*.ipynb"))):
        named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", re.sub(r"<!--.*?-->", "", page.read_text())))
        assert named <= known, (page.name, sorted(named - known))


def test_the_shell_page_names_every_verb_and_every_option():
    text = (GUIDE / "shell.md").read_text()
    for name, command in commands().items():
        assert f"rangegeo {name}" in text, name
        for option in command.params:
            if isinstance(option, click.Option):
                spellings = "|".join(map(re.escape, option.opts))
                assert re.search(rf"(?<![\w-])({spellings})(?![\w-])", text), (name, option)


def test_every_page_is_in_the_index_and_in_the_readme():
    names = sorted(page.name for page in TASKS)
    assert names
    assert sorted(set(re.findall(r"\(([\w-]+\.md)\)", INDEX.read_text()))) == names
    assert sorted(set(re.findall(r"\(workflows/guide/([\w-]+\.md)\)", README.read_text())) - {"README.md"}) == names
    assert "(workflows/guide/README.md)" in README.read_text()


def test_the_readme_is_a_landing_page():
    assert len(README.read_bytes()) <= LARGEST_README


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles)
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page: Path):
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(there), target


def test_the_package_index_is_never_asked_for_extras_of_this_package():
    """The name belongs to the point package there: extras are those of the clone, `pip install -e ".[plot]"`."""
    for page in DOCUMENTS:
        assert not re.search(r"pip install \"?rangegeo\[", page.read_text()), page


def test_scripts_that_are_named_are_there():
    for page in DOCUMENTS:
        for path in re.findall(r"\b(?:workflows|tests)/[\w/.-]+\.(?:py|md|ipynb)\b", page.read_text()):
            assert (ROOT / path).is_file(), (page.name, path)
