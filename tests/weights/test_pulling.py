"""What is refused before anything is downloaded or converted."""

from __future__ import annotations

import pytest
from oracles import golden

from rangegeo.errors import RangegeoError
from rangegeo.weights.checkpoint import read_checkpoint
from rangegeo.weights.pulling import pull


@pytest.mark.parametrize(
    ("refused", "python", "shell"),
    [
        (
            lambda: pull(["RANGE+"], revision="v1"),
            "revision belongs to one repository, got files of several: satclip-vit16-l40, range_db_large",
            "--revision belongs to one repository, got files of several: satclip-vit16-l40, range_db_large",
        ),
        (
            lambda: read_checkpoint(golden.GOLDEN / "range_db_mini.npz"),
            f"{golden.GOLDEN}/range_db_mini.npz is an .npz, as RANGE databases are; give it as db, and weights a "
            "checkpoint",
            f"{golden.GOLDEN}/range_db_mini.npz is an .npz, as RANGE databases are; give it as --db, and --weights a "
            "checkpoint",
        ),
    ],
)
def test_a_refusal_is_spelled_for_python_and_for_the_shell(refused, python, shell):
    with pytest.raises(RangegeoError) as caught:
        refused()
    assert str(caught.value) == python
    assert caught.value.for_shell() == shell
