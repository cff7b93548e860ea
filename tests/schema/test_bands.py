"""Bands by name, number and group; what is no band is refused in both spellings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

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
        (2, NAMES, (1,)),
        (np.int16(2), NAMES, (1,)),
        (2.0, NAMES, (1,)),
        (np.array(3), NAMES, (2,)),
        (range(2, 4), NAMES, (1, 2)),
        (np.arange(1, 3), NAMES, (0, 1)),
        (torch.tensor([3, 1]), NAMES, (2, 0)),
        (np.array(["location", "visual_1"]), NAMES, (2, 1)),
        ((number for number in (2, 3)), NAMES, (1, 2)),
        ("2", NAMES, (1,)),
        ("location, 1-2", NAMES, (2, 0, 1)),
        ("visual", COMPONENTS, (0, 1)),
        ("geographic", COMPONENTS, (1,)),
    ],
)
def test_names_numbers_and_groups_are_indices(bands, names, chosen):
    assert chosen_bands(bands, names) == chosen


@pytest.mark.parametrize(
    "bands", [None, True, {1, 2}, {"visual": 1}, slice(1, 3), b"all", object(), [[1, 2]], [None], [True], 1 + 2j]
)
def test_what_is_no_list_of_bands_is_refused_in_one_line(bands):
    with pytest.raises(UsageError, match=r"^bands must be [^\n]*; for example bands=\(1, 2, 3\)$"):
        chosen_bands(bands, NAMES)


@pytest.mark.parametrize("number", [np.inf, np.nan, 10**30, -1, range(3)])
def test_numbers_out_of_range_are_refused(number):
    with pytest.raises(UsageError, match=r"^bands must be numbers from 1 to 3, got "):
        chosen_bands(number, NAMES)


def test_diagnostics_are_no_part_of_an_embedding():
    assert embedding_bands(NAMES) == [0, 1, 2]
    assert embedding_bands(DIAGNOSTICS) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("bands", "python", "shell"),
    [
        (
            (0,),
            "bands must be numbers from 1 to 3, got 0; for example bands=(1, 2, 3)",
            "--bands must be numbers from 1 to 3, got 0; for example --bands 1,2,3",
        ),
        (
            (1.5,),
            "bands must be numbers from 1 to 3, got 1.5; for example bands=(1, 2, 3)",
            "--bands must be numbers from 1 to 3, got 1.5; for example --bands 1,2,3",
        ),
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
