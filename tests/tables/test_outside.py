"""Rows whose places lie where a model gives no values are counted, and the first of them named."""

from __future__ import annotations

import pytest

from rangegeo.errors import TableError
from rangegeo.tables.opening import open_table
from rangegeo.tables.outside import check_inside
from rangegeo.tables.places import find_places


def test_rows_outside_are_counted_and_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("lon,lat\n5,45\n,\n" + "\n".join(f"{lon},10" for lon in range(20, 28)) + "\n")
    table = open_table(str(path), tmp_path)
    places = find_places(table)
    check_inside(table, places, lambda lonlat: lonlat[:, 0] > 90, "the planet")
    with pytest.raises(TableError) as refused:
        check_inside(table, places, lambda lonlat: lonlat[:, 0] > 10, "the planet")
    assert str(refused.value) == (
        f"{table.name}: 8 of 10 rows lie outside the planet: line 4, line 5, line 6, line 7, line 8 and 3 more; "
        "leave them out in a copy"
    )
