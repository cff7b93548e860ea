"""Folders of tiles are verified as a whole and tile by tile, and what is damaged or missing is made again."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from helpers.verifying import Kind, verify, written

import rangegeo as rg
from rangegeo.errors import CubeError

ALPS = Path("alps")
TILE = ALPS / "tiles/alps_r1_c1.tif"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder of 2 x 2 tiles, of 50 x 50 pixels."""
    folder = tmp_path_factory.mktemp("whole")
    return written(Kind(output={"tiles": 32, "creation_options": {"BLOCKSIZE": "16"}}), folder / "alps")


@pytest.fixture
def alps(whole, folder) -> Path:
    """A copy of it, in the current folder."""
    return Path(shutil.copytree(whole, ALPS))


def files() -> set[str]:
    return {str(path.relative_to(ALPS)) for path in ALPS.rglob("*")}


def damage(path: Path) -> None:
    """Overwrite the middle of a file, where values lie."""
    with path.open("r+b") as raw:
        raw.seek(path.stat().st_size * 3 // 4)
        raw.write(b"\xff" * 200)


def test_nothing_lies_beside_a_tile(alps):
    before = files()
    report = verify(TILE)
    assert (report.sound, report.notes) == (True, ())
    assert verify(TILE, repair=True).sound
    assert files() == before
    damage(TILE)
    assert not verify(TILE).sound
    assert verify(TILE, repair=True).sound
    assert (verify(TILE).notes, files()) == ((), before)


@pytest.mark.parametrize("path", [ALPS, ALPS / "alps.vrt"])
def test_a_sound_folder(alps, path):
    before = files()
    report = verify(path, pixels=202)
    assert (report.sound, report.tiles, report.pixels, report.notes) == (True, 4, 202, ())
    assert report.summary.startswith(f"{path}: sound, 4 tiles, ")
    assert verify(path, repair=True).repaired == ()
    assert files() == before


@pytest.mark.parametrize("kind", ["float32", "int16"])
def test_missing_and_damaged_tiles_are_named_and_made_again(folder, kind):
    output = {"tiles": 32, "dtype": kind, "creation_options": {"BLOCKSIZE": "16"}}
    written(Kind(output=output, content={"betas": (0.0, 1.0), "bands": (1, 2)}), ALPS.absolute())
    cubes = [rg.open_cube(ALPS / f"alps_beta{beta}.vrt").load() for beta in (0, 1)]
    before, gone, hurt, cut = files(), *(ALPS / f"tiles/alps_{name}_beta1.tif" for name in ("r0_c1", "r1_c1", "r1_c0"))
    with rasterio.open(gone) as file:
        tags, shape, transform = file.tags(), file.shape, file.transform
    gone.unlink()
    damage(hurt)
    cut.write_bytes(b"")
    report = verify(ALPS)
    assert (report.sound, report.tiles) == (False, 8)
    assert report.changed == (f"{gone.name} is not there", f"{cut.name} cannot be read")
    assert {block.tile for block in report.damaged} == {hurt.name}
    assert any(f"corrupt: {hurt.name}, " in line for line in report.lines())
    report = verify(ALPS, repair=True)
    assert report.sound
    assert {block.tile for block in report.repaired} == {hurt.name}
    assert sorted(report.notes) == sorted(
        f"{tile.name} was not there or not readable, and was made again" for tile in (gone, cut)
    )
    assert (verify(ALPS).notes, files()) == ((), before)
    with rasterio.open(gone) as file:
        assert (file.tags().keys(), file.shape, file.transform) == (tags.keys(), shape, transform)
    for beta, cube in enumerate(cubes):
        again = rg.open_cube(ALPS / f"alps_beta{beta}.vrt")
        assert again.rangegeo.facts == cube.rangegeo.facts
        np.testing.assert_allclose(again.values, cube.values, atol=2e-3 * np.abs(cube.values).max())


def test_what_cannot_be_made_again(alps):
    TILE.unlink()
    with pytest.raises(CubeError, match=r'was not made again: .* give weights="PATH" and db="PATH"$'):
        rg.verify(ALPS, repair=True)
    (ALPS / "tiles/new.tif").write_bytes(b"")
    assert "1 tile in it, named by no VRT, not verified" in verify(ALPS).notes
    shutil.rmtree(ALPS / "tiles")
    assert len(verify(ALPS).changed) == 4
    with pytest.raises(CubeError, match=r"no tile is left that tells .*; make the folder again with overwrite=True"):
        verify(ALPS, repair=True)


def test_a_tile_of_an_area_is_not_guessed(folder):
    written(Kind(extent={"aoi": "area", "res": 0.02}, output={"tiles": 32}), ALPS.absolute())
    (ALPS / "tiles/alps_r1_c0.tif").unlink()
    with pytest.raises(CubeError, match="nothing tells which of its pixels had data"):
        verify(ALPS, repair=True)


@pytest.mark.parametrize("name", ["/etc/hostname", "../tiles/alps_r0_c0.tif", "tiles/../alps.qml"])
def test_a_vrt_leads_to_no_other_files(alps, name):
    vrt = ALPS / "alps.vrt"
    vrt.write_text(vrt.read_text().replace("tiles/alps_r0_c0.tif", name))
    with pytest.raises(CubeError, match="names other files than those in tiles/ beside it; give the GeoTIFFs"):
        verify(ALPS, repair=True)
