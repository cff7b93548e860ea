"""The parts of a model that a planet stores, and the models that can be read from them."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rangegeo.encoders import model_info
from rangegeo.engine.evaluator import BLOCK_PLACES
from rangegeo.field.places import Places
from rangegeo.field.range import SMOOTH_SEMANTIC_DEG, RangeField
from rangegeo.models.neural import NeuralModel
from rangegeo.spectral.layout import GEOGRAPHIC, LOCATION, NORM, SEMANTIC, SEMANTIC_RANGE


class ModelParts:
    """Gives the parts of a model at places; a `rangegeo.engine.tiles.Source`.

    RANGE+ and RANGE have S (RANGE+ also that of RANGE, and G), q, and the length of the encoder's output, from which
    the encoder's own output can be made. Every other model has its location bands alone.

    Args:
        model: that is evaluated.
        with_range: whether RANGE+ has the S of RANGE too.
    """

    def __init__(self, model: NeuralModel, *, with_range: bool = True) -> None:
        self.model = model
        self.bands = {LOCATION: model.location}
        if isinstance(model.field, RangeField):
            self.bands = {SEMANTIC: model.visual, LOCATION: model.location, NORM: 1}
        if model.has_beta:
            self.bands |= {GEOGRAPHIC: model.visual} | ({SEMANTIC_RANGE: model.visual} if with_range else {})

    @property
    def device(self) -> str:
        """The torch device that the parts are evaluated on."""
        return self.model.evaluator.device

    @property
    def smooth_deg(self) -> float:
        """Degrees over which a few Chebyshev points follow all parts."""
        own = self.model.evaluator.smooth_deg
        return min(own, SMOOTH_SEMANTIC_DEG / _range_temperature()) if SEMANTIC_RANGE in self.bands else own

    @property
    def shares(self) -> bool:
        """Whether the points of a tile share their sums."""
        return self.model.evaluator.shares

    @property
    def shown(self) -> str:
        """The part whose principal components make pictures."""
        return SEMANTIC if SEMANTIC in self.bands else LOCATION

    @property
    def models(self) -> dict[str, dict[str, Any]]:
        """The attribute `models` of a planet, see workflows/guide/planet.md."""
        name, model = self.model.spec.name, self.model
        served = {role: role for role in (SEMANTIC, GEOGRAPHIC, LOCATION) if role in self.bands}
        found = {name: {"parts": served, **model.temperatures, "citation": model.citation}}
        if SEMANTIC_RANGE in self.bands:
            found["RANGE"] = {
                "parts": {SEMANTIC: SEMANTIC_RANGE, LOCATION: LOCATION},
                "semantic_temperature": _range_temperature(),
                "citation": model_info("RANGE").citation,
            }
        if NORM in self.bands and model.row.family == "satclip":
            parts = {LOCATION: LOCATION, NORM: NORM}
            found["SatCLIP"] = {"parts": parts, "citation": model_info("SatCLIP").citation}
        return found

    def values(self, places: Places, wanted: Collection[str]) -> dict[str, Tensor]:
        """The parts that are wanted at n places, each (n, bands) on the device."""
        with torch.inference_mode():
            blocks = self.model.evaluator.in_blocks(places, partial(self._evaluated, wanted=wanted), BLOCK_PLACES)
        return {name: torch.cat([block[name] for block in blocks]) for name in wanted}

    def _evaluated(self, places: Places, wanted: Collection[str]) -> dict[str, Tensor]:
        """The same, of places that are on the device, at once."""
        field = self.model.field
        if not isinstance(field, RangeField):
            return {LOCATION: self.model.evaluator.components(places, [LOCATION]).location}
        found: dict[str, Tensor] = {}
        if GEOGRAPHIC in wanted:
            found[GEOGRAPHIC] = field.geographic_average(places)
        if set(wanted) == {GEOGRAPHIC}:
            return found
        output = field.encoder(places)
        unit = nn.functional.normalize(output, dim=1, eps=0.0)
        temperatures = {SEMANTIC: field.temperature, SEMANTIC_RANGE: _range_temperature()}
        for name in wanted:
            if name in temperatures:
                found[name] = field.semantic_average(unit, places, temperatures[name])
            elif name == LOCATION:
                found[name] = unit
            elif name == NORM:
                found[name] = output.norm(dim=1, keepdim=True)
        return found


def _range_temperature() -> float:
    """The published inverse temperature of RANGE."""
    temperature = model_info("RANGE").temperature
    assert temperature is not None
    return temperature
