"""Follows what messages say to type, and finds all messages that say something to type.

A `Row` is a command that provokes a message, with the `Way`s that the message offers. What is to be typed is taken out
of the message itself, so that a hint that changes is followed as it is then.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache, lru_cache
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Way:
    """One way out that a message offers.

    Attributes:
        says: a regular expression that the message must match. What its groups find is typed: groups whose names begin
            with "type" hold flags with values, or keywords of Python; "drop" the flags or keywords that are left out;
            "choose" several values, of which each is tried; "run" a command line of another program.
        give: values for flags (or keywords) that the message names without a value.
        swap: words of the command and what replaces them, where the message speaks of a file or a command.
        then: the command instead of the old one; for Python an expression with the groups in braces.
        gone: whether it is enough that this complaint is gone, because the advice is one step of several.
        needs: programs without which the way is not followed.
    """

    says: str
    give: Mapping[str, str] = field(default_factory=dict)
    swap: Mapping[str, str] = field(default_factory=dict)
    then: str | None = None
    gone: bool = False
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A command, or an expression of Python, whose message has hints.

    Attributes:
        name: of the row.
        command: what is typed.
        ways: what the message offers.
        files: functions that put files into the current folder.
        stdin: what standard input holds.
        patch: what is replaced while the message is provoked, and not while it is followed.
        always: what is replaced all the time.
        ends: whether the command ends well, because the hint is a warning or a remark.
    """

    name: str
    command: str
    ways: tuple[Way, ...]
    files: tuple[Callable[[], object], ...] = ()
    stdin: bytes = b""
    patch: Callable[[pytest.MonkeyPatch], object] | None = None
    always: Callable[[pytest.MonkeyPatch], object] | None = None
    ends: bool = False


@contextmanager
def folder_of(row: Row) -> Iterator[None]:
    """An empty current folder with the files of a row."""
    before = Path.cwd()
    folder = Path(tempfile.gettempdir(), f"hints-{os.getpid()}-{id(row)}")  # the same each time, for messages name it
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        os.chdir(folder)
        try:
            _faster(patch)
            if row.always is not None:
                row.always(patch)
            for make in row.files:
                make()
            yield
        finally:
            os.chdir(before)
            shutil.rmtree(folder)


@cache
def loader() -> Callable:
    """What loads models, each once."""
    from rangegeo.models import load

    return lru_cache(maxsize=16)(load._load)


def _faster(patch: pytest.MonkeyPatch) -> None:
    """Load each model once, and estimate no time."""
    patch.setattr("rangegeo.models.load._load", loader())
    patch.setattr("rangegeo.cubes.cost.seconds_per_place", lambda *_, **__: 1e-6)


def run_line(words: Sequence[str], stdin: bytes = b"") -> tuple[int, str]:
    """Run a command line in this process: its exit code and what it printed on stderr."""
    from rangegeo.cli.main import run

    out, err = (TextIOWrapper(BytesIO(), write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "stdin", TextIOWrapper(BytesIO(stdin)))
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            warnings.filterwarnings("ignore", module="pyogrio")
            code = run(list(words))
    return code, err.buffer.getvalue().decode()


@cache
def said_in_shell(row: Row) -> str:
    """The message of a row of the shell."""
    with folder_of(row), pytest.MonkeyPatch.context() as patch:
        if row.patch is not None:
            row.patch(patch)
        code, said = run_line(shlex.split(row.command), row.stdin)
    assert (code == 0) == row.ends, said
    assert "Traceback" not in said
    return said


def follow_in_shell(row: Row, way: Way) -> None:
    """Type what a message says, and see that it works."""
    said = said_in_shell(row)
    found = re.search(way.says, said, re.MULTILINE)
    assert found, f"{way.says!r} is not in {said!r}"
    groups = {name: text for name, text in found.groupdict().items() if text is not None}
    words = shlex.split(row.command if way.then is None else way.then.format(**groups))
    for flag, value in way.give.items():
        assert flag in said, said
        words = with_flag(words, flag, value)
    for name, text in groups.items():
        if name.startswith("drop"):
            assert shlex.split(text)[0] in words, (text, words)
            words = without_flag(words, shlex.split(text)[0])
        elif name.startswith("type"):
            for flag, value in flags_in(shlex.split(text)):
                words = with_flag(words, flag, value)
    lines = [[way.swap.get(word, word) for word in words]]
    for name, text in groups.items():
        if name.startswith("choose"):
            choices = [part.strip() for part in re.split(r",| or ", text) if part.strip()]
            lines = [[word.replace("CHOICE", choice) for word in line] for line in lines for choice in choices]
    with folder_of(row):
        kept = content()
        for name, text in groups.items():
            if name.startswith("run"):
                subprocess.run(text, shell=True, check=True, capture_output=True)
                assert {path: kept[path] for path in kept} == {path: content()[path] for path in kept}
        for number, line in enumerate(lines):
            code, answer = run_line([word.replace("NUMBER", str(number)) for word in line], row.stdin)
            assert code == 0 or (way.gone and not re.search(way.says, answer)), f"{shlex.join(line)}: {answer}"
        if not {"--overwrite", "--extend"} & set(words):  # they change what is there
            assert {path: kept[path] for path in kept} == {path: content()[path] for path in kept}


def content() -> dict[str, bytes]:
    """The files of the current folder, without what interrupted runs left."""
    files = [path for path in Path().rglob("*") if path.is_file() and not path.parts[0].endswith("-unfinished")]
    return {str(path): path.read_bytes() for path in files}


def flags_in(words: Sequence[str]) -> list[tuple[str, str | None]]:
    """Flags of a command line with their values."""
    found: list[tuple[str, str | None]] = []
    for word in words:
        if re.match(r"-{1,2}[a-z]", word):
            found.append((word, None))
        else:
            found[-1] = (found[-1][0], word)
    return found


def without_flag(words: Sequence[str], flag: str) -> list[str]:
    """A command line without a flag and its values."""
    rest, skipping = [], False
    for word in words:
        if word == flag:
            skipping = True
            continue
        if skipping and flag not in NO_VALUE and not re.match(r"-{1,2}[a-z]", word):
            skipping = False
            continue
        skipping = False
        rest.append(word)
    return rest


NO_VALUE = {"--exact", "--overviews", "--overwrite", "--all-touched", "--align", "--stac", "--representative-point"} | {
    "--strip",
    "--drop-columns",
    "--dry-run",
    "--extend",
    "--sea",
    "--resume",
}


def with_flag(words: Sequence[str], flag: str, value: str | None) -> list[str]:
    """A command line with a flag instead of those of the same name."""
    return [*without_flag(words, flag), flag, *(() if value is None else (value,))]


# ---------------------------------------------------------------------------------------------------- Python


@cache
def said_in_python(row: Row, names: Callable[[], dict[str, object]]) -> str:
    """The message of a row of Python."""
    with folder_of(row), pytest.MonkeyPatch.context() as patch:
        if row.patch is not None:
            row.patch(patch)
        error, said = evaluate(row.command, names())
    assert (error is None) == row.ends, said
    return said


def evaluate(expression: str, names: dict[str, object]) -> tuple[Exception | None, str]:
    """Evaluate an expression: its error, and the texts of the error and of the warnings."""
    error = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = eval(expression, names)
            if hasattr(value, "compute"):
                value.compute()
        except Exception as raised:
            error = raised
    told = [str(one.message) for one in caught] + ([] if error is None else [str(error)])
    return error, "\n".join(told)


def follow_in_python(row: Row, way: Way, names: Callable[[], dict[str, object]]) -> None:
    """Type what a message says, and see that it works."""
    said = said_in_python(row, names)
    found = re.search(way.says, said, re.MULTILINE)
    assert found, f"{way.says!r} is not in {said!r}"
    groups = {name: text for name, text in found.groupdict().items() if text is not None}
    expression = row.command
    if way.then is not None:
        expression = way.then
        for name, text in groups.items():
            expression = expression.replace(f"<{name}>", text)
    for old, new in way.swap.items():
        expression = expression.replace(old, new)
    for name, text in [*groups.items(), *((key, f"{key}={value}") for key, value in way.give.items())]:
        if name in way.give:
            assert name in said, said
        if name.startswith("drop"):
            expression = _with_keyword(expression, re.split(r"[=\s]", text)[0], None)
        elif (name.startswith("type") or name in way.give) and f"<{name}>" not in (way.then or ""):
            for keyword in _keywords(text):
                expression = _with_keyword(expression, str(keyword.arg), keyword.value)
    choices = [one.strip(" '\"") for one in re.split(r",| or ", groups.get("choose", "none")) if one.strip()]
    with folder_of(row):
        kept = content()
        for number, choice in enumerate(choices):
            typed = expression.replace("CHOICE", choice).replace("NUMBER", str(number))
            error, answer = evaluate(typed, names())
            assert error is None or (way.gone and not re.search(way.says, answer)), f"{typed}: {error!r}"
        if "overwrite=True" not in expression:
            assert {path: kept[path] for path in kept} == {path: content()[path] for path in kept}


def _keywords(text: str) -> list[ast.keyword]:
    call = ast.parse(f"f({text})", mode="eval").body
    assert isinstance(call, ast.Call)
    assert call.keywords, text
    return call.keywords


def _with_keyword(expression: str, name: str, value: ast.expr | None) -> str:
    """The expression with a keyword of its outermost call set or, for None, left out."""
    tree = ast.parse(expression, mode="eval")
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    call = next((one for one in calls if any(keyword.arg == name for keyword in one.keywords)), calls[0])
    same = {"beta": {"beta", "betas"}, "betas": {"beta", "betas"}}.get(name, {name})
    assert value is not None or any(keyword.arg in same for keyword in call.keywords), (name, expression)
    call.keywords = [keyword for keyword in call.keywords if keyword.arg not in same]
    if value is not None:
        call.keywords.append(ast.keyword(name, value))
    return ast.unparse(tree)


# ------------------------------------------------------------------------------------------------- inventory

PACKAGE = Path(__file__).parents[2] / "rangegeo"
COMPOSERS = {"argument", "arguments", "either", "shell_name", "_warped", "_option", "_pair"}
ADVICE = re.compile(
    r"\b(type|take|leave|give|pip install|for example|choose|name (one|two)|say (it|which|what)|or say|set it|"
    r"set HF|unset|"
    r"open it|write (a|it|another|one)|draw (a|it)|make (a|one|it|room|the)|rename|correct them|put (a|it)|turn it|"
    r"did you mean|download it|restore it|run again|cut it|pass|must be|expected|needs|one of|keep its|quote the|"
    r"use the|point RANGEGEO|ask for)\b"
)


@dataclass(frozen=True, slots=True)
class Site:
    """A text of the package that says what to type.

    Attributes:
        place: file and line.
        text: the text, with "{}" for its parts that vary.
        pattern: what a message with this text matches.
    """

    place: str
    text: str
    pattern: str = field(repr=False)


def sites() -> list[Site]:
    """All texts of the package that say what to type, found in its syntax."""
    found: list[Site] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            made = _composed(node) if isinstance(node, ast.Call) else _text(node, parents)
            if made is not None and re.search(r"[a-z]{3}", re.sub(r"\\.|\(.*?\)|\.\*", "", made[1])):
                found.append(Site(f"{path.relative_to(PACKAGE)}:{node.lineno}", *made))
    return found


def _text(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> tuple[str, str] | None:
    """A text with advice, and its pattern; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        parts: list[ast.expr] = [node]
    elif isinstance(node, ast.JoinedStr):
        parts = node.values
    else:
        return None
    if isinstance(parents[node], ast.JoinedStr | ast.Expr | ast.FormattedValue) or _is_help(node, parents):
        return None
    text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
    names = {each.func.id for part in parts for each in ast.walk(part) if _is_named_call(each)}
    if " " not in text.strip() or not (ADVICE.search(text) or names & COMPOSERS):
        return None
    return text, "".join(_pattern(part) for part in parts)


def _is_named_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def _is_help(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether a text is help or the help of a command, or what a regular expression looks for."""
    while node in parents:
        parent = parents[node]
        if isinstance(parent, ast.keyword) and parent.arg in (
            "help",
            "epilog",
            "metavar",
            "citation",
            "notes",
            "tested",
        ):
            return True
        if isinstance(parent, ast.AnnAssign | ast.Assign) and _assigns(parent, "COMMANDS"):
            return True
        node = parent
    return False


def _assigns(node: ast.AnnAssign | ast.Assign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _pattern(part: ast.expr) -> str:
    """What a part of a text becomes in a message."""
    if isinstance(part, ast.Constant):
        return r"\s+".join(re.escape(word) for word in re.split(r"\s+", str(part.value)))
    call = part.value if isinstance(part, ast.FormattedValue) else part
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "argument":
        return _argument_pattern(call.args)
    return ".*?"


def _argument_pattern(args: Sequence[ast.expr]) -> str:
    from rangegeo.errors import argument, for_python, for_shell

    if not isinstance(args[0], ast.Constant):
        return ".*?"
    try:
        made = argument(*(ast.literal_eval(arg) for arg in args))
        tail = ""
    except ValueError:
        made, tail = argument(str(args[0].value)), "[ =].*?"
    return f"(?:{re.escape(for_shell(made))}|{re.escape(for_python(made))}){tail}"


def _composed(call: ast.Call) -> tuple[str, str] | None:
    """A UsageError that is made of parts, and its pattern."""
    parts = {keyword.arg: keyword.value for keyword in call.keywords}
    if not (isinstance(call.func, ast.Name) and call.func.id == "UsageError" and "argument" in parts):
        return None
    expected = _whole(parts["expected"])
    pattern = f"{_argument_pattern([parts['argument']])} must be {expected}.*?"
    if "example" in parts:
        pattern += f"for example {_argument_pattern([parts['argument'], parts['example']])}"
    if "remedy" in parts:
        pattern += f".*?; {_whole(parts['remedy'])}"
    return ast.unparse(call), pattern


def _whole(node: ast.expr) -> str:
    values = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(_pattern(part) for part in values)
