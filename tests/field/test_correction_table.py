"""The shipped correction table is the one that workflows/harmonics/make_correction.py makes."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "workflows" / "harmonics" / "make_correction.py"
# A few degrees contain every printed form: constants, products merged into one number, expanded powers of the sine.
DEGREES = (0, 1, 2, 3, 9, 10, 29, 38, 39)


@pytest.fixture(scope="module")
def shipped() -> dict[str, np.ndarray]:
    with np.load(ROOT / "rangegeo" / "field" / "correction_l40.npz") as table:
        return dict(table)


def test_the_shipped_table_is_complete(shipped):
    assert [tuple(pair) for pair in shipped["lm"]] == [(l, m) for l in range(40) for m in range(l + 1)]
    assert shipped["n"].tolist() == [(l - m) // 2 + 1 for l in range(40) for m in range(l + 1)]
    assert shipped["coef"].shape == (5950,)
    assert {name: array.dtype.name for name, array in shipped.items()} == {
        "lm": "int16",
        "n": "int16",
        "coef": "float64",
    }


def test_every_coefficient_is_derived_again_exactly(shipped):
    made = runpy.run_path(str(SCRIPT))["correction_table"]((l, m) for l in DEGREES for m in range(l + 1))
    rows = np.isin(shipped["lm"][:, 0], DEGREES)
    coefficients = np.split(shipped["coef"], np.cumsum(shipped["n"])[:-1])
    np.testing.assert_array_equal(made["lm"], shipped["lm"][rows])
    np.testing.assert_array_equal(made["n"], shipped["n"][rows])
    np.testing.assert_array_equal(made["coef"], np.concatenate([coefficients[row] for row in rows.nonzero()[0]]))


def test_the_command_writes_the_same_arrays(shipped, tmp_path):
    out = tmp_path / "table.npz"
    command = [sys.executable, str(SCRIPT), "--out", str(out), "--degree", "3"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed == f"{out}: 6 polynomials, 7 coefficients\n"
    with np.load(out) as made:
        for name, count in (("lm", 6), ("n", 6), ("coef", 7)):
            np.testing.assert_array_equal(made[name], shipped[name][:count])
