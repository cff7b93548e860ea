"""Overviews in a Zarr store: read by level, by GDAL and by the conventions; and never half there."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import rioxarray  # noqa: F401, registers .rio
import xarray as xr
import zarr
import zarr_cm
from writing import BrokenBlock, listing

import rangegeo as rg
from rangegeo.errors import CubeError, OutputError
from rangegeo.grid import make_geobox
from rangegeo.grid.pyramid import coarser, overview_factors
from rangegeo.schema.facts import facts_of, with_facts
from rangegeo.stores.geotiff import write_geotiff
from rangegeo.stores.quantise import FLOAT32, NODATA, Storage, fit_storage
from rangegeo.stores.spool import Spool
from rangegeo.stores.zarr import is_complete, write_zarr

GDALINFO = Path(__file__).parents[1] / "programs" / "newer_gdal.py"


@pytest.fixture
def large(make_cube) -> xr.DataArray:
    """Two betas, three bands, 301 x 600 pixels."""
    return make_cube((0, 0, 6, 3.01), 0.01, bands=3, chunks=128)


@pytest.fixture
def levels(make_cube, large) -> list[xr.DataArray]:
    """Two overviews of it, with values of their own, in pieces that are no whole chunks."""
    grids = [coarser(large.odc.geobox, factor) for factor in overview_factors(large.shape[2:])]
    made = []
    for grid in grids:
        box = tuple(grid.boundingbox)
        cube = make_cube(box, abs(grid.resolution.x), bands=3, chunks=37)
        assert cube.shape[2:] == grid.shape
        made.append(cube + 10)
    return [with_facts(level, facts_of(large)) for level in made]


@pytest.fixture(params=[3, 2])
def store(request, large, levels, tmp_path) -> Path:
    (path,) = write_zarr(large, tmp_path / "a.zarr", overviews=levels, zarr_format=request.param)
    return path


def test_every_level_is_opened_as_a_cube(store, large, levels):
    for number, expected in enumerate([large, *levels]):
        read = rg.open_cube(store, level=number)
        np.testing.assert_array_equal(read.values, expected.values)
        assert read.odc.geobox.shape == expected.odc.geobox.shape
        np.testing.assert_allclose(list(read.odc.geobox.affine), list(expected.odc.geobox.affine), atol=1e-12)
        assert read.odc.geobox.crs == expected.odc.geobox.crs
        assert read["band_name"].equals(large["band_name"])
        assert read.attrs == large.attrs
    assert max(rg.open_cube(store, level=2).shape[2:]) <= 256


def test_the_cube_itself_is_read_as_before(store, large, tmp_path):
    """By plain xarray, zarr and rioxarray; and its array's bytes are the same."""
    read = xr.open_zarr(store)["embedding"]
    np.testing.assert_array_equal(read.values, large.values)
    assert read.rio.transform() == large.odc.geobox.affine
    (alone,) = write_zarr(large, tmp_path / "b.zarr", zarr_format=zarr.open_group(store).metadata.zarr_format)
    assert listing(store / "embedding") == listing(alone / "embedding")


def test_plain_xarray_reads_a_level_by_its_group(store, levels):
    for name, expected in zip(("ovr_2x", "ovr_4x"), levels, strict=True):
        read = xr.open_zarr(store, group=name)["embedding"]
        np.testing.assert_array_equal(read.values, expected.values)
        assert read.rio.crs.to_epsg() == 4326
        assert read.rio.transform().almost_equals(expected.odc.geobox.affine, 1e-9)


def test_the_convention_says_where_the_levels_are(store, levels):
    attrs = dict(zarr.open_group(store, mode="r").attrs)
    zarr_cm.validate_all(attrs)
    assert set(zarr_cm.detect_revisions(attrs)) == {"proj", "spatial", "multiscales"}
    layout = attrs["multiscales"]["layout"]
    assert [level["asset"] for level in layout] == ["embedding", "ovr_2x", "ovr_4x"]
    assert [level.get("derived_from") for level in layout] == [None, "embedding", "ovr_2x"]
    assert [level["transform"]["scale"] for level in layout] == [[1, 1, 1, 1], [1, 1, 2, 2], [1, 1, 2, 2]]
    for told, level in zip(layout[1:], levels, strict=True):
        assert told["spatial:shape"] == list(level.shape[2:])
        np.testing.assert_allclose(told["spatial:transform"], list(level.odc.geobox.affine)[:6], atol=1e-12)
        assert told["resampling_method"] == "evaluation at pixel centres"
    for name in ("ovr_2x", "ovr_4x"):
        own = dict(zarr.open_group(store / name, mode="r").attrs)
        zarr_cm.validate_all(own)
        assert "multiscales" not in own
        assert own["rangegeo_complete"] == 1


def test_levels_are_stored_in_chunks_of_the_cubes_sides(store):
    sides = {zarr.open_array(path / "embedding", mode="r").chunks[2:] for path in (store, store / "ovr_2x")}
    assert sides == {(128, 128)}


def test_newer_gdal_reads_cube_and_levels(large, levels, tmp_path):
    (path,) = write_zarr(large, tmp_path / "a.zarr", overviews=levels, creation_options={"COMPRESS": "NONE"})
    names = [f'ZARR:"{path}":/{group}embedding:1:2' for group in ("", "ovr_2x/", "ovr_4x/")]
    done = subprocess.run([sys.executable, GDALINFO, *names], capture_output=True, text=True, check=True)
    assert "ERROR" not in done.stderr
    for line, expected in zip(done.stdout.splitlines(), [large, *levels], strict=True):
        facts = json.loads(line)["facts"]
        np.testing.assert_allclose(facts["geoTransform"], expected.odc.geobox.affine.to_gdal(), atol=1e-9)
        assert facts["bands"][0]["mean"] == pytest.approx(float(expected[1, 2].mean()), abs=1e-3)


def test_consolidated_metadata_reaches_the_levels(store):
    told = zarr.open_consolidated(str(store), mode="r")
    assert {"embedding", "ovr_2x", "ovr_2x/embedding", "ovr_4x/x"} <= set(dict(told.members(max_depth=None)))


# -------------------------------------------------------------------------------------------- fewer bits


def storage_of(dtype: str, *cubes: xr.DataArray) -> Storage:
    """Ranges that all pixels of these cubes lie in."""
    everything = da.concatenate([cube.data.reshape(2, 3, 1, -1) for cube in cubes], axis=3)
    return fit_storage(dtype, cubes[0]["band_name"].values, lambda: everything, one_scale=True)


@pytest.mark.parametrize("zarr_format", [3, 2])
@pytest.mark.parametrize("dtype", ["float16", "int16", "int8"])
def test_levels_are_stored_in_the_steps_of_the_cube(large, levels, tmp_path, dtype, zarr_format):
    levels = [level.where(level["x"] > 3) for level in levels]  # whole chunks without data, and parts of some
    storage = storage_of(dtype, large, *levels)
    (path,) = write_zarr(large, tmp_path / "a.zarr", overviews=levels, storage=storage, zarr_format=zarr_format)
    step = 0 if storage.scale is None else storage.scale[0, 0]
    for number, (group, expected) in enumerate(zip(("", "ovr_2x", "ovr_4x"), (large, *levels), strict=True)):
        array = zarr.open_array(path / group / "embedding", mode="r")
        assert (array.dtype, array.fill_value) == (dtype, pytest.approx(NODATA[dtype], nan_ok=True))
        assert array.attrs.get("scale_factor", 0) == step
        attrs = zarr.open_group(path / group, mode="r").attrs
        assert attrs["rangegeo_complete"] == 1
        read = rg.open_cube(path, level=number)
        assert read.dtype == np.float32
        by_xarray = xr.open_zarr(path, group=group or None)["embedding"]
        for values in (read.values, by_xarray.values):
            np.testing.assert_array_equal(np.isnan(values), np.isnan(expected.values))
            allowed = step / 2 + np.abs(expected.values) * (2.0**-11 if dtype == "float16" else 1e-6)
            assert np.nanmax(np.abs(values - expected.values) - allowed) <= 1e-7
        off = np.nanmax(np.abs(read.values - expected.values)) / np.nanmax(np.abs(expected.values))
        assert read.rangegeo.facts["quantisation_error_visual"] == pytest.approx(off, rel=0.02, abs=1e-6)
        assert read.rangegeo.facts["quantisation_clipped"] == 0
    half = zarr.open_array(path / "ovr_2x" / "embedding", mode="r")
    assert half.nchunks_initialized == half.nchunks * 2 // 3  # one of three columns of chunks has no data


def test_what_is_clipped_of_a_level_is_counted_there(large, levels, tmp_path):
    """The levels here are ten higher than the cube."""
    (path,) = write_zarr(large, tmp_path / "a.zarr", overviews=levels, storage=storage_of("int8", large))
    clipped = [rg.open_cube(path, level=level).rangegeo.facts["quantisation_clipped"] for level in range(3)]
    assert clipped[0] == 0
    assert [count > 0.9 * level.size for count, level in zip(clipped[1:], levels, strict=True)] == [True, True]


# --------------------------------------------------------------------------------------------- unfinished


@pytest.mark.parametrize("moment", ["a block of a level", "the last copy"])
def test_a_store_has_no_name_until_its_last_overview(large, levels, tmp_path, monkeypatch, moment):
    if moment == "the last copy":
        copy = Spool.copy_to

        def fail_last(self: Spool, *arguments: object) -> object:
            if self.shape == levels[-1].shape:
                raise BrokenBlock("the last copy")
            return copy(self, *arguments)

        monkeypatch.setattr(Spool, "copy_to", fail_last)
    else:

        def fail(block: np.ndarray) -> np.ndarray:
            raise BrokenBlock("a block of a level")

        broken = da.map_blocks(fail, levels[1].data, dtype=np.float32, meta=np.empty((0,) * 4, np.float32))
        levels[1] = levels[1].copy(data=broken)
    with pytest.raises(BrokenBlock, match=moment):
        write_zarr(large, tmp_path / "a.zarr", overviews=levels)
    assert not (tmp_path / "a.zarr").exists()
    monkeypatch.undo()
    if moment == "the last copy":  # every block is there
        assert not is_complete(tmp_path / ".a.zarr-unfinished" / "draft.zarr")
        write_zarr(large, tmp_path / "a.zarr", overviews=levels, resume=True)
        for number, level in enumerate(levels, 1):
            xr.testing.assert_equal(rg.open_cube(tmp_path / "a.zarr", level=number).compute(), level.compute())
        assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_nothing_but_the_store_is_left(store):
    assert [path.name for path in store.parent.iterdir()] == ["a.zarr"]


def test_an_existing_store_is_kept_if_an_overview_fails(large, levels, tmp_path, monkeypatch):
    write_zarr(large, tmp_path / "a.zarr")
    before = listing(tmp_path)
    monkeypatch.setattr(Spool, "copy_to", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_zarr(large * 2, tmp_path / "a.zarr", overviews=levels, overwrite=True)
    assert {name: data for name, data in listing(tmp_path).items() if name.startswith("a.zarr")} == before


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_room_is_asked_for_the_overviews_too(large, levels, tmp_path, monkeypatch, dtype):
    usage = namedtuple("usage", "total used free")
    values = large.size + 2 * sum(level.size for level in levels)  # spooled, and stored
    storage = FLOAT32 if dtype == "float32" else storage_of(dtype, large, *levels)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(10**12, 0, values * np.dtype(dtype).itemsize))
    with pytest.raises(OutputError, match="may need"):
        write_zarr(large, tmp_path / "a.zarr", overviews=levels, storage=storage)
    assert listing(tmp_path) == {}


def test_a_spool_travels_to_other_processes_by_its_path(tmp_path):
    spool = Spool(path=str(tmp_path / "spool"), shape=(1, 2, 4, 6), storage=FLOAT32)
    spool.open("w+")
    blocks = np.random.default_rng(0).normal(size=(1, 2, 4, 6)).astype(np.float32)
    for left in (0, 3):
        pickle.loads(pickle.dumps(spool)).write(blocks[..., left : left + 3], 0, left)
    np.testing.assert_array_equal(spool.open("r"), blocks)


# ------------------------------------------------------------------------------------------------ opening


@pytest.mark.parametrize(("level", "asked"), [(3, "3"), (-1, "-1")])
def test_a_level_that_is_not_there_is_refused(store, level, asked):
    with pytest.raises(CubeError) as caught:
        rg.open_cube(store, level=level)
    assert str(caught.value) == f"there is no level {asked} of {store}: it has 2 overviews, levels 0 to 2"


def test_a_store_without_overviews_says_how_to_get_them(large, tmp_path):
    write_zarr(large, tmp_path / "a.zarr")
    with pytest.raises(CubeError) as caught:
        rg.open_cube(tmp_path / "a.zarr", level=1)
    said = f"there is no level 1 of {tmp_path / 'a.zarr'}: it has no overviews; make it again with "
    assert str(caught.value) == f"{said}rangegeo raster --overviews, or take level 0"  # Python has no such argument
    assert caught.value.for_shell() == str(caught.value)


def test_levels_of_a_geotiff_are_its_overviews(large, tmp_path):
    cube = large.isel(beta=0, y=slice(300))
    write_geotiff(cube, tmp_path / "a.tif")
    half = rg.open_cube(tmp_path / "a.tif", level=1)
    assert half.sizes == {"band": 3, "y": 150, "x": 300}
    assert tuple(half.odc.geobox.boundingbox) == pytest.approx(tuple(cube.odc.geobox.boundingbox))
    means = cube.values.reshape(3, 150, 2, 300, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(half.values, means, rtol=0, atol=1e-6)
    with pytest.raises(CubeError, match=r"no level 3 of \S+a\.tif: it has 2 overviews"):
        rg.open_cube(tmp_path / "a.tif", level=3)
    small = make_geobox((0, 0, 1, 1), 0.1).shape
    write_geotiff(cube.isel(y=slice(small[0]), x=slice(small[1])), tmp_path / "b.tif")
    with pytest.raises(CubeError, match="no overviews; its pixels are few enough to be read whole, or take level 0"):
        rg.open_cube(tmp_path / "b.tif", level=1)
