"""What messages of the shell say to type works. The rows are in `helpers.hints_of_shell`."""

from __future__ import annotations

import os
import shutil

import pytest
from helpers.hints import Row, Way, follow_in_shell
from helpers.hints_of_shell import ROWS

PAIRS = [pytest.param(row, way, id=f"{row.name}, {number}") for row in ROWS for number, way in enumerate(row.ways, 1)]


@pytest.mark.parametrize(("row", "way"), PAIRS)
def test_what_a_message_says_to_type_works(row: Row, way: Way) -> None:
    for program in way.needs:
        if shutil.which(program) is None:
            assert not os.environ.get("CI"), f"{program} is missing"
            pytest.skip(f"{program} is not installed")
    follow_in_shell(row, way)


def test_rows_have_names_of_their_own():
    assert len({row.name for row in ROWS}) == len(ROWS)
