"""Cubes to draw: smooth functions of the place on real grids, with no model behind them."""

from __future__ import annotations

from collections.abc import Callable

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.grid import make_geobox, pixel_places
from rangegeo.grid.coords import grid_coords
from rangegeo.schema.cube import BETA_ATTRS, NAME

# bbox, resolution, CRS, CRS of the box
GROUNDS = {
    "degrees": ((5, 44, 10, 48), 0.05, "EPSG:4326", "EPSG:4326"),
    "antimeridian": ((176, -19, -178, -15), 0.05, "EPSG:4326", "EPSG:4326"),
    "antimeridian in Mercator": ((176, -19, -178, -15), 5000, "EPSG:3857", "EPSG:4326"),
    "globe": ((-180, -90, 180, 90), 2, "EPSG:4326", "EPSG:4326"),
    "high latitude": ((10, 76, 34, 81), 0.1, "EPSG:4326", "EPSG:4326"),
    "Svalbard": ((10, 76, 34, 81), 5000, "EPSG:3995", "EPSG:4326"),
    "Arctic": ((-3e6, -3e6, 3e6, 3e6), 5e4, "EPSG:3995", "EPSG:3995"),
    "Antarctica": ((-3e6, -3e6, 3e6, 3e6), 5e4, "EPSG:3031", "EPSG:3031"),
    "zone of UTM": ((-6, 46, 0, 50), 5000, "EPSG:32630", "EPSG:4326"),
    "Lambert": ((-6, 42, 9, 51), 1e4, "EPSG:2154", "EPSG:4326"),
    "Mollweide": ((-1.804e7, -9.02e6, 1.804e7, 9.02e6), 1e5, "ESRI:54009", "ESRI:54009"),
    "feet": ((-75, 40, -73, 42), 5000, "EPSG:2263", "EPSG:4326"),
    "one pixel": ((5, 44, 5.1, 44.1), 0.1, "EPSG:4326", "EPSG:4326"),
    "a thin row": ((5, 44, 10, 44.1), 0.1, "EPSG:4326", "EPSG:4326"),
    "some metres": ((7, 45, 7.0001, 45.0001), 1e-6, "EPSG:4326", "EPSG:4326"),
}


@pytest.fixture(scope="session")
def geobox_of() -> Callable[[str], GeoBox]:
    """The grid of a ground."""

    def grid(ground: str) -> GeoBox:
        bbox, res, crs, bbox_crs = GROUNDS[ground]
        return make_geobox(bbox, res, crs, bbox_crs)

    return grid


@pytest.fixture(scope="session")
def cube_of(geobox_of) -> Callable[..., xr.DataArray]:
    """A cube on a ground: the bands are waves over the globe, shorter with every band, weaker at a low beta."""

    def make(ground: str, betas: tuple[float, ...] | None = (0.5,), bands: int = 4) -> xr.DataArray:
        geobox = geobox_of(ground)
        places = pixel_places(geobox, slice(0, geobox.shape[0]), slice(0, geobox.shape[1]))
        lon, lat = np.radians(places.lonlat_deg.T.reshape(2, *geobox.shape))
        waves = np.stack([np.sin((band + 1) * 9 * lat + band) * np.cos((band + 1) * 7 * lon) for band in range(bands)])
        waves[:, ~places.valid] = np.nan
        strengths = np.array(betas or (1.0,))[:, None, None, None] + 0.2
        data = da.from_array((strengths * waves).astype(np.float32), chunks=(1, 2, 32, 32))
        coords = grid_coords(geobox) | {
            "band": np.arange(1, bands + 1),
            "band_name": ("band", np.array([f"visual_{band}" for band in range(bands)])),
        }
        attrs = {"model": "RANGE+", "grid_mapping": "spatial_ref"}
        if betas is None:
            return xr.DataArray(data[0], coords, ("band", "y", "x"), NAME, attrs)
        coords["beta"] = ("beta", list(betas), BETA_ATTRS)
        return xr.DataArray(data, coords, ("beta", "band", "y", "x"), NAME, attrs)

    return make
