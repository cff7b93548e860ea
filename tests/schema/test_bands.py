"""Bands by name, number and group; what is no band is refused in both spellings."""

from __future__ import annotations

import pytest

from rangegeo.errors import UsageError
from rangegeo.schema.bands import DIAGNOSTICS, chosen_bands, embedding_bands

NAMES = ("visual_0", "visual_1", "location_0", *DIAGNOSTICS)
COMPONENTS = ("semantic_0", "geographic_0", "location_0")


@pytest.mark.parametrize(
    ("bands", "names", "chosen"),
    [
        ("all", NAMES, None),
        ("visual", NAMES, (0, 1)),
        ("location,visual_0", NAMES, (2, 0)),
        ((3, 1), NAMES, (2, 0)),
        ((1.0, "location"), NAMES, (0, 2)),
        ((1, 2, 3), NAMES, None),
        ("all,diagnostics", NAMES, (0, 1, 2, 3, 4, 5, 6)),
        ("semantic_entropy", NAMES, (3,)),
        ("visual", COMPONENTS, (0, 1)),
        ("geographic", COMPONENTS, (1,)),
    ],
)
def test_names_numbers_and_groups_are_indices(bands, names, chosen):
    assert chosen_bands(bands, names) == chosen


def test_diagnostics_are_no_part_of_an_embedding():
    assert embedding_bands(NAMES) == [0, 1, 2]
    assert embedding_bands(DIAGNOSTICS) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("bands", "python", "shell"),
    [
        ((0,), "bands must be numbers from 1 to 3, got 0", "--bands must be numbers from 1 to 3, got 0"),
        ((1.5,), "bands must be numbers from 1 to 3, got 1.5", "--bands must be numbers from 1 to 3, got 1.5"),
        (
            "red",
            "bands must be all, visual, location, diagnostics, a name such as visual_0 or a number, or several of "
            "these, got 'red'; for example bands=(1, 2, 3)",
            "--bands must be all, visual, location, diagnostics, a name such as visual_0 or a number, or several of "
            "these, got 'red'; for example --bands 1,2,3",
        ),
        (
            (),
            "bands must name a band; a range goes from small to large, for example 1,2,10-20",
            "--bands must name a band; a range goes from small to large, for example 1,2,10-20",
        ),
        (
            "visual,visual_0",
            "bands must name every band once; for example bands=(1, 2, 3)",
            "--bands must name every band once; for example --bands 1,2,3",
        ),
    ],
)
def test_what_is_no_band_is_refused(bands, python, shell):
    with pytest.raises(UsageError) as caught:
        chosen_bands(bands, NAMES)
    assert (str(caught.value), caught.value.for_shell()) == (python, shell)
