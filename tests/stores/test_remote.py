"""Cubes in buckets: the same cube comes back, and nothing but the cube is left."""

from __future__ import annotations

import pickle
from functools import partial

import dask
import numpy as np
import pytest
import rasterio
import xarray as xr
from oracles.golden import GOLDEN

import rangegeo as rg
import rangegeo.accessor
from rangegeo.errors import CubeError, OutputError, UsageError
from rangegeo.grid.bucket import BucketStore
from rangegeo.grid.like import geobox_like
from rangegeo.support.address import Address, Reader


@pytest.fixture(params=["memory", "s3"])
def place(request) -> tuple[str, dict[str, str]]:
    """An empty place, and what is needed to use it."""
    if request.param == "memory":
        return f"memory://{request.node.name}", {}
    return request.getfixturevalue("bucket"), request.getfixturevalue("s3").options


def keys(url: str, options: dict[str, str]) -> set[str]:
    """All keys of a bucket."""
    return set(Address.of(url, options).all_keys())


@pytest.mark.parametrize("options", [{}, {"zarr_format": 2, "dtype": "int16"}, {"creation_options": {"SHARDS": "YES"}}])
def test_a_store_comes_back_as_it_was(cube, place, options):
    url, access = place
    (path,) = cube.rangegeo.to_zarr(f"{url}/deep/a.zarr", storage_options=access, **options)
    assert str(path) == f"{url}/deep/a.zarr"
    (local,) = cube.rangegeo.to_zarr("memory://other/a.zarr", overwrite=True, **options)
    opened, expected = rg.open_cube(str(path), storage_options=access), rg.open_cube(local)
    xr.testing.assert_identical(opened.compute(), expected.compute())
    assert all(key.startswith("deep/a.zarr/") for key in keys(url, access))


def test_geotiffs_are_uploaded_whole(cube, place, tmp_path):
    url, access = place
    written = cube.rangegeo.to_geotiff(f"{url}/a.tif", storage_options=access)
    near = cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    names = {path.name for path in tmp_path.iterdir()}
    assert keys(url, access) == names
    assert len(names) == 6
    for path, expected in zip(written, near, strict=True):
        xr.testing.assert_identical(rg.open_cube(path).compute(), rg.open_cube(expected).compute())
        assert geobox_like(path) == geobox_like(expected)
        (tmp_path / "copy.tif").write_bytes(path.read_bytes())
        with rasterio.open(tmp_path / "copy.tif") as copied, rasterio.open(expected) as file:
            np.testing.assert_array_equal(copied.read(), file.read())
            assert copied.tags() == file.tags()


def test_an_output_that_exists_is_kept_or_replaced_as_asked(cube, place):
    url, access = place
    cube.rangegeo.to_zarr(f"{url}/a.zarr", storage_options=access)
    before = keys(url, access)
    with pytest.raises(OutputError, match="exists and was left as it is; add overwrite=True to replace it"):
        cube.rangegeo.to_zarr(f"{url}/a.zarr", storage_options=access)
    assert keys(url, access) == before
    half = cube.isel(x=slice(16), beta=[1])
    half.rangegeo.to_zarr(f"{url}/a.zarr", storage_options=access, overwrite=True, zarr_format=2)
    opened = rg.open_cube(f"{url}/a.zarr", storage_options=access)
    np.testing.assert_array_equal(opened.values, half.values)
    assert f"a.zarr/{'zarr.json'}" not in keys(url, access)


def test_objects_of_others_are_not_touched(cube, place):
    url, access = place
    mine = Address.of(f"{url}/a.zarr/notes.txt", access)
    mine.write_text("mine")
    with pytest.raises(OutputError, match="is not a Zarr store and was left as it is"):
        cube.rangegeo.to_zarr(f"{url}/a.zarr", storage_options=access, overwrite=True)
    cube.rangegeo.to_zarr(f"{url}/b.zarr", storage_options=access)
    Address.of(f"{url}/b.zarr/notes.txt", access).write_text("mine")
    with pytest.raises(OutputError, match=r"holds files that are no part of its store \(notes.txt\)"):
        cube.rangegeo.to_zarr(f"{url}/b.zarr", storage_options=access, overwrite=True)
    assert mine.read_text() == "mine"
    assert Address.of(f"{url}/b.zarr/notes.txt", access).read_text() == "mine"


def test_nothing_shows_the_options(cube, s3, bucket):
    secret = s3.options["secret_access_key"]
    address = Address.of(f"{bucket}/a.zarr", s3.options)
    assert secret not in f"{address!r} {address} {BucketStore(address)!r} {BucketStore(address)}"
    (path,) = cube.rangegeo.to_zarr(str(address), storage_options=s3.options)
    opened = rg.open_cube(path)
    assert secret not in str(opened.attrs) + str(opened.encoding) + str(list(opened.__dask_graph__()))
    for key in Address.of(bucket, s3.options).all_keys():
        assert secret.encode() not in Address.of(f"{bucket}/{key}", s3.options).read_bytes()


def test_a_store_travels_to_other_processes(cube, s3, bucket):
    store = BucketStore(Address.of(f"{bucket}/a.zarr", s3.options))
    assert pickle.loads(pickle.dumps(store)) == store


def test_cubes_in_buckets_are_joined(cube, s3, bucket):
    halves = [cube.isel(x=slice(0, 32)), cube.isel(x=slice(32, None))]
    paths = [
        half.rangegeo.to_zarr(f"{bucket}/{name}.zarr", storage_options=s3.options)[0]
        for half, name in zip(halves, ("west", "east"), strict=True)
    ]
    np.testing.assert_array_equal(rg.mosaic(paths).values, cube.values)


def test_a_store_in_a_bucket_is_verified_and_repaired(mini, place):
    url, access = place
    cube = rg.raster((5, 44, 6, 45), 0.05, model=mini, bands="1-3", chunks=16, exact=True)
    cube.rangegeo.to_zarr(f"{url}/a.zarr", storage_options=access)
    files = {"weights": GOLDEN / "satclip-mini.ckpt", "db": GOLDEN / "range_db_mini.npz"}
    check = partial(rg.verify, f"{url}/a.zarr", storage_options=access, device="cpu", **files)
    assert check(pixels=10).sound
    chunk = Address.of(f"{url}/a.zarr/embedding/c/0/0/1/0", access)
    before = chunk.read_bytes()
    chunk.write_bytes(before[:-1])
    assert len(check(pixels=0).corrupt) == 1
    chunk.unlink()
    assert len(check(pixels=0).missing) == 1
    assert check(pixels=0, repair=True).sound
    assert chunk.read_bytes() == before
    assert all(key.startswith("a.zarr/") for key in keys(url, access))


def test_memory_stays_in_its_process(cube):
    with dask.config.set(scheduler="processes"), pytest.raises(UsageError, match="is memory of this process"):
        cube.rangegeo.to_zarr("memory://processes/a.zarr")
    assert not keys("memory://processes", {})


def test_of_a_geotiff_only_what_is_asked_for_is_read(mini, place, monkeypatch):
    url, access = place
    cube = rg.raster((5, 44, 7, 46), 0.004, model=mini, bands="1-3", chunks=256)
    (path,) = cube.rangegeo.to_geotiff(f"{url}/a.tif", storage_options=access)
    size, read, taken = len(path.read_bytes()), Reader.read, []

    def counted(self: Reader, size: int = -1) -> bytes:
        taken.append(read(self, size))
        return taken[-1]

    monkeypatch.setattr(Reader, "read", counted)
    opened = rg.open_cube(path)
    opened.isel(x=slice(4), y=slice(4)).compute()
    assert sum(map(len, taken)) < size / 2


@pytest.mark.parametrize("chunks", ["auto", None])
def test_any_part_of_a_geotiff_is_the_same_part(cube, place, tmp_path, chunks):
    url, access = place
    one = cube.isel(beta=0)
    far = rg.open_cube(one.rangegeo.to_geotiff(f"{url}/a.tif", storage_options=access)[0], chunks=chunks)
    near = rg.open_cube(one.rangegeo.to_geotiff(tmp_path / "a.tif")[0], chunks=chunks)
    parts = [
        {"band": 2, "x": 7},
        {"band": [4, 0], "y": slice(30, 3, -4), "x": slice(5, 40, 3)},
        {"y": slice(5, 5)},
        {"x": [3, 30, 4], "y": -1},
        {"band": slice(None, None, -1)},
    ]
    for part in parts:
        xr.testing.assert_identical(far.isel(part).compute(), near.isel(part).compute())
    if chunks and url.startswith("s3"):
        assert pickle.loads(pickle.dumps(far)).identical(far)


@pytest.mark.parametrize("content", [b"", b"no picture", b"<VRTDataset/>", b"II*\0\0\0\0\0"])
def test_an_object_that_is_no_geotiff_is_refused(place, content):
    url, access = place
    Address.of(f"{url}/a.tif", access).write_bytes(content)
    with pytest.raises(CubeError, match=r"a\.tif is not a readable GeoTIFF"):
        rg.open_cube(f"{url}/a.tif", storage_options=access)
    with pytest.raises(CubeError, match=r"there is no GeoTIFF at .*b\.tif; check the address"):
        rg.open_cube(f"{url}/b.tif", storage_options=access)
