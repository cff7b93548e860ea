"""A stored planet is a model: it serves rasters, points, tables and slices, travels, and says what it cannot do."""

from __future__ import annotations

import copy
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rangegeo as rg
from rangegeo.errors import CubeError, ModelWarning, RangegeoError, UsageError, WeightsError
from rangegeo.evaluation.features import bands_at
from rangegeo.grid import pixel_places
from rangegeo.models.load import loaded
from rangegeo.reports.describe import describe
from tests.helpers.planets import exact, write_planet
from tests.helpers.webserver import web_server

BOX = (5, 44, 10, 48)
PLACES = np.array([[5.7, 45.2], [-60.1, -3.2], [180.0, 90.0]])
CLOSE = 2e-5


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return write_planet(tmp_path_factory.mktemp("planet") / "planet.zarr")


@pytest.fixture
def model(path) -> rg.Model:
    return rg.load_model(str(path))


def places_of(cube) -> np.ndarray:
    geobox = cube.odc.geobox
    return pixel_places(geobox, slice(0, geobox.shape[0]), slice(0, geobox.shape[1])).lonlat_deg


def test_it_is_a_model(path, model):
    assert isinstance(model, rg.Model)
    assert repr(model) == f"<rangegeo.Model RANGE+: 76 bands from {path}>"
    assert (model.dim, model.visual, model.location, model.has_beta, model.beta) == (76, 70, 6, True, 0.5)
    assert model.temperatures == {"semantic_temperature": 12.0, "geographic_temperature": 40.0}
    assert model.citation == "arXiv:2502.19781"
    assert model.origin["planet"] == "planet.zarr"


def test_encode(model):
    np.testing.assert_allclose(model.encode(PLACES), exact(PLACES), atol=CLOSE)
    np.testing.assert_allclose(model.encode(PLACES, beta=(0, 1))[1], exact(PLACES, 1.0), atol=CLOSE)
    frame = pd.DataFrame({"lon": PLACES[:, 0], "lat": PLACES[:, 1]}, index=list("abc"))
    found = model.encode(frame, bands="location")
    assert (list(found.index), found.shape) == (list("abc"), (3, 6))


@pytest.mark.parametrize("name", ["RANGE", "SatCLIP"])
def test_other_models_that_it_holds(path, name):
    other = rg.load_model(name, weights=path)
    assert (other.spec.name, other.has_beta) == (name, False)
    np.testing.assert_allclose(other.encode(PLACES), exact(PLACES, model=name), atol=CLOSE)
    with pytest.warns(ModelWarning, match=f"{name} has no betas"):
        other.encode(PLACES, beta=0.5)


def test_a_cube_and_what_it_says_of_its_error(model):
    cube = rg.raster(BOX, 0.5, model=model, betas=(0, 0.5))
    np.testing.assert_allclose(cube.values[1].reshape(76, -1).T, exact(places_of(cube)), atol=CLOSE)
    assert cube.attrs["planet"] == "planet.zarr"
    assert cube.attrs["encoder_sha256"] == "e" * 64
    assert "torch_version" not in cube.attrs
    facts = cube.rangegeo.facts
    assert (facts["evaluation"], facts["tolerance"], facts["measured_error"]) == ("planet", 1e-3, 1e-4)
    assert "read from planet.zarr, measured error 1.0e-04" in repr(cube.rangegeo)


def test_a_virtual_cube_and_a_projected_one(model):
    virtual = rg.raster((-180, -90, 180, 90), 0.001, model=model, chunks=None)
    part = virtual.sel(x=[7.6505, 7.6605], y=45.9805, method="nearest")
    np.testing.assert_allclose(part.values[0].T, exact(np.array([[7.6505, 45.9805], [7.6605, 45.9805]])), atol=CLOSE)
    small = virtual.isel(x=slice(0, None, 90_000), y=slice(0, None, 60_000)).values
    assert np.isfinite(small).all()
    metres = rg.raster((4e6, 2.4e6, 4.2e6, 2.6e6), 2e4, crs="EPSG:3035", bbox_crs="EPSG:3035", model=model, pca=3)
    assert metres.shape == (1, 3, 10, 10)
    whole = rg.raster((4e6, 2.4e6, 4.2e6, 2.6e6), 2e4, crs="EPSG:3035", bbox_crs="EPSG:3035", model=model)
    np.testing.assert_allclose(whole.values[0].reshape(76, -1).T, exact(places_of(whole)), atol=CLOSE)


def test_files_say_where_values_come_from(model, tmp_path):
    rg.raster(BOX, 0.5, model=model, betas=(0, 1)).rangegeo.to_zarr(tmp_path / "a.zarr", dtype="int16")
    stored = rg.open_cube(tmp_path / "a.zarr")
    assert stored.attrs["planet_sha256"] == model.spec.planet_sha256
    assert stored.rangegeo.facts["measured_error"] == 1e-4


def test_similarity_and_the_accessor(model):
    cube = rg.raster(BOX, 0.5, model=model)
    found = rg.similarity(cube, [7.2, 46.1], model=model)
    assert found.dims[-2:] == ("y", "x")
    assert float(found.max()) <= 1 + 1e-5


def test_it_travels_as_its_spec(model):
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), loaded(model.spec)):
        assert again.spec == model.spec
        np.testing.assert_array_equal(again.encode(PLACES), model.encode(PLACES))


def test_a_planet_that_has_changed_is_another_one(path, tmp_path):
    copied = shutil.copytree(path, tmp_path / "planet.zarr")
    spec = rg.load_model(str(copied)).spec
    write_planet(copied, proof_places=7)
    with pytest.raises(WeightsError, match=r"planet.zarr is not the planet this cube was planned with; make the cube"):
        loaded(spec)


def test_a_map_from_labels(path, tmp_path):
    random = np.random.default_rng(0)
    labels = pd.DataFrame({"lon": random.uniform(0, 20, 60), "lat": random.uniform(40, 50, 60)})
    labels["height"] = labels["lon"] + random.normal(size=60)
    fitted = rg.fit_map(labels, "height", model=rg.load_model(path), block="300km", folds=2, seeds=1, baselines=False)
    found = fitted.raster((5, 44, 10, 48), 0.5)
    assert (found.rangegeo.facts["evaluation"], found.rangegeo.facts["measured_error"]) == ("planet", 1e-4)
    assert "in a tile" in found.rangegeo.facts["tolerance_of"]
    again = rg.FittedMap.load(fitted.save(tmp_path / "map.npz"))
    np.testing.assert_allclose(again.raster((5, 44, 10, 48), 0.5).values, found.values, atol=1e-5)
    with pytest.raises(UsageError, match="so it cannot be exact"):
        fitted.raster((5, 44, 10, 48), 0.5, exact=True)


def test_what_info_says(path):
    facts = describe(str(path))
    assert (facts["kind"], facts["models"], facts["tiles"]) == ("planet", ["RANGE+", "RANGE", "SatCLIP"], 21)
    assert facts["bands"] == {"semantic": 70, "geographic": 70, "location": 6, "norm": 1, "semantic_range": 70}
    assert (facts["model"], facts["measured_error"], facts["bbox"]) == ("RANGE+", 1e-4, [-180, -90, 180, 90])


def test_what_info_says_of_a_planet_that_is_damaged(path, tmp_path):
    copied = shutil.copytree(path, tmp_path / "planet.zarr")
    document = copied / "zarr.json"
    whole = document.read_text()
    document.write_text(whole.replace('"rangegeo_complete": 1', '"rangegeo_complete": 0'))
    with pytest.raises(
        WeightsError, match=r"planet.zarr was not written to its end; run the command that builds it again"
    ):
        describe(str(copied))
    document.write_text(whole[: len(whole) // 2])
    with pytest.raises(
        RangegeoError, match=r"planet.zarr is damaged: zarr.json holds no metadata; make the store again"
    ):
        describe(str(copied))
    document.write_text(whole)
    shutil.rmtree(copied / "tiles/step")
    with pytest.raises(WeightsError, match=r"planet.zarr is not a readable planet \(it has no array tiles/step\)"):
        describe(str(copied))


def test_what_a_planet_cannot_do(path, model):
    with pytest.raises(UsageError, match=r"planet.zarr has no database, so it has no neighbors; take the model itself"):
        model.neighbors([5, 45])
    with pytest.raises(UsageError, match="got 'diagnostics', which only a model with its database has"):
        model.recipe(bands="diagnostics")
    with pytest.raises(UsageError, match=r"is no torch module; use model\.encode"):
        model(PLACES)
    with pytest.raises(UsageError, match=r"planet.zarr is a stored planet; leave out temperature=15"):
        rg.load_model(path, temperature=15)
    with pytest.raises(UsageError, match=r'planet.zarr is a stored planet; leave out db="demo"'):
        rg.load_model(path, db="demo")
    with pytest.raises(UsageError, match=r'planet.zarr is a stored planet; leave out weights="demo"'):
        rg.load_model(path, weights="demo")
    with pytest.raises(UsageError, match=r"has the models RANGE\+, RANGE, SatCLIP, got 'GeoCLIP'"):
        rg.load_model("GeoCLIP", weights=path)


def test_tolerances_that_a_planet_cannot_keep(model):
    told = r"planet.zarr has a measured error of 1.0e-04"
    with pytest.raises(UsageError, match=f"{told}, got tolerance=5e-5; leave that out, or take the model itself, such"):
        rg.raster(BOX, 0.5, model=model, tolerance=5e-5)
    with pytest.raises(UsageError, match=f"{told}, so it cannot be exact; leave that out"):
        rg.raster(BOX, 0.5, model=model, exact=True)
    with pytest.raises(UsageError, match=told):
        model.encode(PLACES, tolerance=5e-5)
    assert rg.raster(BOX, 0.5, model=model, tolerance=2e-4).sizes["band"] == 76
    model.encode(PLACES, tolerance=2e-4)


def test_cubes_of_a_planet_are_not_joined_with_others(path, model, tmp_path):
    one = rg.raster((5, 44, 6, 45), 0.5, model=model)
    other = rg.raster((6, 44, 7, 45), 0.5, model=rg.load_model(write_planet(tmp_path / "other.zarr", proof_places=7)))
    with pytest.raises(CubeError, match="differ in planet: "):
        rg.mosaic([one, other])


def test_rasters_beside_a_part_of_the_globe(tmp_path):
    part = rg.load_model(write_planet(tmp_path / "part.zarr", without=(8,), bbox=[-180, -90, 180, 0], count=9))
    with pytest.raises(
        UsageError, match=r"no pixel of the raster lies in part.zarr, whose tiles cover a part of -180,-90,180,90; take"
    ):
        rg.raster((130, -20, 140, -10), 1, model=part)
    with pytest.raises(UsageError, match=r"no pixel of the raster lies in part.zarr, whose tiles cover a part"):
        rg.raster((130, -20, 140, -10), 1, model=part, pca=3)
    with pytest.warns(
        ModelWarning, match=r"some pixels lie outside part.zarr, whose tiles cover .*; they become nodata"
    ):
        cube = rg.raster((110, -20, 130, -10), 1, model=part)
    assert 0 < float(np.isnan(cube.values).mean()) < 1


def test_places_beside_a_part_of_the_globe_are_named(tmp_path):
    part = rg.load_model(write_planet(tmp_path / "part.zarr", without=(8,), count=9))
    places = np.array([[0.0, 80.0], *([150.0 + row, -10.0] for row in range(7))])
    told = "lie outside part.zarr, whose tiles cover a part of -180,-90,180,90: 150,-10; 151,-10; 152,-10; 153,-10; "
    with pytest.raises(UsageError, match=f"^7 of 8 places {told}154,-10; and 2 more; take other places$"):
        part.encode(places)
    with pytest.raises(UsageError, match=r"^1 of 2 places lies outside part.zarr, .*: 150,-10; take other places$"):
        bands_at(part, part.recipe(), places[:2])


# ------------------------------------------------------------------------------------------- without torch, by URL

WITHOUT_TORCH = """
import sys
class Refused:
    def find_spec(self, name, *_):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("there is no torch here", name="torch")
sys.meta_path.insert(0, Refused())
import numpy as np
from rangegeo.cli.main import run
place = sys.argv[1]
for line in [
    f"raster --model {place} --bbox 5,44,10,48 --res 0.5 --beta 0,1 -o a.zarr -q",
    f"raster --model {place} --bbox 5,44,10,48 --res 20000 --crs EPSG:3035 --pca 3 --preview -o b.tif -q",
    "preview a.zarr -o a.png",
    f"points places.csv --model {place} -o c.parquet -q",
    f"raster --model {place} --bbox 5,44,10,48 --res 0.5 -o d.zarr --dry-run",
    "info a.zarr",
    f"info {place}",
    f"verify a.zarr --weights {place}",
]:
    assert run(line.split()) == 0, line
    if "-o a.zarr" in line:  # what a raster needs not would make every start slower
        assert not {"distributed", "sklearn", "matplotlib", "pyogrio", "obstore", "icechunk"} & set(sys.modules)
for line in ["neighbors 7 46", "raster --bbox 5,44,10,48 --res 1 -o e.zarr", "planet build -o f.zarr", "info RANGE+"]:
    assert run(line.split()) == 1, line
import rangegeo as rg
model = rg.load_model(place)
model.encode([[5.7, 45.2]])
rg.raster((5, 44, 10, 48), 0.5, model=model, chunks=None).isel(x=0).values
cube = rg.raster((5, 44, 10, 48), 0.5, model=model)
cube.rangegeo.rgb().values
rg.similarity(cube, [7, 46], model=model).values
assert "torch" not in sys.modules
"""


def without_torch(place: str, folder: Path) -> subprocess.CompletedProcess:
    (folder / "places.csv").write_text("name,lon,lat\nGrenoble,5.72,45.19\nLyon,4.84,45.76\n")
    command = [sys.executable, "-W", "ignore", "-c", WITHOUT_TORCH, place]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_every_verb_without_torch(path, tmp_path):
    done = without_torch(str(path), tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"kind: planet\npath: {path}\nmodels: " in done.stdout
    assert [line for line in done.stderr.splitlines() if "torch" in line] == [
        "rangegeo: RANGE+ needs torch: pip install torch",
        "rangegeo: RANGE+ needs torch: pip install torch",
        "rangegeo: this needs torch, as all does but reading planets: pip install torch",
        "rangegeo: RANGE+ needs torch: pip install torch",
    ]


@pytest.fixture
def served(path):
    """The address of the folder of the planet on a web server of this machine."""
    with web_server(path.parent) as (address, _):
        yield address


def test_by_url(served, model, tmp_path):
    there = rg.load_model(f"{served}/planet.zarr")
    assert there.spec.planet_sha256 == model.spec.planet_sha256
    assert there.origin["planet"] == f"{served}/planet.zarr"
    np.testing.assert_array_equal(there.encode(PLACES), model.encode(PLACES))
    assert loaded(pickle.loads(pickle.dumps(there.spec))).dim == 76
    with pytest.raises(UsageError, match=r"there is no planet at http://127.0.0.1:\d+/none.zarr"):
        rg.load_model(f"{served}/none.zarr")
