"""`.rangegeo` on embedding cubes: every method is one call of what does the work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from rangegeo.analysis.clusters import cluster
from rangegeo.analysis.sample import sample
from rangegeo.analysis.similarity import similarity
from rangegeo.cubes.betas import at_beta
from rangegeo.cubes.lazy import as_lazy
from rangegeo.errors import UsageError
from rangegeo.jobs.write import write_cube
from rangegeo.models.model import Model
from rangegeo.pictures.notebook import painted, plot
from rangegeo.reports.summary import as_html, as_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@xr.register_dataarray_accessor("rangegeo")
class RangegeoAccessor:
    """Methods on a cube from `rangegeo.raster` or `rangegeo.open_cube`."""

    def __init__(self, cube: xr.DataArray) -> None:
        if not {"band", "y", "x"} <= set(cube.dims):
            raise UsageError(
                f".rangegeo needs a cube with dims band, y and x, got {cube.dims}; sel(band=[1]) keeps a band's "
                "dim, and rioxarray's .rio.to_raster writes maps without bands"
            )
        self._cube = cube

    def __repr__(self) -> str:
        return as_text(self._cube)

    def _repr_html_(self) -> str:
        return as_html(self._cube)

    def rgb(self) -> xr.DataArray:
        """Colours: the three main directions in which the cube's pixels vary, shared by all its betas.

        Returns:
            uint8 with dims (y, x, rgb), or (beta, y, x, rgb), computed lazily; a sample of pixels is computed now.
        """
        return painted(self._cube)

    def plot(self, *, method: str = "pca", seed: int = 0, title: str | None = None, note: str | None = None) -> Figure:
        """A map of the colours, all betas side by side; see `rangegeo.pictures.draw`.

        Returns:
            A matplotlib figure, which a notebook shows.
        Raises:
            MissingPackage: matplotlib is missing, or scikit-learn for the method "ica".
        """
        return plot(self._cube, method=method, seed=seed, title=title, note=note)

    def at(self, beta: float) -> xr.DataArray:
        """The embedding at one beta, lazily: any from a cube with layout "components", else one that it holds.

        Args:
            beta: in [0, 1].
        Returns:
            (band, y, x) float32 with a scalar coordinate beta; (1 - beta) G + beta S, then q and diagnostics.
        Raises:
            UsageError: the cube does not hold what this beta needs.
        """
        return at_beta(self._cube, beta)

    def similarity(self, lon: object, lat: object, *, model: Model | None = None) -> xr.DataArray:
        """Cosine of every pixel with the embedding at a place, or at several; see `rangegeo.similarity`.

        Args:
            lon, lat: in degrees, one number each or arrays of the same length.
            model: that the cube was made with, to compare with places outside it too.
        """
        return similarity(self._cube, np.stack(np.broadcast_arrays(lon, lat), axis=-1), model=model)

    def cluster(self, k: int, *, seed: int = 0) -> xr.DataArray:
        """Which of k clusters each pixel belongs to, -1 without data; see `rangegeo.analysis.clusters.cluster`."""
        return cluster(self._cube, k, seed=seed)

    def sample(self, places: object, *, method: str = "nearest", invalid: str | None = None) -> xr.DataArray:
        """Values at places, of an array, a table or a GeoDataFrame; see `rangegeo.analysis.sample.sample`."""
        return sample(self._cube, places, method=method, invalid=invalid)

    def to_dask(self) -> xr.DataArray:
        """The cube backed by dask, chunk by chunk; of a virtual one (`chunks=None`) just what was sliced."""
        return as_lazy(self._cube)

    def to_zarr(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        zarr_format: int = 3,
        dtype: str = "float32",
        creation_options: Mapping[str, object] | None = None,
    ) -> list[Path]:
        """Write a Zarr store; see `rangegeo.stores.zarr.write_zarr`.

        Args:
            dtype: float32, float16, int16 or int8; for integers the cube is computed twice, at first for its ranges.
        """
        return write_cube(
            self._cube,
            path,
            "zarr",
            overwrite=overwrite,
            zarr_format=zarr_format,
            dtype=dtype,
            creation_options=creation_options,
        )

    def to_geotiff(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        dtype: str = "float32",
        creation_options: Mapping[str, object] | None = None,
    ) -> list[Path]:
        """Write Cloud Optimized GeoTIFFs, one a beta; see `rangegeo.stores.geotiff.write_geotiff`.

        Args:
            dtype: as for `to_zarr`.
        """
        return write_cube(self._cube, path, "cog", overwrite=overwrite, dtype=dtype, creation_options=creation_options)
