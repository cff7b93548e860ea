"""Tiny files in the formats of the suite, with values that are known everywhere."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_origin
from scipy.io import netcdf_file

from rangegeo.suite.readers import CLIMATE_FILE, LAND_COVER_FILE

ZONES = ("Af", "BWh", "Cfb", "Dfc", "ET", "Ocean")
STEP = 2.0  # degrees


def centres() -> tuple[np.ndarray, np.ndarray]:
    """Longitudes of columns from -180 on, and latitudes of rows from the north."""
    return np.arange(-180 + STEP / 2, 180, STEP), np.arange(90 - STEP / 2, -90, -STEP)


def zone_numbers() -> np.ndarray:
    """Zones are belts of latitude; all west of 150° W is ocean."""
    lon, lat = np.meshgrid(*centres())
    return np.where(lon < -150, 6, 1 + np.minimum(np.abs(lat) // 18, 4)).astype("uint8")


def write_classic(path: Path, variables: dict[str, np.ndarray], axes: dict[str, np.ndarray]) -> None:
    """A classic netCDF file; the last axes of each variable are those that fit."""
    with netcdf_file(path, "w") as file:
        for name, values in axes.items():
            file.createDimension(name, len(values))
            file.createVariable(name, "f8", (name,))[:] = values
            file.variables[name].units = {"lat": "degrees_north", "lon": "degrees_east"}.get(name, "1")
        for name, values in variables.items():
            variable = file.createVariable(name, "f4", tuple(axes)[-values.ndim :])
            variable.missing_value = np.float32(-1e10)
            variable[:] = values


def write_climates(folder: Path) -> None:
    height, width = zone_numbers().shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(folder / "kmz_int_reshape.png", "w", "PNG", width, height, 1, dtype="uint8") as file:
            file.write(zone_numbers(), 1)
    rows = "\n".join(f"{number},{zone},{number}" for number, zone in enumerate(ZONES, 1))
    (folder / "kg_zoneNum.csv").write_text(f"r,kg_zone,zoneNum\n{rows}\n")
    _, north = centres()
    east = np.arange(0, 360, STEP)  # columns begin at Greenwich, as those of ERA5 do
    months = np.arange(12)[:, None, None] + np.abs(north)[None, :, None] + 0 * east
    axes = {"month": np.arange(12.0), "lat": north, "lon": east}
    write_classic(folder / CLIMATE_FILE, {"t2m": 40 - months, "tp": 2 * months}, axes)


def write_seas(folder: Path) -> None:
    lon, north = centres()
    south, east = north[::-1], lon + 200.5  # as Levitus has them, from 20.5° E on
    warm = np.where((lon + 200.5) % 360 > 180, 30 - np.abs(south)[:, None] / 3, -1e10)
    levels = np.stack([warm, np.full_like(warm, -1e10)])
    axes = {"ZAXLEVITR": np.arange(2.0), "YAXLEVITR": south, "XAXLEVITR": east}
    write_classic(folder / "levitus_climatology.cdf", {"TEMP": levels}, axes)
    heights = 10 * south[:, None] + 0 * lon
    write_classic(folder / "etopo5.cdf", {"ROSE": heights}, {"ETOPO05_Y": south, "ETOPO05_X": lon + 180})


def write_rest(folder: Path) -> None:
    codes = zone_numbers() % 18
    options = {"count": 1, "dtype": "uint8", "crs": "EPSG:4326", "transform": from_origin(-180, 90, STEP, STEP)}
    with rasterio.open(folder / LAND_COVER_FILE, "w", "GTiff", 180, 90, **options) as file:
        file.write(codes, 1)
    square = [[-10, -20], [40, -20], [40, 60], [-10, 60], [-10, -20]]
    geometries = [{"type": "Polygon", "arcs": [[0]], "id": "826", "properties": {"name": "Square"}}]
    topology = {"type": "Topology", "arcs": [square], "objects": {}}
    topology["objects"]["countries"] = {"type": "GeometryCollection", "geometries": geometries}
    (folder / "countries-50m.json").write_text(json.dumps(topology))
    (folder / "countries.json").write_text(json.dumps({"GB": {"isonumeric": 826, "iso3": "GBR"}}))
    towns = {"1": {"latitude": 51.5, "longitude": -0.1, "population": 899}}
    towns["2"] = {"latitude": 51.6, "longitude": 0.1, "population": 100}
    (folder / "cities1000.json").write_text(json.dumps(towns))
    random = np.random.default_rng(0)
    rows = zip(random.uniform(-124, -114, 300), random.uniform(33, 41, 300), strict=True)
    text = "".join(f"{lon:.4f},{lat:.4f},{1e5 * (lat - 32):.0f}\n" for lon, lat in rows)
    (folder / "housing.csv").write_text(f"longitude,latitude,median_house_value\n{text}")


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """A folder with tiny files of all sources."""
    folder = tmp_path_factory.mktemp("data")
    for write in (write_climates, write_seas, write_rest):
        write(folder)
    return folder
