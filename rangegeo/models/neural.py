"""A location model that is a torch module: places in, vectors out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn

from rangegeo.encoders import ModelInfo
from rangegeo.engine.evaluator import FieldEvaluator
from rangegeo.field.range import RangeField
from rangegeo.field.recipe import Recipe
from rangegeo.grid.domain import whole_turns
from rangegeo.models.calls import as_coords, uncompiled
from rangegeo.models.model import Model
from rangegeo.models.spec import ModelSpec
from rangegeo.places.lonlat import LonLat, check_lonlat
from rangegeo.schema.betas import DEFAULT_BETA
from rangegeo.weights.origins import source_data

if TYPE_CHECKING:
    import xarray as xr

SHOWN_OF_TORCH = ("cpu", "cuda", "eval", "forward", "to")  # the methods of torch modules that users of a model need


class NeuralModel(Model, nn.Module):
    """A model that is evaluated in torch. Calling it works as in the research repository.

    Args:
        spec: of the model; its device is where the field is put.
        field: the torch module, as `rangegeo.engine.evaluator.FieldEvaluator` takes it.
        facts: about the model's files, under "encoder" and "database".
        beta: of calls, and of `encode` and `neighbors` if they get none.
        row: of an encoder of a user's own; None for the row of `MODELS`.
    """

    evaluator: FieldEvaluator

    def __init__(
        self,
        spec: ModelSpec,
        field: nn.Module,
        facts: dict,
        beta: float = DEFAULT_BETA,
        *,
        row: ModelInfo | None = None,
    ) -> None:
        nn.Module.__init__(self)
        Model.__init__(self, spec, FieldEvaluator(field, spec.device), facts, beta, row=row)
        self.eval()

    def __dir__(self) -> list[str]:
        """The names that rangegeo adds, and a few of the hundred names of a torch module."""
        return sorted({*Model.__dir__(self), *SHOWN_OF_TORCH})

    @property
    def spec(self) -> ModelSpec:
        """The spec from which another process can load the same model, on the device that the model is on now."""
        return replace(self._spec, device=self.evaluator.device)

    @property
    def field(self) -> nn.Module:
        """The torch module behind the evaluator."""
        return self.evaluator.field

    @property
    def temperatures(self) -> dict[str, float]:
        """Inverse temperatures of the averages over the database, by the names of the attributes of files."""
        field = self.field
        if not isinstance(field, RangeField):
            return {}
        geographic = {"geographic_temperature": field.geographic_temperature} if self.has_beta else {}
        return {"semantic_temperature": field.temperature} | geographic

    @property
    def source_data(self) -> str:
        """URI of the data behind its database or, without one, its encoder; of its paper, if it has no weights."""
        if self.spec.weights is None:
            return super().source_data
        role, path = ("encoder", self.spec.weights) if self.spec.db is None else ("database", self.spec.db)
        return source_data(Path(path), self.facts[role]["file"], self.facts[role]["sha256"])

    @property
    def nbytes(self) -> int:
        """Bytes of its weights and its database, in memory or in files that are mapped."""
        return sum(tensor.nbytes for tensor in (*self.field.parameters(), *self.field.buffers()))

    @property
    def device(self) -> torch.device:
        """The torch device that the model is on."""
        return torch.device(self.evaluator.device)

    @uncompiled
    @torch.no_grad()
    def forward(self, coords: Tensor) -> Tensor | np.ndarray:
        """Embed (n, 2) lon, lat in degrees as the research repository's module of this name does.

        Returns:
            (n, dim): float64 for RANGE, RANGE+, SatCLIP and SINR, float32 for GeoCLIP, TaxaBind and CSP, the dtype of
            `coords` for models without weights; a NumPy array for RANGE, RANGE+ and Cartesian_3D, else a tensor.
        Raises:
            ShapeError: `coords` has another shape. UsageError: a place is out of range, which is checked on the CPU
            alone.
        """
        vectors = self.embed(as_coords(coords))
        return vectors.cpu().numpy() if self.row.returns_array else vectors

    def embed(self, coords: Tensor, beta: float | None = None) -> Tensor:
        """(n, 2) lon, lat in degrees, unchecked, to (n, dim) in the dtype of `forward`."""
        options = {}
        if self.row.temperature is not None:
            beta = self.beta if beta is None else beta
            options = {"betas": (beta if self.has_beta else 1.0,), "dtype": torch.float64}  # RANGE is S alone
        vectors = self.evaluator.values(coords, **options)
        return vectors if self.row.has_weights or not coords.is_floating_point() else vectors.to(coords.dtype)

    @uncompiled
    def _points(self, lonlat_deg: np.ndarray, recipe: Recipe, batch_size: int, tolerance: float | None) -> np.ndarray:
        return super()._points(lonlat_deg, recipe, batch_size, tolerance)

    def _neighbours(self, lonlat: LonLat, k: int, beta: float) -> xr.Dataset:
        from rangegeo.models.neighbours import neighbours  # xarray takes a while to import

        lonlat_deg = torch.from_numpy(whole_turns(check_lonlat(lonlat))).to(self.evaluator.device)
        field = cast(RangeField, self.field)
        with self.evaluator.evaluating(), torch.inference_mode():
            found = neighbours(field, lonlat_deg, k, beta=beta, blended=self.has_beta)
        return found.assign_attrs(model=self.spec.name, database=self.facts["database"]["file"], **self.temperatures)
