"""A location encoder that is anybody's function or torch module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rangegeo.errors import ShapeError, UsageError
from rangegeo.field.encoder import LocationEncoder
from rangegeo.field.places import Places


class WrappedEncoder(LocationEncoder):
    """Places to (n, dim) float64, by a function or a module.

    Args:
        source: takes (n, 2) places, or (n,) of each coordinate, in degrees, and returns (n, dim), or (n,) if dim is 1.
        name: of the model, for messages.
        dim: width of the output.
        smooth_deg: as in `LocationEncoder`.
        arguments: 1 if the source takes both coordinates as one array, 2 if it takes them apart.
        latitude_first: whether the latitude comes first.
        tensors: whether the source takes tensors, of the dtype of its own parameters or else float64. Others take
            float64 arrays of NumPy.
    """

    def __init__(
        self,
        source: Callable[..., Any],
        *,
        name: str,
        dim: int,
        smooth_deg: float,
        arguments: int,
        latitude_first: bool,
        tensors: bool,
    ) -> None:
        super().__init__()
        self.source, self.name, self.dim, self.smooth_deg = source, name, dim, smooth_deg
        self.arguments, self.latitude_first, self.tensors = arguments, latitude_first, tensors

    def forward(self, places: Places) -> Tensor:
        """(n, dim) float64 on the device of the places.

        Raises:
            ShapeError: the source returns another shape. UsageError: it returns NaN or infinity, which cannot be
            interpolated.
        """
        lonlat_deg = places.lonlat_deg
        beyond = lonlat_deg[:, :1].abs() > 180
        lon = torch.where(beyond, (lonlat_deg[:, :1] + 180) % 360 - 180, lonlat_deg[:, :1])
        lonlat_deg = torch.cat([lon, lonlat_deg[:, 1:]], dim=1)
        if not len(lonlat_deg):
            return lonlat_deg.new_zeros(0, self.dim)
        given: Any = lonlat_deg.flip(1) if self.latitude_first else lonlat_deg
        given = given.to(self._dtype).contiguous() if self.tensors else given.cpu().numpy().copy()
        found = self.source(given) if self.arguments == 1 else self.source(given[:, 0], given[:, 1])
        if not isinstance(found, Tensor):
            array = (
                found.__array__().copy() if hasattr(found, "__array__") else found
            )  # steps backwards are none of torch
            found = torch.as_tensor(array, dtype=torch.float64)
        values = found.detach().double().to(lonlat_deg.device)
        values = values[:, None] if values.ndim == 1 and self.dim == 1 else values
        if values.shape != (len(lonlat_deg), self.dim):
            expected = f"({len(lonlat_deg)}, {self.dim})"
            raise ShapeError(
                f"{self.name} must give shape {expected} for {len(lonlat_deg)} places, got {tuple(values.shape)}"
            )
        bad = ~values.isfinite().all(dim=1)
        if bad.any():
            row = int(bad.int().argmax())
            at = ", ".join(f"{value:g}" for value in lonlat_deg[row].tolist())
            raise UsageError(f"{self.name} must give finite numbers everywhere, got {values[row].tolist()[:3]} at {at}")
        return values

    @property
    def _dtype(self) -> torch.dtype:
        """The dtype of the tensors that the source takes."""
        if isinstance(self.source, nn.Module):
            dtypes = [part.dtype for part in self.source.state_dict().values() if part.is_floating_point()]
            return dtypes[0] if dtypes else torch.float64
        return torch.float64
