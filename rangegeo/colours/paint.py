"""Colours of whole cubes. They are fitted on a sample of all betas and painted lazily, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from rangegeo.colours.fit import Colours, fit_betas
from rangegeo.grid.samples import sample_lattice


def fit_cube(cube: xr.DataArray, method: str = "pca", seed: int = 0, stretch: str = "shared") -> tuple[Colours, ...]:
    """Fit the colours of a cube. Only a sample of the pixels is read.

    Args:
        cube: (…, band, y, x).
        method: "pca", "ica" or "bands"; see `rangegeo.colours.fit.fit_colours`.
        seed: the seed of the sample and of "ica".
        stretch: "shared" or "each"; see `rangegeo.colours.fit.fit_betas`.
    Returns:
        One element for all betas, or one for each.
    Raises:
        UsageError: there is no such method or stretch.
        MissingPackage: the method is "ica" and scikit-learn is not installed.
    """
    rows, cols = sample_lattice((cube.sizes["y"], cube.sizes["x"]), seed)
    sample = cube.isel(y=rows).isel(x=cols).transpose("beta", ..., "band", missing_dims="ignore").values
    betas = sample if "beta" in cube.dims else sample[None]
    samples = [layer.reshape(-1, cube.sizes["band"]) for layer in betas]
    names = cube["band_name"].values.tolist() if "band_name" in cube.coords else None
    return fit_betas(samples, method, seed, stretch=stretch, names=names)


def colours_of(colours: Sequence[Colours], beta: int) -> Colours:
    """The colours of one beta, given its index."""
    return colours[0] if len(colours) == 1 else colours[beta]


def paint_cube(cube: xr.DataArray, colours: Sequence[Colours]) -> xr.DataArray:
    """Paint a cube.

    Args:
        cube: (…, band, y, x).
        colours: one element for all betas, or one for each.
    Returns:
        (…, y, x, rgb) uint8 shades from 1 to 255, and 0 where there is no data; lazy if the cube is lazy.
    """
    if len(colours) == 1:
        return _painted(cube, colours[0])
    layers = [_painted(cube.isel(beta=[index]), each) for index, each in enumerate(colours)]
    return xr.concat(layers, "beta", coords="minimal", compat="override", join="override", combine_attrs="override")


def _painted(cube: xr.DataArray, colours: Colours) -> xr.DataArray:
    """Paint a cube (…, band, y, x) in the same colours everywhere."""
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
