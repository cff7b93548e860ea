"""Real QGIS adds the tiles of `rangegeo view` as a layer, and draws them as the server does."""

from __future__ import annotations

import warnings
from urllib.parse import quote

import numpy as np
import rasterio
from helpers.pages import served
from helpers.planets import write_planet
from rasterio.errors import NotGeoreferencedWarning

from rangegeo.view.opening import open_source
from rangegeo.view.tile import SIDE, Tile
from rangegeo.view.viewer import Viewer


def test_layers_of_tiles(ask_qgis, tmp_path):
    viewer, tile = Viewer(open_source(write_planet(tmp_path / "p.zarr", step=1e-5))), Tile(6, 33, 22)
    with served(viewer) as root:
        wmts = f"{root}wmts/1.0.0/WMTSCapabilities.xml"
        layers = {
            "xyz": f"type=xyz&zmin=0&zmax=24&url={quote(root + 'tiles/{z}/{x}/{y}.png?beta=0.25', safe='')}",
            "wmts": "crs=EPSG:3857&format=image/png&layers=embedding&styles=default"
            f"&tileMatrixSet=GoogleMapsCompatible&tileDimensions=beta%3D0.25&url={quote(wmts, safe='')}",
        }
        extent = list(tile.geobox().boundingbox)
        jobs = [
            {
                "path": path,
                "provider": "wms",
                "extent": extent,
                "size": [SIDE, SIDE],
                "picture": str(tmp_path / f"{name}.png"),
            }
            for name, path in layers.items()
        ]
        answer = ask_qgis(jobs)
    expected = viewer.picture(tile, "pca", 0.25)
    for name, facts in zip(layers, answer["rasters"], strict=True):
        assert facts["valid"], facts
        assert facts["crs"] == "EPSG:3857"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(tmp_path / f"{name}.png") as file:
                found = file.read().transpose(1, 2, 0)
        assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1, name
