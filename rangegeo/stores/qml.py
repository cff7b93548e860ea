"""A QGIS style: which three bands are drawn, and which range of values goes from black to full colour."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence


def qgis_style(names: Sequence[str], ranges: Sequence[tuple[float, float]]) -> str:
    """The text of a `.qml` file, which QGIS applies to the raster of the same name.

    Args:
        names: the names of all bands, in order. Three or more are drawn as red, green and blue, fewer in grey.
        ranges: the lowest and the highest value that is drawn, for each of the first three bands, or of fewer.
    """
    root = ET.Element("qgis", version="3.22", styleCategories="Symbology|CustomProperties")
    pipe = ET.SubElement(root, "pipe")
    drawn = dict(zip(("red", "green", "blue"), range(1, len(names) + 1), strict=False))
    if len(drawn) == 3:
        renderer = _renderer(pipe, "multibandcolor", {f"{colour}Band": str(band) for colour, band in drawn.items()})
        for colour, (low, high) in zip(drawn, ranges, strict=True):
            _add_contrast(ET.SubElement(renderer, f"{colour}ContrastEnhancement"), low, high)
    else:
        renderer = _renderer(pipe, "singlebandgray", {"grayBand": "1", "gradient": "BlackToWhite"})
        _add_contrast(ET.SubElement(renderer, "contrastEnhancement"), *ranges[0])
    ET.indent(root)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(root, encoding="unicode") + "\n"


def _renderer(pipe: ET.Element, kind: str, attributes: dict[str, str]) -> ET.Element:
    return ET.SubElement(pipe, "rasterrenderer", {"type": kind, "opacity": "1", "alphaBand": "-1"} | attributes)


def _add_contrast(parent: ET.Element, low: float, high: float) -> None:
    """The range of values that is stretched from black to full colour."""
    ET.SubElement(parent, "minValue").text = repr(float(low))
    ET.SubElement(parent, "maxValue").text = repr(float(high))
    ET.SubElement(parent, "algorithm").text = "StretchToMinimumMaximum"
