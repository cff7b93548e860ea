"""The size of the Earth."""

import math

EARTH_RADIUS_KM = 6371.0088  # the mean radius that the IUGG recommends
EARTH_RADIUS_M = 1000 * EARTH_RADIUS_KM
METRES_A_DEGREE = EARTH_RADIUS_M * math.pi / 180  # along a great circle
