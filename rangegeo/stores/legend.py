"""How maps look: names and colours of classes, or a ramp of colours for numbers."""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from rangegeo.colours.fit import HIGH, LOW
from rangegeo.schema.complete import band_names
from rangegeo.stores.palette import colours_of
from rangegeo.stores.qml import palette_style, ramp_style
from rangegeo.support.location import Place
from rangegeo.support.text import printable

CLASSES, TARGET = "classes", "target"  # attributes of maps: the names of the classes, and what is mapped
TABLE = ".aux.xml"  # the ending that GDAL gives to files with tables of attributes
# Nine shades of viridis, of Nathaniel Smith and Stéfan van der Walt (CC0), from low to high.
VIRIDIS = np.array(
    [
        (68, 1, 84),
        (71, 44, 122),
        (59, 81, 139),
        (44, 113, 142),
        (33, 144, 141),
        (39, 173, 129),
        (92, 200, 99),
        (170, 220, 50),
        (253, 231, 37),
    ]
)


@dataclass(frozen=True, slots=True)
class Classes:
    """Classes, which are numbered from 0 on.

    Attributes:
        names: of the classes.
    """

    names: tuple[str, ...]

    @property
    def colours(self) -> np.ndarray:
        """(classes, 3) uint8 red, green and blue, all different."""
        return colours_of(self.names)

    def style(self, names: list[str]) -> str:
        """The text of a QGIS style."""
        return palette_style(list(zip(self.names, self.colours.tolist(), strict=True)))

    def paint(self, values: np.ndarray) -> np.ndarray:
        """(3, h, w) uint8 colours of numbers of classes (1, h, w); 0 where there is none."""
        known = np.isfinite(values[0])
        shades = np.maximum(self.colours, 1)[np.where(known, values[0], 0).astype(int)]
        return np.where(known, shades.transpose(2, 0, 1), 0).astype(np.uint8)

    @property
    def colour_table(self) -> dict[int, tuple[int, int, int, int]]:
        """The colours as GDAL takes them."""
        return {number: (*colour, 255) for number, colour in enumerate(self.colours.tolist())}

    def write_table(self, path: Path, name: str) -> None:
        """Write the names as GDAL reads them: a table of attributes, and names of categories.

        Args:
            path: of the GeoTIFF; the table lies beside it.
            name: of the column of names.
        """
        root = ET.Element("PAMDataset")
        band = ET.SubElement(root, "PAMRasterBand", band="1")
        categories = ET.SubElement(band, "CategoryNames")
        table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
        for index, (column, kind, usage) in enumerate(_columns(name)):
            field = ET.SubElement(table, "FieldDefn", index=str(index))
            for tag, text in (("Name", column), ("Type", kind), ("Usage", usage)):
                ET.SubElement(field, tag).text = text
        for number, (label, colour) in enumerate(zip(self.names, self.colours.tolist(), strict=True)):
            ET.SubElement(categories, "Category").text = label
            row = ET.SubElement(table, "Row", index=str(number))
            for value in (number, label, *colour):
                ET.SubElement(row, "F").text = str(value)
        ET.indent(root)
        table_path(path).write_text(ET.tostring(root, encoding="unicode") + "\n", encoding="utf-8")


def _columns(name: str) -> list[tuple[str, str, str]]:
    """Name, GDAL's type and GDAL's usage of each column: 0 integer, 2 text; 5 number of a class, 2 name, 6 to 8 RGB."""
    text = name if name not in ("Value", "Red", "Green", "Blue") else f"{name}_name"
    return [("Value", "0", "5"), (text, "2", "2"), ("Red", "0", "6"), ("Green", "0", "7"), ("Blue", "0", "8")]


@dataclass(frozen=True, slots=True)
class Ramp:
    """Numbers, drawn from dark to light.

    Attributes:
        low, high: the values with the first and the last colour.
    """

    low: float
    high: float

    @classmethod
    def over(cls, low: float, high: float) -> Ramp:
        """The ramp between two values, which may be equal."""
        return cls(low, high if high > low else low + 1.0)

    @property
    def stops(self) -> np.ndarray:
        """(n,) values of the colours."""
        return np.linspace(self.low, self.high, len(VIRIDIS))

    def style(self, names: list[str]) -> str:
        """The text of a QGIS style, which draws the first band."""
        return ramp_style(list(zip(self.stops.tolist(), VIRIDIS.tolist(), strict=True)))

    def paint(self, values: np.ndarray) -> np.ndarray:
        """(3, h, w) uint8 colours of the first band (bands, h, w); 0 where there is no value."""
        known = np.isfinite(values[0])
        filled = np.where(known, values[0], self.low)
        shades = [np.interp(filled, self.stops, channel) for channel in VIRIDIS.T]
        return np.where(known, np.maximum(np.rint(shades), 1), 0).astype(np.uint8)


def classes_of(cube: xr.DataArray) -> Classes | None:
    """The classes of a cube with one band of them; None for any other cube."""
    names = cube.attrs.get(CLASSES)
    if names is None or band_names(cube) != [cube.attrs.get(TARGET)]:  # a spread or a probability is no class
        return None
    return classes_from(names)


def classes_from(names: Sequence[str] | str) -> Classes:
    """Classes with these names: a list, or the text of one, as a GeoTIFF holds it."""
    told = ast.literal_eval(names) if isinstance(names, str) else names
    return Classes(tuple(printable(str(name)) for name in told))


def legend_of(cube: xr.DataArray, drawn: tuple[float, float]) -> Classes | Ramp | None:
    """How a map looks; None for cubes that are no maps.

    Args:
        drawn: the lowest and the highest value of the first band that are drawn.
    """
    if TARGET not in cube.attrs:
        return None
    return classes_of(cube) or Ramp.over(*drawn)


def drawn_range(values: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest value of a band that are drawn; any range will do for a band without data."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, (LOW, HIGH)).tolist() if finite.size else (0.0, 1.0)
    return low, high


def table_path(path: Place) -> Place:
    """Where GDAL looks for the table of attributes of a file."""
    return path.with_name(path.name + TABLE)
