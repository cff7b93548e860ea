"""Cubes to write: random values on real grids, in several chunks, with no model behind them."""

from __future__ import annotations

from collections.abc import Callable

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from writing import BrokenBlock

from rangegeo.grid import make_geobox
from rangegeo.grid.coords import grid_coords
from rangegeo.schema.cube import BETA_ATTRS, NAME
from rangegeo.schema.facts import with_facts

MakeCube = Callable[..., xr.DataArray]


@pytest.fixture(scope="session")
def make_cube() -> MakeCube:
    """A function of bbox, res, crs, betas (None for a model without), bands and chunks to a lazy cube."""

    def make(
        bbox: tuple[float, ...] = (5, 44, 6, 45),
        res: float | tuple[float, float] = (0.02, 0.025),
        crs: str = "EPSG:4326",
        betas: tuple[float, ...] | None = (0.0, 0.5),
        bands: int = 5,
        chunks: int | tuple = 16,
    ) -> xr.DataArray:
        geobox = make_geobox(bbox, res, crs, crs)
        shape = (1 if betas is None else len(betas), bands, *geobox.shape)
        values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        values += 0.1 * np.arange(bands, dtype=np.float32)[:, None, None]
        sides = (chunks, chunks) if isinstance(chunks, int) else chunks
        data = da.from_array(values, chunks=(-1, -1, *sides))
        coords = grid_coords(geobox) | {
            "band": np.arange(1, bands + 1),
            "band_name": ("band", np.array([f"visual_{i}" for i in range(bands)])),
        }
        attrs = {
            "long_name": "RANGE+ embedding",
            "model": "RANGE+",
            "encoder_sha256": "0123" * 16,
            "semantic_temperature": 12.0,
            "rangegeo_version": "0.2.0",
            "command": "rangegeo raster --bbox 5,44,6,45 -o 'a b.tif'",
        }
        if betas is None:
            return with_facts(xr.DataArray(data[0], coords, ("band", "y", "x"), NAME), attrs)
        coords["beta"] = ("beta", list(betas), BETA_ATTRS)
        return with_facts(xr.DataArray(data, coords, ("beta", "band", "y", "x"), NAME), attrs)

    return make


@pytest.fixture
def cube(make_cube) -> xr.DataArray:
    """Two betas, five bands, 40 x 50 pixels in 12 chunks."""
    return make_cube()


@pytest.fixture
def broken(cube) -> xr.DataArray:
    """The cube, of which one chunk in the middle cannot be computed."""

    def fail(block: np.ndarray, block_info: dict) -> np.ndarray:
        if block_info[0]["chunk-location"] == (0, 0, 1, 2):
            raise BrokenBlock("this chunk cannot be computed")
        return block

    return cube.copy(data=cube.data.map_blocks(fail, dtype=np.float32, meta=np.empty((0, 0, 0, 0), np.float32)))
