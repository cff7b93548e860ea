"""Chunks that are decoded directly are those that zarr reads."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from rangegeo.spectral.planet import open_planet
from rangegeo.spectral.shards import Shards
from tests.helpers.planets import write_planet


@pytest.fixture(scope="module")
def planet(tmp_path_factory):
    return open_planet(write_planet(tmp_path_factory.mktemp("planet") / "planet.zarr", count=5))


@pytest.mark.parametrize("bands", [(0, 70), (0, 3), (63, 65), (66, 70)])
@pytest.mark.parametrize("tile", [0, 7, 20])
def test_they_are_the_same(planet, tile, bands):
    array = planet.arrays["semantic"]
    shards = Shards.of(planet.place / "parts/semantic", array)
    assert shards is not None
    assert (shards.tiles, shards.bands, shards.checked) == (32, 64, True)
    np.testing.assert_array_equal(shards.read(tile, 9, *bands), array[tile, :9, slice(*bands)])


def test_chunks_that_are_not_stored_are_zero(tmp_path):
    root = zarr.open_group(tmp_path / "a.zarr", mode="w")
    array = root.create_array(
        "a", shape=(70, 4, 3), dtype="int16", chunks=(1, 4, 2), shards=(32, 4, 4), compressors=zarr.codecs.BloscCodec()
    )
    array[3, :, :2] = 1
    shards = Shards.of(tmp_path / "a.zarr/a", array)
    assert shards is not None
    for tile in (0, 3, 69):  # no chunk, a chunk, no shard
        np.testing.assert_array_equal(shards.read(tile, 4, 0, 3), array[tile])


@pytest.mark.parametrize(
    "how",
    [
        {"chunks": (1, 4, 3)},
        {"chunks": (1, 4, 3), "shards": (2, 4, 3), "compressors": zarr.codecs.ZstdCodec()},
        {"chunks": (1, 2, 3), "shards": (2, 4, 3)},
        {"chunks": (1, 4, 3), "shards": (2, 4, 3), "fill_value": 7},
    ],
    ids=["no shards", "another codec", "cut coefficients", "another fill value"],
)
def test_other_arrays_are_left_to_zarr(tmp_path, how):
    usual = {"compressors": zarr.codecs.BloscCodec()} | how
    array = zarr.create_array(tmp_path / "a.zarr", shape=(4, 4, 3), dtype="int16", **usual)
    assert Shards.of(tmp_path / "a.zarr", array) is None
