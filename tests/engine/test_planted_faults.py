"""Faults that only a GPU shows, planted into the package one at a time: each fails on the stand-in device.

A fault is a change of a function's source: a constant that is made on the CPU, memory of torch.empty on the CPU, or a
NumPy array on the way. On the CPU alone all of them give right values, so no other test can see them.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from functools import cache

import dask
import numpy as np
import pytest
import torch
from helpers.elsewhere import ELSEWHERE, DevicesMeet, elsewhere
from oracles.every import SMALL

import rangegeo as rg
from rangegeo.field.places import Places
from rangegeo.schema.bands import DIAGNOSTICS

PLACES = [[5.7, 45.2], [-122.4, 37.8], [0.0, 90.0]]
GRID = Places.grid(torch.tensor([5.0, 6.0, 7.0]), torch.tensor([44.0, 45.0]))

CONSTANTS = [  # module, function, what is replaced, by what
    ("field.harmonics", "_waves", "device=theta.device", 'device="cpu"'),
    ("field.harmonics", "SphericalHarmonics.longitude_waves", "device=phi.device", 'device="cpu"'),
    ("field.harmonics", "SphericalHarmonics.project", "device=weight.device", 'device="cpu"'),
    ("field.strongest", "strongest_rows", "device=candidates.device", 'device="cpu"'),
    ("field.retrieval", "softmax_sums", "values.new_zeros(len(queries), 1)", "torch.zeros(len(queries), 1)"),
    ("field.places", "Places.to", "lon.to(device)", "lon"),
    ("field.arrays", "like", "other.device", '"cpu"'),
    ("encoders.space2vec", "Space2Vec.forward", "self.frequencies", "self.frequencies.cpu()"),
    ("encoders.sinr", "SINREncoder.forward", "places.lonlat_deg.new_tensor", "torch.tensor"),
    ("engine.fit", "_error_at", "values.device, values.dtype", "values.dtype"),
    ("engine.evaluator", "FieldEvaluator.in_blocks", "places.to(self.device)", "places"),
]
MEMORY = [
    ("field.harmonics", "SphericalHarmonics.forward", "device=lonlat_deg.device", 'device="cpu"'),
    ("field.retrieval", "softmax_sums", "values.new_empty(len(block)", "torch.empty(len(block)"),
    ("field.entropy", "softmax_entropy", "queries.new_empty(len(queries)", "torch.empty(len(queries)"),
    ("field.range", "RangeField.forward", "self.values.new_empty(", "torch.empty("),
    ("field.arrays", "empty_like", "other.new_empty(shape)", "torch.empty(shape)"),
    ("engine.patches", "_copy_together", "device=device", 'device="cpu"'),
]
ROUND_TRIPS = [
    ("field.places", "unit_vectors", "torch.cos(lat)", "torch.from_numpy(np.cos(lat.numpy()))"),
    ("field.places", "unit_vectors", "torch.cos(lat)", "torch.as_tensor(np.cos(np.asarray(lat)))"),
    ("field.places", "unit_vectors", "torch.cos(lat)", "torch.from_numpy(np.cos(lat.cpu().numpy()))"),
    (
        "encoders.geoclip",
        "equal_earth",
        "torch.deg2rad(latlon_deg)",
        "torch.from_numpy(np.deg2rad(latlon_deg.numpy()))",
    ),
    ("field.siren", "Siren.from_first_product", "product + self", "torch.from_numpy(product.cpu().numpy()) + self"),
    ("models.neural", "NeuralModel.forward", "vectors.cpu().numpy()", "vectors.numpy()"),
    ("models.neighbours", "neighbours", ".cpu().numpy() for", ".numpy() for"),
]
MODELS = ("RANGE+", "SINR", "s2vec_grid", "TaxaBind")


def plant(monkeypatch: pytest.MonkeyPatch, module: str, function: str, old: str, new: str) -> None:
    """Replace a function or a method by the same one with changed source."""
    home = importlib.import_module(f"rangegeo.{module}")
    owner, _, name = function.rpartition(".")
    place = getattr(home, owner) if owner else home
    original = inspect.unwrap(inspect.getattr_static(place, name))
    source = textwrap.dedent(inspect.getsource(original))
    assert old in source, f"{function} has no {old!r} any more; plant the fault elsewhere"
    names = vars(home) | {"np": np, "torch": torch}
    exec("from __future__ import annotations\n" + source.replace(old, new), names)
    if owner:
        monkeypatch.setattr(place, name, names[name])
        return
    for loaded in [loaded for key, loaded in sys.modules.items() if key.startswith("rangegeo.")]:
        if getattr(loaded, name, None) is original:
            monkeypatch.setattr(loaded, name, names[name])


@cache
def models() -> list[rg.Model]:
    with elsewhere():
        return [rg.load_model(name, device=str(ELSEWHERE), **SMALL[name].arguments) for name in MODELS]


def use_everything() -> None:
    """Points, grids, neighbours, diagnostics and projected bands of a few models, and rasters."""
    with elsewhere():
        for model in models():
            model(torch.tensor(PLACES, dtype=torch.float64))
            model.encode(PLACES)
        model = models()[0]
        for places in (GRID, Places(GRID.lonlat_deg)):
            model.evaluator.components(places, ["semantic", "geographic", *DIAGNOSTICS])
        model.neighbors(PLACES, 3)
        with dask.config.set(scheduler="synchronous"):
            for res in (0.03, 0.2):  # interpolated, and every pixel evaluated
                rg.raster((5, 44, 6, 45), res, model=model, pca=2, tolerance=1e-2).compute()


def test_without_a_fault_nothing_fails():
    use_everything()


@pytest.mark.parametrize(("module", "function", "old", "new"), [*CONSTANTS, *MEMORY, *ROUND_TRIPS])
def test_a_fault_does_not_go_unseen(monkeypatch, module, function, old, new):
    plant(monkeypatch, module, function, old, new)
    with pytest.raises(DevicesMeet):
        use_everything()
