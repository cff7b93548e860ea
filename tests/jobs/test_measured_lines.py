"""What a run says it measured: one of a thing is written as one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rangegeo.jobs.measured import interpolation_line, loss_line, stored_line


@pytest.mark.parametrize(
    ("evaluations", "pixels", "refined", "said"),
    [
        (1, 1, 1, "from 1 evaluation; measured error 1.0e-06 at 1 pixel, tolerance 1e-05; refined 1 time to keep it"),
        (1681, 32, 0, "from 1,681 evaluations; measured error 1.0e-06 at 32 pixels, tolerance 1e-05"),
        (
            2,
            2,
            2,
            "from 2 evaluations; measured error 1.0e-06 at 2 pixels, tolerance 1e-05; refined 2 times to keep it",
        ),
    ],
)
def test_evaluations_are_counted(evaluations, pixels, refined, said):
    facts = {"evaluations": evaluations, "proof_pixels": pixels, "refined_parts": refined, "measured_error": 1e-6}
    assert interpolation_line(facts, 1e-5) == f"interpolated {said}"


@pytest.mark.parametrize(
    ("clipped", "said"),
    [
        (0, "no value was clipped"),
        (1, "1 value was clipped"),
        (2500, "2,500 values were clipped"),
    ],
)
def test_clipped_values_are_counted(clipped, said):
    storage = SimpleNamespace(dtype="int8", bounds={"visual": 0.01})
    line = stored_line({"quantisation_error_visual": 0.002, "quantisation_clipped": clipped}, storage)
    assert line == f"stored as int8: measured error 2.0e-03 (visual) of the largest value; {said}"


def test_floats_lose_nothing_of_what_integers_had_lost():
    """A cube that was opened from clipped integers and is written as float32."""
    assert loss_line({}, SimpleNamespace(dtype="float32", bounds={"visual": 0}), {"quantisation_clipped": 5}) is None
