"""Stores that grow: equal to one run over the box around all, with nothing lost, and only what is new evaluated."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import dask
import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import rangegeo as rg
from rangegeo.errors import CubeError, OutputError, RangegeoError
from rangegeo.stores.kept import read_journal
from rangegeo.stores.objects import store_of

RES = 0.05
LEFT, RIGHT, BOTH = (5, 44, 6.6, 45.6), (6.6, 44, 7.4, 45.6), (5, 44, 7.4, 45.6)  # 32 rows; 32, 16 and 48 columns


@pytest.fixture(scope="session")
def make(mini):
    """A function of a box, and of arguments of `rangegeo.raster`, to an exact cube in chunks of 16 pixels."""

    def raster(box, **options):
        known = {"model": mini, "betas": (0, 1), "bands": "1-3", "exact": True, "chunks": 16, "align": True}
        return rg.raster(box, options.pop("res", RES), **known | options)

    return raster


def facts_without_counts(cube):
    return {name: value for name, value in cube.rangegeo.facts.items() if name not in ("evaluations", "proof_pixels")}


def inodes(store: str) -> set[int]:
    return {path.stat().st_ino for path in Path(store, "embedding", "c").rglob("*") if path.is_file()}


QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # making examples smaller would take minutes
EDGES = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40), st.integers(1, 40))


@settings(max_examples=8, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=EDGES, second=EDGES, third=EDGES)
def test_a_grown_store_equals_one_run_over_the_box_around_all(make, tmp_path_factory, first, second, third):
    folder = tmp_path_factory.mktemp("grown")
    boxes = [
        (5 + x * RES, 46 - (y + h) * RES, 5 + (x + w) * RES, 46 - y * RES) for x, y, w, h in (first, second, third)
    ]
    west, south = (min(box[axis] for box in boxes) for axis in (0, 1))
    east, north = (max(box[axis] for box in boxes) for axis in (2, 3))
    whole = make((west, south, east, north)).load()
    make(boxes[0]).rangegeo.to_zarr(folder / "a.zarr")
    for box in boxes[1:]:
        make(box).rangegeo.to_zarr(folder / "a.zarr", extend=True)
    grown = rg.open_cube(folder / "a.zarr")
    np.testing.assert_array_equal(grown.x, whole.x)
    np.testing.assert_array_equal(grown.y, whole.y)
    covered = np.zeros(whole.shape[2:], bool)
    left, top = round((west - 5) / RES), round((46 - north) / RES)
    for x, y, w, h in (first, second, third):
        covered[y - top : y - top + h, x - left : x - left + w] = True
    np.testing.assert_array_equal(np.isnan(grown.values), np.broadcast_to(~covered, grown.shape))
    np.testing.assert_allclose(grown.values, np.where(covered, whole.values, np.nan), atol=1e-5)


def test_it_says_of_itself_what_one_run_says(make, folder):
    options = {"exact": False, "bands": "all"}
    make(LEFT, **options).rangegeo.to_zarr("a.zarr")
    make(RIGHT, **options).rangegeo.to_zarr("a.zarr", extend=True)
    make(BOTH, **options).rangegeo.to_zarr("once.zarr")
    grown, once = rg.open_cube("a.zarr"), rg.open_cube("once.zarr")
    assert facts_without_counts(grown) == pytest.approx(facts_without_counts(once), abs=1e-5)
    assert grown.attrs == once.attrs
    for name in once.coords:
        assert grown[name].identical(once[name]), name
    told = [json.loads(Path(store, "embedding", "zarr.json").read_text()) for store in ("a.zarr", "once.zarr")]
    assert told[0] == told[1]
    groups = [zarr.open_group(store, mode="r").attrs.asdict() for store in ("a.zarr", "once.zarr")]
    assert groups[0].keys() == groups[1].keys()
    journals = [read_journal(store_of(Path(store))) for store in ("a.zarr", "once.zarr")]
    assert journals[0].levels[""].keys() == journals[1].levels[""].keys()
    assert {name: sorted(level) for name, level in journals[0].objects.items()}.keys() == journals[1].objects.keys()


def test_interpolated_values_agree_within_the_tolerance(mini, folder):
    options = {"model": mini, "betas": (0, 1), "bands": "1-3"}
    rg.raster((5, 44, 7, 46), 0.01, **options).rangegeo.to_zarr("a.zarr")
    rg.raster((6.5, 43, 9, 45), 0.01, **options).rangegeo.to_zarr("a.zarr", extend=True)
    once = rg.raster((5, 43, 9, 46), 0.01, **options).values
    grown = rg.open_cube("a.zarr")
    known = ~np.isnan(grown.values)
    assert np.abs(grown.values - once)[known].max() < 2 * 1e-5 * np.abs(once).max()
    assert grown.rangegeo.facts["measured_error"] < 1e-5
    assert np.isnan(grown.sel(x=slice(5, 6.5), y=slice(44, 43))).all()


def test_blocks_that_are_there_are_neither_evaluated_nor_written_again(make, folder, evaluated):
    make(LEFT).rangegeo.to_zarr("a.zarr")
    before, kept = inodes("a.zarr"), read_journal(store_of(Path("a.zarr"))).levels[""]
    evaluated.clear()
    make((5, 44, 7.4, 45.6)).rangegeo.to_zarr("a.zarr", extend=True)
    assert sorted(evaluated) == [(0, 32), (16, 32)]
    assert before <= inodes("a.zarr")
    now = read_journal(store_of(Path("a.zarr"))).levels[""]
    assert len(now) == 6
    for at, entry in kept.items():
        assert sorted(now[at].checksums.values()) == sorted(entry.checksums.values())


def test_it_grows_to_the_north_west_by_whole_blocks_with_links(make, folder):
    make(RIGHT).rangegeo.to_zarr("a.zarr")  # one block wide
    make(LEFT).rangegeo.to_zarr("b.zarr")
    before = inodes("b.zarr")
    make((4.2, 44, 5, 46.4)).rangegeo.to_zarr("b.zarr", extend=True)
    assert before <= inodes("b.zarr")
    assert rg.open_cube("b.zarr").shape == (2, 3, 48, 48)


@pytest.mark.parametrize(
    ("dtype", "options"), [("float16", {}), ("int16", {}), ("int8", {}), ("int8", {"SCALES": "BAND"})]
)
def test_steps_are_kept(make, folder, dtype, options):
    make(BOTH).rangegeo.to_zarr("once.zarr", dtype=dtype, creation_options=options)
    make(LEFT).rangegeo.to_zarr(
        "a.zarr", dtype=dtype, creation_options=options, scales_from="once.zarr" if dtype == "int8" else None
    )
    before = rg.open_cube("a.zarr")
    old = before.values
    make((6, 44, 7.4, 45.6)).rangegeo.to_zarr("a.zarr", dtype=dtype, extend=True)
    grown, once = rg.open_cube("a.zarr"), rg.open_cube("once.zarr")
    np.testing.assert_array_equal(grown.values[..., :32], old)
    np.testing.assert_array_equal(grown.values, once.values)
    for name in ("quantisation_dtype", "quantisation_bound_visual", "quantisation_clipped"):
        assert grown.rangegeo.facts[name] == pytest.approx(before.rangegeo.facts[name]), name
    make((4.9, 43.9, 5, 44)).rangegeo.to_zarr("a.zarr", dtype=dtype, extend=True)  # everything is copied
    np.testing.assert_array_equal(rg.open_cube("a.zarr").values[..., :-2, 2:], once.values)


@pytest.mark.parametrize(
    ("zarr_format", "options"),
    [(2, {"COMPRESS": "ZSTD", "LEVEL": 3, "SHUFFLE": "BIT"}), (3, {"COMPRESS": "NONE"}), (3, {"SHARDS": "YES"})],
)
def test_formats_and_compression_are_kept(make, folder, zarr_format, options):
    how = {"zarr_format": zarr_format, "creation_options": options}
    make(LEFT).rangegeo.to_zarr("a.zarr", **how)
    files = {
        path.stat().st_ino for path in Path("a.zarr/embedding").rglob("*") if path.is_file() and "z" not in path.name
    }
    make(RIGHT).rangegeo.to_zarr("a.zarr", extend=True)
    make(BOTH).rangegeo.to_zarr("once.zarr", **how)
    np.testing.assert_allclose(rg.open_cube("a.zarr").values, rg.open_cube("once.zarr").values, atol=1e-5)
    arrays = [zarr.open_array(f"{store}/embedding", mode="r") for store in ("a.zarr", "once.zarr")]
    assert str(arrays[0].metadata.to_dict()) == str(arrays[1].metadata.to_dict())
    now = {path.stat().st_ino for path in Path("a.zarr/embedding").rglob("*") if path.is_file()}
    assert {each for each in files if each in now}


def test_components_are_those_of_the_store(make, folder):
    make(LEFT, pca=2, bands="visual").rangegeo.to_zarr("a.zarr")
    with pytest.raises(
        CubeError, match=r'other principal components than a.zarr; make it again with pca_from="a.zarr"$'
    ):
        make(RIGHT, pca=2, bands="visual").rangegeo.to_zarr("a.zarr", extend=True)
    make(RIGHT, pca_from="a.zarr", bands="visual").rangegeo.to_zarr("a.zarr", extend=True)
    assert rg.open_cube("a.zarr").sizes["x"] == 48


def test_areas_fill_each_others_holes(make, folder):
    """Pixels that the first area left out are evaluated if the second one holds them."""
    area = {"type": "Polygon", "coordinates": [[[5, 44], [6, 44], [5, 45], [5, 44]]]}
    rest = {"type": "Polygon", "coordinates": [[[6, 45], [6, 44], [5, 45], [6, 45]]]}
    options = {"bands": "1-2"}
    first, second = (make(None, aoi=part, **options) for part in (area, rest))
    first.rangegeo.to_zarr("a.zarr")
    old = rg.open_cube("a.zarr").values
    second.rangegeo.to_zarr("a.zarr", extend=True)
    grown, whole = rg.open_cube("a.zarr"), make((5, 44, 6, 45), **options).values
    assert (~np.isnan(old)).sum() < (~np.isnan(grown.values)).sum()
    np.testing.assert_array_equal(grown.values[~np.isnan(old)], old[~np.isnan(old)])
    known = ~np.isnan(grown.values)
    np.testing.assert_allclose(grown.values[known], whole[known], atol=1e-5)
    assert "aoi_share" not in grown.attrs


def test_growing_by_what_is_there_changes_nothing(make, folder):
    make(LEFT).rangegeo.to_zarr("a.zarr")
    before = {path: path.stat().st_mtime_ns for path in Path("a.zarr").rglob("*")}
    make((5.5, 44.5, 6, 45)).rangegeo.to_zarr("a.zarr", extend=True)
    assert before == {path: path.stat().st_mtime_ns for path in Path("a.zarr").rglob("*")}


# ---------------------------------------------------------------------------------------------- interrupted


@pytest.fixture
def stopping(monkeypatch):
    """A function after which so many blocks can be written, and then no more."""
    from rangegeo.cubes import mosaic as module

    laid, left = module.laid, [None]

    def count(*arguments):
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                raise RuntimeError("stopped")
        return laid(*arguments)

    monkeypatch.setattr(module, "laid", count)
    return lambda blocks: left.__setitem__(0, blocks)


@pytest.mark.parametrize("box", [RIGHT, (4.9, 43.9, 6.6, 45.6)], ids=["linked", "copied"])
def test_an_interrupted_extension_leaves_the_store_whole_and_goes_on(make, folder, stopping, evaluated, box):
    make(LEFT).rangegeo.to_zarr("a.zarr")
    old = rg.open_cube("a.zarr").values
    stopping(1)
    with dask.config.set(num_workers=1), pytest.raises(RuntimeError):
        make(box).rangegeo.to_zarr("a.zarr", extend=True)
    np.testing.assert_array_equal(rg.open_cube("a.zarr").values, old)
    stopping(None)
    with pytest.raises(
        OutputError, match=r"an interrupted run left \d+ blocks? of a.zarr; add resume=True to continue"
    ):
        make(box).rangegeo.to_zarr("a.zarr", extend=True)
    evaluated.clear()
    make(box).rangegeo.to_zarr("a.zarr", extend=True, resume=True)
    make(box).rangegeo.to_zarr("a.zarr", extend=True, resume=True)  # the same command again, after it has ended well
    west, south, east, north = (low(one, two) for low, one, two in zip((min, min, max, max), LEFT, box, strict=True))
    np.testing.assert_allclose(rg.open_cube("a.zarr").values, make((west, south, east, north)).values, atol=1e-5)
    assert [path.name for path in folder.iterdir()] == ["a.zarr"]


def test_an_extension_that_was_left_is_thrown_away_if_asked(make, folder, stopping):
    make(LEFT).rangegeo.to_zarr("a.zarr")
    stopping(1)
    with pytest.raises(RuntimeError):
        make(RIGHT).rangegeo.to_zarr("a.zarr", extend=True)
    stopping(None)
    with pytest.raises(OutputError, match="of another request: other pixels"):
        make((6.6, 44, 7, 45)).rangegeo.to_zarr("a.zarr", extend=True, resume=True)
    make((6.6, 44, 7, 45)).rangegeo.to_zarr("a.zarr", extend=True, overwrite=True)
    assert rg.open_cube("a.zarr").sizes["x"] == 40
    assert not np.isnan(rg.open_cube("a.zarr").values[..., :32]).any()


def test_a_store_that_changed_meanwhile_is_left_as_it_is(make, folder, monkeypatch):
    make(LEFT).rangegeo.to_zarr("a.zarr")
    from rangegeo.jobs.extend import Growth

    growth = Growth.of(Path("a.zarr"), make(RIGHT))
    make(LEFT, bands="1-2").rangegeo.to_zarr("a.zarr", overwrite=True)
    with pytest.raises(OutputError, match=r"a.zarr was changed by another program meanwhile; run the same command"):
        growth.write(resume=False, discard=False, facts={})
    assert rg.open_cube("a.zarr").sizes["band"] == 2
    assert os.listdir() == ["a.zarr"]


def test_without_links_objects_are_copied(make, folder, monkeypatch):
    make(LEFT).rangegeo.to_zarr("a.zarr")

    def no_links(*_):
        raise OSError("no links here")

    monkeypatch.setattr("rangegeo.stores.carried.os", SimpleNamespace(link=no_links))
    make(RIGHT).rangegeo.to_zarr("a.zarr", extend=True)
    np.testing.assert_allclose(rg.open_cube("a.zarr").values, make(BOTH).values, atol=1e-5)


def test_a_store_without_a_journal_grows_too(make, folder):
    import shutil

    make(LEFT).rangegeo.to_zarr("a.zarr")
    shutil.rmtree("a.zarr/journal")
    make(RIGHT).rangegeo.to_zarr("a.zarr", extend=True)
    np.testing.assert_allclose(rg.open_cube("a.zarr").values, make(BOTH).values, atol=1e-5)
    assert len(read_journal(store_of(Path("a.zarr"))).levels[""]) == 6


NORTH = (5, 45.6, 6.6, 46)  # 8 rows, so that old chunks are copied


@pytest.mark.parametrize("box", [RIGHT, NORTH], ids=["linked", "copied"])
@pytest.mark.parametrize("damage", ["lost", "changed", "coordinates", "journal"])
def test_a_damaged_store_does_not_grow(make, folder, box, damage):
    make(LEFT).rangegeo.to_zarr("a.zarr")
    part = {"coordinates": "x/c/0", "journal": "journal/entries/c/0"}.get(damage, "embedding/c/0/0/0/0")
    if damage == "lost":
        Path("a.zarr", part).unlink()
    else:
        raw = bytearray(Path("a.zarr", part).read_bytes())
        raw[-3] ^= 1
        Path("a.zarr", part).write_bytes(raw)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(CubeError, match=r"^a.zarr .*; run rangegeo verify a.zarr --repair first$"):
        make(box).rangegeo.to_zarr("a.zarr", extend=True)
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("box", [RIGHT, NORTH], ids=["linked", "copied"])
def test_without_a_journal_chunks_that_cannot_be_read_do_not_grow(make, folder, box):
    import shutil

    make(LEFT).rangegeo.to_zarr("a.zarr")
    shutil.rmtree("a.zarr/journal")
    Path("a.zarr/embedding/c/0/0/0/0").write_bytes(b"no chunk")
    with pytest.raises(CubeError, match=r"^a.zarr is damaged: 0 blocks missing, 1 corrupt; run rangegeo verify"):
        make(box).rangegeo.to_zarr("a.zarr", extend=True)


# -------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("options", "how", "said"),
    [
        (
            {"betas": 0.5},
            {},
            "a.zarr and the new part differ in betas: 0, 1 and 0.5; make the new part with betas=(0, 1)",
        ),
        ({"bands": "1-2"}, {}, "a.zarr and the new part differ in bands: 3 (visual_00, visual_01, visual_02) and 2 (v"),
        ({"model": "RANGE+"}, {}, "a.zarr and the new part differ in encoder file: "),
        ({"exact": False}, {}, "differ in evaluation: exact and tolerance 1e-05; make the new part with exact=True"),
        (
            {"crs": 3035, "res": 5000},
            {},
            'the new part is in EPSG:3035, and a.zarr in EPSG:4326; make it with crs="EPSG:4326"',
        ),
        ({"align": False}, {}, "the pixels of the new part lie between those of a.zarr; make both with align=True"),
        ({}, {"dtype": "int8"}, 'a.zarr is float32, got dtype="int8"; type dtype="float32"'),
        ({}, {"zarr_format": 2}, "a store that grows keeps what it has; leave out zarr_format"),
        ({}, {"scales_from": "a.zarr"}, "a store that grows keeps what it has; leave out scales_from"),
    ],
)
def test_what_does_not_belong_to_the_store_is_refused(make, folder, options, how, said):
    make(LEFT).rangegeo.to_zarr("a.zarr")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    box = (6.62, 44, 7, 45) if "align" in options else (6.6, 44, 7, 45)
    with pytest.raises(RangegeoError) as caught:
        make(box, **options).rangegeo.to_zarr("a.zarr", extend=True, **how)
    assert said in str(caught.value)
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_a_store_grows(make, folder):
    with pytest.raises(
        RangegeoError, match=r"a.zarr does not exist, so it cannot grow; leave out extend=True to make it"
    ):
        make(LEFT).rangegeo.to_zarr("a.zarr", extend=True)
    with pytest.raises(RangegeoError, match=r"a.tif is the name of another format"):
        make(LEFT).rangegeo.to_zarr("a.tif", extend=True)
    Path("b.zarr").mkdir()
    with pytest.raises(CubeError, match=r"b.zarr is not a readable Zarr store"):
        make(LEFT).rangegeo.to_zarr("b.zarr", extend=True)
