"""Planets are opened if they are whole and harmless; all others are refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from rangegeo.errors import RangegeoError, UsageError, WeightsError
from rangegeo.spectral.layout import NOTHING
from rangegeo.spectral.planet import MOST_TILES, open_planet
from tests.helpers.planets import MODELS, PARTS, write_planet


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return write_planet(tmp_path_factory.mktemp("planet") / "planet.zarr", count=5, cut=(5,))


@pytest.fixture
def path(whole, tmp_path) -> Path:
    """A copy that may be damaged."""
    return shutil.copytree(whole, tmp_path / "planet.zarr")


def test_what_is_known_of_a_planet(whole):
    planet = open_planet(whole)
    assert (planet.parts, planet.columns, planet.stretch) == (tuple(PARTS), (3, 6, 6, 3), 0.85)
    assert (planet.error, planet.tolerance) == (1e-4, 1e-3)
    assert planet.roles("RANGE") == {"semantic": "semantic_range", "location": "location"}
    assert [planet.width(part) for part in PARTS] == [70, 70, 6, 1, 70]
    assert planet.boxes[0].tolist() == [-180, -90, -60, -45]
    assert planet.count("semantic", 0) == 5
    assert planet.integers("semantic", 3, slice(2, 5)).shape == (25, 3)
    with pytest.raises(UsageError, match=r"planet.zarr has the models RANGE\+, RANGE, SatCLIP, got 'GeoCLIP'"):
        planet.roles("GeoCLIP")


@pytest.mark.parametrize(
    ("kept", "bounds", "covered"),
    [
        (range(18), (-180, -90, 180, 90), "cover -180,-90,180,90"),
        ([4], (-120, -45, -60, 0), "cover -120,-45,-60,0"),
        ([5, 10], (-120, -45, 0, 45), "cover a part of -120,-45,0,45"),  # corner to corner; tile 5 is cut in four
        ([3, 8], (120, -45, -120, 0), "cover 120,-45,-120,0"),  # around the antimeridian
    ],
)
def test_what_the_tiles_of_a_planet_cover(tmp_path, kept, bounds, covered):
    without = tuple(set(range(18)) - set(kept))
    cut = (5,) if 5 in kept else ()
    part = {"location": PARTS["location"]}
    model = {"SatCLIP": {"parts": {"location": "location"}}}
    path = write_planet(tmp_path / "p.zarr", parts=part, models=model, count=2, cut=cut, without=without)
    planet = open_planet(path)
    assert planet.bounds == bounds
    assert planet.covered == f"p.zarr, whose tiles {covered}"


def test_the_hash_depends_on_the_tables_and_the_attributes(whole, path, tmp_path):
    first = open_planet(whole).sha256
    assert open_planet(path).sha256 == first
    zarr.open_array(path / "tiles/error", mode="r+")[0, 0] = 1e-3
    assert open_planet(path).sha256 != first
    assert open_planet(write_planet(tmp_path / "other.zarr", count=5, proof_places=7)).sha256 != first


def test_nothing_there(tmp_path):
    with pytest.raises(UsageError, match=r"there is no planet at .*none.zarr; expected a planet that rangegeo planet"):
        open_planet(tmp_path / "none.zarr")
    zarr.open_group(tmp_path / "cube.zarr", mode="w")
    with pytest.raises(WeightsError, match=r"cube.zarr is a Zarr store but no planet; expected a planet"):
        open_planet(tmp_path / "cube.zarr")


def changed(path: Path, **attrs: object) -> None:
    told = json.loads((path / "zarr.json").read_text())
    told["attributes"] |= attrs
    (path / "zarr.json").write_text(json.dumps(told))


CIRCLE = [*range(1), -1]
ATTRS = [
    ({"rangegeo_planet": 2}, "has version 2 of the layout of planets, and this rangegeo reads version 1; use the"),
    ({"rangegeo_complete": 0}, "was not written to its end; run the command that builds it again"),
    ({"parts": []}, "it names no parts"),
    ({"parts": ["../../etc"]}, "its parts have impossible names"),
    ({"parts": ["semantic", "semantic"]}, "two of its parts have the same name"),
    ({"parts": [f"p{n}" for n in range(100)]}, "it names no parts"),
    ({"columns": [10**9]}, "its rows have too many tiles"),
    ({"columns": [3, 6, "6", 3]}, "its rows of tiles are impossible"),
    ({"columns": [3, 6, 6, 300]}, "its tree has another number of nodes"),
    ({"stretch": 2.0}, "its stretch is not between 0 and 1"),
    ({"stretch": "a"}, "its stretch is not between 0 and 1"),
    ({"models": {}}, "it names no models"),
    ({"models": {"RANGE+": {"parts": {"semantic": "semantic"}}}}, "its model RANGE+ has no location bands"),
    ({"models": {"RANGE+": {"parts": {"location": "elsewhere"}}}}, "its model RANGE+ is unknown"),
    ({"models": {"RANGE+": {"parts": {"location": "location", "geographic": "geographic"}}}}, "has no semantic bands"),
    ({"models": {"RANGE+": {"parts": {"location": "location", "norm": "semantic"}}}}, "the norm of its model RANGE"),
    ({"models": {**MODELS, "RANGE": "all"}}, "its model RANGE has no location bands"),
    ({"measured_error": "none"}, "its measured_error is no share"),
    ({"tolerance": None}, "its tolerance is no share"),
    ({"bbox": "everywhere"}, "its bbox is no box"),
    ({"bbox": [0, 1, 2, "3"]}, "its bbox is no box"),
    ({"bbox": [0.0, 1.0, 2.0]}, "its bbox is no box"),
]


@pytest.mark.parametrize(("attrs", "told"), ATTRS, ids=[told[:40] for _, told in ATTRS])
def test_attributes_that_cannot_be(path, attrs, told):
    changed(path, **attrs)
    with pytest.raises(WeightsError) as caught:
        open_planet(path)
    assert told in str(caught.value)
    assert "planet.zarr" in str(caught.value)
    assert "\n" not in str(caught.value)


TABLES = [
    ("tree/child", np.r_[[0], np.full(21, -1)].astype(np.int32), "its tree has a circle or leads nowhere"),
    ("tree/child", np.r_[[20], np.full(21, -1)].astype(np.int32), "its tree has a circle or leads nowhere"),
    ("tree/child", np.full(9, -1, np.int32), "its tree has another number of nodes"),
    ("tree/child", np.full(22, -1, np.int64), "tree/child is no array of int32"),
    ("tree/tile", np.full(22, 10**6, np.int32), "its tree has tiles that do not exist"),
    ("tiles/bounds", np.full((21, 4), np.nan), "its tables hold no numbers"),
    ("tiles/bounds", np.zeros((21, 4)), "its tiles have impossible bounds"),
    ("tiles/bounds", np.zeros((21, 3)), "its bounds are not four a tile"),
    ("tiles/count", np.full((5, 21), 200, np.uint8), "a tile has too many coefficients"),
    ("tiles/count", np.full((5, 21), 41, np.uint8), "a part has too few coefficients"),
    ("tiles/step", np.full((5, 21), np.inf), "its tables hold no numbers"),
    ("tiles/step", np.zeros((5, 21)), "its tables are empty"),
    ("tiles/count", np.zeros((5, 21), np.uint8), "its tables are empty"),
    ("tiles/error", np.full((5, 21), np.nan, np.float32), "its tables hold no numbers"),
    ("tree/tile", np.zeros(22, np.int32), "its tree does not have each of its tiles once"),
    ("tiles/step", np.ones((5, 20)), "its table step has another shape"),
    ("parts/norm", np.zeros((21, 25), np.int16), "parts/norm is no array of int16 or int32"),
    ("parts/norm", np.zeros((21, 25, 1), np.float32), "parts/norm is no array of int16 or int32"),
    ("parts/norm", np.zeros((20, 25, 1), np.int16), "its parts have another number of tiles than its tables"),
    ("parts/norm", np.zeros((21, 2000, 1), np.int16), "the part norm has 2000 coefficients"),
]


@pytest.mark.parametrize(("name", "table", "told"), TABLES, ids=[told[:40] + name for name, _, told in TABLES])
def test_tables_that_do_not_fit(path, name, table, told):
    shutil.rmtree(path / name)
    zarr.open_group(path, mode="r+").create_array(name, data=table)
    with pytest.raises(WeightsError, match=told):
        open_planet(path)


@pytest.mark.parametrize("name", ["tree/child", "tiles/step", "parts/location"])
def test_half_of_a_store(path, name):
    shutil.rmtree(path / name)
    with pytest.raises(WeightsError, match=f"it has no array {name}"):
        open_planet(path)


def test_huge_shapes_take_no_memory(path):
    metadata = path / "tiles/step/zarr.json"
    told = json.loads(metadata.read_text())
    told["shape"] = [5, 2**40]
    told["chunk_grid"]["configuration"]["chunk_shape"] = [5, 2**10]
    metadata.write_text(json.dumps(told))
    with pytest.raises(WeightsError, match=r"tiles/step has .*, and no planet has more than"):
        open_planet(path)
    shutil.rmtree(path)
    assert MOST_TILES < 2**20


def test_codecs_that_may_run_code_are_refused(path):
    metadata = path / "parts/semantic/zarr.json"
    told = json.loads(metadata.read_text())
    told["codecs"][0]["configuration"]["codecs"].append({"name": "numcodecs.pickle", "configuration": {}})
    metadata.write_text(json.dumps(told))
    with pytest.raises(RangegeoError, match=r"pickle") as caught:
        open_planet(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 7, 500], ids=["empty", "truncated at once", "truncated later"])
def test_coefficients_that_are_damaged(path, keep):
    shard = path / "parts/semantic/c/0/0/0"
    shard.write_bytes(shard.read_bytes()[:keep])
    planet = open_planet(path)
    with pytest.raises(WeightsError, match=r"planet.zarr, tile 0 of semantic, is damaged .*; copy the planet again"):
        planet.integers("semantic", 0, slice(0, 70))


def test_coefficients_that_are_lost_are_no_zeros(path):
    (path / "parts/norm/c/0/0/0").unlink()
    planet = open_planet(path)
    with pytest.raises(
        WeightsError, match=r"tile 3 of norm, is damaged \(c/0/0/0 is not there\); copy the planet again"
    ):
        planet.integers("norm", 3, slice(0, 1))


def test_a_part_that_is_zero_stores_nothing(path):
    (path / "parts/norm/c/0/0/0").unlink()
    zarr.open_array(path / "tiles/scale", mode="r+")[list(PARTS).index("norm")] = NOTHING
    assert not open_planet(path).integers("norm", 3, slice(0, 1)).any()


def test_a_flipped_byte_is_found(path):
    shard = path / "parts/semantic/c/0/0/0"
    content = bytearray(shard.read_bytes())
    content[100] ^= 255
    shard.write_bytes(content)
    planet = open_planet(path)
    with pytest.raises(WeightsError, match="is damaged"):
        all(planet.integers("semantic", tile, slice(0, 70)).size for tile in range(21))
