"""The point interface of the PyPI package `rangegeo` 0.1.0, with the same names, arguments, shapes and dtypes."""

from __future__ import annotations

import copy
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from rangegeo.engine.evaluator import FixedDtypeModule
from rangegeo.errors import UsageError
from rangegeo.field.places import Places
from rangegeo.field.range import RangeField
from rangegeo.models.calls import check_coords, uncompiled
from rangegeo.models.load import load_model
from rangegeo.models.neural import NeuralModel
from rangegeo.places.frames import is_frame
from rangegeo.schema.betas import DEFAULT_BETA, Betas, check_beta, one_spelling
from rangegeo.weights.checkpoint import load_encoder
from rangegeo.weights.names import encoder_file


class RANGE(FixedDtypeModule):
    """A location model with the arguments, attributes, shapes and dtypes of the class of this name in that package.

    Args:
        model_name: "RANGE+" or "RANGE".
        db: "large", "med" (downloaded) or "demo"; not used if `db_path` is given.
        beta: in [0, 1], 0 geographic to 1 semantic; by default 0.5. Only RANGE+ uses it. `betas` is another name for
            it.
        device: a torch device; None for CUDA if there is a GPU, else the CPU.
        pretrained_path: a SatCLIP checkpoint, or "demo"; None for the published one, which is downloaded.
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
        self.beta = DEFAULT_BETA if given is None else cast(float, given)  # checked where it is set
        model = cast(
            NeuralModel,
            load_model(
                model_name,
                weights=str(pretrained_path or "official"),
                db=str(db_path or db),
                device=device,
            ),
        )
        model.beta = self.beta
        self.model = model
        self.field = cast(RangeField, model.field)
        self.model_name = model_name
        self.temp = self.field.temperature
        if model_name == "RANGE+":
            self.geo_temp = self.field.geographic_temperature
        self.embedding_dim = model.dim
        self.loc_model = LocationEncoder(self.field.encoder)
        self.eval()

    def __reduce__(self) -> tuple:
        """Pickle and copy the module as its arguments; the receiving process loads the weights."""
        spec = self.model.spec
        return RANGE, (self.model_name, "", self.beta, spec.device, spec.weights, spec.db)

    @property
    def device(self) -> torch.device:
        """The torch device that the model is on."""
        return torch.device(self.model.spec.device)

    @property
    def db_satclip_embeddings(self) -> Tensor:
        """The database's keys, (N, d) float32 unit vectors."""
        return self.field.keys

    @property
    def db_image_embeddings(self) -> Tensor:
        """The database's values, (N, v) float32."""
        return self.field.values

    @property
    def db_locs_xyz(self) -> Tensor:
        """The places of the database's rows, (N, 3) float32 unit vectors."""
        return self.field.xyz

    @property
    def beta(self) -> float:
        """The beta of calls and of `encode`; another one in [0, 1] may be set."""
        return self._beta

    @beta.setter
    def beta(self, beta: float) -> None:
        self._beta = check_beta(beta, "RANGE")

    @uncompiled
    @torch.no_grad()
    def forward(self, coords: Tensor) -> Tensor:
        """(n, 2) lon, lat tensor in degrees to (n, embedding_dim) float64."""
        return self.model.embed(check_coords(coords) if isinstance(coords, Tensor) else coords, self.beta)

    @uncompiled
    def encode(self, coords: object, batch_size: int = 10_000) -> np.ndarray:
        """Array-like (n, 2) or (2,) lon, lat in degrees to (n, embedding_dim) float32."""
        coords = coords.to_numpy() if is_frame(coords) else coords  # upstream uses the columns' order
        return self.model.encode(coords, self.beta if self.model.has_beta else None, batch_size)


def load_satclip_location_encoder(ckpt_path: str, device: str = "cpu") -> nn.Module:
    """SatCLIP's location encoder alone: (n, 2) lon, lat tensor in degrees to (n, dim) float64, not normalised.

    It can be trained further, as upstream's can: its weights are a copy and require gradients. Gradients also reach the
    places.

    Args:
        ckpt_path: a SatCLIP checkpoint, or "demo" or another name that `rangegeo models` lists for SatCLIP's weights.
        device: a torch device, such as "cpu" or "cuda".
    Raises:
        UsageError: there is no such file or name. WeightsError: the file is damaged or holds another encoder.
    """
    encoder, _ = load_encoder(encoder_file(str(ckpt_path)))
    encoder = copy.deepcopy(encoder)  # the loaded weights may lie in a read-only file
    return LocationEncoder(encoder).to(device).requires_grad_(True).eval()


class LocationEncoder(FixedDtypeModule):
    """A location encoder that is called with plain coordinates."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.dim = encoder.dim

    @uncompiled
    def forward(self, coords: Tensor) -> Tensor:
        """(n, 2) longitude, latitude in degrees to (n, dim); raises as `check_coords`."""
        return self.encoder(Places.scattered(check_coords(coords)))
