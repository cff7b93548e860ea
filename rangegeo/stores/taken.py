"""What an output can take from another one, so that the two can be joined: the steps of integers, the axes of a PCA."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from rangegeo.errors import UsageError, argument
from rangegeo.schema.complete import band_names
from rangegeo.schema.facts import OF_MODEL, facts_of
from rangegeo.stores.opening import open_cube, stored_dtype, stored_scales
from rangegeo.stores.quantise import Storage, components_of, storage_within
from rangegeo.support.location import Location, located


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Another output, as far as something is taken from it.

    Attributes:
        name: its path, for messages.
        dtype: what its values are stored as.
        names: the names of its bands.
        scales, offsets: one for each band.
        facts: what it says about itself.
    """

    name: str
    dtype: str
    names: list[str]
    scales: list[float]
    offsets: list[float]
    facts: Mapping[str, Any]


def read_taken(path: str | Location, name: str) -> Taken:
    """Read another output.

    Args:
        path: a Zarr store or a GeoTIFF of rangegeo, or the JSON that `rangegeo info FILE --json` prints of one.
        name: the argument that names the path, for messages.
    Raises:
        UsageError: the JSON is none of these. CubeError: there is no cube at the path.
    """
    path = located(path)
    if path.suffix.lower() != ".json":
        cube = open_cube(path)
        scales, offsets = stored_scales(path)
        facts = facts_of(cube)
        return Taken(
            name=str(path),
            dtype=stored_dtype(path),
            names=band_names(cube),
            scales=scales,
            offsets=offsets,
            facts=facts,
        )
    expected = "a .zarr or a .tif of rangegeo, or the JSON of one"
    example = "the JSON is what rangegeo info FILE --json prints"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Taken(
            name=str(path),
            dtype=told["dtype"],
            names=told.get("band_names", []),
            scales=told.get("scales", []),
            offsets=told.get("offsets", []),
            facts=told,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(argument=name, expected=expected, got=str(path), remedy=example) from None


def check_same(taken: Taken, facts: Mapping[str, Any], name: str) -> None:
    """Refuse to take anything from the output of another model.

    Args:
        facts: what the new output says about itself.
        name: the argument that names the other output.
    Raises:
        UsageError: the models, or their files, differ.
    """
    for key in OF_MODEL:
        ours, theirs = facts.get(key), taken.facts.get(key)
        if ours != theirs and (key in facts or key in taken.facts):
            raise UsageError(
                f"{argument(name, taken.name)} was made with another model: its {key} is {theirs or 'not said'}, this "
                f"one's is {ours or 'not said'}; leave out {argument(name)}, or take the same model"
            )


def taken_storage(
    path: str | Location, dtype: str, names: Sequence[str], layers: int, facts: Mapping[str, Any], *, one_scale: bool
) -> Storage:
    """Storage in the steps of another output.

    Args:
        path: as in `read_taken`.
        dtype: what values will be stored as.
        names: the names of the bands.
        layers: the number of betas, or 1.
        facts: what the new output says about itself.
        one_scale: whether all bands must share one scale.
    Raises:
        UsageError: the other output has another dtype, other bands or another model, or too many scales.
    """
    taken, typed = read_taken(path, "scales_from"), argument("scales_from", str(path))
    if not dtype.startswith("int"):
        raise UsageError(f"{argument('scales_from')} needs integers, got {argument('dtype', dtype)}; leave it out")
    if not taken.dtype.startswith("int"):
        raise UsageError(
            f"{typed} has no steps of integers, for it is {taken.dtype}; leave out {argument('scales_from')}"
        )
    if taken.dtype != dtype:
        same = argument("dtype", taken.dtype)
        raise UsageError(f"{typed} is {taken.dtype}, got {argument('dtype', dtype)}; type {same}")
    if taken.names != list(names):
        raise UsageError(f"{typed} has other bands: {_some(taken.names)}, and not {_some(names)}; take the same")
    check_same(taken, facts, "scales_from")
    for key in ("pca_mean", "pca_components"):
        ours, theirs = (np.array(part.get(key, [])) for part in (facts, taken.facts))
        if ours.shape != theirs.shape or not np.allclose(ours, theirs, atol=1e-6):
            raise UsageError(f"{typed} has other principal components; add {argument('pca_from', str(path))}")
    scale, offset = (np.tile(np.array(part, np.float64), (layers, 1)) for part in (taken.scales, taken.offsets))
    if one_scale and (np.ptp(scale) or np.ptp(offset)):
        each = argument("creation_options", {"SCALES": "BAND"})
        raise UsageError(f"{typed} has a scale for every band, and this store has one for all; add {each}")
    reach = scale * np.iinfo(dtype).max
    within = storage_within(dtype, names, offset - reach, offset + reach, one_scale=False, origin=located(path).name)
    return Storage(
        dtype=dtype,
        components=within.components,
        scale=scale,
        offset=offset,
        largest=within.largest,
        origin=within.origin,
    )


def storage_at(path: Location, cube: xr.DataArray) -> Storage:
    """How the values of a stored cube are stored.

    Args:
        cube: the one at the path.
    """
    dtype, names, layers = stored_dtype(path), band_names(cube), cube.sizes.get("beta", 1)
    if not dtype.startswith("int"):
        return Storage(dtype=dtype, components=components_of(names))
    scale, offset = (np.tile(np.array(part, np.float64), (layers, 1)) for part in stored_scales(path))
    return Storage(dtype=dtype, components=components_of(names), scale=scale, offset=offset)


def _some(names: Sequence[str]) -> str:
    """A few names, for messages."""
    shown = ", ".join(names[:3])
    return f"{len(names)} ({shown}{' …' if len(names) > 3 else ''})"
