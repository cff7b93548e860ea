"""From components to the bands of a cube: blend the betas, keep some bands, project them.

Every step is linear, so it may be applied to Chebyshev points instead of pixels. It works on tensors of torch and on
arrays of NumPy; this module imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rangegeo.field.arrays import as_dtype, empty_like, joined_columns, like
from rangegeo.field.blend import blend
from rangegeo.field.components import Components
from rangegeo.field.probes import Probes


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """A principal component analysis, which replaces the bands by (bands - mean) @ directionsᵀ.

    Attributes:
        mean: (bands,) float32.
        directions: (n, bands) float32 orthonormal rows, the largest loading of each positive.
        explained: (n,) float32 share of the variance that each direction explains.
    """

    mean: np.ndarray
    directions: np.ndarray
    explained: np.ndarray

    def __dask_tokenize__(self) -> tuple[bytes, bytes]:
        """What dask hashes. Without it equal projections would get different dask keys."""
        return self.mean.tobytes(), self.directions.tobytes()

    def __len__(self) -> int:
        return len(self.directions)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the components."""
        return tuple(f"pca_{component}" for component in range(len(self)))

    def narrowed(self, components: Sequence[int]) -> Projection:
        """Some of the components, by their positions."""
        return replace(self, directions=self.directions[components], explained=self.explained[components])

    def worst(self) -> Projection:
        """The projection that turns errors of bands into the largest errors of components that these can make."""
        return replace(self, mean=np.zeros_like(self.mean), directions=np.abs(self.directions))

    def apply(self, bands: Any) -> Any:
        """The components (n, components) of bands (n, bands), a tensor or an array."""
        mean, directions = (like(array, bands) for array in (self.mean, self.directions))
        return (bands - mean) @ directions.T


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The layers and bands of a cube.

    Attributes:
        betas: each becomes one layer; empty for a single layer that holds S, G and q side by side.
        visual: number of visual bands of the model.
        location: number of location bands of the model.
        keep: numbers (from 0) of the bands that are kept, in order; None for all bands of the embedding.
        diagnostics: names of the model's diagnostics; as bands they are numbered after those of the embedding.
        projection: principal components or probes, which replace the bands that are kept; None for neither.
    """

    betas: tuple[float, ...]
    visual: int
    location: int
    keep: tuple[int, ...] | None = None
    diagnostics: tuple[str, ...] = ()
    projection: Projection | Probes | None = None

    @property
    def layers(self) -> int:
        """Number of layers of the cube."""
        return max(1, len(self.betas))

    @property
    def source_bands(self) -> int:
        """Number of all bands of the embedding."""
        return (self.visual if self.betas else 2 * self.visual) + self.location

    @property
    def bands(self) -> int:
        """Number of bands of the cube."""
        if self.projection is not None:
            return len(self.projection)
        return self.source_bands if self.keep is None else len(self.keep)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the bands of the cube.

        They are visual_0000 … and location_000 …; without betas semantic_0000 …, geographic_0000 … and location_000 …;
        after a projection pca_0 …, or those of the probes.
        """
        if self.projection is not None:
            return self.projection.names
        names = self.every_name
        return names[: self.source_bands] if self.keep is None else tuple(names[band] for band in self.keep)

    @property
    def every_name(self) -> tuple[str, ...]:
        """Names of all available bands: those of the embedding, then the diagnostics."""
        width = len(str(max(self.visual, self.location) - 1))
        visual = ("visual",) if self.betas else ("semantic", "geographic")
        groups = [(name, self.visual) for name in visual] + [("location", self.location)]
        return (*(f"{name}_{i:0{width}d}" for name, count in groups for i in range(count)), *self.diagnostics)

    def narrowed(self, layers: Iterable[int], bands: Iterable[int]) -> Recipe:
        """The recipe of some layers and bands of this cube, given by their indices."""
        betas = tuple(self.betas[layer] for layer in layers) if self.betas else ()
        bands = [int(band) for band in bands]
        if self.projection is not None:
            return replace(self, betas=betas, projection=self.projection.narrowed(bands))
        if bands == list(range(self.bands)):
            return replace(self, betas=betas)
        kept_before = range(self.source_bands) if self.keep is None else self.keep
        return replace(self, betas=betas, keep=tuple(kept_before[band] for band in bands))

    @property
    def probes(self) -> Probes | None:
        """The probes, if the bands are their answers."""
        return self.projection if isinstance(self.projection, Probes) else None

    @property
    def kept_diagnostics(self) -> tuple[str, ...]:
        """Names of the diagnostics that are kept."""
        numbered = enumerate(self.diagnostics, start=self.source_bands)
        return tuple(name for band, name in numbered if self.keep is not None and band in self.keep)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the components and diagnostics that are needed. "location" (q) always is."""
        needed = {"semantic": self.needs_semantic, "geographic": self.needs_geographic, "location": True}
        return (*(name for name, is_needed in needed.items() if is_needed), *self.kept_diagnostics)

    @property
    def needs_semantic(self) -> bool:
        """Whether S is needed."""
        first_visual_bands_kept = self._keeps(0, self.visual)  # those of S, or blended ones
        return first_visual_bands_kept and (not self.betas or any(beta > 0 for beta in self.betas))

    @property
    def needs_geographic(self) -> bool:
        """Whether G is needed."""
        if not self.betas:
            return self._keeps(self.visual, 2 * self.visual)
        return self._keeps(0, self.visual) and any(beta < 1 for beta in self.betas)

    def _keeps(self, start: int, stop: int) -> bool:
        """Whether a band from `start` to `stop` (exclusive) is kept."""
        return start < stop and (self.keep is None or any(start <= band < stop for band in self.keep))

    def apply(self, found: Components, dtype: str = "float32") -> Any:
        """Make the bands of n places from their components.

        Args:
            found: the components and diagnostics in `parts`; others may be missing.
            dtype: of the result.
        Returns:
            (layers, n, bands), a tensor or an array as the components are.
        """
        location = as_dtype(found.location, dtype)
        out = empty_like(location, self.layers, len(location), self.bands)
        for index in range(self.layers):
            out[index] = self._layer(found, location, index)
        return out

    def _layer(self, found: Components, location: Any, index: int) -> Any:
        """(n, bands) of one layer."""
        unused = empty_like(location, len(location), self.visual)  # placeholder; these columns are dropped below
        if not self.betas:
            visual = [unused if part is None else part for part in (found.semantic, found.geographic)]
        elif self._keeps(0, self.visual):
            visual = [blend(found.semantic, found.geographic, self.betas[index])]
        else:
            visual = [unused]
        parts = [*visual, location]
        if self.kept_diagnostics:
            parts += [found.diagnostics.get(name, unused[:, :1]) for name in self.diagnostics]
        dtype = str(location.dtype).removeprefix("torch.")
        bands = joined_columns([as_dtype(part, dtype) for part in parts])
        if self.keep is not None:
            bands = bands[:, list(self.keep)]
        return bands if self.projection is None else self.projection.apply(bands)
