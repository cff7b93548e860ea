"""A user's own encoders: functions, torch modules and installed entry points, in every verb and with its proof."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import rangegeo as rg
import rangegeo.accessor  # registers .rangegeo
from rangegeo.errors import CubeError, ShapeError, UsageError, WeightsError
from rangegeo.models.load import loaded
from rangegeo.models.spec import ModelSpec

BOX = (5, 44, 10, 48)
PLACES = np.array([[5.7, 45.2], [-120.0, 38.0], [179.9, -80.0]])


def waves(lonlat_deg: np.ndarray) -> np.ndarray:
    lon, lat = np.radians(lonlat_deg).T
    return np.stack([np.sin(5 * lon) * np.cos(lat), np.cos(3 * lat), np.sin(lat)], axis=1)


def kinked(lonlat_deg: np.ndarray) -> np.ndarray:
    """Kinks along a slanted line and a circle, as ReLU makes them."""
    lon, lat = lonlat_deg.T
    return np.stack([np.maximum(lon - 7.31 + 0.2 * lat - 9.2, 0), np.hypot(lon - 6.2, lat - 46.1), lat / 90], axis=1)


def apart(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return waves(np.stack([lon, lat], axis=1))


class Network(nn.Module):
    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Dropout(0.5), nn.Linear(16, 4)).to(dtype)

    def forward(self, lonlat_deg: torch.Tensor) -> torch.Tensor:
        return self.layers(lonlat_deg / 90)


# ------------------------------------------------------------------------------------------------- calling


def test_functions_get_degrees_in_every_form():
    expected = waves(PLACES)
    ways = {
        "one": rg.wrap(waves),
        "two": rg.wrap(apart),
        "latitude first": rg.wrap(lambda latlon: waves(latlon[:, ::-1]), name="latlon", order="lat,lon"),
        "apart, latitude first": rg.wrap(lambda lat, lon: apart(lon, lat), name="apart2", order="lat,lon"),
        "tensors": rg.wrap(lambda t: torch.from_numpy(waves(t.numpy())), name="tensors", tensors=True),
        "lists": rg.wrap(lambda a: waves(a).tolist(), name="lists"),
    }
    for model in ways.values():
        np.testing.assert_allclose(model.encode(PLACES), expected, atol=1e-7)
    assert rg.wrap(lambda lon, lat: lat, name="flat").encode(PLACES).shape == (3, 1)
    assert rg.wrap(waves, dim=3).dim == 3
    np.testing.assert_allclose(ways["one"].encode([[190.0, 5.0]]), waves(np.array([[-170.0, 5.0]])), atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_module_is_copied_and_evaluated(dtype):
    network = Network(dtype).train()
    model = rg.wrap(network)
    expected = copy.deepcopy(network).eval()(torch.from_numpy(PLACES).to(dtype)).detach().numpy()
    assert network.training
    assert all(part.requires_grad for part in network.parameters())
    np.testing.assert_allclose(model.encode(PLACES), expected, atol=1e-6)
    with torch.no_grad():
        network.layers[0].weight.zero_()
    np.testing.assert_allclose(model.encode(PLACES), expected, atol=1e-6)
    assert rg.wrap(network).origin != model.origin
    assert rg.wrap(Network(dtype)).origin == model.origin
    assert model.origin["encoder_version"].startswith("sha256:")


CALLS = {"count": 0}


def counting(lonlat: np.ndarray) -> np.ndarray:
    CALLS["count"] += 1
    return lonlat + CALLS["count"]


BAD = {
    "no function": (3, {}, UsageError, "source must be a function or a torch module, got int"),
    "a class": (Network, {}, UsageError, "source must be a function or a torch module, got the class Network"),
    "no such module": ("nowhere:f", {}, UsageError, r"source must be .package.module:name., got 'nowhere:f'"),
    "no such name": ("math:nothing", {}, UsageError, "got 'math:nothing'"),
    "a number by name": ("math:pi", {}, UsageError, "math:pi must be a function or a torch module, got float"),
    "no name": (lambda a: a, {}, UsageError, "name must be letters, .* got '<lambda>'; for example name=.mine"),
    "a name of ours": (waves, {"name": "RANGE+"}, UsageError, "RANGE\\+ is a model of rangegeo; give another name"),
    "three arguments": (lambda a, b, c: a, {"name": "f"}, UsageError, "f must take .* and takes 3 arguments"),
    "another dim": (waves, {"dim": 4}, ShapeError, r"waves must give shape \(8, 4\) for 8 places, got \(8, 3\)"),
    "no dim": (waves, {"dim": 0}, UsageError, "dim must be a number of bands from 1 on, got 0"),
    "one for all": (
        lambda a: a[0],
        {"name": "f"},
        ShapeError,
        r"f must give shape \(8, dim\) for 8 places, got \(2,\)",
    ),
    "NaN at a pole": (
        lambda a: np.where(a[:, 1:] > 89, np.nan, a),
        {"name": "f"},
        UsageError,
        r"f must give finite numbers everywhere, got \[nan, nan\] at 20, 90",
    ),
    "at random": (counting, {}, UsageError, "counting must give the same numbers for the same place, and gave others"),
    "of the batch": (lambda a: a - a.mean(), {"name": "f"}, UsageError, "for a place alone and among others"),
    "tensors wanted": (
        lambda t: t.unsqueeze(0)[0],
        {"name": "f"},
        UsageError,
        r"f cannot be called with an array of NumPy, one of shape \(n, 2\): AttributeError: .*; tensors=True gives it",
    ),
    "order": (waves, {"order": "yx"}, UsageError, "order must be lon,lat or lat,lon, got 'yx'"),
    "smooth": (waves, {"smooth_deg": -1}, UsageError, "smooth_deg must be a number of degrees from 0 on, got -1"),
    "smooth NaN": (waves, {"smooth_deg": float("nan")}, UsageError, "smooth_deg must be"),
    "citation": (waves, {"citation": "me"}, UsageError, "citation must be a number of arXiv, got 'me'"),
}


@pytest.mark.parametrize(("source", "options", "kind", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_used_is_refused_in_one_line(source, options, kind, said):
    with pytest.raises(kind, match=said) as caught:
        rg.wrap(source, **options)
    assert "\n" not in str(caught.value)


def test_numbers_that_are_not_finite_are_refused_later_too():
    model = rg.wrap(lambda a: np.where(np.hypot(a[:, :1] - 7, a[:, 1:] - 46) < 1, np.inf, a), name="hole", smooth_deg=5)
    cube = rg.raster(BOX, 0.05, model=model)
    with pytest.raises(UsageError, match=r"^hole must give finite numbers everywhere, got \[inf, inf\] at "):
        cube.compute()


# ---------------------------------------------------------------------------------------------- interpolation


def exact_of(function, cube):
    lon, lat = np.meshgrid(cube.x.values, cube.y.values)
    values = function(np.stack([lon.ravel(), lat.ravel()], axis=1))
    return values.T.reshape(-1, *lon.shape)


def test_smooth_functions_are_interpolated_with_their_proof(tmp_path):
    asked = []

    def counted(lonlat: np.ndarray) -> np.ndarray:
        asked.append(len(lonlat))
        return waves(lonlat)

    cube = rg.raster(BOX, 0.01, model=rg.wrap(counted, smooth_deg=5.0))
    asked.clear()
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    assert sum(asked) < 5000
    read = rg.open_cube(tmp_path / "a.zarr")
    facts = read.rangegeo.facts
    assert facts["measured_error"] <= 1e-5
    assert facts["proof_pixels"] >= 32
    assert np.abs(read.values - exact_of(waves, read)).max() <= 1e-5


def test_kinks_are_found_and_evaluated(tmp_path):
    """Although the user says that it is smooth: patches are refined until a kink lies in evaluated pixels."""
    cube = rg.raster(BOX, 0.01, model=rg.wrap(kinked, smooth_deg=5.0))
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    read = rg.open_cube(tmp_path / "a.zarr")
    facts = read.rangegeo.facts
    assert facts["evaluations"] > 5000
    exact = exact_of(kinked, read)
    assert np.abs(read.values - exact).max() <= 2e-5 * np.abs(exact).max()


def test_by_default_every_pixel_is_evaluated():
    cube = rg.raster(BOX, 0.05, model=rg.wrap(kinked)).compute()
    assert cube.rangegeo.facts["evaluation"] == "exact"
    np.testing.assert_allclose(cube, exact_of(kinked, cube), rtol=1e-6)


# --------------------------------------------------------------------------------------- names and processes


def test_functions_of_modules_travel_by_name_and_others_are_refused(tmp_path, monkeypatch):
    (tmp_path / "myencoders.py").write_text(
        "import torch\nnetwork = torch.nn.Linear(2, 2)\n\n\ndef slope(lonlat):\n    return lonlat / 90\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import myencoders

    model = rg.wrap(myencoders.slope)
    assert model.origin["encoder_source"] == "myencoders:slope"
    for way in (model, rg.wrap("myencoders:slope", version="3")):
        there = pickle.loads(pickle.dumps(way))
        np.testing.assert_array_equal(there.encode(PLACES), way.encode(PLACES))
        assert there.spec == way.spec
    from rangegeo.models import wrapping

    monkeypatch.setattr(wrapping, "_ENCODERS", {})  # as in another process
    again = wrapping.rebuilt(pickle.loads(pickle.dumps(model.spec)), 0.5)
    assert again.spec == model.spec
    np.testing.assert_array_equal(again.encode(PLACES), model.encode(PLACES))
    network = rg.wrap("myencoders:network")
    with torch.no_grad():
        myencoders.network.weight.zero_()
    monkeypatch.setattr(wrapping, "_ENCODERS", {})
    with pytest.raises(
        WeightsError, match=r"^myencoders:network is version sha256:.* the cube was planned with sha256"
    ):
        wrapping.rebuilt(network.spec, 0.5)
    local = rg.wrap(lambda a: a, name="local")
    assert copy.deepcopy(local).spec == local.spec
    assert loaded(local.spec).spec == local.spec
    with pytest.raises(UsageError, match=r"^local cannot be sent to other processes, .* wrap it by name"):
        pickle.dumps(local.spec)


def test_a_cluster_refuses_what_its_workers_cannot_import(monkeypatch):
    from distributed import client

    monkeypatch.setattr(client, "_get_global_client", lambda: object())
    with pytest.raises(UsageError, match=r"^local cannot be sent to other processes, because they cannot import it"):
        rg.raster(BOX, 1, model=rg.wrap(lambda a: a, name="local"))


def test_versions_tell_encoders_apart(tmp_path):
    one, two, same = (
        rg.wrap(lambda a, by=by: a + by, name="mine", version=version) for by, version in ((0, "1"), (1, "2"), (0, "1"))
    )
    assert one.spec == same.spec != two.spec
    assert rg.wrap(lambda a: a, name="mine").spec != rg.wrap(lambda a: a, name="mine").spec
    with pytest.raises(UsageError, match="mine gave other values before, and its version is still 1; give another"):
        rg.wrap(lambda a: a + 5, name="mine", version="1")
    for model, name in ((one, "one"), (two, "two")):
        rg.raster(BOX, 1, model=model).rangegeo.to_zarr(tmp_path / f"{name}.zarr")
    cube = rg.open_cube(tmp_path / "one.zarr")
    assert cube.attrs["encoder_version"] == "1"
    rg.similarity(cube, (0, 0), model=same)
    with pytest.raises(UsageError, match="its encoder_version is 1, the model's is 2"):
        rg.similarity(cube, (0, 0), model=two)
    with pytest.raises(CubeError, match="differ in version of the encoder: 1 and 2; make"):
        rg.mosaic([tmp_path / "one.zarr", tmp_path / "two.zarr"])


# -------------------------------------------------------------------------------------------- entry points


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package with three models, as pip would install it."""
    folder = tmp_path / "site"
    info = folder / "tinyencoders-1.4.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tinyencoders\nVersion: 1.4\n")
    (info / "entry_points.txt").write_text(
        "[rangegeo.models]\ntiny = tinyencoders:tiny\nbare = tinyencoders:bare\nbroken = tinyencoders:nothing\n"
    )
    (folder / "tinyencoders.py").write_text(
        "import numpy as np\nimport rangegeo as rg\n\n\ndef bare(lonlat):\n"
        "    lon, lat = np.radians(lonlat).T\n    return np.stack([np.sin(lon), np.cos(lat)], 1)\n\n\n"
        "def tiny():\n    return rg.wrap(bare, dim=2, smooth_deg=5.0, citation='arXiv:2309.16020')\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("tinyencoders", None)


def test_every_verb_knows_an_installed_model(installed, capsys):
    from rangegeo.cli.main import run

    def shell(*typed: str) -> tuple[int, str]:
        try:
            code = run(list(typed))
        except SystemExit as left:
            code = left.code
        caught = capsys.readouterr()
        return code or 0, caught.out + caught.err

    model = rg.load_model("tiny")
    assert model.origin == {"encoder_source": "entry point tiny", "encoder_version": "tinyencoders 1.4"}
    assert "tiny" in shell("models")[1]
    assert "tinyencoders 1.4" in shell("info", "tiny")[1]
    box = ("--bbox", "5,44,10,48", "--res", "0.02", "--model", "tiny")
    code, said = shell("raster", *box, "-o", "a.zarr", "--stac", "--overviews")
    assert code == 0, said
    assert "interpolated from" in said
    assert shell("raster", *box, "--dtype", "int16", "--pca", "2", "-o", "a.tif")[0] == 0
    assert "tinyencoders 1.4" in shell("info", "a.zarr")[1]
    code, said = shell("verify", "a.zarr")
    assert (code, "pixels evaluated again" in said) == (0, True), said
    Path("places.csv").write_text("lon,lat\n5.7,45.2\n4.8,45.8\n")
    assert shell("points", "places.csv", "--model", "tiny", "-o", "p.parquet")[0] == 0
    assert json.loads(Path("a.stac.json").read_text())["properties"]["emb:runtime_parameters"]["model"] == "tiny"
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).encode(PLACES), model.encode(PLACES))


def test_installed_models_that_are_none_say_so(installed):
    with pytest.raises(UsageError, match=r"'bare', tinyencoders:bare, cannot be made: bare.. missing 1 required"):
        rg.load_model("bare")
    with pytest.raises(UsageError, match="'broken', tinyencoders:nothing, cannot be made: "):
        rg.load_model("broken")
    with pytest.raises(UsageError, match=r"model must be one of .*, bare, broken, tiny, got 'tinny'"):
        rg.load_model("tinny")
    with pytest.raises(UsageError, match=r"^tiny has no weights; leave out weights"):
        rg.load_model("tiny", weights="demo")


def test_two_packages_with_one_name_are_refused(monkeypatch):
    from importlib.metadata import EntryPoint

    two = [EntryPoint("twice", f"package{number}:make", "rangegeo.models") for number in (1, 2)]
    monkeypatch.setattr("rangegeo.encoders.installed.entry_points", lambda group, name="twice": two)
    with pytest.raises(UsageError, match=r"^two packages install a model 'twice': package1:make and package2:make; un"):
        rg.load_model("twice")


def test_specs_are_what_files_keep_of_them(golden):
    files = {"weights": golden / "satclip-mini.ckpt", "db": golden / "range_db_mini.npz", "device": "cpu"}
    for model in (rg.wrap("numpy:negative", version="1"), rg.load_model(**files, geographic_temperature=160)):
        spec = model.spec
        assert ModelSpec.of(json.loads(json.dumps(asdict(spec)))) == spec


def test_a_saved_map_imports_no_code(tmp_path, monkeypatch):
    """Its file could name any function of any module."""
    from rangegeo.evaluation.maps import FittedMap
    from rangegeo.evaluation.stored import VERSION, write_stored

    model = rg.wrap("numpy:negative", version="1")
    write_stored(tmp_path / "a.npz", {}, {"version": VERSION, "model": asdict(model.spec)}, overwrite=False)
    monkeypatch.setattr("rangegeo.evaluation.maps.loaded", None)
    with pytest.raises(
        UsageError, match="was learned from negative, an encoder of your own; wrap it again, and give the"
    ):
        FittedMap.load(tmp_path / "a.npz")
    with pytest.raises(KeyError, match="targets"):  # the model is taken, and the rest of the file is missing
        FittedMap.load(tmp_path / "a.npz", model=model)
