"""Areas in which a background is drawn: places lie in them, evenly on the ground, in any CRS."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

import rangegeo as rg
from rangegeo.errors import PlaceWarning, UsageError
from rangegeo.evaluation.background import Background, background_of, labels_of
from rangegeo.evaluation.reading import PLAIN, rows_of
from rangegeo.evaluation.study_area import StudyArea
from rangegeo.grid.extent import choose_extent

ISLANDS = shapely.MultiPolygon([shapely.box(0, 40, 10, 50), shapely.box(20, 40, 21, 41)])


def of_grid(aoi: shapely.Geometry, res: float, crs: str) -> StudyArea:
    geobox, area = choose_extent(aoi=aoi, res=res, crs=crs)
    return StudyArea.of_grid(area, geobox)


@pytest.mark.parametrize(("res", "crs"), [(0.1, "EPSG:4326"), (10_000, "EPSG:3035"), (10_000, "EPSG:3857")])
def test_places_lie_evenly_in_the_area_of_a_grid(res, crs):
    area = of_grid(ISLANDS, res, crs)
    found = area.random_places(40_000, np.random.default_rng(0))
    assert len(found) > 5_000
    assert shapely.contains_xy(ISLANDS.buffer(1e-3), *found.T).all()
    assert area.holds(found).all()
    large = found[found[:, 0] < 15]
    share = (np.sin(np.radians(41)) - np.sin(np.radians(40))) / (np.sin(np.radians(50)) - np.sin(np.radians(40)))
    assert 1 - len(large) / len(found) == pytest.approx(share / 10 / (1 + share / 10), abs=0.003)
    half = np.degrees(np.arcsin(np.sin(np.radians([40, 50])).mean()))
    assert (large[:, 1] < half).mean() == pytest.approx(0.5, abs=0.015)


def test_an_area_may_cross_the_antimeridian():
    area = of_grid(
        shapely.MultiPolygon([shapely.box(175, -20, 180, -15), shapely.box(-180, -20, -178, -15)]), 0.1, "EPSG:4326"
    )
    found = area.random_places(2000, np.random.default_rng(0))
    assert area.holds(found).all()
    assert (found[:, 0] < -178).any()
    assert (found[:, 0] > 175).any()
    assert np.abs(found[:, 0]).max() <= 180
    assert area.holds(np.array([[-179.0, -17], [181, -17], [-177, -17], [np.nan, -17]])).tolist() == [
        True,
        True,
        False,
        False,
    ]


@pytest.fixture(scope="module")
def present(frame):
    return frame[frame.cover == "high"].assign(species="Abies alba")


def test_random_places_lie_in_the_area_and_labels_outside_are_left_out(mini, present):
    box = shapely.box(-20, 30, 25, 65)
    with pytest.warns(PlaceWarning, match=r"\d+ of \d+ places lie outside geometry, in which the background is drawn"):
        fitted = rg.fit_map(
            present, background=100, aoi=box, model=mini, block="5deg", folds=2, seeds=1, baselines=False
        )
    inside = (present.lon < 25).sum()
    assert 20 < inside < len(present)
    assert fitted.labels.targets[0].values.sum() == inside
    assert shapely.contains_xy(box, *fitted.labels.lonlat_deg.T).all()
    cube = fitted.raster((5, 44, 6, 45), 0.5)
    assert cube.attrs["background"] == "100 random places in geometry"


def test_without_an_area_they_lie_in_the_box_around_the_labels_and_that_is_told(mini, present):
    labels = labels_of(rows_of(present), None, mini, background=Background(given=100))
    (said,) = labels.remarks
    assert "the background is 100 random places in the box around the labels, -2" in said
    assert "area.gpkg" in said
    assert labels.background.startswith("100 random places in the box -2")


def test_places_of_a_table_may_lie_anywhere(mini, present, frame):
    labels = labels_of(rows_of(present), None, mini, background=Background(given=frame))
    assert labels.remarks == ()
    assert labels.background == "200 places of a table"


@pytest.mark.parametrize("given", [None, pd.DataFrame({"lon": [1.0], "lat": [1.0]})])
def test_an_area_is_for_random_places(given):
    with pytest.raises(UsageError, match=r"aoi is where random places .* leave it out, or type how many, for example"):
        background_of(given, PLAIN, aoi=ISLANDS)
