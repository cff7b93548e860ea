"""The places at which a field is evaluated: scattered ones, those of a grid with separable axes, points of patches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Places on the sphere.

    Attributes:
        lonlat_deg: (n, 2) float64 longitude and latitude in degrees.
        axes_deg: longitudes (w,) and latitudes (h,) if the places are exactly their product in row-major order
            (n = h * w, the longitude varies fastest); else None. A function of one coordinate then needs h + w
            evaluations instead of h * w.
        patches: (n,) whole numbers of the patches that the places are points of, or -1 for a place by itself; None if
            all are places by themselves. A field may find its values at the points of a patch from those at a few of
            them, see `rangegeo.field.supports`.
    """

    lonlat_deg: Tensor
    axes_deg: tuple[Tensor, Tensor] | None = None
    patches: Tensor | None = None

    @classmethod
    def scattered(cls, lonlat_deg: Tensor) -> Places:
        """(n, 2) places in no particular order."""
        return cls(lonlat_deg.double())

    @classmethod
    def grid(cls, lon_deg: Tensor, lat_deg: Tensor) -> Places:
        """The product of two axes, one row of equal latitude after the other."""
        lon_deg, lat_deg = lon_deg.double(), lat_deg.double()
        lat, lon = torch.meshgrid(lat_deg, lon_deg, indexing="ij")
        return cls(torch.stack([lon.reshape(-1), lat.reshape(-1)], dim=1), (lon_deg, lat_deg))

    def __len__(self) -> int:
        return self.lonlat_deg.shape[0]

    def split(self, size: int) -> list[tuple[slice, Places]]:
        """Cut the places into consecutive parts of about `size`; a grid is cut between rows, into grids.

        Returns:
            for each part the slice of the places that it holds, and the part.
        """
        if self.axes_deg is None:
            bounds = range(0, len(self), size)
            cuts = [slice(start, min(start + size, len(self))) for start in bounds]
            return [(cut, Places(self.lonlat_deg[cut], patches=self._patches(cut))) for cut in cuts]
        lon, lat = self.axes_deg
        rows = max(1, size // max(1, len(lon)))
        parts = []
        for top in range(0, len(lat), rows):
            cut = slice(top * len(lon), min(top + rows, len(lat)) * len(lon))
            parts.append((cut, Places(self.lonlat_deg[cut], (lon, lat[top : top + rows]), self._patches(cut))))
        return parts

    def to(self, device: torch.device | str) -> Places:
        """The same places on another device."""
        axes = self.axes_deg
        if axes is not None:
            lon, lat = axes
            axes = lon.to(device), lat.to(device)
        patches = None if self.patches is None else self.patches.to(device)
        return Places(self.lonlat_deg.to(device), axes, patches)

    def _patches(self, cut: slice) -> Tensor | None:
        return None if self.patches is None else self.patches[cut]


def unit_vectors(lonlat_deg: Tensor) -> Tensor:
    """(n, 2) degrees to (n, 3) unit vectors (cos lat cos lon, cos lat sin lon, sin lat) of the same dtype."""
    lon, lat = torch.deg2rad(lonlat_deg).unbind(-1)
    cos_lat = torch.cos(lat)
    return torch.stack([cos_lat * torch.cos(lon), cos_lat * torch.sin(lon), torch.sin(lat)], dim=-1)
