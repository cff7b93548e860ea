"""A few stored values of a GeoTIFF, kept in one of its tags, by which it knows its own values.

Other programs copy the tags of a file to whatever they compute from it. A file whose pixels are not those of the tag
was computed from another one, and what the tags say about the values is not true of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from rasterio.errors import RasterioIOError
from rasterio.io import DatasetReaderBase
from rasterio.windows import Window

from rangegeo.stores.geotiff_journal import losses

TAG = "rangegeo_sample"
PIXELS = 4  # of the first band, and of the last


def sample_text(file: DatasetReaderBase) -> str:
    """The shape of a file and some of its stored values, as text: those of one row that has data and differs from 0."""
    taken: list[list[float]] = []
    for band in dict.fromkeys((1, file.count)):
        for row in dict.fromkeys((file.height // 2, file.height // 4, 3 * file.height // 4, 0, file.height - 1)):
            values = file.read(band, window=Window(0, row, file.width, 1), masked=True)[0]
            told = np.flatnonzero(~np.ma.getmaskarray(values) & (np.ma.getdata(values) != 0))
            if len(told):
                chosen = told[np.unique(np.linspace(0, len(told) - 1, PIXELS).astype(int))]
                taken += [[band, row, int(col), float(values.data[col])] for col in chosen]
                break
    return json.dumps({"shape": [file.count, *file.shape], "values": taken})


def is_as_written(file: DatasetReaderBase, tags: dict[str, str]) -> bool:
    """Whether a file has the values that its tags speak of. A file without a sample is taken at its word."""
    if TAG not in tags:
        return True
    try:
        return all(_agreements(file, tags))
    except (ValueError, KeyError, TypeError):
        return False


def agrees_nowhere(file: DatasetReaderBase, tags: dict[str, str]) -> bool:
    """Whether a file has none of the values of its sample, or another shape, so that another program computed it."""
    try:
        agreements = list(_agreements(file, tags)) if TAG in tags else []
        return bool(agreements) and not any(agreements)
    except (ValueError, KeyError, TypeError, RasterioIOError):
        return False


def _agreements(file: DatasetReaderBase, tags: dict[str, str]) -> Iterator[bool]:
    """Whether a file has its shape, and each value of its sample."""
    told: dict[str, Any] = json.loads(tags[TAG])
    if told["shape"] != [file.count, *file.shape]:
        yield False
        return
    absolute, relative = losses(file)
    for band, row, col, value in told["values"]:
        found = file.read(int(band), window=Window(int(col), int(row), 1, 1))[0, 0]
        yield bool(np.isclose(found, value, rtol=max(relative, 1e-6), atol=max(absolute, 1e-8)))
