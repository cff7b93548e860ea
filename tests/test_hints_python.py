"""What messages of Python say to type works. The rows are in `helpers.hints_of_python`."""

from __future__ import annotations

import pytest
from helpers.hints import Row, Way, follow_in_python
from helpers.hints_of_python import ROWS, names

PAIRS = [pytest.param(row, way, id=f"{row.name}, {number}") for row in ROWS for number, way in enumerate(row.ways, 1)]


@pytest.mark.parametrize(("row", "way"), PAIRS)
def test_what_a_message_says_to_type_works(row: Row, way: Way) -> None:
    follow_in_python(row, way, names)


def test_rows_have_names_of_their_own():
    assert len({row.name for row in ROWS}) == len(ROWS)
