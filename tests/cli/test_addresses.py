"""Addresses in the shell: what takes them, and what they and their options leave behind."""

from __future__ import annotations

import json

import pytest
from typed import MINI, assert_one_line

from rangegeo.support.address import Address

BOX = ("--bbox", "5,44,6,45", "--res", "0.05", "--bands", "1-3")


@pytest.fixture
def options(s3) -> list[str]:
    """The options of the server, as they are typed."""
    return [word for name, value in s3.options.items() for word in ("--storage", f"{name}={value}")]


@pytest.fixture
def store(rangegeo, bucket, options, monkeypatch) -> str:
    """The address of a cube that the shell has written, with its map and its STAC item."""
    words = ["raster", *BOX, *MINI, *options, "--overviews", "--preview", "--stac", "-o", f"{bucket}/a.zarr"]
    done = rangegeo(*words)
    assert done.code == 0, done.err
    assert done.out.split() == [f"{bucket}/a.zarr", f"{bucket}/a.stac.json", f"{bucket}/a_preview.png"]
    return f"{bucket}/a.zarr"


def test_every_verb_that_reads_cubes_reads_addresses(rangegeo, store, bucket, options, s3, folder):
    told = json.loads(rangegeo("info", store, *options, "--json").out)
    assert (told["path"], told["complete"], told["bytes"]) == (store, True, 4800)
    secret = s3.options["secret_access_key"]
    assert secret not in json.dumps(told)
    assert "--storage" not in told["command"]
    assert f"-o {store}" in told["command"]
    assert rangegeo("verify", store, *options, "--pixels", "10", *MINI).code == 0
    assert rangegeo("preview", store, *options, "-o", "a.png").code == 0
    assert rangegeo("preview", store, *options, "-o", f"{bucket}/b.png").out == f"{bucket}/b.png\n"
    assert rangegeo("mosaic", store, *options, "-o", "joined.zarr").code == 0
    words = ("--like", store, "--scales-from", store, "--dtype", "int16", "--bands", "1-3", *MINI)
    assert "has no steps of integers" in rangegeo("raster", *words, *options, "-o", "b.zarr").err
    assert rangegeo("raster", "--like", store, "--bands", "1-3", *MINI, *options, "-o", "b.zarr").code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "b.zarr", "joined.zarr"]
    done = rangegeo("raster", *BOX, *MINI, *options, "--stac", "--preview", "-o", f"{bucket}/a.zarr.tif")
    assert (done.code, len(done.out.split())) == (0, 3), done.err
    assert json.loads(rangegeo("info", f"{bucket}/a.zarr.tif", *options, "--json").out)["dtype"] == "float32"
    left = set(Address.of(bucket, s3.options).all_keys())
    assert all(key.startswith(("a.zarr", "a.stac", "a_preview", "a_preview.png", "b.png")) for key in left)
    for key in left:
        assert secret.encode() not in Address.of(f"{bucket}/{key}", s3.options).read_bytes()


@pytest.mark.parametrize("given", ["ftp://h/o", "s4://b/o", "file:///o", "s3:/b/o", "http//h/o"])
@pytest.mark.parametrize(
    "words",
    [
        ("raster", *BOX, *MINI, "-o", "ADDRESS.zarr"),
        ("raster", *BOX, *MINI, "-o", "ADDRESS.tif"),
        ("raster", *BOX, *MINI, "-o", "o.tif", "--preview", "ADDRESS.png"),
        ("raster", *BOX, *MINI, "-o", "o.tif", "--scales-from", "ADDRESS.tif", "--dtype", "int8"),
        ("raster", *BOX, *MINI, "-o", "o.tif", "--pca-from", "ADDRESS.tif"),
        ("raster", *BOX, "--weights", "ADDRESS.ckpt", "--db", MINI[3], "-o", "o.tif"),
        ("raster", *BOX, "--weights", MINI[1], "--db", "ADDRESS.npz", "-o", "o.tif"),
        ("raster", "--like", "ADDRESS.zarr", *MINI, "-o", "o.tif"),
        ("raster", "--aoi", "ADDRESS.gpkg", "--res", "0.1", *MINI, "-o", "o.tif"),
        ("points", "ADDRESS.csv", *MINI, "-o", "o.csv"),
        ("points", "t.csv", *MINI, "-o", "ADDRESS.csv"),
        ("points", "t.csv", *MINI, "-o", "ADDRESS.parquet"),
        ("preview", "ADDRESS.zarr", "-o", "o.png"),
        ("preview", "a.zarr", "-o", "ADDRESS.png"),
        ("mosaic", "ADDRESS.zarr", "ADDRESS.zarr", "-o", "o.zarr"),
        ("mosaic", "a.zarr", "a.zarr", "-o", "ADDRESS.zarr"),
        ("info", "ADDRESS.zarr"),
        ("verify", "ADDRESS.zarr"),
    ],
    ids=" ".join,
)
def test_what_looks_like_an_address_becomes_no_folder(rangegeo, folder, words, given):
    (folder / "t.csv").write_text("lon,lat\n5,45\n", encoding="utf-8")
    before = sorted(folder.rglob("*"))
    done = rangegeo(*(word.replace("ADDRESS", given) for word in words))
    assert done.code in (1, 2)
    assert "Traceback" not in done.err
    assert "mkdir" not in done.err
    assert sorted(folder.rglob("*")) == before


def test_a_value_that_is_wrong_is_not_shown(rangegeo, folder):
    done = rangegeo("info", "s3://b/a.zarr", "--storage", "secret_access_key:hidden")
    assert_one_line(done, 2, "expected NAME=VALUE; for example --storage region=eu-central-1")
    assert "hidden" not in done.err


GRID = ("raster", "-o", "o.tif", *MINI)
MAP = ("map", "--target", "a", "--res", "0.1", "-o", "o.tif", *MINI)


@pytest.mark.parametrize(
    "words",
    [
        (*GRID, "--aoi", "ADDRESS.geojson", "--res", "0.1"),
        (*GRID, "--aoi", "ADDRESS.parquet", "--res", "0.1"),
        (*GRID, "--like", "ADDRESS/a.png"),
        ("points", "ADDRESS.csv", "-o", "o.csv", *MINI),
        ("points", "ADDRESS.gpkg", "-o", "o.csv", *MINI),
        (*MAP, "ADDRESS.csv", "--bbox", "5,44,6,45"),
        (*MAP, "ADDRESS.csv", "--aoi", "ADDRESS.geojson"),
        (*MAP, "t.csv", "--background", "ADDRESS.csv", "--bbox", "5,44,6,45"),
        (*MAP, "t.csv", "--background", "100", "--aoi", "ADDRESS.gpkg"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("given", ["https://127.0.0.1:9/d", "s3://nowhere/d"])
def test_what_is_read_whole_is_copied_first(rangegeo, folder, monkeypatch, words, given):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it was asked for"))
    if given.startswith("s3") and "--like" in words:
        return  # it may be a store, whatever its name is
    rows = "".join(f"{5 + n / 60},{44 + n % 7 / 8},x\n" for n in range(60))
    (folder / "t.csv").write_text(f"lon,lat,a\n{rows}", encoding="utf-8")
    done = rangegeo(*(word.replace("ADDRESS", given) for word in words))
    assert_one_line(done, 2, "copy it here first")
    assert given in done.err


def test_options_of_addresses_without_an_address(rangegeo, folder):
    (folder / "t.csv").write_text("lon,lat\n5,45\n", encoding="utf-8")
    for words in (
        ("raster", *BOX, *MINI, "-o", "o.zarr"),
        ("info", "demo"),
        ("verify", "o.zarr"),
        ("preview", "o.zarr", "-o", "o.png"),
        ("mosaic", "o.zarr", "-o", "p.zarr"),
        ("map", "t.csv", "--target", "a", *BOX[:4], "-o", "o.tif"),
    ):
        done = rangegeo(*words, "--storage", "region=eu-central-1")
        assert_one_line(done, 2, "--storage is for addresses such as s3://, and none is given; leave it out")
    assert [path.name for path in folder.iterdir()] == ["t.csv"]


def test_the_picture_of_a_raster_goes_to_a_bucket_with_its_options(rangegeo, bucket, options, folder):
    done = rangegeo("raster", *BOX, *MINI, *options, "-o", "a.tif", "--preview", f"{bucket}/a.png")
    assert (done.code, done.out.split()[-1]) == (0, f"{bucket}/a.png"), done.err


def test_a_bucket_as_output_is_shown_as_it_was_typed(rangegeo):
    assert_one_line(rangegeo("raster", *BOX, *MINI, "-o", "s3://bkt/"), 2, "got 's3://bkt/'; or say --format zarr")
