"""What lies beside a GeoTIFF: its picture, its style, and the table of its classes."""

from __future__ import annotations

import xarray as xr

from rangegeo.stores.legend import classes_of, table_path
from rangegeo.support.location import Place
from rangegeo.support.paths import split_suffix

OF_FOLDER = "rangegeo_tile"  # the tag of a tile of a folder: nothing lies beside it, for the folder has it once


def preview_path(path: Place) -> Place:
    """The picture beside a GeoTIFF of embeddings."""
    stem, suffix = split_suffix(path)
    return path.with_name(f"{stem}_rgb{suffix}")


def style_path(path: Place) -> Place:
    """The style of QGIS beside a GeoTIFF."""
    return path.with_name(f"{split_suffix(path)[0]}.qml")


def files_of(cube: xr.DataArray, path: Place) -> list[Place]:
    """All files that a GeoTIFF of a cube consists of; it comes last itself."""
    if classes_of(cube) is None:
        return [preview_path(path), style_path(path), path]
    return [preview_path(path), style_path(path), table_path(path), path]
