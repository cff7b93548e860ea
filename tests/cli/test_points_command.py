"""`rangegeo points`: what it makes, what it prints, how each option is spelt, and every fault in one line."""

from __future__ import annotations

import io
import json
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from shapely.geometry import LineString, Point
from typed import MINI, Ran, assert_one_line, hear_interrupts, listing, mini_for

import rangegeo as rg
from rangegeo.cli.notices import DEMO_NOTICE

CSV = "id,lon,lat\n1,5.72,45.19\n2,2.35,48.86\n3,-68.3,-54.8\n"
FAULTY = "id,lon,lat\n1,5.72,45.19\n2,north,48.86\n\n3,-68.3,-95\n4,,1\n"
PLACES = [[5.72, 45.19], [2.35, 48.86], [-68.3, -54.8]]
FEATURES = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": place}} for place in PLACES
    ],
}
ROUND_OFF = 3e-6


@pytest.fixture
def points(rangegeo, folder) -> Callable[..., Ran]:
    """`rangegeo points` with the miniature model; places.csv and faulty.csv are there."""
    (folder / "places.csv").write_text(CSV)
    (folder / "faulty.csv").write_text(FAULTY)

    def command(*arguments: str) -> Ran:
        return rangegeo("points", *arguments, *mini_for(arguments))

    return command


def embeddings(path: str = "o.parquet") -> np.ndarray:
    return np.stack(pd.read_parquet(path)["embedding"])


# ---------------------------------------------------------------------------------------------- what it makes


def test_a_table_is_what_the_library_makes(points, mini):
    done = points("places.csv", "-o", "o.parquet")
    assert (done.code, done.out) == (0, "o.parquet\n")
    np.testing.assert_allclose(embeddings(), mini.encode(PLACES), rtol=0, atol=5e-6)
    facts = json.loads(pq.read_metadata("o.parquet").metadata[b"rangegeo"])
    assert facts["model"] == "RANGE+"
    assert facts["betas"] == [0.5]
    assert facts["band_names"] == list(mini.recipe().names)
    assert facts["database_sha256"] == mini.spec.db_sha256
    assert facts["command"].startswith("rangegeo")


def test_a_whole_command_with_the_embedded_model(folder):
    (folder / "places.csv").write_text(CSV)
    command = ("points", "places.csv", "--beta", "0,1", "--device", "cpu", "-o", "o.parquet")
    done = subprocess.run(
        [sys.executable, "-m", "rangegeo.cli.main", *command],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "o.parquet\n"), done.stderr
    lines = done.stderr.splitlines()
    assert lines[0] == DEMO_NOTICE
    assert re.fullmatch(r"o\.parquet: 3 places, 2 betas, 512 bands, 12\.4 kB before compression, about \d+ s", lines[1])
    assert re.fullmatch(r"embedding: 3 of 3 places, took \d+ s", lines[2])
    assert lines[3:] == ["every place was evaluated"]
    expected = rg.load_model("RANGE+", device="cpu").encode(PLACES, beta=(0, 1))
    frame = pd.read_parquet(folder / "o.parquet")
    for name, layer in zip(("embedding_beta0", "embedding_beta1"), expected, strict=True):
        np.testing.assert_allclose(np.stack(frame[name]), layer, atol=1e-5 * np.abs(expected).max())
    facts = json.loads(pq.read_metadata(folder / "o.parquet").metadata[b"rangegeo"])
    assert facts["command"] == f"rangegeo {shlex.join(command)}"


def test_contents(points, mini):
    assert points("places.csv", "--beta", "0", "--beta", "0.25", "-o", "a.parquet").code == 0
    np.testing.assert_allclose(
        np.stack(pd.read_parquet("a.parquet")["embedding_beta0.25"]), mini.encode(PLACES, 0.25), atol=ROUND_OFF
    )
    assert points("places.csv", "--bands", "3,30-31", "--as", "columns", "-o", "b.parquet").code == 0
    frame = pd.read_parquet("b.parquet")
    assert frame.columns.tolist() == ["id", "lon", "lat", "b0003", "b0030", "b0031"]
    np.testing.assert_allclose(frame["b0030"], mini.encode(PLACES)[:, 29], atol=ROUND_OFF)
    assert points("places.csv", "--layout", "components", "-o", "c.npz").code == 0
    with np.load("c.npz") as file:
        blended = 0.75 * file["embedding"][:, 24:48] + 0.25 * file["embedding"][:, :24]
    np.testing.assert_allclose(blended, mini.encode(PLACES, 0.25)[:, :24], atol=ROUND_OFF)
    assert points("places.csv", "--model", "SatCLIP", "--drop-columns", "-o", "d.csv").code == 0
    assert pd.read_csv("d.csv").shape == (3, 16)


def test_places_that_lie_close_together_are_interpolated_unless_exact(rangegeo, folder):
    lonlat = np.random.default_rng(0).uniform((3.3, 45.1), (6.2, 47.1), (1500, 2))  # one tile
    pd.DataFrame(lonlat, columns=["lon", "lat"]).to_csv("dense.csv", index=False)
    model = rg.load_model("RANGE+", device="cpu")
    expected = model.encode(lonlat[:50])
    for options, evaluation in (
        ([], "interpolated"),
        (["--tolerance", "1e-4"], "interpolated"),
        (["--exact"], "exact"),
    ):
        done = rangegeo("points", "dense.csv", *options, "-o", "o.parquet", "--overwrite")
        assert done.code == 0, done.err
        facts = json.loads(pq.read_metadata("o.parquet").metadata[b"rangegeo"])
        assert facts["evaluation"] == evaluation
        tolerance = facts.get("tolerance", 1e-6)
        np.testing.assert_allclose(embeddings()[:50], expected, rtol=0, atol=tolerance * np.abs(expected).max())
        if evaluation == "interpolated":
            assert (facts["interpolated_places"], facts["evaluations"], facts["proof_places"]) == (1500, 441, 32)
            assert 0 < facts["measured_error"] <= tolerance
            assert done.err.splitlines()[-1].startswith(
                "1,500 places interpolated from 441 evaluations, 0 evaluated th"
            )
        else:
            assert done.err.splitlines()[-1] == "every place was evaluated"


@pytest.mark.parametrize("name", ["o.csv", "o.tsv", "o.npz", "o.parquet", "o.pq", "o.geoparquet"])
def test_the_suffix_chooses_the_format(points, name):
    assert points("places.csv", "-o", name).code == 0
    readers = {
        ".csv": pd.read_csv,
        ".tsv": lambda path: pd.read_csv(path, sep="\t"),
        ".npz": lambda path: pd.DataFrame({"id": np.load(path)["id"]}),
        ".geoparquet": gpd.read_parquet,
    }
    assert readers.get(Path(name).suffix, pd.read_parquet)(name)["id"].tolist() == [1, 2, 3]


def test_the_format_may_be_said(points):
    assert points("places.csv", "-o", "data.bin", "--format", "npz").code == 0
    with open("data.bin", "rb") as file:
        assert np.load(file)["embedding"].shape == (3, 40)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (CSV, []),
        (CSV.replace(",", "\t"), []),
        (CSV.replace("lon,lat", "a,b"), ["--lon", "a", "--lat", "b"]),
        (
            json.dumps(FEATURES),
            ["--input-format", "geojson"],
        ),
        (json.dumps(FEATURES), []),
        (json.dumps(FEATURES, indent=1), []),
        ("\n".join(json.dumps(one) for one in FEATURES["features"]), []),
    ],
)
def test_standard_input(points, mini, folder, monkeypatch, given, options):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    done = points("-", *options, "-o", "o.parquet")
    assert done.code == 0, done.err
    np.testing.assert_allclose(embeddings(), mini.encode(PLACES), rtol=0, atol=5e-6)
    assert sorted(path.name for path in folder.iterdir()) == ["faulty.csv", "o.parquet", "places.csv"]


def test_a_real_pipe(folder):
    command = [sys.executable, "-m", "rangegeo.cli.main", "points", "-", *MINI, "-q", "-o", "o.csv"]
    done = subprocess.run(command, cwd=folder, input=FAULTY, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "o.csv\n"), done.stderr
    assert done.stderr.startswith(
        "rangegeo: warning: standard input: 3 of 4 rows have no place: line 3: lon is 'north', no number; line 5"
    )
    assert len(pd.read_csv(folder / "o.csv")) == 4


def test_standard_output_is_a_table_and_nothing_else(folder, mini):
    options = (*MINI, "--device", "cpu")
    command = [sys.executable, "-m", "rangegeo.cli.main", "points", "-", *options, "-o", "-"]
    done = subprocess.run(command, cwd=folder, input=FAULTY, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(io.StringIO(done.stdout))
    assert frame.columns[:4].tolist() == ["id", "lon", "lat", "b0001"]
    assert frame["id"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(frame.iloc[0, 3:].astype(float), mini.encode(PLACES[:1])[0], atol=ROUND_OFF)
    assert frame.iloc[1:, 3:].isna().all(axis=None)
    lines = done.stderr.splitlines()
    assert lines[0].startswith("rangegeo: warning: standard input: 3 of 4 rows have no place: ")
    assert lines[1].startswith("standard output: 4 places, 40 bands, ")
    assert list(folder.iterdir()) == []


def test_standard_output_of_a_program_in_this_process(points, folder):
    done = points("places.csv", "--bands", "1", "-q", "-o", "-")
    assert (done.code, done.err) == (0, "")
    assert pd.read_csv(io.StringIO(done.out)).shape == (3, 4)
    assert points("places.csv", "--bands", "1", "-q", "-o", "-").out == done.out  # standard output is still open


def test_a_reader_that_has_enough_ends_it_quietly(folder):
    places = pd.DataFrame({"lon": np.linspace(-180, 180, 30_000), "lat": np.linspace(-90, 90, 30_000)})
    places.to_csv(folder / "p.csv", index=False)
    command = [sys.executable, "-m", "rangegeo.cli.main", "points", "p.csv", *MINI, "-q", "-o", "-"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith(b'"lon","lat","b0001"')
    process.stdout.close()
    with process.stderr as told:
        assert told.read() == b""
    assert process.wait(timeout=60) == 1


def test_a_geopackage(points, mini, folder):
    assert points("faulty.csv", "--beta", "0,1", "--bands", "2", "-o", "o.gpkg").code == 0
    frame = gpd.read_file("o.gpkg")
    assert frame.columns.tolist() == ["id", "lon", "lat", "beta0_b0002", "beta1_b0002", "geometry"]
    assert frame["beta0_b0002"].isna().tolist() == [False, True, True, True]
    assert frame.geometry[0] == Point(*PLACES[0])


def test_remarks_are_told_unless_quiet(points, folder):
    (folder / "t.tsv").write_text('lon\tlat\tnote\n0\t0\t"a\n5\t45\tb"\n0\t0\t\n')
    assert points("t.tsv", "-q", "--bands", "1", "-o", "q.csv").err == ""
    done = points("t.tsv", "--bands", "1", "-o", "o.csv")
    assert done.err.splitlines()[:2] == [
        "t.tsv: quotation marks are read as text, because every line has its own values (see line 2); type --quoting "
        "minimal if they enclose values",
        "t.tsv: 2 places are exactly 0, 0, which often stands for a missing place, the first on line 2",
    ]


def test_text_as_its_maker_wrote_it(points, mini, folder):
    text = "note~lon~lat\nZürich~8,5~47,4\n"
    (folder / "t.csv").write_bytes(text.encode("cp1252"))
    done = points("t.csv", "--delimiter", "~", "--decimal", ",", "--encoding", "cp1252", "-o", "o.parquet")
    assert done.code == 0, done.err
    np.testing.assert_allclose(embeddings(), mini.encode([[8.5, 47.4]]), atol=ROUND_OFF)
    assert pd.read_parquet("o.parquet").iloc[0, :3].tolist() == ["Zürich", 8.5, 47.4]


def test_a_vector_file_in_its_own_crs_and_a_layer(points, mini, folder):
    frame = gpd.GeoDataFrame({"id": [1, 2]}, geometry=[Point(*place) for place in PLACES[:2]], crs=4326).to_crs(2154)
    frame.to_file(folder / "v.gpkg", layer="one")
    frame.iloc[:1].to_file(folder / "v.gpkg", layer="two")
    assert points("v.gpkg", "--layer", "one", "-o", "o.parquet").code == 0
    np.testing.assert_allclose(embeddings(), mini.encode(PLACES[:2]), atol=1e-5)


def test_columns_in_another_crs(points, mini, folder):
    frame = gpd.GeoDataFrame(geometry=[Point(*PLACES[0])], crs=4326).to_crs(2154)
    (folder / "x.csv").write_text(f"x,y\n{frame.geometry.x[0]},{frame.geometry.y[0]}\n")
    assert points("x.csv", "--crs", "EPSG:2154", "-o", "o.parquet").code == 0
    np.testing.assert_allclose(embeddings(), mini.encode(PLACES[:1]), atol=1e-5)


def test_lines_may_stand_for_a_point_within(points, mini, folder):
    gpd.GeoDataFrame(geometry=[LineString([(5, 45), (5, 46), (5, 47)])], crs=4326).to_file(folder / "v.geojson")
    assert points("v.geojson", "--representative-point", "-o", "o.parquet").code == 0
    np.testing.assert_allclose(embeddings(), mini.encode([[5, 46]]), atol=1e-5)


def test_overwrite_replaces(points):
    assert points("places.csv", "-o", "o.npz").code == 0
    refused = points("places.csv", "--bands", "1", "-o", "o.npz")
    assert refused.code == 1
    assert "add --overwrite to replace it" in refused.err
    assert points("places.csv", "--bands", "1", "-o", "o.npz", "--overwrite").code == 0
    assert np.load("o.npz")["embedding"].shape == (3, 1)
    before = Path("places.csv").read_bytes()
    refused = points("places.csv", "-o", "./places.csv", "--overwrite")
    assert (refused.code, Path("places.csv").read_bytes()) == (2, before)
    assert "-o would replace places.csv, which IN reads; give another -o" in refused.err


# -------------------------------------------------------------------------------------------------- faulty rows


def test_faulty_rows_are_told_by_their_line_and_get_nulls(points, mini):
    done = points("faulty.csv", "-o", "o.parquet")
    assert done.code == 0
    assert done.err.splitlines()[0] == (
        "rangegeo: warning: faulty.csv: 3 of 4 rows have no place: line 3: lon is 'north', no number; "
        "line 5: latitude -95 is beyond 90; "
        "line 6: lon is empty; they get nulls"
    )
    frame = pd.read_parquet("o.parquet")
    assert frame["id"].tolist() == [1, 2, 3, 4]
    assert frame["embedding"].isna().tolist() == [False, True, True, True]
    np.testing.assert_allclose(frame["embedding"][0], mini.encode(PLACES[:1])[0], atol=ROUND_OFF)


def test_faulty_rows_are_told_when_quiet_too(points):
    assert points("faulty.csv", "-q", "-o", "o.csv").err.count("\n") == 1
    assert points("places.csv", "-q", "-o", "p.csv").err == ""


# -------------------------------------------------------------------------------------- every fault in one line

OUT = ("-o", "out.parquet")
BETAS = ",".join(str(step / 100) for step in range(60))  # of 40 bands each
BAD = {
    "no table": ((), 2, "'IN'; type rangegeo points --help"),
    "no output": (("places.csv",), 2, "'-o' / '--out'; type rangegeo points --help"),
    "missing table": (("none.csv", *OUT), 2, "none.csv does not exist; expected a table of places"),
    "unknown suffix": (("places.csv", "-o", "o.xlsx"), 2, "-o must end in .parquet, .geoparquet, .csv, .tsv, .gpkg"),
    "existing output": (("places.csv", "-o", "old.npz"), 1, "old.npz exists and was left as it is; add --overwrite"),
    "folder as output": (("places.csv", "-o", "folder", "--format", "csv", "--overwrite"), 1, "folder is a folder and"),
    "missing folder": (("places.csv", "-o", "none/o.csv"), 1, "make it first: mkdir -p "),
    "faulty rows refused": (("faulty.csv", "--invalid", "refuse", *OUT), 1, "line 3: lon is 'north', no number; line"),
    "no usable row": (("metres.csv", *OUT), 1, "not even the only row of metres.csv has a place: line 2: longitude"),
    "no coordinates": (("names.csv", *OUT), 2, "no column of id, name has a usual name of longitude; type --lon NAME"),
    "ambiguous columns": (("many.csv", *OUT), 2, "longitude may be in lon, x; type --lon NAME --lat NAME"),
    "one column named": (("many.csv", "--lon", "x", *OUT), 2, "--lon and --lat go together: type both"),
    "missing column": (("many.csv", "--lon", "x", "--lat", "z", *OUT), 2, "--lat must name a column, got 'z'; there"),
    "unknown crs": (("places.csv", "--crs", "utm", *OUT), 2, "--crs must be a CRS that pyproj knows, got 'utm'"),
    "crs against the file": (("lines.geojson", "--crs", "EPSG:2154", *OUT), 2, "lines.geojson is in WGS 84"),
    "lines": (("lines.geojson", *OUT), 1, "row 1 is a LineString, not a point; --representative-point takes a point"),
    "layer of a csv": (("places.csv", "--layer", "a", *OUT), 2, "--layer is for files with layers such as .gpkg; leav"),
    "ragged row": (("ragged.csv", *OUT), 1, "ragged.csv, line 3 has 3 values for 2 columns; quote the values"),
    "empty file": (("empty.csv", *OUT), 1, "empty.csv is empty; expected a line of column names such as lon,lat"),
    "no header": (("headless.csv", *OUT), 1, "the first line of headless.csv must name the columns, got 5,45; put a"),
    "text called parquet": (("text.parquet", *OUT), 1, "text.parquet is not a Parquet file: "),
    "text called geojson": (("text.geojson", *OUT), 1, "text.geojson cannot be read: "),
    "text called gpkg": (("text.gpkg", *OUT), 1, "text.gpkg cannot be read: "),
    "nothing": (("", *OUT), 2, "IN must be a file, or - for standard input, got nothing"),
    "a folder": (("folder", *OUT), 2, "IN must be a file, or - for standard input, got the folder folder"),
    "a quotation mark in the names": (("quote.csv", *OUT), 1, "quote.csv, line 1: "),
    "decimal commas": (("commas.csv", *OUT), 1, "lon is '5,72', no number; decimals need a point"),
    "one column for both": (("places.csv", "--lon", "lon", "--lat", "lon", *OUT), 2, "must be two columns, got 'lon'"),
    "standard output": (("places.csv", "-o", "-", "--format", "npz"), 2, "-o - writes CSV to standard output; leave"),
    "lists on standard output": (("places.csv", "-o", "-", "--as", "list"), 2, "--as is for Parquet; CSV has a column"),
    "a delimiter of a geojson": (("lines.geojson", "--delimiter", ";", *OUT), 2, "--delimiter is for text tables such"),
    "a delimiter of two": (("places.csv", "--delimiter", ";;", *OUT), 2, "for example --delimiter tab"),
    "an unknown encoding": (("places.csv", "--encoding", "latin0", *OUT), 2, "for example --encoding latin-1"),
    "an unknown decimal sign": (("places.csv", "--decimal", "'", *OUT), 2, "for example --decimal ,"),
    "latin-1": (("latin.csv", *OUT), 1, "invalid start byte on line 2); type its encoding, for example --enc"),
    "a quotation mark": (("lone.csv", *OUT), 1, "line 2: unexpected end of data; check the quotation marks, or type -"),
    "too many columns": (("places.csv", "--beta", BETAS, "-o", "o.gpkg"), 2, "a GeoPackage holds at most 2,000 colu"),
    "two formats": (("places.csv", "-o", "o.csv", "--format", "npz"), 2, "--format npz does not go with -o o.csv"),
    "a database without use": (("places.csv", "--model", "SatCLIP", "--db", "demo", *OUT), 2, "has no database"),
    "unknown input format": (("places.csv", "--input-format", "xls", *OUT), 2, "'csv', 'geojson', 'geojsonl', 'gpkg'"),
    "wrong input format": (("places.csv", "--input-format", "parquet", *OUT), 1, "places.csv is not a Parquet file: "),
    "lists in a csv": (("places.csv", "--as", "list", "-o", "o.csv"), 2, "--as is for Parquet; CSV has a column a"),
    "a name twice": (("taken.csv", *OUT), 2, "the table already has a column 'embedding'; rename it in a copy, or"),
    "beta of two": (("places.csv", "--beta", "2", *OUT), 2, "for example --beta 0,0.5,1"),
    "beta without one": (("places.csv", "--model", "SatCLIP", "--beta", "0", *OUT), 2, "SatCLIP has none; leave it"),
    "components and beta": (("places.csv", "--layout", "components", "--beta", "0", *OUT), 2, "q; leave out --beta"),
    "bands beyond the last": (("places.csv", "--bands", "41", *OUT), 2, "--bands must be numbers from 1 to 40"),
    "unknown model": (("places.csv", "--model", "CLIP", *OUT), 2, "--model must be one of RANGE+, RANGE, SatCLIP"),
    "unknown device": (("places.csv", "--device", "tpu", *OUT), 2, "--device must be auto, cpu, cuda or cuda:N"),
    "tolerance of zero": (("places.csv", "--tolerance", "0", *OUT), 2, "for example --tolerance 1e-5"),
    "tolerance and exact": (("places.csv", "--tolerance", "1e-3", "--exact", *OUT), 2, "leave out --tolerance"),
    "no threads": (("places.csv", "--threads", "0", *OUT), 2, "x>=1"),
}  # fmt: skip


@pytest.fixture
def full(folder) -> Path:
    """A folder of things that must stay as they are, and of tables that are wrong."""
    texts = {
        "old.npz": "precious",
        "metres.csv": "lon,lat\n500000,5000000\n",
        "names.csv": "id,name\n1,a\n",
        "many.csv": "lon,x,lat\n1,2,3\n",
        "ragged.csv": "lon,lat\n1,2\n1,2,3\n",
        "empty.csv": "",
        "headless.csv": "5,45\n",
        "text.parquet": "text",
        "text.geojson": "text",
        "text.gpkg": "text",
        "quote.csv": '"lon"x,lat\n5,45\n',
        "commas.csv": "lon;lat\n5,72;45,19\n",
        "lone.csv": 'lon,lat,note\n5,45,"a\n6,46,b\n',
        "taken.csv": "lon,lat,embedding\n1,2,3\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "latin.csv").write_bytes("lon,lat,note\n5,45,Zürich\n".encode("latin-1"))
    (folder / "folder").mkdir()
    gpd.GeoDataFrame(geometry=[LineString([(0, 0), (1, 1)])], crs=4326).to_file(folder / "lines.geojson")
    return folder


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_touches_nothing(full, points, case):
    arguments, code, said = BAD[case]
    before = listing(full)
    assert_one_line(points(*arguments), code, said)
    assert listing(full) == before


def test_the_keyboard_is_no_table(points, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    done = points("-", "-o", "o.csv")
    assert (done.code, done.err) == (
        2, "rangegeo: standard input is the keyboard; give a file, or pipe a table in\n"
    )  # fmt: skip


@pytest.mark.parametrize("name", ["o.parquet", "o.csv", "o.npz"])
def test_a_real_interrupt_leaves_nothing(folder, name):
    rows = 200_000
    random = np.random.default_rng(0)
    pd.DataFrame({"lon": random.uniform(-180, 180, rows), "lat": random.uniform(-90, 90, rows)}).to_parquet(
        folder / "p.parquet"
    )
    (folder / name).write_text("precious")
    command = [sys.executable, "-m", "rangegeo.cli.main", "points", "p.parquet", "--threads", "1", "--overwrite"]
    process = subprocess.Popen(
        [*command, "-o", name], cwd=folder, stderr=subprocess.PIPE, text=True, preexec_fn=hear_interrupts
    )
    started = time.monotonic()
    hidden = folder / f".{name}-unfinished"
    while not (hidden.is_dir() and {path.name for path in hidden.iterdir()} - {"lock"}):
        assert time.monotonic() - started < 60
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("rangegeo: interrupted; ")
    assert "Traceback" not in err
    assert (folder / name).read_text() == "precious"
    assert sorted(path.name for path in folder.iterdir()) == sorted([name, "p.parquet"])


@pytest.mark.parametrize("name", ["o.parquet", "-"])
def test_a_dry_run_of_a_table_writes_nothing(points, folder, name):
    before = listing(folder)
    done = points("places.csv", "--dry-run", "-o", name)
    assert (done.code, done.out) == (0, "")
    assert "3 places, 40 bands, " in done.err
    assert listing(folder) == before


def test_a_dry_run_over_an_output_says_that_it_exists(points, folder):
    (folder / "o.csv").write_text("precious")
    for more, said in (((), "add --overwrite to replace it"), (("--overwrite",), "it will be replaced")):
        done = points("places.csv", "--dry-run", "-o", "o.csv", *more)
        assert (done.code, done.out, done.err.splitlines()[-1]) == (0, "", f"o.csv exists; {said}")
    assert (folder / "o.csv").read_text() == "precious"


@pytest.mark.parametrize("partitioned", [False, True])
def test_a_folder_of_parquet_files_needs_no_suffix(points, folder, partitioned):
    frame = pd.DataFrame({"lon": [5.72, 2.35], "lat": [45.19, 48.86], "year": [2020, 2021]})
    if partitioned:
        frame.to_parquet("table", partition_cols=["year"])
    else:
        (folder / "table").mkdir()
        frame.to_parquet("table/part-00000-abc.snappy.parquet")
    (folder / "table" / "_SUCCESS").touch()
    (folder / "table" / ".part.crc").write_bytes(b"crc")
    assert points("table", "-o", "o.parquet").code == 0
    assert len(embeddings()) == 2
    (folder / "other").mkdir()
    (folder / "other" / "a.csv").write_text(CSV)
    assert_one_line(points("other", "-o", "p.parquet"), 2, "got the folder other")
