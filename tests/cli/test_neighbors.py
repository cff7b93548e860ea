"""`rangegeo neighbors`: the table and the JSON say what model.neighbors says."""

from __future__ import annotations

import json

import pytest
from typed import MINI


@pytest.fixture
def expected(mini):
    return mini.neighbors([-122.4, 37.8], 3, beta=0.25).isel(place=0)


def test_json_is_what_python_gives(rangegeo, expected):
    ran = rangegeo("neighbors", "-122.4", "37.8", "-k", "3", "--beta", "0.25", "--json", *MINI)
    assert (ran.code, ran.err) == (0, "")
    facts = json.loads(ran.out)
    assert [row["row"] for row in facts["neighbours"]] == expected["row"].values.tolist()
    for name in ("weight", "semantic_weight", "geographic_weight", "cosine", "distance", "row_lon", "row_lat"):
        assert [row[name] for row in facts["neighbours"]] == pytest.approx(expected[name].values, rel=1e-9)
    assert facts["rest"] == pytest.approx(float(expected["rest"]))
    assert (facts["model"], facts["beta"], facts["lon"], facts["lat"]) == ("RANGE+", 0.25, -122.4, 37.8)
    assert facts["database"] == "range_db_mini.npz"


def test_the_table_has_a_line_for_each_row_and_one_for_the_rest(rangegeo, expected):
    ran = rangegeo("neighbors", "-122.4", "37.8", "-k", "3", "--beta", "0.25", *MINI)
    heading, *rows, rest = ran.out.strip().splitlines()
    assert heading.split() == ["row", "lon", "lat", "km", "cosine", "in", "S", "in", "G", "weight"]
    assert [int(row.split()[0]) for row in rows] == expected["row"].values.tolist()
    assert [row.split()[-1] for row in rows] == [f"{weight:.3%}" for weight in expected["weight"].values]
    assert rest.split()[0] == "others"
    assert rest.split()[-1] == f"{float(expected['rest']):.3%}"
    assert all(len(line) <= 80 for line in ran.out.splitlines())


def test_a_model_without_a_geographic_average(rangegeo):
    ran = rangegeo("neighbors", "5", "45", "--model", "RANGE", *MINI)
    assert ran.code == 0
    assert len(ran.out.strip().splitlines()) == 12
    assert "in G" not in ran.out


def test_the_embedded_model_is_announced(rangegeo):
    assert "embedded demo model" in rangegeo("neighbors", "5", "45", "-k", "1").err
    assert "embedded demo model" not in rangegeo("neighbors", "5", "45", "-k", "1", "--weights", "demo").err
    assert rangegeo("neighbors", "5", "45", "-k", "1", "-q").err == ""
