"""What QGIS sees of rasters: facts as JSON, and the pictures that it draws.

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 workflows/qgis/look.py alps.tif --picture alps.png
    QT_QPA_PLATFORM=offscreen /usr/bin/python3 workflows/qgis/look.py < jobs.json

Needs the Python that QGIS is installed for (Debian: python3-qgis, qgis-providers) and nothing else. Jobs are a list of
{"path": …, "picture": …, "size": [width, height], "points": [[x, y], …]}, all but the path optional, with points in
the CRS of the raster. One process answers for all: QGIS takes seconds to start, a raster milliseconds. A job may have
{"provider": "wms", "extent": [west, south, east, north]} for tiles of a server: the path is then QGIS's own address of
the layer, and the picture shows the extent, in the CRS of the layer.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path

from osgeo import gdal
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsContrastEnhancement,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsPointXY,
    QgsRaster,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QSize, Qt

SIZE = (500, 400)  # pixels of a picture
COLOURS = ("red", "green", "blue")


def look(job: dict) -> dict:
    """Open and draw one raster as QGIS does when a file is dropped on it, in the CRS of the raster."""
    start = time.perf_counter()
    layer = QgsRasterLayer(job["path"], "layer", job.get("provider", "gdal"))
    opened = time.perf_counter()
    if not layer.isValid():
        return {"path": job["path"], "valid": False, "error": layer.error().summary()}
    image = draw(layer, job.get("size", SIZE), job.get("extent"))
    drawn = time.perf_counter()
    if job.get("picture"):
        image.save(job["picture"])
    if job.get("provider"):
        return {"path": job["path"], "valid": True, "crs": layer.crs().authid()}
    extent = layer.extent()
    return {
        "path": job["path"],
        "valid": True,
        "crs": layer.crs().authid(),
        "extent": [extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()],
        "size": [layer.width(), layer.height()],
        **bands(layer.dataProvider()),
        "renderer": renderer(layer.renderer()),
        "values": [values(layer.dataProvider(), point) for point in job.get("points", ())],
        "seconds": {"open": opened - start, "draw": drawn - opened},
        "peak_mb": peak_mb(),
    }


def draw(layer: QgsRasterLayer, size: list[int], extent: list[float] | None):
    """A QImage of the whole raster, or of an extent; what it leaves open is transparent."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent() if extent is None else QgsRectangle(*extent))
    settings.setOutputSize(QSize(*size))
    settings.setBackgroundColor(Qt.transparent)
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage()


def bands(provider) -> dict:
    numbers = range(1, provider.bandCount() + 1)
    return {
        "bands": [provider.generateBandName(number) for number in numbers],
        "nodata": [
            repr(provider.sourceNoDataValue(number)) if provider.sourceHasNoDataValue(number) else None
            for number in numbers
        ],
    }


def renderer(of) -> dict:
    """Its type, the bands it draws, and the range that each is stretched to; None where it is drawn as it is.

    Of classes it is their values, names and colours instead of ranges; of a ramp its first and its last value.
    """
    told = {"type": of.type(), "bands": of.usesBands()}
    if of.type() == "paletted":
        return told | {"classes": [[int(one.value), one.label, one.color.name()] for one in of.classes()]}
    if of.type() == "singlebandpseudocolor":
        return told | {"ranges": [[of.classificationMin(), of.classificationMax()]]}
    if of.type() == "multibandcolor":
        contrasts = [getattr(of, f"{colour}ContrastEnhancement")() for colour in COLOURS]
    else:
        contrasts = [of.contrastEnhancement()]
    ranges = [
        [contrast.minimumValue(), contrast.maximumValue()]
        if contrast and contrast.contrastEnhancementAlgorithm() != QgsContrastEnhancement.NoEnhancement
        else None
        for contrast in contrasts
    ]
    return told | {"ranges": ranges}


def values(provider, point: list[float]) -> list[float | None]:
    """Of all bands at a point; None where there is no data."""
    found = provider.identify(QgsPointXY(*point), QgsRaster.IdentifyFormatValue).results()
    return [None if found[number] is None else float(found[number]) for number in sorted(found)]


def peak_mb() -> float:
    """The most memory that this process has held so far."""
    status = Path("/proc/self/status").read_text()  # getrusage counts the process that started this one, too
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", help="a raster; without it, jobs are read from standard input")
    parser.add_argument("--picture", help="PNG to be drawn")
    parser.add_argument("--size", type=int, nargs=2, default=SIZE, metavar=("WIDTH", "HEIGHT"), help="of the picture")
    given = parser.parse_args()
    jobs = [vars(given)] if given.path else json.load(sys.stdin)
    application = QgsApplication([], False)
    application.initQgis()
    seen = {"qgis": Qgis.QGIS_VERSION, "gdal": gdal.__version__, "idle_mb": peak_mb()}
    seen["rasters"] = [look(job) for job in jobs]
    application.exitQgis()
    json.dump(seen, sys.stdout, indent=1 if given.path else None)


if __name__ == "__main__":
    main()
