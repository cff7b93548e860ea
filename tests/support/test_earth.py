"""Angles on a sphere, for arrays and for tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pyproj import Geod

from rangegeo.support.earth import EARTH_RADIUS_M, METRES_A_DEGREE, great_circle_rad


def test_a_degree_of_arc():
    assert pytest.approx(111_195.08, abs=0.01) == METRES_A_DEGREE


@pytest.mark.parametrize("xp", [np, torch])
def test_distances_are_those_of_proj_on_a_sphere(xp):
    lonlat = np.random.default_rng(0).uniform((-180, -90), (180, 90), (2, 50, 2))
    lonlat[1, 0] = lonlat[0, 0] + 1e-7  # about a centimetre
    lonlat[1, 1] = lonlat[0, 1] * (1, -1) + (180, 0)  # the antipode
    (lon, lat), (other_lon, other_lat) = lonlat.transpose(0, 2, 1)
    ends = [xp.asarray(np.radians(part)) for part in (lon, lat, other_lon, other_lat)]
    found = np.asarray(great_circle_rad(*ends, xp=xp)) * EARTH_RADIUS_M
    expected = Geod(a=EARTH_RADIUS_M, b=EARTH_RADIUS_M).inv(lon, lat, other_lon, other_lat)[2]
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=0.5)
    assert found[0] == pytest.approx(expected[0], rel=1e-6)
