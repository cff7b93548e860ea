"""What a command leaves out while it starts."""

from __future__ import annotations

import gc

import pytest

from rangegeo.cli.starting import starting
from rangegeo.jobs.raster import RasterJob


def test_nothing_is_collected_while_a_command_starts(raster, monkeypatch):
    seen, prepare, write = [], RasterJob.prepare, RasterJob.write
    monkeypatch.setattr(RasterJob, "prepare", lambda *a, **k: (seen.append(gc.isenabled()), prepare(*a, **k))[1])
    monkeypatch.setattr(RasterJob, "write", lambda *a, **k: (seen.append(gc.isenabled()), write(*a, **k))[1])
    assert raster("-q", "-o", "a.zarr").code == 0
    assert seen == [False, True]


def test_a_command_that_cannot_start_collects_again(raster):
    assert raster("--res", "-1", "-o", "a.zarr").code == 2
    assert gc.isenabled()


def test_a_process_that_collects_nothing_stays_so():
    gc.disable()
    try:
        with pytest.raises(ValueError, match="a"), starting():
            raise ValueError("a")
        assert not gc.isenabled()
    finally:
        gc.enable()
