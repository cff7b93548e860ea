"""Encoders of pictures, by name and of a user's own."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from rangegeo.databases.vision import colour_statistics, picture_encoder
from rangegeo.errors import DownloadError, MissingPackage, ShapeError, UsageError, WeightsError

PICTURES = np.random.default_rng(0).random((3, 3, 16, 16), dtype=np.float32)


def means(pictures: torch.Tensor) -> torch.Tensor:
    """A user's own encoder."""
    return pictures.mean(dim=(2, 3))


class Net(nn.Module):
    """Stands for a network of torchvision or timm: features, and a layer that names classes."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(3, 4)
        self.fc = nn.Linear(4, 10)
        self.pretrained_cfg = {"input_size": (3, 8, 8), "mean": (0.1, 0.2, 0.3), "std": (0.5, 0.5, 0.5)}

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.fc(self.body(pictures.mean(dim=(2, 3))))


def test_statistics_of_colours():
    found = colour_statistics(torch.from_numpy(PICTURES)).numpy().reshape(3, 3, 12)
    np.testing.assert_allclose(found[:, :, 9], PICTURES.std(axis=(2, 3), ddof=1), rtol=1e-5)
    np.testing.assert_allclose(found[:, :, 10], PICTURES[:, :, 4:12, 4:12].mean(axis=(2, 3)), rtol=1e-5)
    np.testing.assert_allclose(found[1, 2, 0], PICTURES[1, 2, :6, :6].mean(), rtol=1e-5)
    np.testing.assert_array_equal(picture_encoder("colours").encode(PICTURES).reshape(3, 3, 12), found)


def test_the_default_is_the_network_of_the_embedded_database():
    pytest.importorskip("efficientnet_lite_pytorch", reason='needs pip install -e ".[demo]"')
    encoder = picture_encoder("efficientnet-lite0")
    pictures = np.tile(PICTURES, (1, 1, 4, 4))
    found = encoder.encode(pictures)
    with torch.inference_mode():
        inputs = (torch.from_numpy(pictures) * 255 - 127) / 128
        expected = encoder.network.network.extract_features(inputs).mean(dim=(2, 3)).numpy()
    assert found.shape == (3, 1280)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    with pytest.raises(UsageError, match=r"does not take pictures of 3 bands of 16 x 16 pixels .*; give other pixels"):
        encoder.encode(PICTURES)
    with pytest.raises(
        UsageError, match=r"takes 3 bands, and a\.tif has 4; choose them, for example bands=\(1, 2, 3\)"
    ):
        encoder.check_bands(4, "a.tif")


def test_a_users_own_function_is_normalised_as_asked():
    encoder = picture_encoder(means, mean=(0.5,), std=(2.0,))
    np.testing.assert_allclose(encoder.encode(PICTURES), (PICTURES.mean(axis=(2, 3)) - 0.5) / 2, atol=1e-6)
    with pytest.raises(UsageError, match="mean must be one number, or 2, one for each band, got 3"):
        picture_encoder(means, mean=(0.5, 0.5, 0.5)).check_bands(2, "a.tif")
    by_name = picture_encoder("test_vision:means")
    np.testing.assert_allclose(by_name.encode(PICTURES), PICTURES.mean(axis=(2, 3)), atol=1e-6)


def test_what_gives_no_rows_of_numbers_is_refused():
    with pytest.raises(
        ShapeError, match=r"<lambda> must give one row of numbers for each of 3 pictures, got shape \(3, 3, 16, 16\)"
    ):
        picture_encoder(lambda pictures: pictures).encode(PICTURES)
    with pytest.raises(WeightsError, match="<lambda> gives numbers that are not finite; choose another encoder"):
        picture_encoder(lambda pictures: means(pictures) / 0).encode(PICTURES)


def test_unknown_encoders_are_named():
    with pytest.raises(UsageError, match=r"encoder must be one of efficientnet-lite0, colours, .*, got 'resnet'"):
        picture_encoder("resnet")
    with pytest.raises(UsageError, match=r'encoder="no.such:thing" cannot be imported .*; check the name'):
        picture_encoder("no.such:thing")
    with pytest.raises(UsageError, match="encoder_weights is for networks of torchvision and timm; leave it out"):
        picture_encoder("colours", weights="a.pt")


@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_packages_that_are_missing_are_named(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackage, match=f"the encoder {package}:resnet18 needs {package}: pip install {package}"):
        picture_encoder(f"{package}:resnet18")


@pytest.fixture
def installed(monkeypatch):
    """Stand-ins for torchvision and timm, which say what they were asked for."""
    asked = []

    def get_model(name: str, weights: str | None) -> Net:
        asked.append((name, weights))
        if weights is not None:
            raise OSError("no route to host\nand more")
        return Net()

    def create_model(name: str, pretrained: bool, num_classes: int) -> Net:
        asked.append((name, pretrained, num_classes))
        net = Net()
        net.fc = nn.Identity()
        return net

    vision, timm = ModuleType("torchvision"), ModuleType("timm")
    vision.models = SimpleNamespace(get_model=get_model)
    timm.create_model = create_model
    monkeypatch.setitem(sys.modules, "torchvision", vision)
    monkeypatch.setitem(sys.modules, "timm", timm)
    return asked


def test_networks_of_packages_lose_the_layers_that_name_classes(installed, tmp_path):
    net = Net()
    torch.save(net.state_dict(), tmp_path / "net.pt")
    encoder = picture_encoder("torchvision:resnet18", weights=tmp_path / "net.pt")
    normal = (PICTURES.mean(axis=(2, 3)) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    expected = normal @ net.body.weight.detach().numpy().T + net.body.bias.detach().numpy()
    np.testing.assert_allclose(encoder.encode(PICTURES), expected, atol=1e-4)
    assert picture_encoder("timm:vit").mean == (0.1, 0.2, 0.3)
    assert installed == [("resnet18", None), ("vit", True, 0)]


def test_weights_that_cannot_be_had_are_named(installed, tmp_path):
    told = r'the weights of torchvision:resnet18 cannot be downloaded \(no route to host\); .*encoder_weights="FILE"'
    with pytest.raises(DownloadError, match=told):
        picture_encoder("torchvision:resnet18")
    torch.save({"body.weight": torch.zeros(4, 3)}, tmp_path / "less.pt")
    with pytest.raises(
        WeightsError, match=r"less\.pt lacks the tensor body\.bias in its shape; give weights of the same"
    ):
        picture_encoder("timm:vit", weights=tmp_path / "less.pt")
    with pytest.raises(WeightsError, match=r"no\.pt does not exist; expected a file with the weights of a network"):
        picture_encoder("timm:vit", weights=tmp_path / "no.pt")


class Pooling(nn.Module):
    """Stands for convnext, maxvit and others: the last layers pool, flatten, and name classes."""

    def __init__(self, *last: nn.Module) -> None:
        super().__init__()
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1), *last)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.classifier(pictures)


@pytest.mark.parametrize(
    ("last", "width"), [((nn.Linear(3, 10),), 3), ((nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 10, bias=False)), 5)]
)
def test_only_the_last_layer_of_several_names_classes(last, width, installed, monkeypatch, tmp_path):
    network = Pooling(*last)
    monkeypatch.setattr(sys.modules["torchvision"].models, "get_model", lambda name, weights: network)
    torch.save(network.state_dict(), tmp_path / "net.pt")
    encoder = picture_encoder("torchvision:convnext_tiny", weights=tmp_path / "net.pt")
    assert encoder.encode(PICTURES).shape == (3, width)


@pytest.mark.parametrize("network", [nn.Conv2d(3, 4, 1), Pooling(nn.Conv2d(3, 4, 1))])
def test_networks_without_such_a_layer_are_refused(network, installed, monkeypatch, tmp_path):
    monkeypatch.setattr(sys.modules["torchvision"].models, "get_model", lambda name, weights: network)
    torch.save(network.state_dict(), tmp_path / "net.pt")
    with pytest.raises(UsageError, match="torchvision:squeezenet has no layer that is known to name classes; wrap it"):
        picture_encoder("torchvision:squeezenet", weights=tmp_path / "net.pt")


def test_networks_that_ask_for_the_versions_of_layers_get_them(installed, monkeypatch, tmp_path):
    class Versioned(Net):
        _version = 2

        def _load_from_state_dict(self, state, prefix, metadata, *rest):
            assert metadata.get("version") == 2
            super()._load_from_state_dict(state, prefix, metadata, *rest)

    monkeypatch.setattr(sys.modules["torchvision"].models, "get_model", lambda name, weights: Versioned())
    kept = Versioned()
    torch.save(dict(kept.state_dict()), tmp_path / "net.pt")
    encoder = picture_encoder("torchvision:mnasnet0_5", weights=tmp_path / "net.pt")
    torch.testing.assert_close(encoder.network.body.weight, kept.body.weight, rtol=0, atol=0)


@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_a_torchvision_that_was_built_for_another_torch_is_told(package, tmp_path, monkeypatch):
    (tmp_path / f"{package}.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, package, raising=False)
    told = rf"the encoder {package}:resnet18 needs a torchvision that was built for torch 2.*nms does not exist\)"
    with pytest.raises(MissingPackage, match=told):
        picture_encoder(f"{package}:resnet18")


def test_a_network_of_one_size_says_which():
    def transformer(pictures: torch.Tensor) -> torch.Tensor:
        assert pictures.shape[-1] == 224, "Input height (16) doesn't match model (224)."
        return means(pictures)

    with pytest.raises(UsageError, match=r"16 x 16 pixels \(Input height \(16\).*model \(224\)\.\); give other pixels"):
        picture_encoder(transformer).encode(PICTURES)
