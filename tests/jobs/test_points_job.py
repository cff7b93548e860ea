"""A table of embeddings from Python, without the shell: prepared, described, written, and named when it is complete."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from helpers.evaluators import refuse_to_evaluate

from rangegeo.errors import OutputError, TableError, UsageError
from rangegeo.jobs.options import Content, Engine, TableInput, TableOutput
from rangegeo.jobs.points import prepared
from rangegeo.models import load as loading

PLACES = pd.DataFrame({"name": ["a", "b", "c"], "lon": [5.7, -122.4, 5.75], "lat": [45.2, 37.8, 45.1]})


@pytest.fixture
def job(content, folder):
    """`prepared` for an output, with a table of three places; other options go to the groups that have them."""
    PLACES.to_csv("places.csv", index=False)

    def made(out: str, *, source: str = "places.csv", content: Content = content, **options: object):
        groups = {TableInput: {}, TableOutput: {}, Engine: {}}
        command = options.pop("command", None)
        for name, value in options.items():
            (group,) = [group for group in groups if name in group.__dataclass_fields__]
            groups[group][name] = value
        return prepared(
            TableInput(source=source, **groups[TableInput]),
            content,
            Engine(**groups[Engine]),
            TableOutput(out=Path(out), **groups[TableOutput]),
            command=command,
        )

    return made


def write(job) -> list[int]:
    """Write a job, and give back what it told of its progress."""
    done = []
    with job as made:
        made.write(done.append)
    return done


def vectors(path: str) -> np.ndarray:
    return np.stack(pq.read_table(path)["embedding"].to_pylist())


def test_a_table_has_the_embeddings_of_its_places(job, mini):
    assert sum(write(job("a.parquet"))) == 3
    np.testing.assert_allclose(vectors("a.parquet"), mini.encode(PLACES).to_numpy(), atol=1e-6)
    assert pq.read_table("a.parquet")["name"].to_pylist() == ["a", "b", "c"]


@pytest.mark.parametrize("out", ["a.csv", "a.tsv", "a.npz", "a.geoparquet"])
def test_every_format_is_written(job, out, folder):
    write(job(out))
    assert sorted(path.name for path in folder.iterdir()) == sorted([out, "places.csv"])


def test_preparing_evaluates_nothing_and_the_output_takes_its_name_at_the_end(job, folder, monkeypatch):
    with job("a.csv") as made:
        made.write(lambda count: None)
    with job("b.csv") as made, monkeypatch.context() as patch:
        refuse_to_evaluate(patch)
        assert (made.rows, made.lost, made.remarks) == (3, "", ())
        assert made.draft != Path("b.csv")
        assert not (folder / "b.csv").exists()
        patch.undo()
        made.write(lambda count: None)
        assert not (folder / "b.csv").exists()
    assert (folder / "b.csv").read_text() == (folder / "a.csv").read_text()


def test_an_error_leaves_what_was_there(job, folder):
    (folder / "a.csv").write_text("precious")
    before = sorted(folder.iterdir())
    with pytest.raises(ZeroDivisionError), job("a.csv", overwrite=True) as made:
        made.write(lambda count: 1 / 0)
    assert (folder / "a.csv").read_text() == "precious"
    assert sorted(folder.iterdir()) == before


def test_a_job_says_what_it_will_cost_and_what_it_measured(job):
    with job("a.csv") as made:
        assert made.describe().startswith("a.csv: 3 places, 40 bands, 544 bytes before compression, about ")
        made.write(lambda count: None)
        assert made.measured == "every place was evaluated"
    with job("b.csv", drop_columns=True) as made:  # 64 bytes less, for what the table itself holds
        assert made.describe().startswith("b.csv: 3 places, 40 bands, 480 bytes before compression, about ")


def test_places_that_lie_close_together_are_interpolated(job, mini):
    random = np.random.default_rng(0)
    near = pd.DataFrame(random.uniform((5, 44), (5.2, 44.2), (5000, 2)), columns=["lon", "lat"])
    near.to_csv("near.csv", index=False)
    with job("a.npz", source="near.csv", tolerance=1e-3) as made:
        made.write(lambda count: None)
        assert made.measured.startswith("5,000 places interpolated from ")
        assert made.measured.endswith(" places, tolerance 0.001")
    assert made.interpolator.facts["evaluations"] < 5000


def test_rows_without_a_place_are_told_and_get_nulls(job):
    Path("gaps.csv").write_text("id,lon,lat\n1,5,44\n2,,\n3,5,99\n")
    with job("a.parquet", source="gaps.csv") as made:
        assert made.rows == 3
        rows = "line 3: lon is empty; line 4: latitude 99 is beyond 90"
        assert made.lost == f"gaps.csv: 2 of 3 rows have no place: {rows}; they get nulls"
        made.write(lambda count: None)
    assert [row is None for row in pq.read_table("a.parquet")["embedding"].to_pylist()] == [False, True, True]


def test_rows_without_a_place_may_be_refused(job, folder):
    Path("gaps.csv").write_text("id,lon,lat\n1,5,44\n2,,\n")
    with pytest.raises(TableError) as caught, job("a.parquet", source="gaps.csv", invalid="refuse"):
        pytest.fail("it was prepared")
    assert str(caught.value).endswith('; correct them in a copy, or leave out invalid="refuse" to keep them with nulls')
    assert caught.value.for_shell().endswith(
        "; correct them in a copy, or leave out --invalid refuse to keep them with nulls"
    )
    assert not (folder / "a.parquet").exists()


def test_several_betas_are_several_columns(job, content, mini):
    write(job("a.parquet", content=replace(content, betas=(0, 1)), drop_columns=True))
    table = pq.read_table("a.parquet")
    assert table.column_names == ["embedding_beta0", "embedding_beta1"]


@pytest.mark.parametrize(("command", "kept"), [(None, False), ("rangegeo points", True)])
def test_a_command_line_is_kept(job, command, kept):
    write(job("a.parquet", command=command))
    facts = json.loads(pq.read_metadata("a.parquet").metadata[b"rangegeo"])
    assert facts["betas"] == [0.5]
    assert ("command" in facts) is kept
    assert facts.get("command") == command


@pytest.mark.parametrize(
    ("options", "error", "python", "shell"),
    [
        (
            {"out": "a.csv", "shape": "list"},
            UsageError,
            "shape is for Parquet; CSV has a column a band, and so has GeoPackage; npz has an array an embedding",
            "--as is for Parquet; CSV has a column a band, and so has GeoPackage; npz has an array an embedding",
        ),
        (
            {"out": "a.foo"},
            UsageError,
            "path must end in .parquet, .geoparquet, .csv, .tsv, .gpkg or .npz, got 'a.foo'",
            "-o must end in .parquet, .geoparquet, .csv, .tsv, .gpkg or .npz, got 'a.foo'",
        ),
        (
            {"out": "old.csv"},
            OutputError,
            "old.csv exists and was left as it is; add overwrite=True to replace it, or give another path",
            "old.csv exists and was left as it is; add --overwrite to replace it, or give another -o",
        ),
        (
            {"out": "a.csv", "exact": True, "tolerance": 1e-3},
            UsageError,
            "exact evaluates everything; leave out tolerance",
            "--exact evaluates everything; leave out --tolerance",
        ),
        (
            {"out": "a.csv", "lon": "x", "lat": "lat"},
            UsageError,
            "lon must name a column, got 'x'",
            "--lon must name a column, got 'x'",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_a_model_is_loaded(job, folder, monkeypatch, options, error, python, shell):
    (folder / "old.csv").write_text("precious")
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: pytest.fail("a model was loaded"))
    with pytest.raises(error) as caught, job(**options):
        pytest.fail("it was prepared")
    assert str(caught.value).startswith(python)
    assert caught.value.for_shell().startswith(shell)
    assert sorted(path.name for path in folder.iterdir()) == ["old.csv", "places.csv"]
    assert (folder / "old.csv").read_text() == "precious"
