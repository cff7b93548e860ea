"""What is known about a cube, and what of it stays true when something is computed from the cube.

xarray copies the attributes of an array to whatever is computed from it, and drops its encoding. So an attribute says
what is still true of a difference or of a mean of the cube: the model, its files, what to cite. What is true of these
values alone is in the encoding: that they are an embedding, how they were computed and how far they are off.

xarray copies the attributes of a whole Dataset, too. So a stored array says by itself that its values are those that
were written: its CF attribute `coordinates` also names the axes x and y, which CF allows. xarray keeps this text in the
encoding. It loses it with nearly any computation, and what it makes up for the result never names an axis.

Some programs keep the encoding of what they put on other pixels, as rioxarray does when it reprojects. So the encoding
also holds the places that the facts were measured at: an array with other labels, or in another CRS, has no such facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from pyproj import CRS
from pyproj.exceptions import CRSError

# What was measured while a cube was computed and written, by the name of the attribute that will hold it.
Facts: TypeAlias = dict[str, str | int | float]

KEY = "rangegeo"  # of the encoding
MEASURED_AT = "rangegeo_measured_at"  # of the encoding: the CRS, and the labels of each axis
SAME_PLACE = 1e-3  # of a pixel; labels in float32 are off by less
GRID_MAPPING = "spatial_ref"  # the coordinate that holds the CRS
AXES = ("x", "y")
MARKED = "rangegeo_marked"  # attribute of a group: its array says by itself that its values are as they were written
# Attributes of a group: the sizes and the outermost pixel centres of the array that its facts were measured on.
SIZES, CENTRES = "rangegeo_sizes", "rangegeo_centres"
# Facts in which cubes of one model agree.
OF_MODEL = (
    "model",
    "encoder_sha256",
    "encoder_version",
    "database_sha256",
    "planet_sha256",
    "semantic_temperature",
    "geographic_temperature",
)
# Facts that are true of these values alone, by their names or by how the names begin.
OF_VALUES = (
    "command",
    "diagnostics",
    "evaluation",  # also evaluations
    "measured_error",
    "pca_",
    "proof_pixels",
    "quantisation_",
    "refined_parts",
    "tolerance",
)


def facts_of(cube: xr.DataArray) -> dict[str, Any]:
    """Everything that is known about a cube, by name, as one flat dict."""
    return {name: value for name, value in cube.attrs.items() if name != "grid_mapping"} | facts_of_values(cube)


def facts_of_values(cube: xr.DataArray) -> dict[str, Any]:
    """What is true of the values of this cube alone; empty for what was computed from a cube."""
    known = cube.encoding.get(KEY, {})
    if known and not _lies_there(cube, cube.encoding.get(MEASURED_AT, {})):
        return {}
    if "model" in cube.attrs:
        called = {"long_name": title(cube.attrs["model"])}  # also if another program read it, or read and saved it
        return dict(known) or (called if is_as_written(cube) and "long_name" not in cube.attrs else {})
    return {name: value for name, value in known.items() if name.startswith("quantisation_")}  # attributes were dropped


def is_as_written(array: xr.DataArray) -> bool:
    """Whether an array that xarray read has the values that rangegeo wrote, or a part of them."""
    return set(AXES) <= set(str(array.encoding.get("coordinates", "")).split()) and _lies_there(array, _declared(array))


def measured_on(cube: xr.DataArray) -> dict[str, list[Any]]:
    """Attributes of a group by which `is_within` knows whether its array has grown."""
    sizes = [cube.sizes.get(dim, 1) for dim in ("beta", "band", "y", "x")]
    ends = [float(end) for axis in AXES for end in (cube[axis].min(), cube[axis].max())]
    return {SIZES: sizes, CENTRES: ends}


def is_within(array: xr.DataArray, told: Mapping[Any, Any]) -> bool:
    """Whether an array is what a group's facts were measured on, or a part of it. xarray appends and keeps facts."""
    if SIZES not in told or CENTRES not in told or not set(AXES) <= set(array.coords):
        return True
    now = measured_on(array)
    west, east, south, north = (float(end) for end in told[CENTRES])
    slack = 1e-9 * max(abs(west), abs(east), abs(south), abs(north), 1.0)
    left, right, bottom, top = now[CENTRES]
    inside = left >= west - slack and right <= east + slack and bottom >= south - slack and top <= north + slack
    return inside and all(size <= int(most) for size, most in zip(now[SIZES], told[SIZES], strict=True))


def coordinates_text(names: Iterable[str]) -> str:
    """The CF attribute `coordinates` by which `is_as_written` knows an array."""
    return " ".join(sorted({*names, *AXES}))


def with_facts(cube: xr.DataArray, facts: Mapping[Any, Any]) -> xr.DataArray:
    """The same cube with these facts instead of its own, each where it belongs."""
    own = {name: value for name, value in facts.items() if _is_of_values(name, value, facts)}
    others = {name: value for name, value in facts.items() if name not in own and name != "grid_mapping"}
    described = cube.copy(deep=False)
    described.attrs = others
    described.encoding = {name: value for name, value in cube.encoding.items() if name not in (KEY, MEASURED_AT)}
    described.encoding |= {"grid_mapping": GRID_MAPPING} | ({KEY: own, MEASURED_AT: _places(cube)} if own else {})
    return described


def _places(cube: xr.DataArray) -> dict[str, Any]:
    """The CRS of a cube, and of each axis the first label, the step and the number of labels; the betas are listed."""
    told: dict[str, Any] = {"crs": _wkt(cube)}
    for axis in AXES:
        if axis in cube.coords and cube[axis].ndim == 1 and cube.sizes[axis]:
            labels = cube[axis].values
            step = float(labels[-1] - labels[0]) / (len(labels) - 1) if len(labels) > 1 else 0.0
            told[axis] = (float(labels[0]), step, len(labels))
    if "beta" in cube.coords:
        told["beta"] = np.atleast_1d(cube["beta"].values).tolist()
    return told


def _declared(array: xr.DataArray) -> dict[str, Any]:
    """The places of a stored array, in the form of `_places`, from attributes that its store declares."""
    told: dict[str, Any] = {"crs": array.attrs.get("proj:wkt2", array.attrs.get("proj:code"))}
    transform, shape = (array.attrs.get(f"spatial:{name}") for name in ("transform", "shape"))
    if transform is not None:
        (step_x, _, left, _, step_y, top), (height, width) = transform, (np.inf, np.inf) if shape is None else shape
        told |= {"x": (left + step_x / 2, step_x, width), "y": (top + step_y / 2, step_y, height)}
    return told


def _lies_there(cube: xr.DataArray, told: Mapping[str, Any]) -> bool:
    """Whether a cube lies at these places, or at a part of them. What is not told, or what a cube lacks, may be any."""
    if not _same_crs(told.get("crs"), _wkt(cube)):
        return False
    for axis in AXES:
        if axis not in told or axis not in cube.coords:
            continue
        first, step, count = told[axis]
        numbers = (np.atleast_1d(cube[axis].values) - first) / (step or 1.0)
        slack = SAME_PLACE if step else SAME_PLACE * max(1.0, abs(first))
        whole = np.rint(numbers)
        if (np.abs(numbers - whole) > slack).any() or (whole < 0).any() or (whole >= count).any():
            return False
    betas = np.atleast_1d(cube["beta"].values) if "beta" in cube.coords else np.array([])
    return "beta" not in told or all(np.isclose(beta, told["beta"]).any() for beta in betas)


def _wkt(cube: xr.DataArray) -> str | None:
    """The CRS that a cube is said to be in."""
    if GRID_MAPPING not in cube.coords:
        return None
    attrs = cube.coords[GRID_MAPPING].attrs
    return attrs.get("crs_wkt", attrs.get("spatial_ref"))


@lru_cache(maxsize=64)
def _same_crs(one: str | None, other: str | None) -> bool:
    """Whether two CRSs are the same, whatever the text; one that is not said may be any."""
    if one is None or other is None or one == other:
        return True
    try:
        return CRS.from_user_input(one).equals(CRS.from_user_input(other), ignore_axis_order=True)
    except CRSError:
        return False


def without_facts_of_values(facts: Mapping[Any, Any]) -> dict[Any, Any]:
    """The facts that stay true of what is computed from a cube."""
    return {name: value for name, value in facts.items() if not _is_of_values(name, value, facts)}


def with_facts_apart(array: xr.DataArray) -> xr.DataArray:
    """An array with facts of its values among its attributes, as rioxarray reads the tags of a GeoTIFF; mended.

    The encoding tells whether the array is still what was read: xarray drops it with any computation.
    """
    if "evaluation" not in array.attrs or "model" not in array.attrs:
        return array
    if "source" not in array.encoding:
        found = array.copy(deep=False)
        found.attrs = without_facts_of_values(array.attrs)
        return found
    called = {} if isinstance(array.attrs.get("long_name"), str) else {"long_name": title(array.attrs["model"])}
    return with_facts(array, array.attrs | called)


def computed_from(cube: xr.DataArray) -> str | None:
    """What to call values that were computed from an embedding; None if they are one, or of unknown origin."""
    if "long_name" in facts_of_values(cube) or "model" not in cube.attrs:
        return None
    return f"computed from {title(cube.attrs['model'])}"


def title(model: object) -> str:
    """What the embeddings of a model are called."""
    return f"{model} embedding"


def _is_of_values(name: object, value: object, facts: Mapping[Any, Any]) -> bool:
    if name == "long_name":  # any other name was given by a user
        return "model" in facts and value == title(facts["model"])
    return isinstance(name, str) and name.startswith(OF_VALUES)
