"""QGIS styles: bands and ranges, read by a plain XML parser."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from rangegeo.stores.qml import qgis_style

RANGES = [(0.5, 1.5), (-2.0, 2.0), (0.0, 1e-9)]


def test_three_bands_or_more_are_red_green_and_blue():
    root = ET.fromstring(qgis_style(["a", "b", "c", "d"], RANGES))
    (renderer,) = root.iter("rasterrenderer")
    assert renderer.get("type") == "multibandcolor"
    assert [renderer.get(f"{colour}Band") for colour in ("red", "green", "blue")] == ["1", "2", "3"]
    found = [
        tuple(float(enhancement.findtext(f"{end}Value") or "nan") for end in ("min", "max")) for enhancement in renderer
    ]
    assert found == RANGES


def test_fewer_bands_are_grey():
    for names in (["a"], ["a", "b"]):
        root = ET.fromstring(qgis_style(names, RANGES[: len(names)]))
        (renderer,) = root.iter("rasterrenderer")
        assert (renderer.get("type"), renderer.get("grayBand")) == ("singlebandgray", "1")
        assert renderer.findtext("contrastEnhancement/maxValue") == "1.5"
