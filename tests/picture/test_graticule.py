"""Meridians and parallels against PROJ, in degrees and in projections, at poles and across the antimeridian."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Transformer

from rangegeo.picture.graticule import STEPS_DEG, graticule
from rangegeo.picture.ground import Frame, within_half_turn

FLAT = ("degrees", "antimeridian", "antimeridian in Mercator", "globe", "high latitude")
CURVED = ("Svalbard", "Arctic", "Antarctica", "zone of UTM", "Lambert", "Mollweide", "feet")


@pytest.fixture(params=[*FLAT, *CURVED])
def frame(request, geobox_of) -> Frame:
    return Frame(geobox_of(request.param))


def test_every_point_of_a_line_has_its_degrees(frame):
    transformer = Transformer.from_crs(frame.crs, "EPSG:4326", always_xy=True)
    lines = graticule(frame)
    assert {line.kind for line in lines} == {"lon", "lat"}
    for line in lines:
        lon, lat = transformer.transform(*line.xy.T)
        middle = slice(1, -1) if len(lon) > 2 else slice(None)  # an end may lie on a seam
        if line.kind == "lat":
            off = np.abs(lat - line.degrees)[middle]
        else:
            off = np.abs(within_half_turn(lon - line.degrees) * np.cos(np.radians(lat)))[middle]
        assert off.max() < 0.01 * max(frame.span_deg)


def test_lines_lie_within_the_frame_and_are_not_too_many(frame):
    left, right, bottom, top = frame.edges
    lines = graticule(frame, (6, 4))
    for line in lines:
        x, y = line.xy.T
        assert x.min() >= left - 1e-6 * (right - left)
        assert x.max() <= right + 1e-6 * (right - left)
        assert y.min() >= bottom - 1e-6 * (top - bottom)
        assert y.max() <= top + 1e-6 * (top - bottom)
    for kind, most in (("lon", 6), ("lat", 4)):
        degrees = sorted({line.degrees for line in lines if line.kind == kind})
        assert 1 <= len(degrees) <= most + 1
        steps = np.diff(degrees)
        if len(steps):
            assert np.ptp(steps) < 1e-9
            assert np.isclose(steps[0], STEPS_DEG).any()


def test_a_flat_graticule_reaches_from_edge_to_edge(geobox_of):
    frame = Frame(geobox_of("degrees"))
    lines = graticule(frame)
    assert [line.text for line in lines if line.kind == "lon"] == ["5°E", "6°E", "7°E", "8°E", "9°E", "10°E"]
    assert [line.text for line in lines if line.kind == "lat"] == ["44°N", "45°N", "46°N", "47°N", "48°N"]
    for line in lines:
        if line.kind == "lon":
            np.testing.assert_allclose(line.xy, [[line.degrees, 44], [line.degrees, 48]], rtol=0, atol=1e-9)
            assert line.label(frame) == ("bottom", (pytest.approx(line.degrees), pytest.approx(44)))
        else:
            np.testing.assert_allclose(line.xy, [[5, line.degrees], [10, line.degrees]], rtol=0, atol=1e-9)
            assert line.label(frame) == ("left", (pytest.approx(5), pytest.approx(line.degrees)))


@pytest.mark.parametrize("ground", ["antimeridian", "antimeridian in Mercator"])
def test_longitudes_run_on_across_the_antimeridian(geobox_of, ground):
    lines = [line for line in graticule(Frame(geobox_of(ground))) if line.kind == "lon"]
    texts = [line.text for line in lines]
    assert [text for text in texts if int(text[:3]) % 2 == 0] == ["176°E", "178°E", "180°", "178°W"]
    assert (np.diff([line.xy[0, 0] for line in lines]) > 0).all()


def test_the_globe_has_both_edges(geobox_of):
    frame = Frame(geobox_of("globe"))
    lines = graticule(frame)
    assert [line.text for line in lines if line.kind == "lon"] == [
        "180°", "120°W", "60°W", "0°", "60°E", "120°E", "180°"]  # fmt: skip
    assert [line.text for line in lines if line.kind == "lat"] == ["90°S", "60°S", "30°S", "0°", "30°N", "60°N", "90°N"]


def test_around_a_pole_parallels_are_closed_and_meridians_radiate(geobox_of):
    frame = Frame(geobox_of("Arctic"))
    lines = graticule(frame, (8, 4))
    meridians = {line.text: line for line in lines if line.kind == "lon"}
    assert set(meridians) == {"0°", "45°E", "90°E", "135°E", "180°", "45°W", "90°W", "135°W"}
    sides = {text: line.label(frame)[0] for text, line in meridians.items()}
    assert (sides["0°"], sides["90°E"], sides["180°"], sides["90°W"]) == ("bottom", "right", "top", "left")
    for line in meridians.values():
        assert np.hypot(*line.xy.T).min() < 0.02 * 3e6  # to the pole but for the last cell
    closed = [line for line in lines if line.kind == "lat" and line.degrees == 70]
    assert len(closed) == 1
    np.testing.assert_allclose(closed[0].xy[0], closed[0].xy[-1])
    assert closed[0].label(frame)[0] is None  # no end on the frame: the label stands on the line


def test_only_the_long_pieces_of_a_line_are_labelled(geobox_of):
    lines = graticule(Frame(geobox_of("Mollweide")), (8, 4))
    labelled = [(line.kind, line.text) for line in lines if line.labelled]
    assert len(labelled) == len(set(labelled)) < len(lines)


@pytest.mark.parametrize("ground", ["one pixel", "a thin row", "some metres"])
def test_the_smallest_grids_have_some_lines_or_none(geobox_of, ground):
    for line in graticule(Frame(geobox_of(ground))):
        assert np.isfinite(line.xy).all()


@pytest.mark.parametrize(
    ("ground", "texts"), [("zone of UTM", {"46°N", "50°N", "2°W", "6°W"}), ("Svalbard", {"78°N", "80°N", "20°E"})]
)
def test_curved_lines_are_labelled_at_the_frame(geobox_of, ground, texts):
    frame = Frame(geobox_of(ground))
    found = {line.text: line.label(frame) for line in graticule(frame) if line.labelled}
    assert texts <= set(found)
    transformer = Transformer.from_crs(frame.crs, "EPSG:4326", always_xy=True)
    for text, (side, place) in found.items():
        assert side is not None
        lon, lat = transformer.transform(*place)
        number = float(text[:-2] or 0) if text[-1] in "NSEW" else 0.0
        assert abs({"N": lat, "S": -lat, "E": lon, "W": -lon}.get(text[-1], lon) - number) < 0.02
