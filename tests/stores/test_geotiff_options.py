"""Creation options of GeoTIFFs: those that are given are in the file, and no others start any work."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate
from writing import listing

from rangegeo.errors import UsageError
from rangegeo.stores.formats import FORMATS
from rangegeo.stores.geotiff import write_geotiff
from rangegeo.stores.geotiff_options import check_options, compression, with_options

USUAL = {"driver": "GTiff", "tiled": True, "interleave": "band", **compression("float32")}


@pytest.fixture
def large(make_cube):
    """Enough pixels for overviews and for blocks of 512: 600 x 300."""
    return make_cube((0, 0, 6, 3), 0.01, betas=(1.0,), bands=4, chunks=256)


def structure(path: object) -> dict[str, str]:
    """What GDAL says of a file's layout."""
    with rasterio.open(path) as file:
        tags = file.tags(ns="IMAGE_STRUCTURE")
        return tags | {"BLOCKS": file.block_shapes[0], "INTERLEAVE": file.interleaving.value.upper()}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {"COMPRESSION": "ZSTD", "PREDICTOR": "3", "BLOCKS": (256, 256)}),
        ({"COMPRESS": "DEFLATE"}, {"COMPRESSION": "DEFLATE", "PREDICTOR": "3"}),
        ({"compress": "lzw", "predictor": 2}, {"COMPRESSION": "LZW", "PREDICTOR": "2"}),
        ({"COMPRESS": "DEFLATE", "PREDICTOR": "NO", "LEVEL": "9"}, {"COMPRESSION": "DEFLATE", "PREDICTOR": None}),
        ({"COMPRESS": "LZMA"}, {"COMPRESSION": "LZMA", "PREDICTOR": None}),
        ({"COMPRESS": "LERC_ZSTD"}, {"COMPRESSION": "LERC_ZSTD", "MAX_Z_ERROR": None}),
        ({"COMPRESS": "NONE"}, {"COMPRESSION": None, "PREDICTOR": None}),
        ({"BLOCKSIZE": "512"}, {"BLOCKS": (512, 512)}),
        ({"BLOCKXSIZE": "128", "BLOCKYSIZE": "64"}, {"BLOCKS": (64, 128)}),
        ({"ZSTD_LEVEL": "19", "NUM_THREADS": "2", "BIGTIFF": "YES"}, {"COMPRESSION": "ZSTD"}),
        ({"INTERLEAVE": "PIXEL"}, {"INTERLEAVE": "PIXEL"}),
        ({"INTERLEAVE": "BAND", "TILED": "YES", "SPARSE_OK": "FALSE"}, {"INTERLEAVE": "BAND"}),
    ],
)
@pytest.mark.parametrize("overviews", [True, False])
def test_options_are_obeyed_and_the_values_stay(large, tmp_path, given, found, overviews):
    (path,) = write_geotiff(large, tmp_path / "a.tif", creation_options=given, overviews=overviews)
    told = structure(path)
    assert {name: told.get(name) for name in found} == found
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(), large.values[0])
        assert bool(file.overviews(1)) == overviews
        assert file.descriptions == tuple(large["band_name"].values)
        assert np.isnan(file.nodata)
    if overviews and "BLOCKXSIZE" not in given:
        assert cog_validate(path, strict=True, quiet=True) == (True, [], [])


def test_a_level_is_the_codecs():
    for codec, name in (("ZSTD", "zstd_level"), ("DEFLATE", "zlevel"), ("LZMA", "lzma_preset")):
        assert with_options(USUAL, {"COMPRESS": codec, "LEVEL": "7"}, 3, "float32")[name] == "7"
    assert with_options(USUAL, {"LEVEL": "7"}, 3, "float32")["zstd_level"] == "7"


def test_smaller_with_more_effort(make_cube, tmp_path):
    cube = make_cube((0, 0, 6, 3), 0.01, betas=None, bands=2, chunks=256).round(1)
    sizes = [
        write_geotiff(cube, tmp_path / f"{level}.tif", creation_options={"LEVEL": level})[0].stat().st_size
        for level in (1, 19)
    ]
    assert sizes[1] < 0.95 * sizes[0]


def test_bigtiff_is_big(large, tmp_path):
    for answer, version in (("NO", 42), ("YES", 43)):
        (path,) = write_geotiff(large, tmp_path / f"{answer}.tif", creation_options={"BIGTIFF": answer})
        assert int.from_bytes(path.read_bytes()[2:4], "little") == version


def test_holes_may_be_filled(large, tmp_path):
    hollow = large.where(large["x"] < 2)
    tag = "BLOCK_OFFSET_2_0"
    for answer, there in (({}, False), ({"SPARSE_OK": "NO"}, True)):
        (path,) = write_geotiff(hollow, tmp_path / f"{there}.tif", creation_options=answer)
        with rasterio.open(path) as file:
            assert (file.get_tag_item(tag, "TIFF", bidx=1) is not None) == there
            np.testing.assert_array_equal(file.read(), hollow.values[0])
        assert cog_validate(path, strict=True, quiet=True) == (True, [], [])


def test_the_predictor_of_a_type():
    assert with_options(USUAL, {"PREDICTOR": "YES"}, 3, "float32")["predictor"] == "3"
    assert with_options(USUAL, {"PREDICTOR": "YES"}, 3, "int16")["predictor"] == "2"
    assert with_options(USUAL, {"PREDICTOR": "STANDARD"}, 3, "float32")["predictor"] == "2"


# ------------------------------------------------------------------------------------------------- refusals

BAD = {
    "an unknown name": ({"COLOUR": "RED"}, "driver GTiff does not support creation option COLOUR"),
    "an unknown codec": ({"COMPRESS": "ZIP"}, "--co COMPRESS=ZIP is for no such file; take one of ZSTD, DEFLATE"),
    "a codec of pictures": ({"COMPRESS": "JPEG"}, "--co COMPRESS=JPEG is for no such file"),
    "an unknown predictor": ({"PREDICTOR": "9"}, "PREDICTOR=9 is not supported"),
    "a level that is too high": ({"ZSTD_LEVEL": "99"}, "ZSTD_LEVEL=99 value not recognised"),
    "a level of text": ({"LEVEL": "high"}, "'HIGH' is an unexpected value for ZSTD_LEVEL"),
    "a level of nothing": ({"COMPRESS": "NONE", "LEVEL": "3"}, "--co LEVEL needs COMPRESS=ZSTD, DEFLATE, LZMA, got"),
    "blocks of 100": ({"BLOCKSIZE": "100"}, 'Bad value 100 for "TileWidth" tag'),
    "threads of text": ({"NUM_THREADS": "many"}, "NUM_THREADS"),
    "an unknown answer": ({"BIGTIFF": "PERHAPS"}, "'PERHAPS' is an unexpected value for BIGTIFF"),
    "no tiles": ({"TILED": "NO"}, "--co TILED=NO cannot be had: rasters are read by the tile; leave it out"),
    "fewer bits": ({"NBITS": "16"}, "--co NBITS=16 cannot be had: --dtype says how values are stored; leave it out"),
    "no overviews": ({"COPY_SRC_OVERVIEWS": "NO"}, "--format gtiff leaves out the overviews"),
    "a profile": ({"PROFILE": "BASELINE"}, "others lose the nodata value and the names of the bands"),
    "an alpha band": ({"ALPHA": "YES"}, "nodata is NaN, and an alpha band spoils the picture in QGIS"),
    "colours": ({"PHOTOMETRIC": "RGB"}, "the bands are no colours; those are in the preview beside the file"),
    "a world file": ({"TFW": "YES"}, "the georeference is in the file"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_gdal_would_not_make_is_refused_before_any_work(broken, tmp_path, capfd, caplog, case):
    given, said = BAD[case]
    for refuse in (
        lambda: write_geotiff(broken, tmp_path / "a.tif", creation_options=given),
        lambda: FORMATS["cog"].check_options(given),
        lambda: FORMATS["gtiff"].check_options(given),
    ):
        with pytest.raises(UsageError) as caught:
            refuse()
        assert said in caught.value.for_shell()
        assert "--" not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "vsimem" not in str(caught.value)
    assert listing(tmp_path) == {}
    assert capfd.readouterr().err == ""
    assert not caplog.records


@pytest.mark.parametrize(("bands", "fine"), [(1, True), (128, True), (129, False), (1280, False)])
def test_many_bands_are_never_interleaved_by_pixel(bands, fine):
    given = {"interleave": "pixel"}
    if fine:
        assert with_options(USUAL, given, bands, "float32")["interleave"] == "PIXEL"
        return
    with pytest.raises(UsageError) as caught:
        with_options(USUAL, given, bands, "float32")
    why = f"cannot be had: QGIS takes seconds to draw a file of {bands} bands that are interleaved by pixel"
    assert str(caught.value) == f"creation_options={{'INTERLEAVE': 'PIXEL'}} {why}; leave it out"
    assert caught.value.for_shell() == f"--co INTERLEAVE=PIXEL {why}; leave it out"


SPELLINGS = [  # options, and how the message begins in Python and in the shell
    (
        {"COMPRESS": "ZIP"},
        "creation_options={'COMPRESS': 'ZIP'} is for no such file; take one of ZSTD,",
        "--co COMPRESS=ZIP is for no such file; take one of ZSTD,",
    ),
    (
        {"COMPRESS": "NONE", "LEVEL": 3},
        "creation_options LEVEL needs COMPRESS=ZSTD, DEFLATE, LZMA, got COMPRESS=NONE; leave it out",
        "--co LEVEL needs COMPRESS=ZSTD, DEFLATE, LZMA, got COMPRESS=NONE; leave it out",
    ),
    (
        {"nbits": 16},
        "creation_options={'NBITS': '16'} cannot be had: dtype says how values are stored; leave it out",
        "--co NBITS=16 cannot be had: --dtype says how values are stored; leave it out",
    ),
    (
        {"COPY_SRC_OVERVIEWS": "NO"},
        "creation_options={'COPY_SRC_OVERVIEWS': 'NO'} cannot be had: "
        'format="gtiff" leaves out the overviews, format="cog" has them; leave it out',
        "--co COPY_SRC_OVERVIEWS=NO cannot be had: "
        "--format gtiff leaves out the overviews, --format cog has them; leave it out",
    ),
    (
        {"BIGTIFF": "YES", "COLOUR": "RED"},
        "GDAL makes no float32 GeoTIFF with creation_options={'BIGTIFF': 'YES', 'COLOUR': 'RED'}: ",
        "GDAL makes no float32 GeoTIFF with --co BIGTIFF=YES --co COLOUR=RED: ",
    ),
]


@pytest.mark.parametrize(("given", "python", "shell"), SPELLINGS)
def test_options_are_spelled_for_python_and_for_the_shell(given, python, shell):
    with pytest.raises(UsageError) as caught:
        check_options(given)
    assert str(caught.value).startswith(python)
    assert caught.value.for_shell().startswith(shell)


def test_a_layout_that_only_newer_gdal_knows_is_refused_by_an_older_one():
    if tuple(map(int, rasterio.__gdal_version__.split(".")[:2])) >= (3, 11):
        check_options({"INTERLEAVE": "TILE"})
    else:
        with pytest.raises(UsageError, match="INTERLEAVE=TILE"):
            check_options({"INTERLEAVE": "TILE"})


def test_trying_out_leaves_logging_and_warnings_alone():
    logger = logging.getLogger("rasterio._env")
    before = logger.level, logger.propagate, list(logger.handlers)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_options({"COMPRESS": "DEFLATE"})
        with pytest.raises(UsageError):
            check_options({"COLOUR": "RED"})
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_lerc_is_no_codec_for_floats_of_16_bits():
    """GDAL crashes there, so it is never asked."""
    with pytest.raises(UsageError, match=r"LERC.* is for no such file; take one of ZSTD, .*, NONE$") as caught:
        check_options({"COMPRESS": "LERC"}, "float16")
    assert "LERC" not in str(caught.value).partition("take one of")[2]
    check_options({"COMPRESS": "LERC"}, "float32")
