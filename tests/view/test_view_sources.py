"""Planets, cubes and models give the same values to the page as to anybody else."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from helpers.planets import exact, write_planet

import rangegeo as rg
from rangegeo.errors import CubeError, UsageError
from rangegeo.reports.describe import describe
from rangegeo.view.cubes import CubeSource
from rangegeo.view.models import ModelSource
from rangegeo.view.opening import open_source
from rangegeo.view.sources import Layers, cosine, parse_bounds, probes
from rangegeo.view.tile import Tile

ALPS = Tile(8, 132, 91)  # within the cube of the fixtures


def some_probes(features: int, count: int = 2):
    random = np.random.default_rng(1)
    return probes(random.normal(size=(count, features)) / features, random.normal(size=count))


@pytest.mark.parametrize("tile", [Tile(1, 1, 0), Tile(5, 16, 11), ALPS, Tile(20, 540_000, 370_000)], ids=str)
def test_answers_of_a_planet_are_those_of_its_functions(planet, tile):
    wanted = some_probes(planet.features)
    found = planet.answers(tile, wanted)
    places = tile.pixels().lonlat_deg
    features = planet.at(places[::999])
    beta0, beta1 = exact(places[::999], 0), exact(places[::999], 1)
    np.testing.assert_allclose(planet.layers.embedding(features, 0), beta0, atol=2e-3)
    np.testing.assert_allclose(planet.layers.embedding(features, 1), beta1, atol=2e-3)
    answers = features @ wanted.directions.T + wanted.offsets
    np.testing.assert_allclose(found.reshape(2, -1)[:, ::999].T, answers, atol=1e-4)


def test_a_place_keeps_its_value_at_every_zoom(planet):
    """The field has no pixels: the middle of a tile is the corner of deeper ones."""
    wanted = some_probes(planet.features, 1)
    deep = [planet.answers(Tile(z, 2**z // 2, 2**z // 3), wanted)[0] for z in (6, 12, 18)]
    for z, values in zip((6, 12, 18), deep, strict=True):
        place = Tile(z, 2**z // 2, 2**z // 3).pixels().lonlat_deg[:1]
        answer = planet.at(place) @ wanted.directions.T + wanted.offsets
        assert values[0, 0] == pytest.approx(answer.item(), abs=1e-5)


@pytest.mark.parametrize("zoom", [3, 5, 6, 9])
def test_likeness_is_the_cosine_of_embeddings(planet, zoom):
    tile = Tile(zoom, int(2**zoom * 0.52), int(2**zoom * 0.36))
    vector = planet.layers.embedding(planet.at(np.array([[7.0, 46.0]])), 0.3)[0]
    found = planet.likeness(tile, vector, 0.3).ravel()[::777]
    values = exact(tile.pixels().lonlat_deg[::777], 0.3)
    alike = values @ vector / np.linalg.norm(values, axis=1) / np.linalg.norm(vector)
    np.testing.assert_allclose(found, alike, atol=1e-3)


def test_outside_of_a_planet_there_is_nothing(tmp_path):
    source = open_source(write_planet(tmp_path / "p.zarr", without=(0, 1, 2), cut=(), bbox=[5, 44, 10, 48]))
    assert source.bounds == (-180, -45, 180, 90)  # of its tiles, whatever was asked for
    found = source.answers(Tile(1, 0, 1), some_probes(source.features))
    assert np.isnan(found[:, -1]).all()
    assert np.isfinite(found[:, 0]).all()
    assert np.isnan(source.at(np.array([[0.0, -80.0]]))).all()
    alike = source.likeness(Tile(1, 0, 1), np.ones(source.layers.bands), 0.5)
    assert np.isnan(alike[-1]).all()


def test_a_cube_gives_the_pixel_that_holds_a_place(cube_path):
    source = open_source(cube_path)
    assert isinstance(source, CubeSource)
    assert source.layers.betas == (0, 0.5, 1)
    wanted = some_probes(source.features)
    found = source.answers(ALPS, wanted).reshape(2, -1)
    places = ALPS.pixels().lonlat_deg[::991]
    cube = rg.open_cube(cube_path)
    for place, answer in zip(places, found[:, ::991].T, strict=True):
        values = cube.sel(x=place[0], y=place[1], method="nearest").values.ravel()
        np.testing.assert_allclose(answer, wanted.directions @ values + wanted.offsets, rtol=1e-4, atol=1e-5)


def test_a_cube_is_blended_between_its_betas(cube_path):
    source = open_source(cube_path)
    place = np.array([[6.03, 45.53]])
    quarter = source.layers.embedding(source.at(place), 0.25)
    cube = rg.open_cube(cube_path).sel(x=6.03, y=45.53, method="nearest").values
    np.testing.assert_allclose(quarter[0], (cube[0] + cube[1]) / 2, rtol=1e-6)
    with pytest.raises(UsageError, match="beta must be from 0 to 1, got 2"):
        source.layers.shares(2)


def test_likeness_in_a_cube(cube_path):
    source = open_source(cube_path)
    vector = source.layers.embedding(source.at(np.array([[6.03, 45.53]])), 0.75)[0]
    found = source.likeness(ALPS, vector, 0.75).ravel()[::991]
    values = source.layers.embedding(source.at(ALPS.pixels().lonlat_deg[::991]), 0.75)
    np.testing.assert_allclose(found, cosine(values.T, vector), atol=1e-5)


def test_overviews_are_read_where_they_are_fine_enough(planet_path, tmp_path):
    model = rg.load_model(str(planet_path))
    cube = rg.raster((0, 40, 10, 50), res=0.02, model=model, betas=(0.5,), pca=3)
    cube.rangegeo.to_geotiff(tmp_path / "c.tif")
    source = open_source(tmp_path / "c.tif")
    assert len(source.levels) > 1
    assert source._level(Tile(4, 8, 5)) == len(source.levels) - 1
    assert source._level(Tile(12, 2100, 1450)) == 0


def test_components_give_every_beta(planet_path, tmp_path):
    model = rg.load_model(str(planet_path))
    rg.raster((5, 44, 6, 45), res=0.1, model=model, layout="components").rangegeo.to_zarr(tmp_path / "s.zarr")
    source = open_source(tmp_path / "s.zarr")
    place = np.array([[5.55, 44.55]])
    np.testing.assert_allclose(
        source.layers.embedding(source.at(place), 0.3), model.encode(place, beta=0.3), rtol=1e-4, atol=1e-5
    )


def test_a_model_is_evaluated_at_the_pixels(mini):
    source = ModelSource(mini, "RANGE+")
    tile = Tile(10, 530, 363)
    wanted = some_probes(source.features)
    found = source.answers(tile, wanted).reshape(2, -1)[:, ::4999].T
    answers = source.at(tile.pixels().lonlat_deg[::4999]) @ wanted.directions.T + wanted.offsets
    np.testing.assert_allclose(found, answers, atol=1e-4)
    assert source.about.zoom == 6  # the whole Earth would take minutes
    rows = source.neighbours((7.0, 46.0), 0.5)
    assert list(rows[0]) == ["row", "lon", "lat", "km", "weight"]


def test_layers_of_colours_are_scores_of_each_beta():
    layers = Layers(betas=(0.0, 1.0), columns=np.array([[0, 2], [1, 2]]), names=("visual_0", "location_0"))
    features = np.array([[1.0, 5.0, 7.0]])
    wanted = layers.of_layers(np.array([1.0, 1.0]), np.array([[2.0, 0.5]]), 3)
    np.testing.assert_allclose(wanted.apply(features), [[2 * 0 + 0.5 * 6, 2 * 4 + 0.5 * 6]])
    np.testing.assert_allclose(layers.embedding(features, 0.25), [[2.0, 7.0]])


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "5,1,4,2", "0,0,400,1", "0,0,1,nan", "0,-91,1,1"])
def test_boxes_that_are_none(text):
    with pytest.raises(UsageError, match="bbox must be west,south,east,north in degrees"):
        parse_bounds(text)


def test_what_is_not_there(tmp_path):
    for name in ("a_beta0_rgb.tif", "a_beta_old.tif", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=r"there is nothing at .*a\.tif; expected"):
        open_source(str(tmp_path / "a.tif"))
    with pytest.raises(UsageError, match=r"notes\.txt is a file, but no cube .*; expected a planet"):
        open_source(str(tmp_path / "notes.txt"))
    with pytest.raises(UsageError, match=r"there is nothing at .*lost\.zarr; expected"):
        open_source(tmp_path / "lost.zarr")
    (tmp_path / ".lost.zarr-unfinished").mkdir()
    with pytest.raises(CubeError, match=r"lost\.zarr is unfinished: a run has begun it, and has finished no block"):
        open_source(tmp_path / "lost.zarr")


def test_the_geotiffs_of_all_betas_are_one_cube(cube_path, tmp_path):
    cube = rg.open_cube(cube_path)
    cube.rangegeo.to_geotiff(tmp_path / "c.tif")
    source, whole = open_source(tmp_path / "c.tif"), open_source(cube_path)
    assert not (tmp_path / "c.tif").exists()
    assert source.about.name == "c.tif"
    assert source.layers.betas == (0, 0.5, 1)
    place = np.array([[6.03, 45.53]])
    np.testing.assert_allclose(source.at(place), whole.at(place), rtol=1e-6)
    assert open_source(tmp_path / "c_beta0.5.tif").layers.betas == (0.5,)


def test_a_packed_store_is_refused(tmp_path):
    (tmp_path / "view.zarr.zip").touch()
    for read in (open_source, rg.open_cube, rg.load_model, describe, rg.verify):
        with pytest.raises(CubeError, match=r"is a packed Zarr store; unpack it: unzip .*zip -d .*zarr, and give"):
            read(tmp_path / "view.zarr.zip")


def test_options_of_models_do_not_go_with_a_cube(cube_path):
    with pytest.raises(UsageError, match="is a cube, which needs no model; leave out weights"):
        open_source(cube_path, weights="demo", db=None)


def test_a_planet_is_looked_at_without_torch(planet_path):
    program = f"""
import sys
from rangegeo.view.download import Wanted, embeddings
from rangegeo.view.opening import open_source
from rangegeo.view.server import make_app
from rangegeo.view.tile import Tile
from rangegeo.view.viewer import Viewer
viewer = Viewer(open_source({str(planet_path)!r}))
make_app(viewer, ["*"])
viewer.picture(Tile(6, 33, 22), "bands-1", 0.5)
viewer.likeness(Tile(6, 33, 22), 7, 46, 0.5)
viewer.learn([{{"lon": 1, "lat": 40, "label": "a"}}, {{"lon": 1, "lat": 60, "label": "b"}}])
embeddings(viewer.source, Wanted(bounds=(6, 46, 6.001, 46.001), beta=0.5, pca=0, format="zarr"))
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
