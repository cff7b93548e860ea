"""Paths as users type them, and names that a system cannot hold."""

from __future__ import annotations

import ast
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from rangegeo.errors import OutputError
from rangegeo.support.paths import check_name, local_path, name_beside, shell_name, unparsed

PACKAGE = Path(__file__).parents[2] / "rangegeo"


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("a.tif", "a.tif"),
        ("a b.tif", "'a b.tif'"),
        ("-a.tif", "./-a.tif"),
        ("it's", "'it'\"'\"'s'"),
        ("a;b&c", "'a;b&c'"),
    ],
)
def test_a_name_as_the_shell_takes_it(name, typed):
    assert shell_name(name) == typed


def test_a_name_beside_a_file_is_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert name_beside("maps/a.tif", "_north_up.tif") == "maps/a_north_up.tif"
    assert name_beside("a.geojson", "_with_crs.gpkg") == "a_with_crs.gpkg"
    (tmp_path / "a_with_crs.gpkg").touch()
    assert name_beside("a.geojson", "_with_crs.gpkg") == "a_with_crs2.gpkg"


def test_a_leading_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert local_path("~/maps/a.tif") == tmp_path / "maps/a.tif"
    assert local_path(Path("~")) == tmp_path
    assert local_path("maps/~a.tif") == Path("maps/~a.tif")
    assert local_path("~nobody-has-this-name/a.tif") == Path("~nobody-has-this-name/a.tif")


def test_a_file_that_looks_like_an_address_is_opened_as_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert unparsed("https:b.tif") == "https:b.tif"
    (tmp_path / "https:b.tif").touch()
    assert unparsed("https:b.tif") == str(tmp_path / "https:b.tif")
    assert unparsed("/vsicurl/https://example.org/a.tif") == "/vsicurl/https://example.org/a.tif"


@pytest.mark.parametrize(
    "name", ["C:/maps/alps.zarr", r"C:\maps\alps 2.zarr", r"..\a.tif", r"\\server\share\a.tif", "a~1.tif"]
)
def test_ordinary_names_of_windows_are_taken(name):
    check_name(PureWindowsPath(name))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nul.zarr", "keeps the name nul.zarr for a device"),
        ("Com1.tar.gz", "keeps the name Com1.tar.gz for a device"),
        (r"C:\aux\a.tif", "keeps the name aux for a device"),
        ("a::b.zarr", "cannot have :"),
        ("a?b|c.tif", r"cannot have \? \|"),
        ("a\tb.tif", "cannot have control characters"),
        ("alps.zarr.", "drops the last character"),
    ],
)
def test_names_that_windows_does_not_hold_are_refused_there_alone(name, why):
    check_name(PurePosixPath(name))
    with pytest.raises(OutputError, match=why) as caught:
        check_name(PureWindowsPath(name))
    assert str(caught.value).endswith("; give path another name")
    assert caught.value.for_shell().endswith("; give -o another name")


def test_a_name_that_is_no_text_is_refused():
    with pytest.raises(OutputError, match=r"the name a\\udcff.tif is no text in UTF-8"):
        check_name(Path("a\udcff.tif"))


def test_text_files_name_their_encoding():
    """Without one, Windows reads and writes them in the encoding of its language."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("read_text", "write_text"):
                assert any(word.arg == "encoding" for word in node.keywords), f"{path}:{node.lineno}"
