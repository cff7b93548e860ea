"""What of a cube is drawn: some of its pixels, and the words above them."""

from __future__ import annotations

import math

import xarray as xr

from rangegeo.grid.crs import crs_of, short_name, unit_suffix
from rangegeo.schema.cube import geobox_of
from rangegeo.support.text import counted

PIXELS = 1000  # a picture is drawn from at most so many pixels on its longer side
# What the colours of several betas mean.
COMPARED = {
    "shared": "one stretch for all betas: a colour means the same in each",
    "each": "each beta has its own stretch: compare colours within a beta only",
}


def decimated(cube: xr.DataArray, pixels: int = PIXELS) -> xr.DataArray:
    """Every k-th row and column of a cube, so that its longer side has at most `pixels` pixels."""
    step = math.ceil(max(cube.sizes["y"], cube.sizes["x"]) / pixels)
    return cube.isel({axis: slice(min(step // 2, cube.sizes[axis] - 1), None, step) for axis in ("y", "x")})


def title_of(cube: xr.DataArray) -> str:
    """The title of a picture: the model, and the beta of a cube with a single one."""
    model = str(cube.attrs.get("model", cube.name or "embedding"))
    return f"{model}, beta = {cube['beta'].item():g}" if "beta" in cube.coords and cube["beta"].size == 1 else model


def note_of(cube: xr.DataArray, method: str = "pca", stretch: str = "shared") -> str:
    """The small print of a picture: the size of the pixels, the CRS, and what the colours are.

    Args:
        cube: the whole cube, before any pixels are left out.
        method: "pca", "ica" or "bands".
        stretch: "shared" or "each"; only several betas differ by it.
    """
    names = cube["band_name"].values.tolist()
    colours = {
        "pca": f"colours: principal directions of {counted(len(names), 'band')}",
        "ica": f"colours: independent components of {counted(len(names), 'band')}, histograms equalised",
        "bands": f"red, green, blue: {', '.join(names[:3])}",
    }
    parts = [pixels_text(cube), colours[method] if len(names) > 1 else names[0]]
    if cube.sizes.get("beta", 1) > 1:
        parts.append(COMPARED[stretch])
    return "; ".join(parts)


def pixels_text(cube: xr.DataArray) -> str:
    """The size of the pixels of a cube and its CRS, such as "0.1° pixels, EPSG:4326"."""
    geobox = geobox_of(cube)
    crs = crs_of(geobox)
    sides = dict.fromkeys(f"{abs(side):.6g}{unit_suffix(crs)}" for side in (geobox.affine.a, geobox.affine.e))
    return f"{' x '.join(sides)} pixels, {short_name(crs)}"
