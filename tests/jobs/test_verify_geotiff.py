"""GeoTIFFs are damaged by hand in every way; each damage is found, named and repaired."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from helpers.verifying import Kind, verify, written
from rasterio.enums import Resampling

import rangegeo as rg
import rangegeo.accessor  # registers .rangegeo
from rangegeo.errors import CubeError
from rangegeo.jobs.verified import Report
from rangegeo.stores.geotiff_journal import DOMAIN, TAG, is_lossless, read_value_journal

TILES = {"BLOCKSIZE": "16"}
LOSSY = ("lossy LERC", "LERC int16", "fewer digits")
KINDS = {
    "plain": Kind(),
    "all bands": Kind(content={"betas": (1.0,)}),
    "int16": Kind(output={"dtype": "int16"}),
    "int8": Kind(output={"dtype": "int8"}),
    "float16": Kind(output={"dtype": "float16"}),
    "exact": Kind(engine={"exact": True}),
    "PCA": Kind(content={"pca": 3}),
    "area": Kind(extent={"aoi": "area", "res": 0.02}),
    "UTM": Kind(extent={"bbox": (5, 44, 6, 45), "crs": "EPSG:32632", "res": 2000}),
    "globe": Kind(extent={"bbox": (-180, -90, 180, 90), "crs": "ESRI:54009", "res": 500_000}),
    "LERC": Kind(output={"creation_options": TILES | {"COMPRESS": "LERC_ZSTD"}}),
    "lossy LERC": Kind(output={"creation_options": TILES | {"COMPRESS": "LERC", "MAX_Z_ERROR": "0.001"}}),
    "LERC int16": Kind(output={"dtype": "int16", "creation_options": TILES | {"COMPRESS": "LERC", "MAX_Z_ERROR": "5"}}),
    "fewer digits": Kind(output={"creation_options": TILES | {"COMPRESS": "DEFLATE", "DISCARD_LSB": "10"}}),
    "no compression": Kind(output={"creation_options": TILES | {"COMPRESS": "NONE"}}),
    "by pixel": Kind(output={"creation_options": TILES | {"INTERLEAVE": "PIXEL"}}),
    "gtiff": Kind(output={"format": "gtiff"}),
    "overviews": Kind(extent={"bbox": (5, 44, 16, 46), "res": 0.02}, content={"bands": (1, 2)}, output={"chunks": 64}),
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Callable[[str], Path]:
    """A function of a kind to a file of it, which is written once in a folder of its own."""
    folder = tmp_path_factory.mktemp("whole")

    def write(kind: str) -> Path:
        of = KINDS[kind]
        options = {"creation_options": TILES, **of.output}
        return written(replace(of, output=options), folder / kind.replace(" ", "_") / "a.tif")

    return write


@pytest.fixture
def file(whole, tmp_path) -> Callable[[str], Path]:
    """A function of a kind to a copy of such a file, with what lies beside it."""

    def copy(kind: str = "plain") -> Path:
        return Path(shutil.copytree(whole(kind).parent, tmp_path / "copy")) / "a.tif"

    return copy


def tile(path: Path, *, col: int = 0, row: int = 0, band: int = 1) -> tuple[int, int]:
    """Where a tile lies in a file, and how long it is."""
    with rasterio.open(path) as open_file:
        at = (open_file.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=band) for what in ("OFFSET", "SIZE"))
        start, length = map(int, at)
        return start, length


def overwrite(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as raw:
        raw.seek(start)
        raw.write(data)


def values_of(path: Path) -> list[np.ndarray]:
    """The stored values of a file and of its overviews."""
    with rasterio.open(path) as open_file:
        levels = len(open_file.overviews(1)) + 1
    found = []
    for level in range(levels):
        with rasterio.open(path, **({"overview_level": level - 1} if level else {})) as open_file:
            found.append(open_file.read())
    return found


def repaired(path: Path, whole: Path) -> Report:
    """Repair a file, and check that it holds the same again, in the same way."""
    report = verify(path, repair=True)
    assert report.sound, list(report.lines())
    for now, before in zip(values_of(path), values_of(whole), strict=True):
        np.testing.assert_array_equal(now, before)
    with rasterio.open(path) as new, rasterio.open(whole) as old:
        assert new.tags() == old.tags()
        assert new.tags(ns="IMAGE_STRUCTURE") == old.tags(ns="IMAGE_STRUCTURE")
        assert (new.descriptions, new.scales, new.offsets) == (old.descriptions, old.scales, old.offsets)
    assert verify(path).sound
    assert {made.name for made in path.parent.iterdir()} == {made.name for made in whole.parent.iterdir()}
    return report


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_any_kind_is_sound_and_mended(file, whole, kind):
    path = file(kind)
    report = verify(path)
    assert report.sound, list(report.lines())
    assert report.pixels == 200
    assert report.error <= 1
    assert not report.changed
    assert bool(report.notes) == (kind in LOSSY)
    assert "evaluation" in rg.open_cube(path).encoding["rangegeo"]
    start, length = tile(path, col=1, row=1)
    overwrite(path, start, b"\xff" * length)
    report = verify(path)
    assert not report.sound
    assert report.corrupt or (report.missing and kind == "no compression")  # these bytes are NaN
    if kind in LOSSY:  # it is compressed a second time
        assert verify(path, repair=True).sound
    else:
        repaired(path, whole(kind))


def test_a_flipped_bit_is_found_and_named(file, whole):
    path = file("no compression")
    start, _ = tile(path, col=1, row=2)
    overwrite(path, start + 11, b"\x41")
    report = verify(path, pixels=0)
    (block,) = report.corrupt
    assert (block.rows, block.cols) == ((32, 48), (16, 32))
    np.testing.assert_allclose(block.bbox, (5.32, 44.04, 5.64, 44.36))
    assert f"{path} is not sound, 1 of 16 blocks; add repair=True to mend it" == report.summary
    assert len(repaired(path, whole("no compression")).repaired) == 1


def test_swapped_tiles_are_found(file, whole):
    path = file("no compression")
    (one, length), (other, _) = tile(path), tile(path, col=1)
    data = path.read_bytes()
    overwrite(path, one, data[other : other + length])
    overwrite(path, other, data[one : one + length])
    assert [block.cols for block in verify(path, pixels=0).corrupt] == [(0, 16), (16, 32)]
    repaired(path, whole("no compression"))


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_file_that_was_cut_short(file, whole, share):
    path = file("all bands")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert verify(path).corrupt
    repaired(path, whole("all bands"))


def test_a_file_that_lost_its_end_and_its_beginning_is_refused(file):
    path = file()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CubeError, match="is not a readable GeoTIFF"):
        verify(path)


def test_a_block_of_nodata_is_missing(file, whole):
    path = file()
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as open_file:
        open_file.write(np.full((3, 16, 16), np.nan, np.float32), window=rasterio.windows.Window(16, 0, 16, 16))
    report = verify(path)
    assert [(block.rows, block.cols) for block in report.missing] == [((0, 16), (16, 32))]
    repaired(path, whole("plain"))


def test_overviews_are_checked_and_made_again(file, whole):
    path = file("overviews")
    with rasterio.open(path, overview_level=0) as open_file:
        profile = open_file.profile
    assert profile["width"] == 275
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as open_file:
        open_file.build_overviews([2], Resampling.nearest)
    report = verify(path)
    assert report.corrupt
    assert {block.level for block in report.corrupt} == {1}
    repaired(path, whole("overviews"))
    rasterio.shutil.copy(path, path.with_name("b.tif"), driver="GTiff", copy_src_mdd=True)
    path.with_name("b.tif").replace(path)
    report = verify(path)
    assert report.changed == ("it has 0 overviews, and 2 were written",)
    repaired(path, whole("overviews"))


def test_what_is_missing_beside_it_is_told_and_made(file, whole):
    path = file()
    before = path.stat()
    path.with_suffix(".qml").unlink()
    path.with_name("a_rgb.tif").unlink()
    report = verify(path)
    assert report.sound
    assert len(report.notes) == 2
    assert "a.qml is not there" in report.notes[0]
    repaired(path, whole("plain"))
    assert path.stat().st_ino == before.st_ino
    assert path.with_suffix(".qml").read_text() == whole("plain").with_suffix(".qml").read_text()


def test_tags_of_others_do_no_harm(file):
    path = file()
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as open_file:
        open_file.update_tags(title="mine")
        open_file.update_tags(1, note="mine too")
    assert verify(path).sound


def test_other_compression_of_the_same_values_does_no_harm(file):
    path = file()
    rasterio.shutil.copy(path, path.with_name("b.tif"), driver="GTiff", compress="lzw", copy_src_mdd=True)
    report = verify(path.with_name("b.tif"))
    assert report.sound
    assert report.pixels == 200


def test_what_others_computed_is_told_and_never_repaired(file):
    path = file()
    with rasterio.open(path) as source:
        values, profile, tags = source.read(), source.profile, source.tags()
        journal = source.tags(ns=DOMAIN)
    for changed in (2 * values, values[:, :20]):
        with rasterio.open(path, "w", **profile | {"height": changed.shape[1]}) as made:
            made.write(changed)
            made.update_tags(**tags)
            made.update_tags(ns=DOMAIN, **journal)
        report = verify(path)
        assert report.changed == (
            "all of its values differ from those that were written, because another program computed them",
        )
        before = path.read_bytes()
        with pytest.raises(CubeError, match="not repaired"):
            verify(path, repair=True)
        assert path.read_bytes() == before


def test_without_a_journal_values_tell(file):
    path = file()
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as open_file:
        open_file.update_tags(ns=DOMAIN, **{TAG: "no journal"})
        values = open_file.read()
    report = verify(path)
    assert report.changed == ("its journal is damaged, so that nothing can be compared with checksums",)
    assert verify(path, repair=True).sound
    subprocess.run(["gdal_translate", "-q", path, path.with_name("b.tif")], check=True) if shutil.which(
        "gdal_translate"
    ) else rasterio.shutil.copy(path, path.with_name("b.tif"), driver="GTiff")
    report = verify(path.with_name("b.tif"))
    assert report.sound
    assert "it has no journal" in report.notes[0]
    with rasterio.open(path.with_name("b.tif"), "r+") as open_file:
        open_file.write(values[:, :16, :16] + 1, window=rasterio.windows.Window(0, 0, 16, 16))
    assert verify(path.with_name("b.tif")).wrong


def test_betas_are_files_of_their_own(tmp_path):
    kind = Kind(content={"betas": (0.0, 1.0), "bands": (1, 2)})
    written(kind, tmp_path / "a.tif")
    for name in ("a_beta0.tif", "a_beta1.tif"):
        assert verify(tmp_path / name).pixels == 200
    start, length = tile(tmp_path / "a_beta1.tif")
    overwrite(tmp_path / "a_beta1.tif", start, b"\xff" * length)
    before = rg.open_cube(tmp_path / "a_beta0.tif").values
    assert verify(tmp_path / "a_beta1.tif", repair=True).sound
    np.testing.assert_array_equal(rg.open_cube(tmp_path / "a_beta0.tif").values, before)


def test_a_killed_repair_leaves_the_old_file(file, whole, monkeypatch):
    from rangegeo.jobs import repair

    path = file()
    start, length = tile(path)
    overwrite(path, start, b"\xff" * length)
    before = path.read_bytes()

    def die(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(repair, "finish_again", die)
        with pytest.raises(KeyboardInterrupt):
            verify(path, repair=True)
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".*"))
    repaired(path, whole("plain"))


def test_copies_of_gdal_have_no_journal(file):
    path = file()
    rasterio.shutil.copy(path, path.with_name("b.tif"), driver="GTiff")
    with rasterio.open(path.with_name("b.tif")) as open_file:
        assert read_value_journal(open_file) is None


@pytest.mark.parametrize(
    ("profile", "lossless"),
    [
        ({"compress": "zstd"}, True),
        ({"compress": "LERC"}, True),
        ({"COMPRESS": "LERC_ZSTD", "MAX_Z_ERROR": "0.0"}, True),
        ({"compress": "LERC_ZSTD", "MAX_Z_ERROR": "0.1"}, False),
        ({"compress": "ZSTD", "MAX_Z_ERROR": "0.1"}, True),
        ({"compress": "ZSTD", "DISCARD_LSB": "4"}, False),
    ],
)
def test_which_compression_changes_values(profile, lossless):
    assert is_lossless(profile) is lossless


def test_other_files_are_refused_in_a_line(tmp_path):
    for name in ("a.nc", "a.csv", "a.png"):
        (tmp_path / name).write_text("x")
        with pytest.raises(CubeError, match=r"GeoTIFFs, got .*; give a \.zarr, or a \.tif of this machine"):
            verify(tmp_path / name)
    with rasterio.open(
        tmp_path / "b.tif",
        "w",
        driver="GTiff",
        width=4,
        height=4,
        count=1,
        dtype="uint8",
        crs="EPSG:4326",
        transform=rasterio.Affine(1, 0, 0, 0, -1, 4),
    ) as made:
        made.write(np.ones((1, 4, 4), np.uint8))
    with pytest.raises(CubeError, match="was not written by rangegeo"):
        verify(tmp_path / "b.tif")
