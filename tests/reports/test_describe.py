"""Facts of cubes, models and names; see tests/cli for how `rangegeo info` prints them."""

from __future__ import annotations

import json

import pytest

import rangegeo as rg
from rangegeo.errors import CubeError, UsageError
from rangegeo.reports.describe import describe

BOX = (5, 44, 6, 45)


@pytest.mark.parametrize(("kind", "dtype", "width"), [("zarr", "float32", 4), ("zarr", "int8", 1), ("tif", "int16", 2)])
def test_a_cube(mini, tmp_path, kind, dtype, width):
    cube = rg.raster(BOX, 0.25, model=mini, betas=0.5, exact=True)
    write = cube.rangegeo.to_zarr if kind == "zarr" else cube.rangegeo.to_geotiff
    (path,) = write(tmp_path / f"a.{kind}", dtype=dtype)
    facts = describe(str(path))
    assert (facts["kind"], facts["path"], facts["complete"], facts["overviews"]) == ("cube", str(path), True, 0)
    assert (facts["betas"], facts["crs"], facts["res"]) == ([0.5], "EPSG:4326", pytest.approx([0.25, 0.25]))
    assert (facts["dtype"], facts["bytes"]) == (dtype, 40 * 16 * width)
    assert facts["model"] == "RANGE+"
    assert not {"grid_mapping", "long_name"} & set(facts)
    json.dumps(facts, allow_nan=False)


def test_a_model_and_the_files_behind_it(golden):
    weights, db = str(golden / "satclip-mini.ckpt"), str(golden / "range_db_mini.npz")
    model, checkpoint, database = describe("RANGE+", weights=weights, db=db), describe(weights), describe(db)
    assert (model["kind"], model["visual_bands"], model["location_bands"]) == ("model", 24, 16)
    assert (checkpoint["kind"], database["kind"]) == ("checkpoint", "database")
    west, south, east, north = database["bounds"]
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    both = describe("demo")
    assert [both[part]["kind"] for part in ("weights", "db")] == ["checkpoint", "database"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("t.csv", "is a table; rangegeo points embeds its places; info tells of cubes"),
        ("T.GPKG", "is a table; rangegeo points embeds its places; info tells of cubes"),
        ("t.png", "is a picture or a style; info tells of cubes"),
    ],
)
def test_other_files_are_told_what_they_are(tmp_path, name, said):
    (tmp_path / name).write_text("lon,lat\n5,45\n")
    with pytest.raises(UsageError, match=said):
        describe(str(tmp_path / name))


def test_what_is_unknown_is_refused_with_what_is_known(tmp_path):
    with pytest.raises(UsageError) as caught:
        describe("nothing")
    said = str(caught.value)
    assert said.startswith("nothing does not exist; expected a cube, a checkpoint, a database, or one of RANGE")
    assert caught.value.for_shell() == said
    (tmp_path / "folder").mkdir()
    with pytest.raises(CubeError, match="is not a readable Zarr store"):
        describe(str(tmp_path / "folder"))
