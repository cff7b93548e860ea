"""RANGE and RANGE+: the output of a location encoder, and weighted averages of the image features in a database.

    q = encoder(place) / |encoder(place)|
    S = softmax(t q·K) V                     semantic, t = 12 (RANGE+) or 15 (RANGE)
    G = softmax(g x·X) V                     geographic, g = 40
    RANGE+ = [(1 - beta) G + beta S, q]      RANGE = [S, q]

K and V are the keys and the values of the database's rows, X the places of the rows and x the place itself, both as
unit vectors on the sphere. t and g are inverse temperatures: weights are proportional to exp(t q·K). The paper, the
attributes of files and this code call them `temperature`. The published values can be replaced by others.

Source: Dhakal et al., CVPR 2025, arXiv:2502.19781, and mvrl/RANGE.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from rangegeo.errors import ShapeError
from rangegeo.field.blend import blend
from rangegeo.field.components import Components
from rangegeo.field.encoder import LocationEncoder
from rangegeo.field.entropy import FoldedEntropy, softmax_entropy
from rangegeo.field.geographic import FoldedAverage
from rangegeo.field.places import Places, unit_vectors
from rangegeo.field.retrieval import sharp_average, softmax_average
from rangegeo.field.supports import shared_average, sums_are_shared
from rangegeo.field.temperatures import GEOGRAPHIC_TEMPERATURE

# The patches of the engine are smaller at higher temperatures, so that the change from one row to another, which is
# 2 / g radians wide or wider, cannot hide between the points of a patch. At the published values these limits are wider
# than any patch.
SMOOTH_SEMANTIC_DEG = 77.0  # divided by t
SMOOTH_GEOGRAPHIC_DEG = 400.0  # divided by g


class EncoderField(nn.Module):
    """A location encoder alone, as a field without visual bands.

    Args:
        encoder: gives the location bands.
    """

    visual = 0

    def __init__(self, encoder: LocationEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    @property
    def dim(self) -> int:
        """Number of bands."""
        return self.encoder.dim

    @property
    def smooth_deg(self) -> float:
        """Degrees over which a few Chebyshev points follow the values; see `LocationEncoder`."""
        return self.encoder.smooth_deg

    def components(self, places: Places, *, semantic: bool = False, geographic: bool = False) -> Components:
        """The encoder's own output as q, not normalised. S and G are None, also if they are asked for."""
        return Components(None, None, self.encoder(places))

    def forward(self, places: Places) -> Tensor:
        """(n, dim) the encoder's output."""
        return self.encoder(places)


class RangeField(nn.Module):
    """The RANGE field over one database.

    Args:
        encoder: gives (n, dim) float64.
        keys: (N, dim) float32 unit vectors.
        values: (N, v) float32.
        locs: (N, 2) places of the rows, lon, lat in degrees.
        temperature: inverse temperature of the semantic softmax, in (0, 43].
        geographic_temperature: inverse temperature of the geographic softmax, above 0.
        folded: (v + 1, L²) coefficients from `geographic.fold` at the geographic temperature. None: the geographic
            average sums all rows, which is slower.
        geographic: False for RANGE, which has no geographic average.
    Raises:
        ShapeError: the encoder and the keys differ in width.
    """

    keys: Tensor
    values: Tensor
    locs: Tensor
    xyz: Tensor

    def __init__(
        self,
        encoder: LocationEncoder,
        keys: Tensor,
        values: Tensor,
        locs: Tensor,
        *,
        temperature: float,
        geographic_temperature: float = GEOGRAPHIC_TEMPERATURE,
        folded: Tensor | None = None,
        geographic: bool = True,
    ) -> None:
        super().__init__()
        if encoder.dim != keys.shape[1]:
            raise ShapeError(
                f"the encoder gives {encoder.dim} values a place but the database's keys have {keys.shape[1]}; "
                "use the database made with these weights"
            )
        self.encoder = encoder
        self.temperature, self.geographic_temperature = temperature, geographic_temperature
        self.register_buffer("keys", keys, persistent=False)
        self.register_buffer("values", values, persistent=False)
        self.register_buffer("locs", locs, persistent=False)
        self.register_buffer("xyz", database_vectors(locs), persistent=False)
        self.folded = FoldedAverage(folded, len(values)) if geographic and folded is not None else None
        self.folded_entropy = FoldedEntropy(self.folded, geographic_temperature) if self.folded else None
        self.geographic = geographic

    @property
    def visual(self) -> int:
        """Number of visual bands, those of S and of G."""
        return self.values.shape[1]

    @property
    def dim(self) -> int:
        """Number of bands of an embedding."""
        return self.visual + self.keys.shape[1]

    @property
    def smooth_deg(self) -> float:
        """Degrees over which a few Chebyshev points follow S, G and q; see `LocationEncoder`."""
        semantic = SMOOTH_SEMANTIC_DEG / self.temperature
        geographic = SMOOTH_GEOGRAPHIC_DEG / self.geographic_temperature if self.geographic else math.inf
        return min(self.encoder.smooth_deg, semantic, geographic)

    def components(
        self, places: Places, *, semantic: bool = True, geographic: bool = True, diagnostics: Collection[str] = ()
    ) -> Components:
        """Compute q at each place; S, G and diagnostics only if they are asked for.

        Args:
            places: n places.
            semantic, geographic: whether to compute S and G.
            diagnostics: names from `rangegeo.schema.bands.DIAGNOSTICS`.
        """
        location = nn.functional.normalize(self.encoder(places), dim=1, eps=0.0)
        return Components(
            self.semantic_average(location, places, self.temperature) if semantic else None,
            self.geographic_average(places) if geographic else None,
            location,
            self._diagnostics(places, location, diagnostics),
        )

    def _diagnostics(self, places: Places, location: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """Diagnostics by name, each (n, 1) float64; `location` is q at the n places."""
        entropies = {}
        if any(name.startswith("semantic_") for name in names):
            entropies["semantic"] = softmax_entropy(location.float(), self.keys, self.temperature)
        if any(name.startswith("geographic_") for name in names):
            entropies["geographic"] = self.geographic_entropy(places)
        found = {}
        for name in names:
            kind, _, quantity = name.partition("_")
            entropy = entropies[kind][:, None]
            found[name] = entropy.exp() if quantity == "neighbours" else entropy
        return found

    @property
    def shares(self) -> bool:
        """Whether S at the points of a patch is found from a few of them, see `rangegeo.field.supports`."""
        return sums_are_shared(self.keys, self.values)

    def semantic_average(self, location: Tensor, places: Places, temperature: float) -> Tensor:
        """(n, v) float32 averages of the values by likeness; `location` is q at the n places."""
        if places.patches is None or not self.shares:
            return softmax_average(location.float(), self.keys, self.values, temperature)
        return shared_average(location, places.patches, self.keys, self.values, temperature)

    def geographic_average(self, places: Places) -> Tensor:
        """(n, v) float32 averages of the values by distance."""
        if self.folded is None:
            return self._geographic_sum(places.lonlat_deg)
        average, accurate = self.folded(places)
        if not accurate.all():
            average[~accurate] = self._geographic_sum(places.lonlat_deg[~accurate])
        return average

    def geographic_entropy(self, places: Places) -> Tensor:
        """(n,) float64 entropy of the geographic weights, in nats."""
        if self.folded_entropy is None:
            return self._geographic_entropy(places.lonlat_deg)
        entropy, accurate = self.folded_entropy(places)
        if not accurate.all():
            entropy[~accurate] = self._geographic_entropy(places.lonlat_deg[~accurate])
        return entropy

    def _geographic_entropy(self, lonlat_deg: Tensor) -> Tensor:
        """The same entropy, summed over all database rows."""
        return softmax_entropy(unit_vectors(lonlat_deg).double(), self.xyz, self.geographic_temperature)

    def _geographic_sum(self, lonlat_deg: Tensor) -> Tensor:
        """The same averages, summed over all database rows."""
        xyz = unit_vectors(lonlat_deg).double()
        return sharp_average(xyz, self.xyz, self.values, self.geographic_temperature)

    def forward(self, places: Places, betas: Sequence[float] = (1.0,), dtype: torch.dtype = torch.float32) -> Tensor:
        """[(1 - beta) G + beta S, q] for each beta: (betas, n, v + k). S, G and q are evaluated once for all betas."""
        found = self.components(places, semantic=any(b > 0 for b in betas), geographic=any(b < 1 for b in betas))
        out = self.values.new_empty(len(betas), len(places), self.dim, dtype=dtype)
        for index, beta in enumerate(betas):
            out[index, :, : self.visual] = blend(found.semantic, found.geographic, beta)
        out[:, :, self.visual :] = found.location
        return out


def database_vectors(lonlat_deg: Tensor) -> Tensor:
    """(N, 2) degrees to (N, 3) unit vectors. Every step is float32, to get the rounding errors of the original code."""
    radians = lonlat_deg.float() * torch.pi / 180
    lon, lat = radians.unbind(1)
    return torch.stack([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()], dim=1)
