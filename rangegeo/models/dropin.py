"""The point interface of the PyPI package `rangegeo` 0.1.0: same names, arguments, attributes, shapes and dtypes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from rangegeo.engine.evaluator import keeping_dtype
from rangegeo.errors import UsageError
from rangegeo.field.places import Places
from rangegeo.field.range import GEOGRAPHIC_TEMPERATURE, RangeField
from rangegeo.models.load import load_model
from rangegeo.places.frames import is_frame
from rangegeo.schema.betas import DEFAULT_BETA, Betas, check_beta, one_spelling
from rangegeo.weights.checkpoint import load_encoder
from rangegeo.weights.names import encoder_file


class RANGE(nn.Module):
    """The point interface of the PyPI package `rangegeo` 0.1.0, same arguments, attributes, shapes and dtypes.

    Args:
        model_name: "RANGE+" or "RANGE".
        db: "large", "med" (downloaded) or "demo"; not used if `db_path` is given.
        beta: in [0, 1], 0 geographic to 1 semantic; by default 0.5. Only RANGE+ uses it. `betas` is another name for
            it.
        device: torch device, None for CUDA where there is one.
        pretrained_path: SatCLIP checkpoint, None for the published one (downloaded), or "demo".
        db_path: RANGE database (.npz).
    Source: PyPI rangegeo 0.1.0, mvrl/RANGE.
    """

    def __init__(
        self,
        model_name: str = "RANGE+",
        db: str = "large",
        beta: float | None = None,
        device: str | torch.device | None = None,
        pretrained_path: str | None = None,
        db_path: str | None = None,
        *,
        betas: Betas | None = None,
    ) -> None:
        super().__init__()
        if model_name not in ("RANGE", "RANGE+"):
            raise UsageError(f"model_name must be 'RANGE' or 'RANGE+', got {model_name!r}")
        given = one_spelling(betas, beta)
        self.beta = DEFAULT_BETA if given is None else check_beta(given, "RANGE")
        model = load_model(
            model_name,
            weights=str(pretrained_path or "official"),
            db=str(db_path or db),
            device=device,
            beta=self.beta,
        )
        self.model = model
        self.field = cast(RangeField, model.field)
        self.model_name = model_name
        self.temp = self.field.temperature
        if model_name == "RANGE+":
            self.geo_temp = GEOGRAPHIC_TEMPERATURE
        self.embedding_dim = model.dim
        self.loc_model = LocationEncoder(self.field.encoder)
        self.db_satclip_embeddings = self.field.keys
        self.db_image_embeddings = self.field.values
        self.db_locs_xyz = self.field.xyz
        self.eval()

    def __reduce__(self) -> tuple:
        """Pickle and copy the module as its arguments, so that weights are loaded where it arrives."""
        spec = self.model.spec
        return RANGE, (self.model_name, "", self.beta, spec.device, spec.weights, spec.db)

    def _apply(self, fn: Callable, recurse: bool = True) -> RANGE:
        """Move the tensors, as `.to` asks, and keep their dtype."""
        super()._apply(keeping_dtype(fn), recurse)
        return self

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return torch.device(self.model.spec.device)

    @torch.no_grad()
    def forward(self, coords: Tensor) -> Tensor:
        """(n, 2) lon, lat tensor in degrees to (n, embedding_dim) float64."""
        return self.model.embed(coords, self.beta)

    def encode(self, coords: object, batch_size: int = 10_000) -> np.ndarray:
        """Array-like (n, 2) or (2,) lon, lat in degrees to (n, embedding_dim) float32."""
        coords = coords.to_numpy() if is_frame(coords) else coords  # upstream goes by the order of the columns
        return self.model.encode(coords, self.beta, batch_size)


def load_satclip_location_encoder(ckpt_path: str, device: str = "cpu") -> nn.Module:
    """SatCLIP's location encoder alone: (n, 2) lon, lat tensor in degrees to (n, dim) float64, not normalised.

    It can be trained on, as upstream's: its weights are a copy and require gradients, which flow to the places too.
    """
    encoder, _ = load_encoder(encoder_file(str(ckpt_path)))
    encoder = copy.deepcopy(encoder)  # the weights of the loaded one may lie in a file that is only read
    return LocationEncoder(encoder).to(device).requires_grad_(True).eval()


class LocationEncoder(nn.Module):
    """A location encoder called with plain coordinates."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.dim = encoder.dim

    def _apply(self, fn: Callable, recurse: bool = True) -> LocationEncoder:
        """Move the tensors, as `.to` asks, and keep their dtype."""
        super()._apply(keeping_dtype(fn), recurse)
        return self

    def forward(self, coords: Tensor) -> Tensor:
        """(n, 2) longitude, latitude in degrees to (n, dim)."""
        return self.encoder(Places.scattered(coords))
