"""An interrupt before a run goes on with what an earlier one left: it is kept, and it is said how to continue."""

from __future__ import annotations

from pathlib import Path

import pytest
from typed import MINI


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def leave(folder: Path, name: str, blocks: int) -> Path:
    """What an interrupted run leaves, as far as it is counted."""
    journal = folder / f".{name}-unfinished" / "journal" / "cube"
    journal.mkdir(parents=True)
    for block in range(blocks):
        (journal / f"{block}-0.json").write_text("{}")
    return journal


@pytest.mark.parametrize("where", ["prepare", "write"])
@pytest.mark.parametrize(("blocks", "are"), [(1, "1 block is"), (12, "12 blocks are")])
def test_an_early_interrupt_names_the_blocks_of_an_earlier_run(raster, folder, monkeypatch, where, blocks, are):
    journal = leave(folder, "a.zarr", blocks)
    monkeypatch.setattr(f"rangegeo.jobs.raster.RasterJob.{where}", interrupt)
    done = raster("--resume", "-o", "a.zarr")
    assert done.code == 130
    assert done.err.splitlines()[-1] == f"rangegeo: interrupted; {are} kept; add --resume to continue"
    assert len(list(journal.iterdir())) == blocks


@pytest.mark.parametrize("verb", ["map", "mosaic"])
def test_other_verbs_name_them_too(rangegeo, folder, monkeypatch, verb):
    leave(folder, "a.zarr", 3)
    monkeypatch.setattr(f"rangegeo.jobs.{verb}.{verb.capitalize()}Job.prepare", interrupt)
    box = ("--bbox", "5,44,6,45", "--res", "0.25", "--target", "t", *MINI) if verb == "map" else ()
    done = rangegeo(verb, "x.zarr", *box, "--resume", "-o", "a.zarr")
    assert done.err.splitlines()[-1] == "rangegeo: interrupted; 3 blocks are kept; add --resume to continue"


def test_without_blocks_of_an_earlier_run_nothing_is_promised(raster, folder, monkeypatch):
    monkeypatch.setattr("rangegeo.jobs.raster.RasterJob.prepare", interrupt)
    said = "rangegeo: interrupted; what was there before is kept, and this run has left nothing"
    assert raster("--resume", "-o", "a.zarr").err.splitlines()[-1] == said
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("verb", ["raster", "planet"])
def test_what_is_left_without_a_block_is_named(rangegeo, raster, folder, monkeypatch, verb):
    leave(folder, "a.zarr", 0)
    monkeypatch.setattr(f"rangegeo.jobs.{verb}.{verb.capitalize()}Job.prepare", interrupt)
    build = ("planet", "build", "--model", "Cartesian_3D", "-o", "a.zarr")
    done = raster("-o", "a.zarr") if verb == "raster" else rangegeo(*build)
    assert done.code == 130
    assert done.err.splitlines()[-1] == (
        f"rangegeo: interrupted; {folder / '.a.zarr-unfinished'} is left, without a finished block; "
        "the same command starts again and replaces it"
    )


@pytest.mark.parametrize("name", ["a.zarr", "a.tif"])
def test_an_output_without_a_finished_block_is_unfinished(rangegeo, folder, name):
    leave(folder, name, 0)
    done = rangegeo("info", name)
    assert done.err == (
        f"rangegeo: {name} is unfinished: a run has begun it, and has finished no block of it; wait if that run is "
        "still going, or else repeat the command that made it\n"
    )


def test_blocks_that_cannot_be_counted_are_kept(raster, folder, monkeypatch):
    def fail(path: object) -> int:
        raise ImportError("half loaded")

    monkeypatch.setattr("rangegeo.stores.drafts.kept_blocks", fail)
    monkeypatch.setattr("rangegeo.jobs.raster.RasterJob.prepare", interrupt)
    done = raster("--resume", "-o", "a.zarr")
    assert done.err.splitlines()[-1] == "rangegeo: interrupted; what an earlier run left is kept"
