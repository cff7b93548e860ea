"""Creation options of Zarr stores: what is given is in the store, and no others start any work."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
import zarr
from writing import listing

import rangegeo as rg
from rangegeo.errors import UsageError
from rangegeo.stores.formats import FORMATS
from rangegeo.stores.zarr import write_zarr
from rangegeo.stores.zarr_options import ZarrOptions, parse_zarr_options


def objects(folder) -> list[str]:
    """The stored chunks or shards of the embedding."""
    return [str(file) for file in (folder / "embedding").rglob("*") if file.is_file() and file.name[-1].isdigit()]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    ("given", "codec", "level", "shuffle"),
    [
        ({}, "lz4", 5, "shuffle"),
        ({"COMPRESS": "ZSTD", "LEVEL": "9", "SHUFFLE": "BIT"}, "zstd", 9, "bitshuffle"),
        ({"compress": "zlib", "level": 1}, "zlib", 1, "shuffle"),
        ({"SHUFFLE": "NONE"}, "lz4", 5, "noshuffle"),
    ],
)
def test_codecs(cube, tmp_path, zarr_format, given, codec, level, shuffle):
    write_zarr(cube, tmp_path / "a.zarr", creation_options=given, zarr_format=zarr_format)
    (found,) = zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r").compressors
    if zarr_format == 3:
        assert (found.cname.value, found.clevel, found.shuffle.value) == (codec, level, shuffle)
    else:
        names = {1: "shuffle", 2: "bitshuffle", 0: "noshuffle"}
        assert (found.cname, found.clevel, names[found.shuffle]) == (codec, level, shuffle)
    np.testing.assert_array_equal(rg.open_cube(tmp_path / "a.zarr"), cube)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_no_codec(cube, tmp_path, zarr_format):
    write_zarr(cube, tmp_path / "a.zarr", creation_options={"COMPRESS": "NONE"}, zarr_format=zarr_format)
    assert zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r").compressors == ()
    np.testing.assert_array_equal(xr.open_zarr(tmp_path / "a.zarr")["embedding"], cube)


def test_a_shard_holds_a_block_of_pixels_with_all_betas_and_bands(make_cube, tmp_path, monkeypatch):
    monkeypatch.setattr("rangegeo.stores.arrays.CHUNK_BYTES", 16 * 16 * 4 * 3)  # three bands a chunk
    cube = make_cube(bands=8)
    write_zarr(cube, tmp_path / "many.zarr")
    write_zarr(cube, tmp_path / "few.zarr", creation_options={"SHARDS": "YES"})
    assert len(objects(tmp_path / "many.zarr")) == 2 * 3 * 12  # betas, groups of bands, blocks
    assert len(objects(tmp_path / "few.zarr")) == 12
    array = zarr.open_array(tmp_path / "few.zarr" / "embedding", mode="r")
    assert (array.chunks, array.shards) == ((1, 3, 16, 16), (2, 9, 16, 16))
    for name in ("many", "few"):
        np.testing.assert_array_equal(rg.open_cube(tmp_path / f"{name}.zarr"), cube)


def test_a_shard_without_data_is_not_there(cube, tmp_path):
    hollow = cube.where(cube["x"] < float(cube["x"][16]))
    write_zarr(hollow, tmp_path / "a.zarr", creation_options={"SHARDS": "YES"})
    assert len(objects(tmp_path / "a.zarr")) == 3
    np.testing.assert_array_equal(rg.open_cube(tmp_path / "a.zarr"), hollow)


BAD = {
    "an unknown name": (
        {"PREDICTOR": "2"},
        "--co PREDICTOR is no option of a Zarr store; those are COMPRESS, LEVEL, S",
    ),
    "an unknown codec": ({"COMPRESS": "DEFLATE"}, "--co COMPRESS must be one of LZ4, ZSTD, ZLIB, BLOSCLZ, NONE, got D"),
    "a level that is too high": ({"LEVEL": "10"}, "--co LEVEL must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, got 10"),
    "an unknown shuffle": ({"SHUFFLE": "YES"}, "--co SHUFFLE must be one of BYTE, BIT, NONE, got YES"),
    "shards of a size": ({"SHARDS": "512"}, "--co SHARDS must be one of NO, YES, got 512"),
}


@pytest.mark.parametrize("case", BAD)
def test_others_are_refused_before_any_work(broken, tmp_path, case):
    given, said = BAD[case]
    with pytest.raises(UsageError) as caught:
        write_zarr(broken, tmp_path / "a.zarr", creation_options=given)
    assert caught.value.for_shell().startswith(said)
    assert str(caught.value).startswith(said.replace("--co", "creation_options"))
    with pytest.raises(UsageError, match=r"^creation_options "):
        FORMATS["zarr"].check_options(given)
    assert listing(tmp_path) == {}


def test_shards_need_format_3(broken, tmp_path):
    with pytest.raises(UsageError) as caught:
        write_zarr(broken, tmp_path / "a.zarr", creation_options={"SHARDS": "YES"}, zarr_format=2)
    assert str(caught.value) == "creation_options={'SHARDS': 'YES'} needs Zarr format 3; leave out zarr_format"
    assert caught.value.for_shell() == "--co SHARDS=YES needs Zarr format 3; leave out --zarr-format"
    assert listing(tmp_path) == {}


def test_nothing_given_is_the_usual():
    assert parse_zarr_options(None) == parse_zarr_options({}) == ZarrOptions()
