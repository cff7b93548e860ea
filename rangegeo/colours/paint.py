"""Colours of whole cubes. They are fitted on a sample of all betas and painted lazily, chunk by chunk."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rangegeo.colours.fit import Colours, fit_colours
from rangegeo.grid.samples import sample_lattice


def fit_cube(cube: xr.DataArray, method: str = "pca", seed: int = 0) -> Colours:
    """Fit the colours of a cube. All betas share them, and only a sample of the pixels is read.

    Args:
        cube: (…, band, y, x).
        method: "pca", "ica" or "bands"; see `rangegeo.colours.fit.fit_colours`.
        seed: the seed of the sample and of "ica".
    Raises:
        UsageError: there is no such method.
        MissingPackage: the method is "ica" and scikit-learn is not installed.
    """
    rows, cols = sample_lattice((cube.sizes["y"], cube.sizes["x"]), seed)
    sample = cube.isel(y=rows).isel(x=cols).transpose(..., "band")
    names = cube["band_name"].values.tolist() if "band_name" in cube.coords else None
    return fit_colours(sample.values.reshape(-1, cube.sizes["band"]), method, seed, names=names)


def paint_cube(cube: xr.DataArray, colours: Colours) -> xr.DataArray:
    """Paint a cube (…, band, y, x).

    Returns:
        (…, y, x, rgb) uint8 shades from 1 to 255, and 0 where there is no data; lazy if the cube is lazy.
    """
    painted = xr.apply_ufunc(
        lambda values: np.moveaxis(colours.paint(np.moveaxis(values, -1, 0)), 0, -1),
        cube.chunk(band=-1) if cube.chunks else cube,
        input_core_dims=[["band"]],
        output_core_dims=[["rgb"]],
        dask="parallelized",
        output_dtypes=[np.uint8],
        dask_gufunc_kwargs={"output_sizes": {"rgb": 3}},
    )
    names = np.array(["red", "green", "blue"], dtype=object)
    return painted.assign_coords(rgb=names).rename("colour").drop_attrs(deep=False)
