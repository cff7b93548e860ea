"""What a cube is, in a few lines for people who look at it in a shell or a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import xarray as xr

from rangegeo.encoders import MODELS
from rangegeo.errors import UsageError
from rangegeo.field.temperatures import GEOGRAPHIC_TEMPERATURE
from rangegeo.grid.crs import crs_of, short_name, unit_suffix
from rangegeo.schema.cube import geobox_of, is_in_memory
from rangegeo.schema.facts import computed_from, facts_of
from rangegeo.support.text import counted, human_bytes

HASH_DIGITS = 8  # how much of the SHA-256 of a file is shown


def facts(cube: xr.DataArray) -> dict[str, str]:
    """What is known about a cube, by the names of the lines; nothing is computed."""
    known = {
        "model": _model(cube),
        "betas": ", ".join(f"{beta:g}" for beta in np.ravel(cube["beta"].values)) if "beta" in cube.coords else "",
        "bands": _bands(cube),
        **_grid(cube),
        "values": _evaluation(facts_of(cube)),
        "size": f"{human_bytes(cube.nbytes)} of {cube.dtype}, {_whereabouts(cube)}",
    }
    return {name: text for name, text in known.items() if text}


def as_text(cube: xr.DataArray) -> str:
    """The facts of a cube as text: a heading, and a line for each fact."""
    return "\n".join([_heading(cube), *(f"  {name:<8}{text}" for name, text in facts(cube).items())])


def as_html(cube: xr.DataArray) -> str:
    """The facts of a cube as an HTML table below a heading."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(text)}</td></tr>"
        for name, text in facts(cube).items()
    )
    return f"<div><strong>{escape(_heading(cube))}</strong><table>{rows}</table></div>"


def _heading(cube: xr.DataArray) -> str:
    return f"rangegeo cube ({', '.join(f'{dim}: {size}' for dim, size in cube.sizes.items())})"


def _model(cube: xr.DataArray) -> str:
    """The model and the files behind it, or what the values were computed from."""
    attrs = facts_of(cube)
    files = [
        f"{attrs[f'{role}_file']} {str(attrs.get(f'{role}_sha256', ''))[:HASH_DIGITS]}".strip()
        for role in ("encoder", "database")
        if f"{role}_file" in attrs
    ]
    layout = ", S, G and q side by side" if attrs.get("layout") == "components" else ""
    layout += _other_temperatures(attrs)
    name = computed_from(cube) or attrs.get("model", "")
    return f"{name}{' from ' if files else ''}{', '.join(files)}{layout}"


def _other_temperatures(attrs: dict[str, Any]) -> str:
    """The temperatures of a cube that are not the published ones of its model."""
    row = MODELS.get(str(attrs.get("model")))
    published = {} if row is None else {"semantic": row.temperature, "geographic": GEOGRAPHIC_TEMPERATURE}
    told = {kind: attrs.get(f"{kind}_temperature") for kind in published}
    return "".join(
        f", {kind} temperature {value:g}" for kind, value in told.items() if value not in (None, published[kind])
    )


def _bands(cube: xr.DataArray) -> str:
    """How many bands there are, and their names if they are few, else the first and the last name."""
    count = cube.sizes["band"]
    if "band_name" not in cube.coords:
        return str(count)
    names: Sequence[str] = cube["band_name"].values.tolist()
    return f"{count}: {', '.join(names) if count <= 4 else f'{names[0]} to {names[-1]}'}"


def _grid(cube: xr.DataArray) -> dict[str, str]:
    """The size of the grid, its CRS and its bounding box, or what is wrong with the grid."""
    try:
        geobox = geobox_of(cube)
    except UsageError as error:
        return {"grid": str(error).partition(";")[0]}
    crs = crs_of(geobox)
    width, height = abs(geobox.resolution.x), abs(geobox.resolution.y)
    pixel = f"{width:.9g}" if np.isclose(width, height, rtol=1e-9) else f"{width:.9g} x {height:.9g}"
    return {
        "grid": f"{cube.sizes['x']} x {cube.sizes['y']} pixels of {pixel}{unit_suffix(crs)}",
        "crs": short_name(crs),
        "bbox": ", ".join(f"{value:.9g}" for value in geobox.boundingbox),
    }


def _evaluation(attrs: dict[str, Any]) -> str:
    """How the values were computed, and what is known about their error."""
    if attrs.get("evaluation") == "planet":
        return f"read from {attrs.get('planet', 'a planet')}, measured error {float(attrs['measured_error']):.1e}"
    if attrs.get("evaluation") != "interpolated" or attrs.get("proof_pixels") == 0:
        return "every pixel evaluated" if "evaluation" in attrs else ""
    measured = ""
    if "measured_error" in attrs:
        proved = f" at {counted(int(attrs['proof_pixels']), 'pixel')}" if "proof_pixels" in attrs else ""
        measured = f", measured error {float(attrs['measured_error']):.1e}{proved}"
    return f"interpolated, tolerance {float(attrs['tolerance']):g}{measured}"


def _whereabouts(cube: xr.DataArray) -> str:
    """Where the values are: in memory, in the chunks of a dask graph, or in a source that is read by slices."""
    if cube.chunks is not None:
        return f"computed when used, in {counted(cube.data.npartitions, 'chunk')}"
    return "in memory" if is_in_memory(cube) else "computed when used, slice by slice"
