"""From what xarray reads to a cube: which array it is, what its bands are called, what is known about it.

The dataset was written by rangegeo, or by xarray from a cube that was sliced, sorted, renamed or merged meanwhile. So
nothing but the array itself is taken for granted.
"""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from rangegeo.errors import CubeError, CubeWarning
from rangegeo.schema.complete import as_text, completed, text
from rangegeo.schema.cube import NAME
from rangegeo.schema.facts import MARKED, OF_VALUES, facts_of_values, is_as_written, is_within, title, with_facts
from rangegeo.schema.steps import decoded, with_values
from rangegeo.stores.attributes import nested_facts, plain_attributes
from rangegeo.stores.joined import check_steps
from rangegeo.support.location import Location

DIMS = ("beta", "band", "y", "x")
OF_FORMAT = ("compressors", "compressor", "filters", "serializer", "shards")  # that xarray would hand to other formats


def array_name(dataset: xr.Dataset, path: Location) -> str:
    """The name of the array that is a cube; the array may have been renamed.

    Raises:
        CubeError: no array has the dimensions of a cube, or several have.
    """
    found = [str(name) for name, array in dataset.data_vars.items() if {"band", "y", "x"} <= set(array.dims)]
    if NAME in found:
        return NAME
    if len(found) != 1:
        several = f"; it has several: {', '.join(found)}" if found else ""
        raise CubeError(
            f"{path} has no array {NAME!r} with dims band, y and x{several}; expected a cube that rangegeo raster wrote"
        )
    return found[0]


def cube_of(dataset: xr.Dataset, name: str, path: Location) -> xr.DataArray:
    """The cube of a dataset: float32, with the usual order of dimensions, its coordinates and its facts.

    Raises:
        CubeError: the array has other dimensions than a cube, or steps of integers without a scale.
    """
    cube = dataset[name]
    others = [str(dim) for dim in cube.dims if dim not in DIMS]
    if others:
        raise CubeError(f"{path} has the dims {cube.dims}, and a cube has none of {', '.join(others)}; take a slice")
    cube = with_values(cube.transpose(*(dim for dim in DIMS if dim in cube.dims)))
    cube = _named(cube, path)
    facts = nested_facts(plain_attributes(cube.attrs) | _facts_of_group(dataset, cube))
    stored = np.dtype(cube.encoding.get("dtype", cube.dtype))
    check_steps(path, facts, str(stored), scaled="scale_factor" in {*cube.encoding, *dataset[name].attrs})
    conventions = ("proj:", "spatial:", "geoemb:", "zarr_conventions")
    facts = {key: value for key, value in facts.items() if not key.startswith(conventions)}
    cube = completed(with_facts(cube.rename(NAME), facts))
    if cube.dtype != np.float32:  # xarray decodes integers to float64, and does not decode float16
        bands = cube.sizes["band"]
        half = cube.dtype == np.float16
        cube = cube.copy(data=decoded(cube.variable, np.ones(bands), np.zeros(bands)))
        if half:
            cube.encoding.pop("dtype", None)  # neither netCDF nor GeoTIFF has it
    for name in OF_FORMAT:
        cube.encoding.pop(name, None)
    has_beta = dataset.attrs.get("rangegeo_has_beta", "beta" in cube.coords)
    return cube if has_beta or "beta" not in cube.dims or cube.sizes["beta"] > 1 else cube.isel(beta=0)


def _facts_of_group(dataset: xr.Dataset, cube: xr.DataArray) -> dict[str, object]:
    """What the group says about these very values; nothing if they were computed from those that it speaks of."""
    known = dict(facts_of_values(cube))  # of a dataset that our own engine opened
    if dataset.attrs.get(MARKED) and not (is_as_written(cube) and is_within(cube, dataset.attrs)):
        return known
    for name, value in dataset.attrs.items():
        if str(name).startswith(OF_VALUES) or (name == "long_name" and value == title(cube.attrs.get("model"))):
            known[str(name)] = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return known


def _named(cube: xr.DataArray, path: Location) -> xr.DataArray:
    """The cube with names of its bands that are known to be theirs.

    Stores of rangegeo 0.2 and before list the names beside the array, where they stay behind if xarray sorts the bands
    or leaves some out. The numbers of the bands tell whether that happened.
    """
    if "band_name" in cube.coords:
        cube = cube.assign_coords(band_name=as_text(cube["band_name"]))
    listed = cube.attrs.get("band_names")
    if "band_name" in cube.coords or not isinstance(listed, list | tuple):
        return completed(cube)
    numbers = cube["band"].values.tolist() if "band" in cube.coords else list(range(1, cube.sizes["band"] + 1))
    in_order = numbers == sorted(numbers)
    if len(listed) == len(numbers) and in_order:
        return cube.assign_coords(band_name=("band", text(listed)))
    if len(listed) != len(numbers) and all(1 <= number <= len(listed) for number in numbers):
        return cube.assign_coords(band_name=("band", text([listed[number - 1] for number in numbers])))
    warnings.warn(
        f"{path} does not tell which of its names belongs to which band; the bands are called by their numbers",
        CubeWarning,
        stacklevel=5,
    )
    return cube
