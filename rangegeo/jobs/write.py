"""A cube to files: check the destination, fit its storage, compute and write, and say what was measured."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from rangegeo.cubes.lazy import as_lazy
from rangegeo.cubes.mosaic import check_parts
from rangegeo.cubes.proof import Measuring
from rangegeo.cubes.ranges import cube_ranges
from rangegeo.errors import CubeWarning, UsageError
from rangegeo.jobs.measured import loss_line
from rangegeo.jobs.workers import check_workers
from rangegeo.schema.complete import band_names, completed
from rangegeo.schema.cube import as_4d, geobox_of, north_up
from rangegeo.schema.facts import facts_of, facts_of_values
from rangegeo.stores.drafts import kept_storage
from rangegeo.stores.formats import FORMATS, Format, named_options, tiled_format
from rangegeo.stores.quantise import ROUND_OFF, Storage, check_dtype, fit_storage, storage_within
from rangegeo.stores.taken import taken_storage
from rangegeo.support.location import Location, checked_options, located
from rangegeo.support.progress import SILENT, Progress

METHODS = {"zarr": "to_zarr", "cog": "to_geotiff"}  # of the accessor, by format


def write_cube(
    cube: xr.DataArray,
    path: str | Location,
    format: str,
    *,
    overwrite: bool = False,
    resume: bool = False,
    dtype: str = "float32",
    scales_from: str | Location | None = None,
    tiles: int | None = None,
    creation_options: Mapping[str, object] | Iterable[str] | None = None,
    storage_options: Mapping[str, object] | None = None,
    **options: object,
) -> list[Location]:
    """Write any cube: lazy, virtual, in memory, or a regular slice of one.

    Args:
        path: of the output; with several betas a GeoTIFF becomes NAME_beta0.5.tif and so on.
        format: "zarr" or "cog".
        overwrite: replace what is there.
        resume: continue what an interrupted call with the same arguments left.
        dtype: float32, float16, int16 or int8, see `choose_storage`.
        scales_from: another output whose steps integers count in.
        tiles: pixels a side, to write a folder of GeoTIFFs; None for one file.
        storage_options: names and values for addresses, as obstore takes them.
        creation_options, options: of the format's writer.
    Returns:
        The paths of the embeddings.
    Raises:
        UsageError: the cube has no grid, or an argument is out of its domain. OutputError: the destination cannot be
            written; nothing was touched.
    """
    joined = cube
    cube = usual_cube(cube)
    if options.get("zarr_format") in ("2", "3"):
        options["zarr_format"] = int(str(options["zarr_format"]))
    told = checked_options(storage_options)
    path, form, dtype = located(path, told), FORMATS[format], check_dtype(dtype)
    scales_from = None if scales_from is None else located(scales_from, told)
    if tiles is None:
        check_suffix(path, format)
    else:
        form = tiled_format(tiles)
    options = {**options, "overwrite": overwrite, "creation_options": named_options(creation_options)}
    cube = north_up(cube) if form.north_up else cube
    form.check(cube, path, dtype=dtype, resume=resume, **options)  # before anything is computed
    check_parts(joined)
    cube = as_lazy(cube)
    storage = choose_storage(
        cube,
        dtype,
        lambda: da.asarray(as_4d(cube).data),
        one_scale=form.shares_scale(named_options(creation_options)),
        scales_from=scales_from,
        continued=path if resume else None,
    )
    facts: dict[str, object] = {}
    written = compute_and_write(cube, path, form, storage, options | {"resume": resume}, facts.update)
    warn_of_losses(facts, storage, facts_of(cube), stacklevel=4)
    return written


def check_suffix(path: Location, format: str) -> None:
    """Refuse a path whose suffix is not one of the format.

    Raises:
        UsageError: it is the suffix of another format, of none that can be written, or there is none.
    """
    suffix = path.suffix.lower()
    if suffix in FORMATS[format].suffixes:
        return
    other = next((name for name, row in FORMATS.items() if suffix in row.suffixes), None)
    if other is not None:
        raise UsageError(f"{path} is the name of another format; write it with {METHODS[other]}, or give another path")
    expected, usual = " or ".join(FORMATS[format].suffixes), FORMATS[format].suffixes[0]
    shown = path.with_name(path.name + usual)
    raise UsageError(argument="out", expected=f"a name that ends in {expected}", got=repr(str(path)), example=shown)


def warn_of_losses(
    facts: Mapping[str, Any], storage: Storage, before: Mapping[str, Any], *, stacklevel: int = 2
) -> None:
    """Warn if values did not fit into what they are stored as: what was written is not what was computed.

    Args:
        facts, storage, before: as in `rangegeo.jobs.measured.loss_line`.
    """
    said = loss_line(facts, storage, before)
    if said:
        warnings.warn(CubeWarning(said), stacklevel=stacklevel)


def choose_storage(
    cube: xr.DataArray,
    dtype: str,
    sample: Callable[[], da.Array],
    *,
    one_scale: bool,
    scales_from: str | Location | None = None,
    continued: Location | None = None,
    round_off: float = ROUND_OFF,
) -> Storage:
    """How the values of a cube are stored.

    int16 has steps enough for all values that a model gives anywhere, so files of neighbours have the same steps and
    can be joined. int8 has not, and neither is the range known of a cube that was opened or computed from others: their
    ranges are fitted to the cube itself, which is computed twice.

    Args:
        cube: with its coordinates and facts; its values may be missing.
        dtype: float32, float16, int16 or int8.
        sample: as in `fit_storage`.
        one_scale: as in `fit_storage`.
        scales_from: another output whose steps are taken.
        continued: an unfinished output whose steps are taken if it has the same dtype.
        round_off: as in `fit_storage`.
    Raises:
        UsageError: values cannot be stored as `dtype`, or in the steps of the other output.
    """
    names, layers = band_names(cube), cube.sizes.get("beta", 1)
    if scales_from is not None:
        return taken_storage(scales_from, check_dtype(dtype), names, layers, facts_of(cube), one_scale=one_scale)
    kept = None if continued is None else kept_storage(continued, dtype)
    if kept is not None:
        return kept
    ranges = cube_ranges(cube) if dtype == "int16" else None
    if ranges is None:
        return fit_storage(dtype, names, sample, one_scale=one_scale, round_off=round_off)
    return storage_within(dtype, names, *ranges, one_scale=one_scale, origin="model")


def compute_and_write(
    cube: xr.DataArray,
    path: Location,
    form: Format,
    storage: Storage,
    options: Mapping[str, object],
    report: Callable[[dict[str, object]], None] | None = None,
    progress: Progress = SILENT,
) -> list[Location]:
    """Write a cube whose destination and storage are known.

    Args:
        cube: backed by dask.
        options: of the format's writer.
        report: called with the facts that were measured.
        progress: is told how far the work is.
    """
    check_workers(cube, path)
    known = facts_of_values(cube)
    measuring = partial(Measuring.of, earlier=known) if known else None  # the error is of the model's own values alone
    return form.write(cube, path, storage=storage, measuring=measuring, report=report, progress=progress, **options)


def _check_labels(cube: xr.DataArray) -> None:
    """Refuse a cube whose layers or bands could not be told apart in a file.

    Raises:
        UsageError: it has several betas and does not say which, or two bands have the same name.
    """
    if cube.sizes.get("beta", 1) > 1 and "beta" not in cube.coords:
        raise UsageError(
            f"the cube has {cube.sizes['beta']} layers and does not say their betas; give them back with "
            "cube.assign_coords(beta=[...])"
        )
    betas = np.atleast_1d(cube["beta"].values) if "beta" in cube.coords else np.array([])
    if betas.dtype.kind not in "fiu":
        raise UsageError(
            f"the betas of the cube must be numbers, got {betas[0]!r}; give them back with "
            "cube.assign_coords(beta=[...])"
        )
    if len(np.unique(betas)) < len(betas):
        twice = next(beta for beta in betas.tolist() if betas.tolist().count(beta) > 1)
        raise UsageError(
            f'the cube has the beta {twice:g} twice; give each beta once, for example by cube.drop_duplicates("beta")'
        )
    names = band_names(cube)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(
            f"two bands of the cube are called {twice!r}; write each model to a file of its own, or give the bands "
            'other names: cube.assign_coords(band_name=("band", NAMES))'
        )


def usual_cube(cube: xr.DataArray) -> xr.DataArray:
    """A cube as other programs hand it back, with all its coordinates and with its dimensions in the usual order.

    Raises:
        UsageError: it has no grid, or other dimensions, its layers or bands cannot be told apart, or it holds integers.
    """
    cube = completed(cube)
    order = [dim for dim in ("beta", "band", "y", "x") if dim in cube.dims]
    if cube.dims != tuple(order) and set(order) == set(cube.dims):
        cube = cube.transpose(*order)
    geobox_of(cube)
    as_4d(cube)
    _check_labels(cube)
    if cube.dtype.kind != "f":
        raise UsageError(
            f"a cube holds numbers with fractions, got {cube.dtype}; rangegeo.open_cube gives the values that a file "
            "stores as integers, and astype('float32') turns other integers into them"
        )
    return cube if cube.dtype == np.float32 else cube.astype(np.float32, keep_attrs=True)
