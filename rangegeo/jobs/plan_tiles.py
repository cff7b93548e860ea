"""What a folder of tiles takes on disk beside its values."""

from __future__ import annotations

import numpy as np

from rangegeo.cubes.spec import RasterSpec
from rangegeo.grid.mask import OUTSIDE
from rangegeo.grid.windows import cut
from rangegeo.jobs.options import RasterOutput
from rangegeo.stores.zarr_options import QUANTISED

# Bytes that were measured, of a file and of each of its bands; integers have scales too.
TILE, BAND, SCALED_BAND = 3000, 100, 340
ITEM, BAND_OF_ITEM, SCALED_BAND_OF_ITEM = 4100, 40, 130
VRT, BAND_OF_VRT, TILE_OF_BAND = 2500, 300, 225
STYLE = 9000  # the style and the colours beside a VRT


def tiles_take(spec: RasterSpec, output: RasterOutput) -> tuple[int, int]:
    """How many files a folder of tiles has, and how many bytes they take beside the compressed values."""
    assert output.tiles is not None
    rows, cols = (cut(length, output.tiles) for length in spec.geobox.shape)
    tiles = len(rows) * len(cols)
    if spec.area is not None:
        tiles = int(np.count_nonzero(spec.area.mask.coverage(rows, cols) != OUTSIDE))
    layers, bands, scaled = spec.recipe.layers, spec.recipe.bands, output.dtype in QUANTISED
    tile = TILE + bands * (SCALED_BAND if scaled else BAND)
    vrt = VRT + bands * (BAND_OF_VRT + tiles * TILE_OF_BAND) + STYLE
    files, nbytes = layers * (tiles + 3), layers * (tiles * tile + vrt)
    if output.stac:  # an item for each tile, and a collection
        item = ITEM + bands * (SCALED_BAND_OF_ITEM if scaled else BAND_OF_ITEM)
        files, nbytes = files + layers * tiles + 1, nbytes + layers * tiles * item
    return files, nbytes
