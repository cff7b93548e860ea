"""Folders of pictures with an index: a table with the file and the place of each, as S2-100K has it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning

from rangegeo.databases.rasters import READ_ERRORS, Raster
from rangegeo.errors import ImageryError, UsageError, first_line
from rangegeo.evaluation.reading import rows_of_file

INDEX = "index.csv"
FILES = ("fn", "file", "filename", "path", "image")  # columns that name the pictures
WITHIN = ("", "images")  # folders of the pictures, in the folder of the index; microsoft/satclip, s2_dataset.py


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pictures:
    """The pictures of a folder.

    Attributes:
        root: the folder.
        files: (n,) their names as the index has them.
        lonlat_deg: (n, 2) their places.
        remarks: what a user should know, one line each.
    """

    root: Path
    files: tuple[str, ...]
    lonlat_deg: np.ndarray
    remarks: tuple[str, ...] = ()

    def path(self, number: int) -> Path:
        """The path of a picture, which need not exist."""
        paths = [self.root / within / self.files[number] for within in WITHIN]
        return next((path for path in paths if path.is_file()), paths[0])

    def picture(
        self, number: int, bands: tuple[int, ...], size_km: float | None, pixels: int
    ) -> tuple[np.ndarray, str]:
        """A picture, and the type of its numbers.

        Args:
            bands: from 1 on; empty for all.
            size_km: the side of the window around its place; None for the whole picture, wherever it lies.
        Returns:
            (bands, pixels, pixels) float32, NaN where there is no data; and a dtype.
        Raises:
            ImageryError, UsageError: it cannot be read, or has no such bands.
        """
        path = self.path(number)
        if not path.is_file():
            raise ImageryError(f"{path} does not exist; correct a copy of the index")
        if size_km is None:
            return _whole(path, bands, pixels)
        with Raster(str(path), bands) as raster:
            return raster.window(self.lonlat_deg[number], size_km, pixels), raster.dtype


def _whole(path: Path, bands: tuple[int, ...], pixels: int) -> tuple[np.ndarray, str]:
    """A whole picture, averaged or interpolated to so many pixels a side."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as file:
                chosen = bands or tuple(range(1, file.count + 1))
                if max(chosen) > file.count:
                    raise ImageryError(f"{path} has {file.count} bands, and band {max(chosen)} is asked for")
                finer = min(file.shape) >= pixels
                read = file.read(
                    list(chosen),
                    out_shape=(len(chosen), pixels, pixels),
                    masked=True,
                    resampling=Resampling.average if finer else Resampling.bilinear,
                )
                return read.astype(np.float32).filled(np.nan), file.dtypes[chosen[0] - 1]
    except READ_ERRORS as error:
        raise ImageryError(f"{path} cannot be read ({first_line(error)}); get it again") from error


def read_index(root: Path) -> Pictures:
    """The pictures of a folder.

    Raises:
        UsageError: it has no index, or the index has no column with names of files or none with places.
    """
    index = root / INDEX
    if not index.is_file():
        raise UsageError(f"the folder {root} has no {INDEX}; it needs one with a row for each picture: file,lon,lat")
    rows = rows_of_file(str(index))
    named = [name for name in rows.columns if str(name).lower() in FILES]
    if not named:
        told = ", ".join(map(str, rows.columns))
        raise UsageError(f"{index} must name the pictures in a column {', '.join(FILES)}; it has {told}")
    placed = np.isfinite(rows.lonlat_deg).all(axis=1)
    return Pictures(
        root=root,
        files=tuple(rows.columns.loc[placed, named[0]].astype(str)),
        lonlat_deg=rows.lonlat_deg[placed],
        remarks=rows.remarks,
    )
