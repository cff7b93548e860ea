"""Real spherical harmonics exactly as SatCLIP's published weights expect them.

SatCLIP evaluates polynomials that were printed with 15 significant digits. At degree 39 the lost digits change a
feature by up to 0.6 near the poles, and evaluating the printed monomials in float64 adds round-off of up to 7e-3.
Here the true functions come from a stable recurrence. The effect of the lost digits comes from a small correction
polynomial (printed minus exact, `correction_l40.npz`, made by workflows/harmonics/make_correction.py). Their sum is
what the printed text means; it is turned once into Fourier series in the colatitude. Evaluating these series is one
matrix product and is accurate to 1e-12 at every latitude.

Source: microsoft/SatCLIP, spherical_harmonics_ylm.py; the recurrence is the standard one for fully normalised
associated Legendre functions (Holmes and Featherstone 2002, doi:10.1007/s00190-002-0216-2).
"""

from __future__ import annotations

import math
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor, nn

from rangegeo.errors import WeightsError
from rangegeo.field.places import Places

CALCULATIONS = ("analytic", "closed-form")
CORRECTED_DEGREE = 40  # degrees that the correction table covers; the published checkpoints have 10 and 40
BLOCK_PLACES = 1024  # places evaluated at a time (13 MB of features); fastest of 128..2048 with one and two threads
CARD_BLOCK_PLACES = 16_384  # 210 MB; on a GPU the forty products of a block are few only if the block is large


class SphericalHarmonics(nn.Module):
    """The L² features of degree < L; feature l² + l + m belongs to degree l and order m.

    The angles are theta = lat + 90° and phi = lon + 180°, as upstream. "analytic" has upstream's factor pi on
    every feature with m = 0, and its printed digits; "closed-form" is orthonormal with the Condon-Shortley sign.

    Args:
        degree: L, at least 1.
        calculation: "analytic" or "closed-form", as the checkpoint's `harmonics_calculation` says.
    Raises:
        WeightsError: the calculation is unknown, or it is "analytic" and the degree is above 40.
    """

    series: Tensor

    def __init__(self, degree: int, calculation: str = "analytic") -> None:
        super().__init__()
        if calculation not in CALCULATIONS:
            raise WeightsError(f"harmonics_calculation must be one of {', '.join(CALCULATIONS)}, got {calculation!r}")
        if calculation == "analytic" and degree > CORRECTED_DEGREE:
            raise WeightsError(
                f"analytic spherical harmonics are defined here up to legendre_polys={CORRECTED_DEGREE}, got {degree}; "
                "train with harmonics_calculation='closed-form' for more"
            )
        self.degree = degree
        self.calculation = calculation
        self.register_buffer("series", _latitude_series(degree, calculation), persistent=False)

    @property
    def features(self) -> int:
        """The number of features, L²."""
        return self.degree**2

    def forward(self, lonlat_deg: Tensor) -> Tensor:
        """(n, 2) degrees to (n, L²) float64 features."""
        middle = self.degree - 1  # column of the wave of order 0
        if torch.is_grad_enabled() and lonlat_deg.requires_grad:  # autograd cannot follow writes into parts
            lon, lat = lonlat_deg.double().unbind(1)
            columns = [middle + m for l in range(self.degree) for m in range(-l, l + 1)]
            return (self.latitude_waves(lat) @ self.series) * self.longitude_waves(lon)[:, columns]
        out = torch.empty(len(lonlat_deg), self.features, dtype=torch.float64, device=lonlat_deg.device)
        size = block_places(out.device)
        for start in range(0, len(out), size):
            block = slice(start, start + size)
            lon, lat = lonlat_deg[block].double().unbind(1)
            torch.mm(self.latitude_waves(lat), self.series, out=out[block])
            waves = self.longitude_waves(lon)
            for l in range(1, self.degree):
                out[block, l * l : (l + 1) ** 2] *= waves[:, middle - l : middle + l + 1]
        return out

    def longitude_waves(self, lon_deg: Tensor) -> Tensor:
        """(n,) degrees to (n, 2L-1): sin(|m| phi) for m < 0, then 1, then cos(m phi)."""
        phi = (lon_deg.double() + 180.0) * (math.pi / 180.0)  # upstream rounds the sum first too
        angle = phi[:, None] * torch.arange(1, self.degree, dtype=torch.float64, device=phi.device)
        return torch.cat([torch.sin(angle).flip(1), torch.ones_like(phi)[:, None], torch.cos(angle)], dim=1)

    def latitude_waves(self, lat_deg: Tensor) -> Tensor:
        """(n,) degrees to (n, 2L-1) waves of the colatitude. Times `series` they are the latitude part of features."""
        return _waves((lat_deg.double() + 90.0) * (math.pi / 180.0), self.degree)

    def project(self, places: Places, weight: Tensor) -> Tensor:
        """Features times a matrix: (n, L²) @ (d, L²)ᵀ as (n, d) float64.

        On separable axes the sum over degrees is computed once for each row of places. Then a place costs (2L-1) d
        products instead of L² d.
        """
        if torch.is_grad_enabled() and (weight.requires_grad or places.lonlat_deg.requires_grad):
            return self(places.lonlat_deg) @ weight.T
        if places.axes_deg is None:
            product = weight.new_empty(len(places), len(weight))
            for cut, part in places.split(block_places(weight.device)):
                torch.mm(self(part.lonlat_deg), weight.T, out=product[cut])
            return product
        lon, lat = places.axes_deg
        waves = self.longitude_waves(lon)  # (w, 2L-1)
        latitude = self.latitude_waves(lat) @ self.series  # (h, L²)
        rows = weight.new_empty(len(lat), waves.shape[1], len(weight))  # d sums over l for each latitude and wave
        for m in range(1 - self.degree, self.degree):
            features = torch.tensor([l * l + l + m for l in range(abs(m), self.degree)], device=weight.device)
            rows[:, self.degree - 1 + m] = latitude[:, features] @ weight[:, features].T
        return (waves @ rows).reshape(len(places), len(weight))


def block_places(device: torch.device) -> int:
    """How many places are evaluated at a time."""
    return BLOCK_PLACES if device.type == "cpu" else CARD_BLOCK_PLACES


def _waves(theta: Tensor, degree: int) -> Tensor:
    """(n,) radians to (n, 2L-1): cos(k theta) for k < L, then sin(k theta) for 0 < k < L."""
    angle = theta[:, None] * torch.arange(degree, dtype=torch.float64, device=theta.device)
    return torch.cat([torch.cos(angle), torch.sin(angle[:, 1:])], dim=1)


def _latitude_series(degree: int, calculation: str) -> Tensor:
    """(2L-1, L²) coefficients of `_waves` for the latitude part of every feature.

    Continued around the whole circle, a latitude part of degree l is a trigonometric polynomial of degree l in theta.
    So its discrete Fourier transform is exact, and one matrix product replaces the recurrence at every place.
    """
    count = 2 * degree
    theta = torch.arange(count, dtype=torch.float64, device="cpu") * (2 * math.pi / count)
    cos, sin = torch.cos(theta), torch.sin(theta)
    table = _normalised_legendre(degree, cos, sin)
    order = torch.tensor([m for l in range(degree) for m in range(l + 1)], device="cpu")
    if calculation == "analytic":
        table[order == 0] *= math.pi
        exponent = torch.arange(degree, dtype=torch.float64, device="cpu")[:, None]
        table += (_correction(degree) @ cos**exponent) * (sin**exponent)[order]
    else:
        table[order % 2 == 1] *= -1.0
    series = _waves(theta, degree).T @ table.T * (2 / count)
    series[0] /= 2
    pairs = [l * (l + 1) // 2 + abs(m) for l in range(degree) for m in range(-l, l + 1)]
    return series[:, pairs].contiguous()


def _normalised_legendre(degree: int, cos: Tensor, sin: Tensor) -> Tensor:
    """Fully normalised Legendre functions with sqrt(2) for m > 0 and without sign: (L(L+1)/2, n) float64."""
    table = cos.new_empty(degree * (degree + 1) // 2, len(cos))
    table[0] = 0.5 / math.sqrt(math.pi)
    for l in range(1, degree):
        now = l * (l + 1) // 2
        before = now - l  # first row of degree l - 1
        diagonal = math.sqrt(3.0) if l == 1 else math.sqrt((2 * l + 1) / (2 * l))
        table[now + l] = diagonal * sin * table[now - 1]
        m = torch.arange(l, dtype=torch.float64, device=cos.device)[:, None]
        inner = cos * table[before : before + l]
        if l > 1:
            b = torch.sqrt(((l - 1) ** 2 - m[:-1] ** 2) / (4 * (l - 1) ** 2 - 1))
            inner[:-1] -= b * table[before - (l - 1) : before]
        table[now : now + l] = torch.sqrt((4 * l * l - 1) / (l * l - m**2)) * inner
    return table


def _correction(degree: int) -> Tensor:
    """(L(L+1)/2, L) coefficients of cos^k in (printed - exact) / sin^m, from the table of correction polynomials."""
    with files("rangegeo.field").joinpath("correction_l40.npz").open("rb") as file, np.load(file) as table:
        pairs, counts, coefficients = (table[name].astype(kind) for name, kind in _TABLE)
    dense = torch.zeros(degree * (degree + 1) // 2, degree, dtype=torch.float64, device="cpu")
    start = 0
    for (l, m), count in zip(pairs.tolist(), counts.tolist(), strict=True):
        if l < degree:
            powers = slice((l - m) % 2, (l - m) % 2 + 2 * count, 2)
            dense[l * (l + 1) // 2 + m, powers] = torch.from_numpy(coefficients[start : start + count])
        start += count
    return dense


_TABLE = (("lm", np.int64), ("n", np.int64), ("coef", np.float64))
