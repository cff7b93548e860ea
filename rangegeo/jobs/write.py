"""A cube to files: check the destination, fit its storage, compute and write, and say what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import dask.array as da
import xarray as xr

from rangegeo.cubes.lazy import as_lazy
from rangegeo.cubes.proof import proof
from rangegeo.errors import UsageError
from rangegeo.schema.cube import as_4d, geobox_of, north_up
from rangegeo.stores.formats import FORMATS, Format
from rangegeo.stores.quantise import Storage, check_dtype, fit_storage
from rangegeo.support.paths import local_path

METHODS = {"zarr": "to_zarr", "cog": "to_geotiff"}  # of the accessor, by format


def write_cube(
    cube: xr.DataArray,
    path: str | Path,
    format: str,
    *,
    overwrite: bool = False,
    dtype: str = "float32",
    creation_options: Mapping[str, object] | None = None,
    **options: object,
) -> list[Path]:
    """Write any cube: lazy, virtual, in memory, or a regular slice of one.

    Args:
        path: of the output; with several betas a GeoTIFF becomes NAME_beta0.5.tif and so on.
        format: "zarr" or "cog".
        overwrite: replace what is there.
        dtype: float32, float16, int16 or int8; for integers the cube is computed twice, at first for its ranges.
        creation_options, options: of the format's writer.
    Returns:
        The paths of the embeddings.
    Raises:
        UsageError: the cube has no grid, or an argument is out of its domain. OutputError: the destination cannot be
            written; nothing was touched.
    """
    geobox_of(cube)
    path, form = local_path(path), FORMATS[format]
    of_suffix = next((name for name, row in FORMATS.items() if path.suffix.lower() in row.suffixes), format)
    if of_suffix != format:
        raise UsageError(
            f"{path} is the name of another format; write it with {METHODS[of_suffix]}, or give another path"
        )
    options = {**options, "overwrite": overwrite, "creation_options": creation_options}
    cube = north_up(cube) if form.north_up else cube
    form.check(cube, path, dtype=check_dtype(dtype), **options)  # before anything is computed
    cube = as_lazy(cube)
    names = cube["band_name"].values.tolist()
    storage = fit_storage(dtype, names, lambda: da.asarray(as_4d(cube).data), one_scale=form.one_scale)
    return compute_and_write(cube, path, form, storage, options)


def compute_and_write(
    cube: xr.DataArray,
    path: Path,
    form: Format,
    storage: Storage,
    options: Mapping[str, object],
    report: Callable[[dict[str, object]], None] | None = None,
) -> list[Path]:
    """Write a cube whose destination and storage are known.

    Args:
        cube: backed by dask.
        options: of the format's writer.
        report: called with the facts that were measured.
    """
    return form.write(cube, path, storage=storage, measured=proof(cube), report=report, **options)
