"""`rangegeo evaluate`: what it prints and writes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers.hint_files import MINI

QUICK = "--beta 0,1 --block 5deg --folds 2 --seeds 1 --no-baselines"
MODEL = "RANGE+={1},{3}".format(*MINI.split())


@pytest.fixture
def here(folder):
    """A folder with a table of labels."""
    random = np.random.default_rng(0)
    lon, lat = random.uniform((-20, 30), (40, 65), (80, 2)).T
    cover = np.where(lat > 47, "north", "south")
    pd.DataFrame({"lon": lon, "lat": lat, "warm": 40 - lat, "cover": cover}).to_csv("t.csv", index=False)
    return folder


def test_scores_are_printed_in_markdown_where_nobody_looks(here, rangegeo):
    done = rangegeo("evaluate", "t.csv", "--target", "warm", "--target", "cover", "--model", MODEL, *QUICK.split())
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "## In blocks of 5 degrees that were left out"
    assert lines[2] == "| encoder | features | warm (R²) | cover (accuracy) | mean |"
    assert len([line for line in lines if line.startswith("| RANGE+=satclip-mini")]) == 2 * 6
    assert "warm: 80 labels, 1 column of numbers" in done.err
    assert "cover: 80 labels, 2 classes" in done.err


def test_paths_are_printed_and_no_tables_beside_them(here, rangegeo):
    words = ["evaluate", "t.csv", "--target", "warm", "--model", MODEL, *QUICK.split()]
    done = rangegeo(*words, "-o", "s.md", "-o", "s.csv", "--plot", "s.png")
    assert done.out.splitlines() == ["s.md", "s.csv", "s.png"], done.err
    assert "| encoder |" not in done.err
    assert "| encoder | features | warm (R²) |" in (here / "s.md").read_text(encoding="utf-8")
    assert set(pd.read_csv("s.csv").features) == {"beta 0", "beta 1", "S", "G", "q", "S+G+q"}
    assert rangegeo(*words, "-o", "s.md", "-q").err.count("\n") == 1  # it exists
    done = rangegeo(*words, "-o", "s.md", "-q", "--overwrite")
    assert (done.out, done.err) == ("s.md\n", "")


def test_a_terminal_gets_a_table(here, rangegeo, monkeypatch):
    from rangegeo.cli import evaluate

    monkeypatch.setattr(evaluate, "_is_terminal", lambda stream: True)
    done = rangegeo("evaluate", "t.csv", "--target", "warm", "--model", MODEL, *QUICK.split())
    assert "━" in done.out
    assert "| encoder" not in done.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("-o s.txt", r"-o must be a name that ends in .md, .csv, got 's.txt'; for example -o s.md"),
        ("--plot s.gif", r"--plot must be a name that ends in .png, .svg, .pdf, got 's.gif'; for example --plot s.png"),
        ("--block 5", r"--block must be kilometres or degrees"),
        ("--model Nobody", r"Nobody"),
    ],
)
def test_a_bad_request_is_refused_in_one_line(here, rangegeo, words, told):
    done = rangegeo("evaluate", "t.csv", "--target", "warm", *words.split())
    assert done.code == 2
    assert told in done.err
    assert done.err.count("\n") == 1


def test_all_takes_what_is_here_and_names_what_is_not(here, rangegeo, monkeypatch):
    from rangegeo.evaluation import embedded

    monkeypatch.setattr(embedded, "names_at_hand", lambda: ["Wrap", "Theory"])
    done = rangegeo("evaluate", "t.csv", "--target", "warm", "--model", "all", "--model", MODEL, *QUICK.split())
    assert done.code == 0, done.err
    assert "| Wrap | embedding |" in done.out
    assert "| RANGE+=satclip-mini,range_db_mini | beta 0 |" in done.out
    assert "TaxaBind, CSP, CSP_INat, SINR need weights and are left out; add --model TaxaBind=FILE" in done.err
    assert "demo model" not in done.err
    done = rangegeo(
        "evaluate", "t.csv", "--target", "warm", "--model", "SatCLIP", *QUICK.replace("--beta 0,1", "").split()
    )
    assert "for the published one: --model RANGE+=official" in done.err


def test_the_background_lies_in_an_area(here, rangegeo):
    box = '{"type": "Polygon", "coordinates": [[[-20, 30], [40, 30], [40, 48], [-20, 48], [-20, 30]]]}'
    (here / "south.geojson").write_text(box)
    words = ["evaluate", "t.csv", "--background", "40", "--aoi", "south.geojson", "--model", MODEL, *QUICK.split()]
    done = rangegeo(*words)
    assert done.code == 0, done.err
    assert "lie outside south.geojson, in which the background is drawn" in done.err
    done = rangegeo("evaluate", "--suite", "--task", "checkerboard", "--aoi", "south.geojson", *QUICK.split())
    assert done.code == 2
    assert "--suite has labels of its own; leave out --aoi" in done.err
