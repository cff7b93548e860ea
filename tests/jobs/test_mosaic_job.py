"""Joined cubes on disk: formats, dtypes, steps, overviews, resuming, and what is refused."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import zarr

import rangegeo as rg
from rangegeo.errors import CubeError, CubeWarning, OutputError, UsageError
from rangegeo.jobs.mosaic import MosaicJob, MosaicOutput
from rangegeo.jobs.options import Content, Engine, Extent, RasterOutput
from rangegeo.jobs.raster import RasterJob
from rangegeo.support.paths import local_path

WEST, EAST, WHOLE = (5, 44, 6, 45), (6, 44, 7, 45), (5, 44, 7, 45)


@pytest.fixture
def make(content):
    """A function of a box, the name of an output and its options, and arguments of `Content`, to its files."""

    def raster(box, out, options=None, **more):
        chosen = Content(weights=content.weights, db=content.db, **{"betas": (0.0, 1.0), "bands": "visual"} | more)
        output = RasterOutput(out=local_path(out), **{"chunks": 16} | (options or {}))
        return RasterJob.prepare(Extent(bbox=box, res=0.05), chosen, Engine(exact=True), output).write()

    return raster


def join(*parts, out, **options) -> MosaicJob:
    job = MosaicJob.prepare([str(part) for part in parts], MosaicOutput(out=local_path(out), **options))
    list(job.write())
    return job


@pytest.mark.parametrize("dtype", ["float16", "int16"])
@pytest.mark.parametrize("out", ["both.zarr", "both.tif"])
def test_parts_of_one_dtype_keep_it_and_lose_nothing(make, dtype, out):
    parts = [
        part
        for name, box in (("west", WEST), ("east", EAST))
        for part in make(box, f"{name}{out[4:]}", {"dtype": dtype, "chunks": 16})
    ]
    job = join(*parts, out=out)
    assert job.storage.dtype == dtype
    written = [out] if out.endswith(".zarr") else ["both_beta0.tif", "both_beta1.tif"]
    both = rg.open_cube(written)
    np.testing.assert_array_equal(both.values, rg.mosaic(parts).values)
    told, known = both.rangegeo.facts, [rg.open_cube(part).rangegeo.facts for part in parts]
    assert told["quantisation_error_visual"] == max(facts["quantisation_error_visual"] for facts in known)
    assert told["quantisation_clipped"] == sum(facts["quantisation_clipped"] for facts in known)


def test_int8_parts_with_the_same_steps_keep_them(make):
    make(WEST, "west.tif", {"dtype": "int8"}, betas=(0.5,))
    with pytest.warns(CubeWarning, match="did not fit into int8"):
        make(EAST, "east.tif", {"dtype": "int8", "scales_from": "west.tif"}, betas=(0.5,))
    job = join("west.tif", "east.tif", out="both.tif")
    assert job.facts["quantisation_clipped"] == rg.open_cube("east.tif").rangegeo.facts["quantisation_clipped"] > 0
    np.testing.assert_array_equal(rg.open_cube("both.tif").values, rg.mosaic(["west.tif", "east.tif"]).values)
    assert join("west.tif", "east.tif", out="both.zarr").storage.dtype == "float32"  # a store has one scale only


def test_parts_with_other_steps_become_float32(make):
    make(WEST, "west.zarr", {"dtype": "int8"})
    make(EAST, "east.zarr", {"dtype": "int8"})
    assert join("west.zarr", "east.zarr", out="both.zarr").storage.dtype == "float32"
    assert join("west.zarr", "east.zarr", out="other.zarr", dtype="int16").storage.dtype == "int16"
    error = np.abs(rg.open_cube("other.zarr").values - rg.open_cube("both.zarr").values).max()
    assert error < 1e-3


def test_overviews_are_means(make):
    make((5, 44, 23, 45), "west.zarr")
    make((23, 44, 24, 45), "east.zarr")
    join("west.zarr", "east.zarr", out="both.zarr", overviews=True)
    cube, level = rg.open_cube("both.zarr"), rg.open_cube("both.zarr", level=1)
    assert level.sizes["x"] == 190
    np.testing.assert_allclose(level.values, cube.coarsen(x=2, y=2).mean().values, atol=1e-5)
    layout = zarr.open_group("both.zarr", mode="r").attrs["multiscales"]["layout"]
    assert layout[1]["resampling_method"] == "average"


def test_an_interrupted_mosaic_goes_on(make, monkeypatch):
    make(WEST, "west.zarr")
    make(EAST, "east.zarr")
    from rangegeo.cubes import mosaic as module

    laid, seen = module.laid, []

    def fails(*arguments):
        seen.append(arguments)
        if len(seen) == 3:
            raise RuntimeError("the disk")
        return laid(*arguments)

    monkeypatch.setattr(module, "laid", fails)
    with dask.config.set(num_workers=1), pytest.raises(RuntimeError):
        join("west.zarr", "east.zarr", out="both.zarr")
    assert len(seen) == 3
    with pytest.raises(OutputError, match=r"left 2 blocks of both.zarr; add resume=True"):
        join("west.zarr", "east.zarr", out="both.zarr")
    job = join("west.zarr", "east.zarr", out="both.zarr", resume=True)
    assert len(seen) == 3 + 6 - 2
    np.testing.assert_array_equal(rg.open_cube("both.zarr").values, job.cube.values)


def test_other_parts_are_another_request(make, monkeypatch):
    for name, box in (("west", WEST), ("east", EAST), ("more", (7, 44, 8, 45))):
        make(box, f"{name}.zarr")
    monkeypatch.setattr("rangegeo.stores.zarr._finish", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        join("west.zarr", "east.zarr", out="both.zarr")
    with pytest.raises(OutputError, match="of another request: other values"):
        join("east.zarr", "west.zarr", out="both.zarr", resume=True)


@pytest.mark.parametrize("part", ["embedding/c/0/0/0/0", "x/c/0"])
@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_a_damaged_store_is_not_joined(make, part, damage):
    make(WEST, "west.zarr")
    make(EAST, "east.zarr")
    lost = local_path(f"east.zarr/{part}")
    lost.write_bytes(lost.read_bytes()[:-4] + b"dust")
    if damage == "lost":
        lost.unlink()
    said = r"^east.zarr is damaged: .*; run rangegeo verify east.zarr --repair first$"
    with pytest.raises(CubeError, match=said):
        join("west.zarr", "east.zarr", out="both.zarr")
    with pytest.raises(CubeError, match=said):
        rg.mosaic(["west.zarr", "east.zarr"]).isel(x=slice(2, None)).rangegeo.to_zarr("both.zarr")
    assert not list(local_path(".").glob("both*"))


def test_a_part_that_cannot_be_read_is_named(make):
    import shutil

    make(WEST, "west.zarr")
    make(EAST, "east.zarr")
    shutil.rmtree("east.zarr/journal")
    local_path("east.zarr/embedding/c/0/0/0/0").write_bytes(b"no chunk")
    with pytest.raises(CubeError, match=r"^east.zarr cannot be read \(.*\); a part of it is damaged"):
        join("west.zarr", "east.zarr", out="both.zarr")


def test_a_file_over_tiles_one_of_which_is_gone_is_named(make):
    make(WEST, "west.zarr", betas=(0.0,))
    make(EAST, "east", {"tiles": 16, "chunks": None}, betas=(0.0,))
    (vrt,) = local_path("east").glob("*.vrt")
    sorted(local_path("east/tiles").rglob("*.tif"))[-1].unlink()
    with pytest.raises(CubeError, match=rf"^{vrt} cannot be read \(.*\); a part of it is damaged"):
        join("west.zarr", vrt, out="both.zarr")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"out": "a.tif", "overviews": True}, "overviews is for .zarr; leave it out"),
        ({"out": "a.tif", "zarr_format": 2}, "zarr_format is for .zarr; leave it out"),
        ({"out": "west.zarr", "overwrite": True}, "west.zarr is one of the cubes that are joined; give another path"),
        ({"out": "a.png"}, "path must end in .zarr, .tif or .tiff, got 'a.png'"),
    ],
)
def test_what_cannot_be_had_is_refused(make, options, said):
    make(WEST, "west.zarr")
    with pytest.raises(UsageError) as caught:
        join("west.zarr", **options)
    assert said in str(caught.value)
