"""The list of weights on this machine is made without loading, importing or downloading any of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from oracles import golden

import rangegeo as rg
from rangegeo.encoders import MODELS
from rangegeo.errors import UsageError
from rangegeo.weights import hub
from rangegeo.weights import inventory as at_hand
from rangegeo.weights.names import encoder_file
from rangegeo.weights.published import OFFICIAL_DATABASES, OFFICIAL_ENCODERS, PublishedFile


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A package `geoclip` that replaces an installed one; importing it is an error."""
    folder = tmp_path / "geoclip" / "model" / "weights"
    folder.mkdir(parents=True)
    (tmp_path / "geoclip" / "__init__.py").write_text("raise AssertionError('geoclip was imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


@pytest.fixture
def hub_cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of the hub."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path / "hub"), raising=False)
    return tmp_path / "hub"


def put_in(cache: Path, file: PublishedFile) -> Path:
    """Put a file where huggingface_hub keeps its downloads."""
    repo = cache / f"{file.kind}s--{file.repo.replace('/', '--')}"
    path = repo / "snapshots" / "abc" / file.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc")
    return path


def test_the_embedded_bands_are_those_of_the_embedded_model():
    for name, row in MODELS.items():
        known = at_hand.embedded_bands(row)
        assert (known is None) == (row.default != "demo")
        if known is not None:
            model = rg.load_model(name, device="cpu")
            assert len(model.recipe().names) == known


def test_geoclips_weights_are_found_without_importing_the_package(package):
    weights = package / "location_encoder_weights.pth"
    assert at_hand.installed_geoclip() is None
    with pytest.raises(UsageError) as caught:
        encoder_file("installed", "GeoCLIP")
    said = "GeoCLIP's weights come with the package geoclip, which is not installed: pip install --no-deps geoclip; "
    assert str(caught.value) == f'{said}or weights="official" to download them, or weights="PATH"'
    assert caught.value.for_shell() == f"{said}or --weights official to download them, or --weights PATH"
    weights.write_bytes((golden.GOLDEN / "patched_location_encoder_mini.pt").read_bytes())
    assert at_hand.installed_geoclip() == encoder_file("installed", "GeoCLIP") == weights
    assert rg.load_model("GeoCLIP", device="cpu").dim == 16
    assert "geoclip" not in sys.modules


def test_without_the_package_there_is_nothing(monkeypatch):
    monkeypatch.setattr(at_hand, "find_spec", lambda name: None)
    assert at_hand.installed_geoclip() is None
    assert at_hand.weights_at_hand(MODELS["GeoCLIP"])["installed"] == "missing"


def test_what_the_hubs_cache_holds_is_said(hub_cache):
    assert at_hand.weights_at_hand(MODELS["SINR"]) == {"sinr": "missing"}
    assert at_hand.databases_at_hand(MODELS["RANGE"]) == {"demo": "embedded", "large": "missing", "med": "missing"}
    path = put_in(hub_cache, OFFICIAL_ENCODERS["sinr"])
    put_in(hub_cache, OFFICIAL_DATABASES["med"])
    assert hub.cached(OFFICIAL_ENCODERS["sinr"]) == path
    assert at_hand.weights_at_hand(MODELS["SINR"]) == {"sinr": "cached"}
    assert at_hand.databases_at_hand(MODELS["RANGE"]) == {"demo": "embedded", "large": "missing", "med": "cached"}
    assert at_hand.databases_at_hand(MODELS["SINR"]) == {}


def test_every_key_of_the_table_is_a_published_file():
    keys = {key for row in MODELS.values() for key in row.published}
    assert keys == set(OFFICIAL_ENCODERS)
    for key in keys:
        file = OFFICIAL_ENCODERS[key]
        assert file.kind == "model"
        if key.startswith("satclip-"):
            assert (file.file, file.repo.casefold()) == (f"{key}.ckpt", f"microsoft/{key}")


def test_listing_imports_no_torch_and_no_geoclip():
    code = (
        "import sys, rangegeo.cli.main as m; m.run(['models']); m.run(['weights', 'list']); print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("torch", "numpy", "geoclip", "transformers", "safetensors"):
        assert f"'{heavy}'" not in done
