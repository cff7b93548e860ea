"""Places that are sampled lie evenly, on land, and as many in each class."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from helpers.geotiffs import write
from rasterio.transform import from_origin

from rangegeo.databases.sampling import sampled_places
from rangegeo.errors import UsageError
from rangegeo.picture.coastlines import land


def test_places_on_land_are_as_many_as_asked_for_and_lie_on_land():
    places, remarks = sampled_places(500)
    assert (places.shape, remarks) == ((500, 2), [])
    assert len(shapely.STRtree(land()).query(shapely.points(places[:50]), predicate="intersects")[0]) >= 50
    np.testing.assert_array_equal(sampled_places(300)[0], places[:300])
    assert not np.array_equal(sampled_places(300, seed=1)[0], places[:300])


def test_a_sample_is_even_on_the_ground():
    places, _ = sampled_places(20_000, on_land=False)
    assert (places[:, 1] > 30).mean() == pytest.approx(0.25, abs=2e-3)
    assert np.histogram(places[:, 0], 18, (-180, 180))[0] == pytest.approx(20_000 / 18, rel=0.02)


def test_a_sample_of_a_box_across_the_antimeridian():
    lon, lat = sampled_places(200, bbox=(170, -20, -170, 0), on_land=False)[0].T
    assert (np.abs(lon) >= 170).all()
    assert ((lat > -20) & (lat < 0)).all()
    assert 60 < (lon > 0).sum() < 140


def test_a_box_without_land_is_refused(monkeypatch):
    monkeypatch.setattr("rangegeo.databases.sampling.ROUNDS", 1)
    with pytest.raises(UsageError, match="no place on land was found in bbox; give another one"):
        sampled_places(5, bbox=(-130, 1, -129, 2))
    with pytest.raises(UsageError, match=r"sample must be from 1 to 10000000, got 0; for example sample=1000"):
        sampled_places(0)


def test_classes_get_as_many_places_each(tmp_path, monkeypatch):
    monkeypatch.setattr("rangegeo.databases.sampling.ROUNDS", 2)
    classes = np.ones((1, 100, 100), np.uint8)
    classes[0, :, :10] = 2  # a tenth of the box
    classes[0, :1, 90:] = 3  # too little
    classes[0, 50:, 50:] = 0
    path = write(tmp_path / "classes.tif", classes, from_origin(0, 10, 0.1, 0.1), nodata=0)
    monkeypatch.setattr("rangegeo.databases.sampling.ROUND", 1000)
    places, remarks = sampled_places(300, bbox=(0, 0, 10, 10), on_land=False, stratify=str(path))
    rows, cols = (10 - places[:, 1]) // 0.1, places[:, 0] // 0.1
    found = classes[0, rows.astype(int), cols.astype(int)]
    assert [int((found == kind).sum()) for kind in (0, 1, 2)] == [0, 100, 100]
    assert remarks == [f"1 class of {path} has fewer places: 3"]
