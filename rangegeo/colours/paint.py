"""Colours of whole cubes, chunk by chunk: fitted on a sample of all betas, painted lazily."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rangegeo.colours.fit import Colours, fit_colours
from rangegeo.grid.samples import sample_lattice


def fit_cube(cube: xr.DataArray, method: str = "pca", seed: int = 0) -> Colours:
    """The colours of a cube's embedding (…, band, y, x), shared by all its betas; reads a sample of its pixels.

    Raises: as `rangegeo.colours.fit.fit_colours`.
    """
    rows, cols = sample_lattice((cube.sizes["y"], cube.sizes["x"]), seed)
    sample = cube.isel(y=rows).isel(x=cols).transpose(..., "band")
    names = cube["band_name"].values.tolist() if "band_name" in cube.coords else None
    return fit_colours(sample.values.reshape(-1, cube.sizes["band"]), method, seed, names=names)


def paint_cube(cube: xr.DataArray, colours: Colours) -> xr.DataArray:
    """uint8 (…, y, x, rgb), as lazy as the cube; 0 where there is no data, else from 1 on."""
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
