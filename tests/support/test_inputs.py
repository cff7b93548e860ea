"""Nothing that is read is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from rangegeo.errors import UsageError
from rangegeo.support.inputs import check_keeps_inputs


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.tif").write_text("precious")
    (tmp_path / "link.tif").symlink_to("mine.tif")
    (tmp_path / "loop.tif").symlink_to("loop.tif")
    return tmp_path


@pytest.mark.parametrize("given", ["mine.tif", "./mine.tif", "link.tif", Path("mine.tif"), ["other.tif", "mine.tif"]])
def test_an_output_that_is_read_is_refused(here, given):
    with pytest.raises(UsageError, match=r"would replace .*, which like reads; give another path"):
        check_keeps_inputs([("save", None), ("out", here / "mine.tif")], like=given)


def test_an_output_behind_a_link_is_the_file_itself(here):
    with pytest.raises(UsageError):
        check_keeps_inputs([("out", Path("link.tif"))], like="mine.tif")


def test_anything_else_passes(here):
    outputs = [("out", here / "a.tif"), ("save", here / "loop.tif"), ("plot", Path("-"))]
    check_keeps_inputs(outputs, like="mine.tif", source="-", aoi=None, db=3, weights="demo")
