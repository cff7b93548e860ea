"""Errors and warnings: one message with two spellings, for the shell and for Python, wherever it travels."""

from __future__ import annotations

import copy
import pickle
import shlex
import warnings
from pathlib import Path

import pytest

from rangegeo import errors
from rangegeo.errors import (
    SPELLINGS,
    ClusterError,
    CubeError,
    CubeWarning,
    DeviceError,
    DownloadError,
    GridError,
    GridWarning,
    ImageryError,
    MissingPackage,
    OutputError,
    RangegeoError,
    RemoteError,
    ShapeError,
    TableError,
    UsageError,
    WeightsError,
    argument,
    arguments,
    either,
    first_line,
    for_python,
    for_shell,
)

CLASSES = {
    UsageError: (ValueError, 2),
    WeightsError: (ValueError, 1),
    GridError: (ValueError, 1),
    DownloadError: (OSError, 1),
    OutputError: (OSError, 1),
    ClusterError: (RuntimeError, 1),
    DeviceError: (RuntimeError, 1),
    ImageryError: (OSError, 1),
    CubeError: (ValueError, 1),
    ShapeError: (ValueError, 2),
    MissingPackage: (ImportError, 1),
    TableError: (ValueError, 1),
    RemoteError: (RuntimeError, 1),
}
RAW = f"{argument('pca', 900)} is too many; leave out {argument('bbox_crs')}"
PYTHON, SHELL = "pca=900 is too many; leave out bbox_crs", "--pca 900 is too many; leave out --bbox-crs"


# ------------------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("name", "python", "shell"),
    [
        ("pca", "pca", "--pca"),
        ("bbox_crs", "bbox_crs", "--bbox-crs"),
        ("all_touched", "all_touched", "--all-touched"),
        ("out", "path", "-o"),
        ("betas", "betas", "--beta"),
        ("creation_options", "creation_options", "--co"),
        ("source", "source", "IN"),
    ],
)
def test_a_name_is_a_flag_or_a_keyword(name, python, shell):
    assert for_python(argument(name)) == python
    assert for_shell(argument(name)) == shell


@pytest.mark.parametrize(
    ("name", "value", "python", "shell"),
    [
        ("pca", 3, "pca=3", "--pca 3"),
        ("pca", None, "pca=None", "--pca None"),
        ("res", 0.01, "res=0.01", "--res 0.01"),
        ("res", 30.0, "res=30", "--res 30"),
        ("tolerance", 1e-5, "tolerance=1e-5", "--tolerance 1e-5"),
        ("tolerance", 2.5e-10, "tolerance=2.5e-10", "--tolerance 2.5e-10"),
        ("res", 1e6, "res=1000000", "--res 1000000"),
        ("crs", "EPSG:3035", 'crs="EPSG:3035"', "--crs EPSG:3035"),
        ("crs", 'of "mine"', 'crs="of \\"mine\\""', "--crs 'of \"mine\"'"),
        ("out", Path("a.tif"), 'path="a.tif"', "-o a.tif"),
        ("bbox", (5, 44, 10, 48.5), "bbox=(5, 44, 10, 48.5)", "--bbox 5,44,10,48.5"),
        ("betas", (0, 0.5, 1), "betas=(0, 0.5, 1)", "--beta 0,0.5,1"),
        ("betas", [0, 1], "betas=[0, 1]", "--beta 0,1"),
        ("overwrite", True, "overwrite=True", "--overwrite"),
        ("overwrite", False, "overwrite=False", "--overwrite False"),
        ("creation_options", {"COMPRESS": "LZW"}, "creation_options={'COMPRESS': 'LZW'}", "--co COMPRESS=LZW"),
        (
            "creation_options",
            {"COMPRESS": "LZW", "LEVEL": 3},
            "creation_options={'COMPRESS': 'LZW', 'LEVEL': 3}",
            "--co COMPRESS=LZW --co LEVEL=3",
        ),
    ],
)
def test_a_value_is_written_as_it_is_typed(name, value, python, shell):
    assert for_python(argument(name, value)) == python
    assert for_shell(argument(name, value)) == shell


def test_several_arguments_are_typed_one_after_the_other():
    text = arguments(weights="demo", db="a b")
    assert for_python(text) == 'weights="demo", db="a b"'
    assert for_shell(text) == "--weights demo --db 'a b'"


def test_advice_may_have_other_words_in_python():
    text = either(f"mkdir {argument('out', Path('a'))}", f"os.mkdir({argument('out')})")
    assert for_python(text) == "os.mkdir(path)"
    assert for_shell(text) == "mkdir -o a"


@pytest.mark.parametrize("text", ["a|b", "a~b", "a[1]", "{a}", "a^b", "", "a b", "it's"])
def test_a_shell_takes_a_value_as_it_is(text):
    assert shlex.split(for_shell(argument("layer", text))) == ["--layer", text]


def test_other_text_is_left_as_it_is():
    text = "a {b} --c [d] \\1 é 日本"
    assert for_python(text) == for_shell(text) == text
    assert for_python(f"{text}{argument('pca', 3)}{text}") == f"{text}pca=3{text}"


def test_every_spelling_is_a_flag_and_a_keyword():
    for flag, keyword in SPELLINGS.values():
        assert flag.startswith("-") or flag.isupper()
        assert keyword.isidentifier()


# ------------------------------------------------------------------------------------------------ UsageError


@pytest.mark.parametrize(
    ("parts", "python", "shell"),
    [
        (
            {"argument": "pca", "expected": "from 1 to 512", "got": 900, "example": 3},
            "pca must be from 1 to 512, got 900; for example pca=3",
            "--pca must be from 1 to 512, got 900; for example --pca 3",
        ),
        (
            {"argument": "res", "expected": "positive", "got": -0.5},
            "res must be positive, got -0.5",
            "--res must be positive, got -0.5",
        ),
        (
            {"argument": "bbox", "expected": "four numbers", "got": "1,2"},
            "bbox must be four numbers, got 1,2",
            "--bbox must be four numbers, got 1,2",
        ),
        (
            {"argument": "bands", "expected": "names", "got": None},
            "bands must be names, got None",
            "--bands must be names, got None",
        ),
        (
            {"argument": "chunks", "expected": "a multiple of 16", "example": 256, "remedy": "or leave it out"},
            "chunks must be a multiple of 16; for example chunks=256; or leave it out",
            "--chunks must be a multiple of 16; for example --chunks 256; or leave it out",
        ),
        (
            {"argument": "like", "expected": "a raster", "got": "'a'", "remedy": f"or take {argument('bbox')}"},
            "like must be a raster, got 'a'; or take bbox",
            "--like must be a raster, got 'a'; or take --bbox",
        ),
    ],
)
def test_a_usage_error_is_composed_of_its_parts(parts, python, shell):
    error = UsageError(**parts)
    assert (str(error), error.for_shell()) == (python, shell)


def test_a_usage_error_may_be_a_whole_line():
    error = UsageError(RAW)
    assert (str(error), error.for_shell()) == (PYTHON, SHELL)


@pytest.mark.parametrize("parts", [{}, {"argument": "pca"}, {"expected": "from 1 to 512"}, {"got": 3}])
def test_a_usage_error_without_a_message_needs_an_argument_and_what_was_expected(parts):
    with pytest.raises(TypeError, match="takes a message, or an argument and what was expected"):
        UsageError(**parts)


# ---------------------------------------------------------------------------------------------- every class


def test_every_error_is_listed_here():
    defined = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RangegeoError)}
    assert defined - {RangegeoError} == set(CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_is_a_standard_one_too_and_has_both_spellings(kind):
    standard, exit_code = CLASSES[kind]
    error = kind(RAW)
    assert isinstance(error, RangegeoError)
    assert isinstance(error, standard)
    assert error.exit_code == exit_code
    assert (str(error), error.for_shell()) == (PYTHON, SHELL)


@pytest.mark.parametrize("kind", [*CLASSES, GridWarning, CubeWarning])
@pytest.mark.parametrize("travel", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_a_message_keeps_both_spellings_between_processes(kind, travel):
    found = travel(kind(RAW))
    assert type(found) is kind
    assert (str(found), found.for_shell()) == (PYTHON, SHELL)


def test_a_composed_error_travels_too():
    error = UsageError(argument="pca", expected="from 1 to 512", got=900, example=3)
    found = pickle.loads(pickle.dumps(error))
    assert (str(found), found.for_shell()) == (str(error), error.for_shell())


@pytest.mark.parametrize("kind", [*CLASSES, GridWarning, CubeWarning])
def test_an_error_without_a_message_has_an_empty_one(kind):
    if kind is UsageError:
        return  # needs one
    assert str(kind()) == kind().for_shell() == ""


def test_the_first_line_of_an_error():
    assert first_line(UsageError(RAW)) == PYTHON
    assert first_line(OSError("one\ntwo")) == "one"
    assert first_line(KeyError()) == "KeyError"


# ------------------------------------------------------------------------------------------------- warnings


@pytest.mark.parametrize("kind", [GridWarning, CubeWarning])
def test_a_warning_has_both_spellings(kind):
    assert issubclass(kind, UserWarning)
    with pytest.warns(kind) as caught:
        warnings.warn(kind(RAW), stacklevel=1)
    (warning,) = caught
    assert (str(warning.message), warning.message.for_shell()) == (PYTHON, SHELL)


@pytest.mark.parametrize("kind", [GridWarning, CubeWarning])
def test_a_warning_given_as_text_and_category_has_them_too(kind):
    with pytest.warns(kind, match="^pca=900 is too many") as caught:
        warnings.warn(RAW, kind, stacklevel=1)
    (warning,) = caught
    assert warning.message.for_shell() == SHELL


def test_a_filter_sees_the_text_that_python_shows():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="pca=900", category=GridWarning)
        warnings.warn(GridWarning(RAW), stacklevel=1)
