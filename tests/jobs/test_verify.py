"""Zarr stores are damaged by hand in every way; each damage is found, named and repaired to the same bytes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from helpers.verifying import Kind, verify, written

import rangegeo as rg
import rangegeo.accessor  # registers .rangegeo
from rangegeo.errors import CubeError, UsageError
from rangegeo.grid.zarr_store import store_of
from rangegeo.jobs.verified import Report
from rangegeo.stores.checked import CORRUPT
from rangegeo.stores.checked_zarr import _level
from rangegeo.stores.journal import Entry
from rangegeo.stores.kept import read_journal

KINDS = {
    "plain": Kind(),
    "format 2": Kind(output={"zarr_format": 2}),
    "sharded": Kind(
        content={"bands": (1, 2, 30), "betas": (0, 0.5, 1)}, output={"creation_options": {"SHARDS": "YES"}}
    ),
    "betas": Kind(content={"betas": (0, 0.25, 1)}),
    "int16": Kind(output={"dtype": "int16"}),
    "int8": Kind(content={"bands": "visual"}, output={"dtype": "int8", "zarr_format": 2}),
    "float16": Kind(output={"dtype": "float16"}),
    "exact": Kind(engine={"exact": True}),
    "tolerance": Kind(engine={"tolerance": 1e-3}),
    "PCA": Kind(content={"pca": 3, "betas": (0, 1)}),
    "components": Kind(content={"layout": "components", "bands": ("all", "diagnostics")}),
    "area": Kind(extent={"aoi": "area", "res": 0.02}),
    "UTM": Kind(extent={"bbox": (5, 44, 6, 45), "crs": "EPSG:32632", "res": 2000}),
    "pole": Kind(extent={"bbox": (-180, 60, 180, 90), "crs": "EPSG:3995", "res": 150_000}),
    "globe": Kind(extent={"bbox": (-180, -90, 180, 90), "crs": "ESRI:54009", "res": 500_000}),
    "antimeridian": Kind(extent={"bbox": (179.5, -17, -179.5, -16.2), "res": 0.02}),
    "overviews": Kind(
        extent={"bbox": (5, 44, 16, 46), "res": 0.02}, content={"pca": 2}, output={"overviews": True, "chunks": 64}
    ),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Callable[[str], Path]:
    """A function of a kind to a store of it, which is written once."""
    folder = tmp_path_factory.mktemp("whole")

    def write(kind: str) -> Path:
        return written(KINDS[kind], folder / f"{kind.replace(' ', '_')}.zarr")

    return write


@pytest.fixture
def store(whole, tmp_path) -> Callable[[str], Path]:
    """A function of a kind to a copy of such a store."""

    def copy(kind: str = "plain") -> Path:
        return Path(shutil.copytree(whole(kind), tmp_path / "a.zarr"))

    return copy


def bytes_of(path: Path) -> dict[str, bytes]:
    """All objects of a store but for the journal, which says what was measured when."""
    files = {str(file.relative_to(path)): file for file in sorted(path.rglob("*")) if file.is_file()}
    return {key: file.read_bytes() for key, file in files.items() if not key.startswith("journal")}


def chunks_of(path: Path, below: str = "embedding") -> list[Path]:
    """The files of the chunks of the array, in the order of their names."""
    names = ("zarr.json", ".zarray", ".zattrs")
    return [file for file in sorted((path / below).rglob("*")) if file.is_file() and file.name not in names]


def repaired(path: Path, whole: Path) -> Report:
    """Repair a store and check that it is the old one again."""
    report = verify(path, repair=True)
    assert report.sound, list(report.lines())
    assert bytes_of(path) == bytes_of(whole)
    again = verify(path)
    assert again.sound
    assert not again.repaired
    return report


# ------------------------------------------------------------------------------------------- kinds of stores


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_of_any_kind_is_sound_and_mended(store, whole, kind):
    path = store(kind)
    report = verify(path)
    assert report.sound, list(report.lines())
    assert report.pixels == 200
    assert 0 <= report.error <= 1
    assert not report.notes
    chunks = chunks_of(path)
    lost, flipped = chunks[0], chunks[-1]
    lost.unlink()
    data = bytearray(flipped.read_bytes())
    data[len(data) // 2] ^= 16
    flipped.write_bytes(data)
    report = verify(path)
    assert not report.sound
    assert len(report.missing) == len(report.corrupt) == 1
    assert not report.wrong
    assert len(repaired(path, whole(kind)).repaired) == 2


# ------------------------------------------------------------------------------------------- kinds of damage


def flip(path: Path) -> None:
    """Change the last byte but three of the first chunk."""
    file = chunks_of(path)[0]
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)


def truncate(path: Path) -> None:
    """Cut the first chunk short."""
    file = chunks_of(path)[0]
    file.write_bytes(file.read_bytes()[:-20])


def empty(path: Path) -> None:
    """Leave nothing of the first chunk but its name."""
    chunks_of(path)[0].write_bytes(b"")


def swap(path: Path) -> None:
    """Exchange two chunks."""
    one, other = chunks_of(path)[:2]
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def change(path: Path) -> None:
    """Change a value through zarr."""
    array = zarr.open_group(path, mode="r+")["embedding"]
    array[0, 0, 0, 0] = 0.5


def empty_block(path: Path) -> None:
    """Make a block nodata through zarr, which removes its chunks."""
    zarr.open_group(path, mode="r+")["embedding"][:, :, :16, :16] = np.nan


def delete(path: Path) -> None:
    chunks_of(path)[0].unlink()


DAMAGES = {
    flip: ("corrupt", 1),
    truncate: ("corrupt", 1),
    empty: ("corrupt", 1),
    swap: ("corrupt", 2),
    change: ("corrupt", 1),
    empty_block: ("missing", 1),
    delete: ("missing", 1),
}


@pytest.mark.parametrize("kind", ["plain", "format 2"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_found_named_and_repaired(store, whole, damage, kind):
    path = store(kind)
    damage(path)
    report = verify(path)
    fault, count = DAMAGES[damage]
    found = getattr(report, fault)
    assert len(found) == count == len(report.damaged)
    assert found[0].level == 0
    assert (found[0].rows, found[0].cols) == ((0, 16), (0, 16))
    np.testing.assert_allclose(found[0].bbox, (5, 44.68, 5.32, 45))
    lines = list(report.lines())
    assert f"{count} block{'s' * (count > 1)} {fault}: rows 0-15, columns 0-15 (5, 44.68, 5.32, 45)" in lines[0]
    assert f"a.zarr is not sound, {count} of 16 blocks; add repair=True to mend it" in report.summary
    assert report.facts["sound"] is False
    repaired(path, whole(kind))


def test_a_chunk_of_another_store_is_found(store, whole):
    path = store()
    shutil.copyfile(chunks_of(whole("exact"))[0], chunks_of(path)[0])
    assert len(verify(path, pixels=0).corrupt) == 1
    repaired(path, whole("plain"))


def test_a_block_outside_the_area_has_no_chunk(store, whole):
    path = store("area")
    array = zarr.open_group(path, mode="r+")["embedding"]
    array[0, 0, 0, 0] = 1.0  # no pixel of this block is in the area
    assert len(verify(path).corrupt) == 1
    repaired(path, whole("area"))


def test_an_object_that_no_run_wrote_is_found_in_an_overview(store):
    stored = store_of(store("overviews"))
    journal = read_journal(stored)
    name = list(journal.levels)[1]
    array = zarr.open_array(stored, path=f"{name}/embedding", mode="r")
    emptied = replace(journal, levels={name: journal.levels[name] | {(0, 0): Entry()}})
    assert _level(stored, 1, array, name, journal).faults == {}
    assert _level(stored, 1, array, name, emptied).faults == {0: CORRUPT}


def test_a_damaged_overview_is_mended(store, whole):
    path = store("overviews")
    chunks_of(path, "ovr_2x/embedding")[1].unlink()
    report = verify(path)
    assert [block.level for block in report.missing] == [1]
    assert "level 1, rows 0-49, columns 64-127" in next(report.lines())
    repaired(path, whole("overviews"))
    shutil.rmtree(path / "ovr_2x")
    assert not verify(path).sound
    repaired(path, whole("overviews"))


DOCUMENTS = [("plain", "zarr.json"), ("plain", "embedding/zarr.json"), ("plain", "x/zarr.json"), ("plain", "y/c/0"),
             ("format 2", ".zgroup"), ("format 2", ".zattrs"), ("format 2", "embedding/.zarray"),
             ("format 2", "spatial_ref/.zattrs"), ("format 2", ".zmetadata")]  # fmt: skip


@pytest.mark.parametrize(("kind", "key"), DOCUMENTS)
@pytest.mark.parametrize("how", ["gone", "cut", "empty"])
def test_metadata_are_put_back(store, whole, kind, key, how):
    path = store(kind)
    file = path / key
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: 10 if how == "cut" else 0] if key != "y/c/0" else b"12345678")
    report = verify(path)
    assert any(text.startswith(f"{key} is {'missing' if how == 'gone' else 'changed'}") for text in report.changed)
    assert not report.damaged
    repaired(path, whole(kind))


def test_a_changed_attribute_is_named_and_a_new_one_is_the_users(store, whole):
    path = store("int16")
    group = zarr.open_group(path, mode="r+", use_consolidated=False)
    group.attrs["title"] = "mine"
    group["embedding"].attrs["note"] = "mine too"
    assert verify(path).sound
    scale = group["embedding"].attrs["scale_factor"]
    group["embedding"].attrs["scale_factor"] = 2 * scale
    report = verify(path)
    assert report.changed == ("embedding/zarr.json is changed: scale_factor",)
    assert verify(path, repair=True).sound
    assert zarr.open_group(path, use_consolidated=False)["embedding"].attrs["scale_factor"] == scale


# --------------------------------------------------------------------------------------------- the journal


def test_without_a_journal_values_tell(store, whole):
    path = store()
    shutil.rmtree(path / "journal")
    report = verify(path)
    assert report.sound
    assert "it has no journal" in report.notes[0]
    change(path)
    array = zarr.open_group(path, mode="r+")["embedding"]
    array[0, 0, :16, :16] = 3.0
    assert [block.rows for block in verify(path).wrong] == [(0, 16)]
    chunks_of(path)[-1].unlink()
    chunks_of(path)[5].write_bytes(b"no chunk")
    report = verify(path)
    assert len(report.wrong) == 2
    assert len(report.corrupt) == 1
    assert len(repaired(path, whole("plain")).repaired) == 16
    assert (path / "journal").exists()


def test_a_damaged_journal_is_made_again(store, whole):
    path = store("format 2")
    file = path / "journal" / "entries" / "0"
    file.write_bytes(file.read_bytes()[:-40])
    report = verify(path)
    assert "its journal is damaged" in report.changed[0]
    assert not report.sound
    repaired(path, whole("format 2"))


def test_without_journal_and_area_nothing_is_repaired(store):
    path = store("area")
    shutil.rmtree(path / "journal")
    assert verify(path).sound
    before = bytes_of(path)
    with pytest.raises(CubeError, match="neither checksums nor the area"):
        verify(path, repair=True)
    assert bytes_of(path) == before


def test_a_repair_that_is_killed_leaves_the_store_damaged(store, whole, monkeypatch):
    from rangegeo.jobs import repair

    path = store("betas")
    swap(path)
    chunks_of(path)[-1].unlink()

    def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(repair, "keep_journal", die)
        with pytest.raises(KeyboardInterrupt):
            verify(path, repair=True)
    repaired(path, whole("betas"))
    assert not list(path.parent.glob(".*"))


# ------------------------------------------------------------------------------- values, models and other cubes


def test_a_value_that_was_written_wrong_is_found(mini, tmp_path):
    cube = rg.raster((5, 44, 6, 45), 0.02, model=mini, bands=(1, 2), chunks=16)
    values = cube.values.copy()
    values[:, 1, 20:25, 20:25] += 1e-3 * np.abs(values).max()
    kept = cube.copy(data=values).chunk({"y": 16, "x": 16})
    kept.rangegeo.to_zarr(tmp_path / "a.zarr")
    report = verify(tmp_path / "a.zarr", pixels=2000)
    assert [(block.rows, block.cols) for block in report.wrong] == [((16, 32), (16, 32))]
    assert report.error > 1
    assert verify(tmp_path / "a.zarr", repair=True, pixels=2000).sound


def test_a_slice_is_verified_and_mended(mini, tmp_path):
    cube = rg.raster((5, 44, 6, 45), 0.02, model=mini, betas=(0, 1), pca=3, chunks=16).isel(
        y=slice(3, 45), x=slice(1, None, 2), band=[2, 0], beta=[1]
    )
    path = tmp_path / "a.zarr"
    cube.rangegeo.to_zarr(path)
    before = rg.open_cube(path).values
    assert verify(path).sound
    chunks_of(path)[0].unlink()
    assert verify(path, repair=True).sound
    np.testing.assert_allclose(rg.open_cube(path).values, before, atol=1e-4)


def test_the_seed_chooses_the_pixels(store):
    path = store()
    errors = {seed: verify(path, seed=seed, pixels=50).error for seed in (0, 0, 1, 2)}
    assert errors[0] == verify(path, seed=0, pixels=50).error
    assert len(set(errors.values())) > 1


def test_without_the_model_checksums_tell(store):
    path = store()
    report = rg.verify(path)
    assert report.sound
    assert report.pixels == 0
    assert 'which is not here: give weights="PATH" and db="PATH"' in report.notes[0]
    delete(path)
    assert len(rg.verify(path).missing) == 1
    with pytest.raises(CubeError, match=r"was not repaired.*which is not here"):
        rg.verify(path, repair=True)


def test_another_model_is_refused(store):
    path = store()
    with pytest.raises(
        UsageError, match=r"weights must be the encoder of the cube, satclip-mini\.ckpt with the SHA-256"
    ):
        rg.verify(path, weights="demo", db="demo")


def test_the_embedded_model_is_found(tmp_path):
    rg.raster((5, 44, 6, 45), 0.1, bands=(1, 2)).rangegeo.to_zarr(tmp_path / "a.zarr")
    assert rg.verify(tmp_path / "a.zarr", pixels=20).pixels == 20
    rg.raster((5, 44, 6, 45), 0.1, model="Direct").rangegeo.to_zarr(tmp_path / "b.zarr")
    assert rg.verify(tmp_path / "b.zarr", pixels=20).pixels == 20


def test_what_others_computed_is_read_and_never_repaired(store, tmp_path):
    path = store()
    cube = xr.open_zarr(path)
    (cube * 2).to_zarr(tmp_path / "twice.zarr", consolidated=False)
    report = verify(tmp_path / "twice.zarr")
    assert report.sound
    assert "computed from them or changed" in report.notes[-1]
    chunks_of(tmp_path / "twice.zarr")[0].write_bytes(b"no chunk")
    assert len(verify(tmp_path / "twice.zarr").corrupt) == 1
    before = bytes_of(tmp_path / "twice.zarr")
    with pytest.raises(CubeError, match="not repaired"):
        verify(tmp_path / "twice.zarr", repair=True)
    assert bytes_of(tmp_path / "twice.zarr") == before


def test_a_store_that_has_grown_is_no_longer_what_was_written(store):
    path = store()
    cube = xr.open_zarr(path)
    west = cube.load().assign_coords(x=cube["x"] + 1)
    west.drop_encoding().to_zarr(path, append_dim="x", consolidated=False)
    report = verify(path)
    assert not report.sound
    assert any("shape" in text for text in report.changed)
    before = bytes_of(path)
    with pytest.raises(CubeError, match="was changed by another program"):
        verify(path, repair=True)
    assert bytes_of(path) == before


def test_values_that_xarray_wrote_over_all_blocks_are_the_users(store):
    path = store()
    (xr.open_zarr(path) * 2).load().to_zarr(path, mode="a", consolidated=False)
    report = verify(path)
    assert any("another program computed them" in text for text in report.changed)
    before = bytes_of(path)
    with pytest.raises(CubeError, match="not repaired"):
        verify(path, repair=True)
    assert bytes_of(path) == before


def test_a_copy_by_xarray_is_compared_with_the_model(store, tmp_path):
    xr.open_zarr(store()).to_zarr(tmp_path / "copy.zarr", consolidated=False)
    report = verify(tmp_path / "copy.zarr")
    assert report.sound
    assert report.pixels == 200
    assert "no journal" in report.notes[0]


@pytest.mark.parametrize("pixels", [-1, 1.5, "many"])
def test_pixels_are_a_whole_number(store, pixels):
    with pytest.raises(UsageError, match="pixels must be a whole number from 0 on"):
        verify(store(), pixels=pixels)


def test_what_is_no_cube_is_refused_in_a_line(tmp_path):
    zarr.create_group(tmp_path / "group.zarr")
    (tmp_path / "folder").mkdir()
    for name in ("group.zarr", "folder", "nothing.zarr"):
        with pytest.raises(CubeError) as told:
            rg.verify(tmp_path / name)
        assert "\n" not in str(told.value)


def test_facts_are_json(store):
    path = store()
    delete(path)
    facts = json.loads(json.dumps(verify(path).facts))
    assert facts["missing"][0]["rows"] == [0, 16]
    assert facts["path"] == str(path)


@pytest.mark.parametrize("kind", ["plain", "format 2"])
def test_the_last_blocks_are_named_rightly_if_coordinates_are_damaged_too(store, kind):
    path = store(kind)
    chunks_of(path)[-1].unlink()
    (path / "x" / ("zarr.json" if kind == "plain" else ".zarray")).write_text('{"a":')
    (block,) = verify(path, pixels=0).missing
    assert (block.rows, block.cols) == ((48, 50), (48, 50))
    (path / chunks_of(path)[0]).unlink()
    assert verify(path, pixels=0).missing[0].rows == (0, 16)


def test_a_repair_says_what_it_put_back_and_nothing_of_other_files(store):
    path = store()
    (path / "zarr.json").write_text("")
    (path / "y" / "zarr.json").unlink()
    (path / "myfile.txt").write_text("mine")
    (path / "mine").mkdir()
    report = verify(path, repair=True, pixels=0)
    assert report.put_back == ("zarr.json", "y/zarr.json")
    assert report.facts["put_back"] == report.put_back
    assert list(report.lines())[:2] == [f"{path}: zarr.json was put back", f"{path}: y/zarr.json was put back"]
    chunks_of(path)[0].unlink()
    assert verify(path, repair=True, pixels=0).sound  # zarr would warn of the other files
    assert rg.open_cube(path).shape[-1] == 50
    assert (path / "myfile.txt").read_text() == "mine"
