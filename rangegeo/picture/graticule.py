"""Meridians and parallels of a picture in any CRS, and where their labels stand.

Straight meridians and parallels are ruled from edge to edge. Others are traced as contours of the longitudes and
latitudes on a mesh, so that poles, the antimeridian and the edge of a projection's domain need no special treatment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from rangegeo.picture.ground import Frame, within_half_turn

STEPS_DEG = (*(n / 10**power for power in (4, 3, 2, 1) for n in (1, 2, 5)), 1, 2, 5, 10, 15, 20, 30, 45, 60, 90)
Kind: TypeAlias = Literal["lon", "lat"]
# A line is labelled at the first of these sides of the frame that it reaches.
SIDES = {"lon": ("bottom", "top", "left", "right"), "lat": ("left", "right", "bottom", "top")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One meridian or parallel.

    Attributes:
        kind: "lon" or "lat".
        degrees: its longitude or latitude.
        text: its label.
        xy: (n, 2) points in the CRS of the picture.
        labelled: False for the short pieces of a line that consists of several.
    """

    kind: Kind
    degrees: float
    text: str
    xy: np.ndarray
    labelled: bool = True

    def label(self, frame: Frame) -> tuple[str | None, tuple[float, float]]:
        """Where the label stands: the side of the frame, and the place that it belongs to.

        The side is None if the line does not reach the frame; then the label stands on the line itself.
        """
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
    """The meridians and parallels of round degrees.

    Args:
        frame: the ground of the picture.
        lines: about how many meridians and how many parallels there are at most.
    """
    found: list[Line] = []
    kinds: tuple[Kind, Kind] = ("lon", "lat")
    for kind, span, many in zip(kinds, frame.span_deg, lines, strict=True):
        step = next((step for step in STEPS_DEG if span / step <= many), STEPS_DEG[-1])
        if span < STEPS_DEG[0]:
            continue
        decimals = next(number for number in range(5) if round(step, number) == step)
        for degrees in _round_degrees(frame, kind, step):
            pieces = _traced(frame, kind, degrees) if frame.axes_deg is None else _ruled(frame, kind, degrees)
            longest = max(map(len, pieces), default=0)
            text = _text(kind, degrees, decimals)
            found += [
                Line(kind=kind, degrees=degrees, text=text, xy=xy, labelled=len(xy) > longest / 2) for xy in pieces
            ]
    return found


def _round_degrees(frame: Frame, kind: Kind, step: float) -> list[float]:
    """The multiples of a step that may lie in the picture."""
    if frame.axes_deg is not None:
        axis = frame.axes_deg[0 if kind == "lon" else 1]
        low, high = float(axis.min()), float(axis.max())
    elif kind == "lat":
        lat = frame.mesh[1]
        low, high = float(np.nanmin(lat)), float(np.nanmax(lat))
    else:
        low = frame.centre_deg[0] - frame.span_deg[0] / 2
        high = low + frame.span_deg[0]
        # The picture need not be symmetric about its middle, so there are two steps more on each side. If they would go
        # around the globe, every meridian is taken once.
        low, high = (-180.0, 180.0 - step) if high - low > 180 else (low - 2 * step, high + 2 * step)
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return [number * step for number in range(first, last + 1)]


def _ruled(frame: Frame, kind: Kind, degrees: float) -> list[np.ndarray]:
    """A straight line from edge to edge."""
    assert frame.axes_deg is not None  # else lines are traced
    left, right, bottom, top = frame.edges
    lon, lat = frame.axes_deg
    mesh_x, mesh_y = frame.mesh_xy
    if kind == "lon":
        x = float(np.interp(degrees, lon, mesh_x))
        return [np.array([[x, bottom], [x, top]])]
    y = float(np.interp(degrees, lat[::-1], mesh_y[::-1]))
    return [np.array([[left, y], [right, y]])]


def _traced(frame: Frame, kind: Kind, degrees: float) -> list[np.ndarray]:
    """The pieces of a line, traced as contours of the mesh."""
    from contourpy import LineType, contour_generator  # is installed with matplotlib

    lon, lat = frame.mesh
    if kind == "lon":
        off = within_half_turn(lon - degrees)
        off[np.abs(off) > 90] = np.nan  # leave out the far side of the globe, where the sign jumps
    else:
        off = lat - degrees
    x, y = frame.mesh_xy
    contours = contour_generator(x, y, np.ma.masked_invalid(off), line_type=LineType.Separate)
    return [np.asarray(line) for line in contours.lines(0.0) if len(line) > 2]


def _text(kind: Kind, degrees: float, decimals: int) -> str:
    """The label of a line, such as "5°E", "0°" or "44.5°N"."""
    if kind == "lon":
        degrees = -within_half_turn(-degrees)  # in (-180, 180]
    letter = "" if degrees in (0.0, 180.0) else {"lon": "WE", "lat": "SN"}[kind][degrees > 0]
    return f"{abs(degrees):.{decimals}f}°{letter}"
