"""`.rangegeo` on embedding cubes: colours and files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import xarray as xr

from rangegeo.analysis.clusters import cluster
from rangegeo.analysis.sample import sample
from rangegeo.analysis.similarity import similarity
from rangegeo.colours.paint import fit_cube, paint_cube
from rangegeo.cubes.lazy import as_lazy
from rangegeo.cubes.proof import proof
from rangegeo.errors import UsageError
from rangegeo.models.model import Model
from rangegeo.pictures.figure import decimated, draw, note_of, title_of
from rangegeo.reports.summary import as_html, as_text
from rangegeo.schema.cube import as_4d, geobox_of, is_in_memory, north_up
from rangegeo.stores.geotiff import check_outputs, write_geotiff
from rangegeo.stores.quantise import Storage, check_dtype, fit_storage
from rangegeo.stores.zarr import check_store, write_zarr
from rangegeo.support.optional import import_optional

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
        geobox_of(self._cube)
        cube = self._cube if is_in_memory(self._cube) else as_lazy(self._cube)
        return paint_cube(cube, fit_cube(self._cube))

    def plot(self, *, method: str = "pca", seed: int = 0, title: str | None = None, note: str | None = None) -> Figure:
        """A map of the colours, all betas side by side; see `rangegeo.pictures.draw`.

        Returns:
            A matplotlib figure, which a notebook shows.
        Raises:
            MissingPackage: matplotlib is missing, or scikit-learn for the method "ica".
        """
        pyplot = import_optional("matplotlib.pyplot", "plot", "plot")
        pyplot.switch_backend(pyplot.get_backend())  # a notebook learns to show figures when its backend is loaded
        geobox_of(self._cube)
        cube, colours = self._cube, None
        if cube.chunks is None and not is_in_memory(cube):
            thinned = decimated(cube)
            cube, colours = as_lazy(thinned), fit_cube(thinned, method, seed)
        title, note = title or title_of(self._cube), note or note_of(self._cube, method)
        return draw(cube, method=method, seed=seed, colours=colours, title=title, note=note)

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

    def sample(self, places: object, *, method: str = "nearest") -> xr.DataArray:
        """Values at places, of an array, a DataFrame or a GeoDataFrame; see `rangegeo.analysis.sample.sample`."""
        return sample(self._cube, places, method=method)

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
        _check_place(self._cube, path, not_for=(".tif", ".tiff"))
        options = {"overwrite": overwrite, "zarr_format": zarr_format, "creation_options": creation_options}
        check_store(self._cube, Path(path), dtype=check_dtype(dtype), **options)  # before anything is computed
        cube = self.to_dask()
        return write_zarr(cube, path, storage=_storage(cube, dtype, one_scale=True), measured=proof(cube), **options)

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
        _check_place(self._cube, path, not_for=(".zarr",))
        options = {"overwrite": overwrite, "creation_options": creation_options}
        cube = north_up(self._cube)
        check_outputs(cube, Path(path), dtype=check_dtype(dtype), **options)
        cube = as_lazy(cube)
        storage = _storage(cube, dtype, one_scale=False)
        return write_geotiff(cube, path, storage=storage, measured=proof(cube), **options)


def _check_place(cube: xr.DataArray, path: str | Path, not_for: tuple[str, ...]) -> None:
    geobox_of(cube)
    if Path(path).suffix.lower() in not_for:
        other = "to_geotiff" if ".tif" in not_for else "to_zarr"
        raise UsageError(f"{path} is the name of another format; write it with {other}, or give another path")


def _storage(cube: xr.DataArray, dtype: str, *, one_scale: bool) -> Storage:
    names = cube["band_name"].values
    return fit_storage(dtype, names, lambda: da.asarray(as_4d(cube).data), one_scale=one_scale)
