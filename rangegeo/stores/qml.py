"""A QGIS style: which three bands are drawn, and the range of values that becomes black to full colour."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence


def style(names: Sequence[str], ranges: Sequence[tuple[float, float]]) -> str:
    """A `.qml` that QGIS applies to the raster of the same name.

    Args:
        names: of all bands, in order.
        ranges: lowest and highest value drawn of the first bands, up to three.
    """
    root = ET.Element("qgis", version="3.22", styleCategories="Symbology|CustomProperties")
    pipe = ET.SubElement(root, "pipe")
    drawn = dict(zip(("red", "green", "blue"), range(1, len(names) + 1), strict=False))
    if len(drawn) == 3:
        attributes = {f"{colour}Band": str(band) for colour, band in drawn.items()}
        renderer = ET.SubElement(
            pipe, "rasterrenderer", type="multibandcolor", opacity="1", alphaBand="-1", **attributes
        )
        for colour, (low, high) in zip(drawn, ranges, strict=True):
            _contrast(ET.SubElement(renderer, f"{colour}ContrastEnhancement"), low, high)
    else:
        attributes = {"grayBand": "1", "gradient": "BlackToWhite"}
        renderer = ET.SubElement(
            pipe, "rasterrenderer", type="singlebandgray", opacity="1", alphaBand="-1", **attributes
        )
        _contrast(ET.SubElement(renderer, "contrastEnhancement"), *ranges[0])
    ET.indent(root)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(root, encoding="unicode") + "\n"


def _contrast(parent: ET.Element, low: float, high: float) -> None:
    ET.SubElement(parent, "minValue").text = repr(float(low))
    ET.SubElement(parent, "maxValue").text = repr(float(high))
    ET.SubElement(parent, "algorithm").text = "StretchToMinimumMaximum"
