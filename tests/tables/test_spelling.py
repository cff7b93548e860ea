"""Messages about tables name arguments as Python spells them, and as the shell does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapely.geometry import LineString, Point

from rangegeo.errors import RangegeoError
from rangegeo.field.recipe import Recipe
from rangegeo.tables.embed import plan_table
from rangegeo.tables.formats import choose_format
from rangegeo.tables.opening import open_table
from rangegeo.tables.places import find_places

RECIPE = Recipe(betas=(0.5,), visual=2, location=1)


def planned(source: Path, out: str = "o.parquet", **how: str) -> None:
    table = open_table(str(source), source.parent)
    plan_table(table, find_places(table, **how), choose_format(Path(out), None), RECIPE)


def csv(folder: Path, text: str) -> Path:
    (folder / "t.csv").write_text(text)
    return folder / "t.csv"


def parquet(folder: Path, **columns: list) -> Path:
    pq.write_table(pa.table(columns), folder / "t.parquet")
    return folder / "t.parquet"


def vector(folder: Path, shape: object, crs: int | None = 4326) -> Path:
    gpd.GeoDataFrame(geometry=[shape], crs=crs).to_parquet(folder / "v.parquet")
    return folder / "v.parquet"


REFUSED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a taken name": (
        lambda folder: planned(csv(folder, "lon,lat,embedding\n1,2,3\n")),
        "leave its columns out with drop_columns=True",
        "leave its columns out with --drop-columns",
    ),
    "a column that CSV cannot hold": (
        lambda folder: planned(parquet(folder, lon=[1.0], lat=[2.0], tags=[["a"]]), "o.csv"),
        "; write .parquet, or leave the columns out with drop_columns=True",
        "; write .parquet, or leave the columns out with --drop-columns",
    ),
    "a column that npz cannot hold": (
        lambda folder: planned(parquet(folder, lon=[1.0], lat=[2.0], tags=[["a"]]), "o.npz"),
        "; write .parquet, or leave the columns out with drop_columns=True",
        "; write .parquet, or leave the columns out with --drop-columns",
    ),
    "no file": (
        lambda folder: open_table("", folder),
        "source must be a file, or - for standard input, got nothing",
        "IN must be a file, or - for standard input, got nothing",
    ),
    "a layer of a CSV": (
        lambda folder: open_table(str(csv(folder, "lon,lat\n1,2\n")), folder, layer="a"),
        "layer is for files with layers such as .gpkg; leave it out for ",
        "--layer is for files with layers such as .gpkg; leave it out for ",
    ),
    "bytes that are no text": (
        lambda folder: open_table(str((folder / "t.txt").write_bytes(b"PAR1\x00\xff") and folder / "t.txt"), folder),
        "say what it is with input_format, or convert a copy to UTF-8",
        "say what it is with --input-format, or convert a copy to UTF-8",
    ),
    "a CRS twice": (
        lambda folder: planned(vector(folder, Point(1, 2)), crs="EPSG:2154"),
        "crs is for tables that do not say theirs; ",
        "--crs is for tables that do not say theirs; ",
    ),
    "no CRS": (
        lambda folder: planned(vector(folder, Point(1, 2), None)),
        'type it, for example crs="EPSG:4326"',
        "type it, for example --crs EPSG:4326",
    ),
    "a line": (
        lambda folder: planned(vector(folder, LineString([(0, 0), (1, 1)]))),
        "not a point; representative_point=True takes a point within each",
        "not a point; --representative-point takes a point within each",
    ),
    "columns without numbers": (
        lambda folder: planned(parquet(folder, lon=[[1.0]], lat=[2.0])),
        'no numbers; name two others: lon="NAME", lat="NAME"',
        "no numbers; name two others: --lon NAME --lat NAME",
    ),
    "standard output": (
        lambda folder: choose_format(Path("-"), "parquet"),
        "path - writes CSV to standard output; leave format out, or give a file",
        "-o - writes CSV to standard output; leave --format out, or give a file",
    ),
    "two formats": (
        lambda folder: choose_format(Path("o.csv"), "npz"),
        'format="npz" does not go with path="o.csv"; leave format out, or give another path',
        "--format npz does not go with -o o.csv; leave --format out, or give another -o",
    ),
    "an unknown suffix": (
        lambda folder: choose_format(Path("o.xlsx"), None),
        "path must end in .parquet, .geoparquet, .csv, .tsv, .gpkg or .npz, got 'o.xlsx'; or say format parquet, ",
        "-o must end in .parquet, .geoparquet, .csv, .tsv, .gpkg or .npz, got 'o.xlsx'; or say --format parquet, ",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_spelled_for_python_and_for_the_shell(case, tmp_path):
    refused, python, shell = REFUSED[case]
    with pytest.raises(RangegeoError) as caught:
        refused(tmp_path)
    assert python in str(caught.value)
    assert shell in caught.value.for_shell()


def test_a_layer_must_be_named(tmp_path):
    path = tmp_path / "t.gpkg"
    for layer in ("one", "two"):
        gpd.GeoDataFrame(geometry=[Point(1, 2)], crs=4326).to_file(path, layer=layer)
    for wanted, python, shell in (
        (None, 'say which, for example layer="one"', "say which, for example --layer one"),
        ("three", "layer must be one of one, two, got 'three'", "--layer must be one of one, two, got 'three'"),
    ):
        with pytest.raises(RangegeoError) as caught:
            open_table(str(path), tmp_path, layer=wanted)
        assert str(caught.value).endswith(python)
        assert caught.value.for_shell().endswith(shell)
