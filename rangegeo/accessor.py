"""`.rangegeo` on embedding cubes: colours and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from rangegeo.colours import Colours, fit_colours, sample_steps
from rangegeo.errors import UsageError
from rangegeo.writers.geotiff import write_geotiff
from rangegeo.writers.zarr import write_zarr


@xr.register_dataarray_accessor("rangegeo")
class RangegeoAccessor:
    """Methods on a cube from `rangegeo.raster` or `rangegeo.open_cube`."""

    def __init__(self, cube: xr.DataArray) -> None:
        if not {"band", "y", "x"} <= set(cube.dims):
            raise UsageError(f".rangegeo needs a cube with dims band, y and x, got {cube.dims}")
        self._cube = cube

    def rgb(self) -> xr.DataArray:
        """Colours: the three main directions in which the cube's pixels vary, shared by all its betas.

        Returns:
            uint8 with dims (y, x, rgb), or (beta, y, x, rgb), computed lazily; a sample of pixels is computed now.
        """
        cube = self._cube
        colours = self._fit_colours()
        painted = xr.apply_ufunc(
            lambda values: np.moveaxis(colours.paint(np.moveaxis(values, -1, 0)), 0, -1),
            cube.chunk(band=-1) if cube.chunks else cube,
            input_core_dims=[["band"]],
            output_core_dims=[["rgb"]],
            dask="parallelized",
            output_dtypes=[np.uint8],
            dask_gufunc_kwargs={"output_sizes": {"rgb": 3}},
        )
        return painted.assign_coords(rgb=["red", "green", "blue"]).rename("rgb").drop_attrs()

    def _fit_colours(self) -> Colours:
        cube = self._cube
        step = sample_steps((cube.sizes["y"], cube.sizes["x"]))
        sample = cube.isel(y=slice(None, None, step), x=slice(None, None, step))
        return fit_colours(sample.transpose(..., "band").values.reshape(-1, cube.sizes["band"]))

    def to_zarr(self, path: str | Path, *, overwrite: bool = False, zarr_format: int = 3) -> list[Path]:
        """Write a Zarr store; see `rangegeo.writers.zarr.write_zarr`."""
        return write_zarr(self._cube, path, overwrite=overwrite, zarr_format=zarr_format)

    def to_geotiff(self, path: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Write Cloud Optimized GeoTIFFs, one a beta; see `rangegeo.writers.geotiff.write_geotiff`."""
        return write_geotiff(self._cube, path, overwrite=overwrite)
