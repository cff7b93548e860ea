"""Meridians and parallels of a picture in any CRS, and where their labels stand.

Where longitude and latitude are straight lines they are ruled; elsewhere they are traced as contours of the places on
a mesh, which knows poles, the antimeridian and the edge of a projection's domain without special cases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rangegeo.pictures.ground import Frame, wrapped

STEPS_DEG = (*(n / 10**power for power in (4, 3, 2, 1) for n in (1, 2, 5)), 1, 2, 5, 10, 15, 20, 30, 45, 60, 90)
# Edges of the frame that a line is labelled at, the first it reaches.
SIDES = {"lon": ("bottom", "top", "left", "right"), "lat": ("left", "right", "bottom", "top")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One meridian or parallel.

    Attributes:
        kind: "lon" or "lat".
        degrees: its longitude or latitude.
        text: its label.
        xy: (n, 2) points in the CRS of the picture.
        labelled: False for the short pieces of a line in several.
    """

    kind: str
    degrees: float
    text: str
    xy: np.ndarray
    labelled: bool = True

    def label(self, frame: Frame) -> tuple[str | None, tuple[float, float]]:
        """The side of the frame where the label stands and the place it belongs to; no side: on the line itself."""
        left, right, bottom, top = frame.edges
        slack_x, slack_y = 1e-3 * (right - left), 1e-3 * (top - bottom)
        for side in SIDES[self.kind]:
            for x, y in self.xy[[0, -1]]:
                distance = {"left": x - left, "right": right - x, "bottom": y - bottom, "top": top - y}[side]
                if distance <= (slack_x if side in ("left", "right") else slack_y):
                    return side, (float(x), float(y))
        x, y = self.xy[len(self.xy) // 2]
        return None, (float(x), float(y))


def graticule(frame: Frame, lines: tuple[int, int] = (6, 6)) -> list[Line]:
    """The lines of round degrees, about so many meridians and parallels at most."""
    found: list[Line] = []
    for kind, span, many in zip(("lon", "lat"), frame.span_deg, lines, strict=True):
        step = next((step for step in STEPS_DEG if span / step <= many), STEPS_DEG[-1])
        if span < STEPS_DEG[0]:
            continue
        decimals = next(number for number in range(5) if round(step, number) == step)
        trace = _traced if frame.axes_deg is None else _ruled
        for degrees in _levels(frame, kind, step):
            pieces = trace(frame, kind, degrees)
            longest = max(map(len, pieces), default=0)
            known = {"kind": kind, "degrees": degrees, "text": _text(kind, degrees, decimals)}
            found += [Line(**known, xy=xy, labelled=len(xy) > longest / 2) for xy in pieces]
    return found


def _levels(frame: Frame, kind: str, step: float) -> list[float]:
    if frame.axes_deg is not None:
        axis = frame.axes_deg[0 if kind == "lon" else 1]
        low, high = float(axis.min()), float(axis.max())
    elif kind == "lat":
        lat = frame.mesh[1]
        low, high = float(np.nanmin(lat)), float(np.nanmax(lat))
    else:
        low = frame.centre_deg[0] - frame.span_deg[0] / 2
        high = low + frame.span_deg[0]
        # one step more on each side, for a picture need not be even about its middle; but every meridian once
        low, high = (-180.0, 180.0 - step) if high - low > 180 else (low - 2 * step, high + 2 * step)
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return [number * step for number in range(first, last + 1)]


def _ruled(frame: Frame, kind: str, degrees: float) -> list[np.ndarray]:
    """A straight line from edge to edge."""
    left, right, bottom, top = frame.edges
    lon, lat = frame.axes_deg
    mesh_x, mesh_y = frame.mesh_xy
    if kind == "lon":
        x = float(np.interp(degrees, lon, mesh_x))
        return [np.array([[x, bottom], [x, top]])]
    y = float(np.interp(degrees, lat[::-1], mesh_y[::-1]))
    return [np.array([[left, y], [right, y]])]


def _traced(frame: Frame, kind: str, degrees: float) -> list[np.ndarray]:
    """Contours of the mesh."""
    from contourpy import contour_generator  # comes with matplotlib

    lon, lat = frame.mesh
    if kind == "lon":
        off = wrapped(lon - degrees)
        off[np.abs(off) > 90] = np.nan  # the meridian on the other side of the globe, and the jump between
    else:
        off = lat - degrees
    x, y = frame.mesh_xy
    return [line for line in contour_generator(x, y, np.ma.masked_invalid(off)).lines(0.0) if len(line) > 2]


def _text(kind: str, degrees: float, decimals: int) -> str:
    if kind == "lon":
        degrees = -float(wrapped(np.float64(-degrees)))  # in (-180, 180]
    letter = "" if degrees in (0.0, 180.0) else {"lon": "WE", "lat": "SN"}[kind][degrees > 0]
    return f"{abs(degrees):.{decimals}f}°{letter}"
