"""QGIS styles: three bands as colours, classes with their names and colours, or a ramp of colours."""

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
    return _written(root)


def _renderer(pipe: ET.Element, kind: str, attributes: dict[str, str]) -> ET.Element:
    return ET.SubElement(pipe, "rasterrenderer", {"type": kind, "opacity": "1", "alphaBand": "-1"} | attributes)


def _add_contrast(parent: ET.Element, low: float, high: float) -> None:
    """The range of values that is stretched from black to full colour."""
    ET.SubElement(parent, "minValue").text = repr(float(low))
    ET.SubElement(parent, "maxValue").text = repr(float(high))
    ET.SubElement(parent, "algorithm").text = "StretchToMinimumMaximum"


def palette_style(classes: Sequence[tuple[str, Sequence[int]]]) -> str:
    """The text of a `.qml` file for a band of classes.

    Args:
        classes: the name and the colour (red, green, blue) of each, numbered from 0 on.
    """
    root = ET.Element("qgis", version="3.22", styleCategories="Symbology")
    renderer = _renderer(ET.SubElement(root, "pipe"), "paletted", {"band": "1"})
    palette = ET.SubElement(renderer, "colorPalette")
    for number, (name, colour) in enumerate(classes):
        entry = {"value": str(number), "label": name, "color": _hex(colour), "alpha": "255"}
        ET.SubElement(palette, "paletteEntry", entry)
    return _written(root)


def ramp_style(stops: Sequence[tuple[float, Sequence[int]]]) -> str:
    """The text of a `.qml` file that draws the first band in colours between these.

    Args:
        stops: rising values and their colours (red, green, blue).
    """
    root = ET.Element("qgis", version="3.22", styleCategories="Symbology")
    low, high = repr(stops[0][0]), repr(stops[-1][0])
    limits = {"classificationMin": low, "classificationMax": high}
    renderer = _renderer(ET.SubElement(root, "pipe"), "singlebandpseudocolor", {"band": "1"} | limits)
    shader = ET.SubElement(ET.SubElement(renderer, "rastershader"), "colorrampshader")
    shader.attrib |= {"colorRampType": "INTERPOLATED", "classificationMode": "1", "clip": "0"}
    shader.attrib |= {"minimumValue": low, "maximumValue": high}
    for value, colour in stops:
        item = {"value": repr(value), "label": f"{value:.4g}", "color": _hex(colour), "alpha": "255"}
        ET.SubElement(shader, "item", item)
    return _written(root)


def _hex(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in colour)


def _written(root: ET.Element) -> str:
    ET.indent(root)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(root, encoding="unicode") + "\n"
