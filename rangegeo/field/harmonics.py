"""Real spherical harmonics exactly as SatCLIP's published weights expect them.

SatCLIP evaluates polynomials that were printed with 15 significant digits. At degree 39 the lost digits move a
feature by up to 0.6 near the poles, and evaluating the printed monomials in float64 adds round-off of up to
7e-3. Here the true functions come from a stable recurrence and the lost digits from a small correction
polynomial (printed minus exact, `correction_l40.npz`, made by workflows/harmonics/make_correction.py), so the
sum is what the printed text means, to 1e-12, at every latitude.

Source: microsoft/SatCLIP, spherical_harmonics_ylm.py; the recurrence is the standard one for fully normalised
associated Legendre functions (Holmes and Featherstone 2002, doi:10.1007/s00190-002-0216-2).
"""

from __future__ import annotations

import math
from functools import lru_cache
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor, nn

from rangegeo.errors import WeightsError
from rangegeo.field.places import Places

CALCULATIONS = ("analytic", "closed-form")
CORRECTED_DEGREE = 40  # degrees the correction table covers; the published checkpoints have 10 and 40
BLOCK_PLACES = 512  # keeps one block's Legendre table (820 rows of float64) near the size of a second-level cache


class SphericalHarmonics(nn.Module):
    """The L² features of degree < L; feature l² + l + m belongs to degree l and order m.

    Angles are theta = lat + 90° and phi = lon + 180°, as upstream. `analytic` carries upstream's factor pi on
    every m = 0 feature and its printed digits; `closed-form` is orthonormal with the Condon-Shortley sign.

    Args:
        degree: L, at least 1.
        calculation: "analytic" or "closed-form", the checkpoint's `harmonics_calculation`.
    Raises:
        WeightsError: the calculation is unknown, or `analytic` beyond degree 40.
    """

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
        order = torch.tensor([m for l in range(degree) for m in range(l + 1)])
        scale = torch.ones(len(order), dtype=torch.float64)
        if calculation == "analytic":
            scale[order == 0] = math.pi
            self.register_buffer("correction", _correction(degree), persistent=False)
        else:
            scale[order % 2 == 1] = -1.0
            self.correction = None
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("scale", scale[:, None], persistent=False)
        pair, trig = [], []  # of each feature: row in the Legendre table, row in the (sin | 1 | cos) table
        for l in range(degree):
            for m in range(-l, l + 1):
                pair.append(l * (l + 1) // 2 + abs(m))
                trig.append(degree - 1 + m)
        self.register_buffer("pair", torch.tensor(pair), persistent=False)
        self.register_buffer("trig", torch.tensor(trig), persistent=False)

    @property
    def features(self) -> int:
        return self.degree**2

    def forward(self, lonlat_deg: Tensor) -> Tensor:
        """(n, 2) degrees to (n, L²) float64 features."""
        out = torch.empty(len(lonlat_deg), self.features, dtype=torch.float64, device=lonlat_deg.device)
        for start in range(0, len(out), BLOCK_PLACES):
            block = slice(start, start + BLOCK_PLACES)
            lon, lat = lonlat_deg[block].double().unbind(1)
            features = self.legendre(lat)[self.pair] * self.longitude_waves(lon)[self.trig]
            out[block] = features.T
        return out

    def longitude_waves(self, lon_deg: Tensor) -> Tensor:
        """(n,) degrees to (2L-1, n): sin(|m| phi) for m < 0, then 1, then cos(m phi)."""
        phi = (lon_deg.double() + 180.0) * (math.pi / 180.0)  # the sum is rounded first, as upstream
        angle = torch.arange(1, self.degree, dtype=torch.float64, device=phi.device)[:, None] * phi
        return torch.cat([torch.sin(angle).flip(0), torch.ones_like(phi)[None], torch.cos(angle)])

    def legendre(self, lat_deg: Tensor) -> Tensor:
        """(n,) degrees to (L(L+1)/2, n): the latitude part of every (l, m >= 0), row l(l+1)/2 + m."""
        theta = (lat_deg.double() + 90.0) * (math.pi / 180.0)
        cos, sin = torch.cos(theta), torch.sin(theta)
        table = _normalised_legendre(self.degree, cos, sin).mul_(self.scale)
        if self.correction is not None:
            exponent = torch.arange(self.degree, dtype=torch.float64, device=theta.device)[:, None]
            lost = (self.correction @ cos**exponent).mul_((sin**exponent)[self.order])
            table += lost
        return table

    def project(self, places: Places, weight: Tensor) -> Tensor:
        """Features times a matrix: (n, L²) @ (d, L²)ᵀ as (n, d) float64.

        On separable axes the sum over degrees is done once a row, so a pixel costs (2L-1) d products
        instead of L² d.
        """
        if places.axes_deg is None:
            product = weight.new_empty(len(places), len(weight))
            for rows, part in places.split(BLOCK_PLACES):
                torch.mm(self(part.lonlat_deg), weight.T, out=product[rows])
            return product
        lon, lat = places.axes_deg
        legendre = self.legendre(lat)  # (pairs, h)
        waves = self.longitude_waves(lon)  # (2L-1, w)
        rows = weight.new_empty(len(lat), len(waves), len(weight))  # of each latitude and wave: d sums over l
        for wave in range(len(waves)):
            features = (self.trig == wave).nonzero()[:, 0]
            rows[:, wave] = legendre[self.pair[features]].T @ weight[:, features].T
        return (waves.T @ rows).reshape(len(places), len(weight))


def _normalised_legendre(degree: int, cos: Tensor, sin: Tensor) -> Tensor:
    """Fully normalised functions, sqrt(2) included for m > 0, no sign: (L(L+1)/2, n) float64."""
    table = cos.new_empty(degree * (degree + 1) // 2, len(cos))
    table[0] = 0.5 / math.sqrt(math.pi)
    for l in range(1, degree):
        now = l * (l + 1) // 2
        before = now - l  # first row of degree l - 1
        diagonal = math.sqrt(3.0) if l == 1 else math.sqrt((2 * l + 1) / (2 * l))
        torch.mul(table[now - 1], sin, out=table[now + l]).mul_(diagonal)
        a, b = _recurrence(l, cos.device)
        rows = table[now : now + l]
        torch.mul(table[before : before + l], cos, out=rows)
        if l > 1:
            two_before = before - (l - 1)
            rows[: l - 1].addcmul_(table[two_before : two_before + l - 1], b[: l - 1], value=-1.0)
        rows.mul_(a)
    return table


@lru_cache(maxsize=512)
def _recurrence(l: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Coefficients (l, 1) of T_l = a (cos T_{l-1} - b T_{l-2}) for m = 0..l-1."""
    m = torch.arange(l, dtype=torch.float64)[:, None]
    a = torch.sqrt((4 * l * l - 1) / (l * l - m * m))
    b = torch.sqrt(((l - 1) ** 2 - m * m).clamp(min=0) / (4 * (l - 1) ** 2 - 1)) if l > 1 else torch.zeros_like(a)
    return a.to(device), b.to(device)


def _correction(degree: int) -> Tensor:
    """Dense (L(L+1)/2, L) coefficients of cos^k in (printed - exact) / sin^m."""
    with files("rangegeo.field").joinpath("correction_l40.npz").open("rb") as file, np.load(file) as table:
        pairs, counts, coefficients = (table[name].astype(kind) for name, kind in _TABLE)
    dense = torch.zeros(degree * (degree + 1) // 2, degree, dtype=torch.float64)
    start = 0
    for (l, m), count in zip(pairs.tolist(), counts.tolist(), strict=True):
        if l < degree:
            powers = torch.arange((l - m) % 2, (l - m) % 2 + 2 * count, 2)
            dense[l * (l + 1) // 2 + m, powers] = torch.from_numpy(coefficients[start : start + count])
        start += count
    return dense


_TABLE = (("lm", np.int64), ("n", np.int64), ("coef", np.float64))
