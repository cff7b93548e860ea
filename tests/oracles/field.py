"""The published model as loops in float64 (or in 40 digits), which can be compared with the paper by eye.

The loops are as simple as possible, and this module does not import rangegeo.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import mpmath
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def harmonic(l: int, m: int, lon_deg: float, lat_deg: float) -> float:
    """The orthonormal real spherical harmonic of SatCLIP's `closed-form`, summed in 40 digits.

    The angles are upstream's: theta = lat + 90 degrees and phi = lon + 180 degrees. Odd orders have the sign (-1)^m.
    """
    with mpmath.workdps(40):
        theta, phi = mpmath.radians(mpmath.mpf(lat_deg) + 90), mpmath.radians(mpmath.mpf(lon_deg) + 180)
        order = abs(m)
        derivative = mpmath.mpf(0)  # d^order/dc^order of the Legendre polynomial of degree l, at c = cos(theta)
        for k in range((l - order) // 2 + 1):
            power = l - 2 * k
            coefficient = mpmath.mpf((-1) ** k * math.comb(l, k) * math.comb(2 * l - 2 * k, l)) / 2**l
            derivative += coefficient * math.perm(power, order) * mpmath.cos(theta) ** (power - order)
        norm = mpmath.sqrt(
            mpmath.mpf(2 * l + 1) * math.factorial(l - order) / math.factorial(l + order) / 4 / mpmath.pi
        )
        if m == 0:
            return float(norm * derivative)
        wave = mpmath.cos(m * phi) if m > 0 else mpmath.sin(order * phi)
        return float((-1) ** order * mpmath.sqrt(2) * norm * mpmath.sin(theta) ** order * derivative * wave)


def harmonics(degree: int, lonlat_deg: Array) -> Array:
    """(n, 2) degrees to (n, degree²); feature l² + l + m is the harmonic of degree l and order m."""
    rows = [[harmonic(l, m, lon, lat) for l in range(degree) for m in range(-l, l + 1)] for lon, lat in lonlat_deg]
    return np.array(rows)


def siren(features: Array, weights: Sequence[tuple[Array, Array]]) -> Array:
    """(n, features) to (n, dim): sine layers, the first with 30 times the frequency, then a linear layer."""
    *hidden, (last_weight, last_bias) = weights
    rows = []
    for row in features:
        for index, (weight, bias) in enumerate(hidden):
            row = np.sin((30.0 if index == 0 else 1.0) * (weight @ row + bias))
        rows.append(last_weight @ row + last_bias)
    return np.array(rows)


def softmax_weights(queries: Array, keys: Array, temperature: float) -> Array:
    """(n, d), (N, d) to (n, N): softmax(temperature · queries keysᵀ); every row has the sum 1."""
    rows = []
    for query in np.asarray(queries, dtype=np.float64):
        scores = temperature * (np.asarray(keys, dtype=np.float64) @ query)
        weights = np.exp(scores - scores.max())
        rows.append(weights / weights.sum())
    return np.array(rows).reshape(len(queries), len(keys))


def softmax_average(queries: Array, keys: Array, values: Array, temperature: float) -> Array:
    """(n, d), (N, d), (N, v) to (n, v): softmax(temperature · queries keysᵀ) values."""
    return softmax_weights(queries, keys, temperature) @ np.asarray(values, dtype=np.float64)


def entropy(weights: Array) -> Array:
    """(n, N) weights with sums of 1 to (n,) entropies in nats."""
    return np.array([-sum(weight * math.log(weight) for weight in row if weight > 0) for row in weights])


def distance_km(one_deg: Array, other_deg: Array) -> float:
    """The great-circle distance of two (lon, lat) on a sphere of the Earth's mean radius, by the haversine formula."""
    (lon, lat), (other_lon, other_lat) = np.radians(one_deg), np.radians(other_deg)
    across = math.cos(lat) * math.cos(other_lat) * math.sin((other_lon - lon) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(math.sin((other_lat - lat) / 2) ** 2 + across))


def unit_vectors(lonlat_deg: Array) -> Array:
    """(n, 2) degrees to (n, 3)."""
    vectors = []
    for lon, lat in np.radians(np.asarray(lonlat_deg, dtype=np.float64)):
        vectors.append([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
    return np.array(vectors)


def geographic_average(lonlat_deg: Array, database_lonlat_deg: Array, values: Array, temperature: float) -> Array:
    """(n, 2), (N, 2), (N, v) to (n, v): averages of the values by distance on the sphere."""
    return softmax_average(unit_vectors(lonlat_deg), unit_vectors(database_lonlat_deg), values, temperature)


def range_plus(location: Array, lonlat_deg: Array, keys: Array, places: Array, values: Array, beta: float) -> Array:
    """RANGE+: [(1 - beta) G + beta S, q] for encoder outputs `location` (n, k) and a database of N rows."""
    unit = location / np.linalg.norm(location, axis=1, keepdims=True)
    unit_keys = keys / np.linalg.norm(keys, axis=1, keepdims=True)
    semantic = softmax_average(unit, unit_keys, values, 12.0)
    geographic = geographic_average(lonlat_deg, places, values, 40.0)
    return np.hstack([(1 - beta) * geographic + beta * semantic, unit])


def range_only(location: Array, keys: Array, values: Array) -> Array:
    """RANGE: [S, q] at temperature 15."""
    unit = location / np.linalg.norm(location, axis=1, keepdims=True)
    unit_keys = keys / np.linalg.norm(keys, axis=1, keepdims=True)
    return np.hstack([softmax_average(unit, unit_keys, values, 15.0), unit])
