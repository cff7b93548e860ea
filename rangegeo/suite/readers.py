"""What the files of the suite say of places. Each function takes a folder with the files of its sources."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import shapely
from sklearn.neighbors import BallTree

from rangegeo.suite.grids import EarthGrid, grid_of_netcdf, grid_of_picture, grid_of_raster
from rangegeo.support.earth import EARTH_RADIUS_KM

LAND_COVER_FILE = "MCD12C1.A2019001.006.2020220162300.tif"
CLIMATE_FILE = "era5_global_climatology_2000_2025.nc"
# Names of the numbers of MCD12C1, https://lpdaac.usgs.gov/documents/101/MCD12_User_Guide_V6.pdf, table 3.
LAND_COVER = (
    "water",
    "evergreen needleleaf forest",
    "evergreen broadleaf forest",
    "deciduous needleleaf forest",
    "deciduous broadleaf forest",
    "mixed forest",
    "closed shrubland",
    "open shrubland",
    "woody savanna",
    "savanna",
    "grassland",
    "wetland",
    "cropland",
    "urban",
    "cropland and natural vegetation",
    "snow and ice",
    "barren",
)
NOWHERE = ""  # the class of places that have none
OCEAN = "Ocean"
NEAR_KM = 50  # of towns whose people count
RELIEF_CELLS = 3  # on each side of that of a place; of 5 arc minutes, so about 30 km
CENTRES, COLOURS = 100, 16  # of the checkerboard, as in Russwurm et al. 2024, arXiv:2310.06743


def zones_at(folder: Path, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n,) the Köppen-Geiger climates of places, such as "Cfb"; empty at sea."""
    names = pd.read_csv(folder / "kg_zoneNum.csv").set_index("zoneNum")["kg_zone"]
    found = names.reindex(grid_of_picture(folder / "kmz_int_reshape.png").at(lonlat_deg)).fillna(NOWHERE)
    return found.replace(OCEAN, NOWHERE).to_numpy(dtype=str)


def main_zones_at(folder: Path, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n,) the main climates of places, "A" to "E"; empty at sea."""
    return zones_at(folder, lonlat_deg).astype("U1")


def land_cover_at(folder: Path, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n,) the land cover of places, of `LAND_COVER`; empty where it is water, or not known."""
    numbers = grid_of_raster(folder / LAND_COVER_FILE).at(lonlat_deg)[:, 0].astype(int)
    names = np.array([NOWHERE, *LAND_COVER[1:]])
    return names[np.where(numbers < len(names), numbers, 0)]


def countries_at(folder: Path, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n,) the countries of places, by their ISO codes such as "NPL", or by their names if they have none."""
    known = json.loads((folder / "countries.json").read_text(encoding="utf-8")).values()
    codes = {f"{country['isonumeric']:03d}": country["iso3"] for country in known}
    _, table = pyogrio.read_arrow(folder / "countries-50m.json", layer="countries")
    names = [codes.get(row["id"], row["name"]) for row in table.select(["id", "name"]).to_pylist()]
    shapes = shapely.make_valid(shapely.from_wkb(table["wkb_geometry"].to_numpy()))
    places, polygons = shapely.STRtree(shapes).query(shapely.points(lonlat_deg), predicate="intersects")
    found = np.full(len(lonlat_deg), NOWHERE, dtype=np.array(names).dtype)
    found[places] = np.array(names)[polygons]
    return found


def temperatures_at(folder: Path, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n, 12) mean temperatures of the months in °C, whatever the file says of its unit."""
    return _of_months(folder, "t2m", lonlat_deg)


def rains_at(folder: Path, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n, 12) precipitation of the months in mm, whatever the file says of its unit."""
    return _of_months(folder, "tp", lonlat_deg)


def _of_months(folder: Path, name: str, lonlat_deg: np.ndarray) -> np.ndarray:
    return grid_of_raster(f"netcdf:{folder / CLIMATE_FILE}:{name}").at(lonlat_deg).astype(float)


def _relief_grid(folder: Path) -> EarthGrid:
    return grid_of_netcdf(folder / "etopo5.cdf", "ROSE", "ETOPO05_X", "ETOPO05_Y")


def elevations_at(folder: Path, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n,) elevations in metres, means of cells of 5 arc minutes; depths of the sea are negative."""
    return _relief_grid(folder).at(lonlat_deg).astype(float)


def reliefs_at(folder: Path, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n,) the standard deviations of the elevations around places, in metres; depths of the sea count as 0."""
    return np.maximum(_relief_grid(folder).around(lonlat_deg, RELIEF_CELLS), 0).std(axis=1).astype(float)


def sea_temperatures_at(folder: Path, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n,) the mean temperatures of the surface of the sea in °C, of cells of one degree; NaN on land."""
    return grid_of_netcdf(folder / "levitus_climatology.cdf", "TEMP", "XAXLEVITR", "YAXLEVITR").at(lonlat_deg)


def people_near(folder: Path, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n,) the logarithm to the base 10 of 1 and the people in towns of 1,000 and more within 50 km."""
    towns = json.loads((folder / "cities1000.json").read_text(encoding="utf-8")).values()
    latlon = np.radians([(town["latitude"], town["longitude"]) for town in towns])
    people = np.array([town["population"] for town in towns], dtype=float)
    tree = BallTree(latlon, metric="haversine")
    near = tree.query_radius(np.radians(lonlat_deg[:, ::-1]), NEAR_KM / EARTH_RADIUS_KM)
    return np.log10(1 + np.array([people[own].sum() for own in near]))


def houses(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) longitude and latitude of the districts of California, and (n,) the median values of their houses in $."""
    table = pd.read_csv(folder / "housing.csv")
    return table[["longitude", "latitude"]].to_numpy(float), table["median_house_value"].to_numpy(float)


def squares_at(lonlat_deg: np.ndarray) -> np.ndarray:
    """(n,) which of 16 colours places have on a checkerboard around the Earth, such as "c03".

    The board has 100 fields around the points of a Fibonacci lattice; colours follow one another along its spiral.
    """
    number = np.arange(CENTRES) + 0.5
    lat = np.arcsin(1 - 2 * number / CENTRES)
    lon = 2 * math.pi * number / ((1 + math.sqrt(5)) / 2)
    tree = BallTree(np.column_stack([lat, lon]), metric="haversine")
    nearest = tree.query(np.radians(lonlat_deg[:, ::-1]), return_distance=False)[:, 0]
    return np.array([f"c{colour:02d}" for colour in range(COLOURS)])[nearest % COLOURS]
