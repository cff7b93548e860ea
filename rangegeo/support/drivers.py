"""Which of GDAL's drivers reads a vector file.

GDAL's driver for CSV loses rows at quotation marks that stand alone, without an error. So no text table is read by it.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

TEXT = "CSV"  # GDAL's name of its driver for text tables
VIRTUAL = "OGR_VRT"  # its name of the driver for .vrt files, which name other files
MOST_COLUMNS = 20_000  # of any table
DEEPEST = 8  # .vrt files that name each other


def is_text_table(source: str | Path | bytes, layer: str | int | None = None) -> bool:
    """Whether GDAL would read a vector file as a text table, or a text table that a .vrt file names.

    Args:
        source: what GDAL opens, or the content of a file.
        layer: its name or number; None for the first.
    Raises:
        pyogrio.errors.DataSourceError: GDAL cannot open it, or it has too many columns.
    """
    import pyogrio
    from pyogrio.errors import DataSourceError

    info = pyogrio.read_info(source, layer=layer)
    driver = info["driver"]
    if len(info["fields"]) > MOST_COLUMNS:  # GDAL would look for each name in all others
        raise DataSourceError(f"it has {len(info['fields']):,} columns, and at most {MOST_COLUMNS:,} are read")
    if driver != VIRTUAL:
        return driver == TEXT
    return _names_text(source, DEEPEST)


def _names_text(source: str | Path | bytes, deepest: int) -> bool:
    """Whether a .vrt file names a text table, or names another .vrt file that does."""
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        told = source if isinstance(source, bytes) else Path(source).read_bytes()
        root = ElementTree.fromstring(told)
    except (OSError, ElementTree.ParseError):  # it is within an archive, for example
        return True
    folder = Path() if isinstance(source, bytes) else Path(source).parent
    for part in root.iter("SrcDataSource"):
        text = (part.text or "").strip()
        named = str(folder / text) if part.get("relativeToVRT", part.get("relativetoVRT")) == "1" else text
        try:
            driver = pyogrio.read_info(named)["driver"]
        except (DataSourceError, DataLayerError):  # GDAL says so itself when it reads the layer
            driver = TEXT if named.upper().startswith("CSV:") else None
        if driver == TEXT or (driver == VIRTUAL and (not deepest or _names_text(named, deepest - 1))):
            return True
    return False
