"""The README's picture of QGIS: rasters side by side, each as QGIS draws it when the file is dropped on it.

    rangegeo raster --bbox -12,34,40,60 --res 0.05 --beta 1 -o europe.tif
    QT_QPA_PLATFORM=offscreen /usr/bin/python3 workflows/qgis/picture.py europe.tif europe_rgb.tif

Needs the Python that QGIS is installed for (Debian: python3-qgis, qgis-providers).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from look import draw
from qgis.core import QgsApplication, QgsRasterLayer
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QImage, QPainter

PICTURES = Path(__file__).resolve().parents[1] / "pictures"
WIDTH, GAP, CAPTION = 440, 12, 26  # pixels


def picture(paths: list[Path], out: Path) -> None:
    """One panel a raster, its file's name above it."""
    panels = []
    for path in paths:
        layer = QgsRasterLayer(str(path), path.name)
        if not layer.isValid():
            raise SystemExit(f"QGIS does not open {path}: {layer.error().summary()}")
        panels.append(draw(layer, [WIDTH, round(WIDTH * layer.extent().height() / layer.extent().width())]))
    width = len(panels) * (WIDTH + GAP) - GAP
    image = QImage(width, CAPTION + max(panel.height() for panel in panels), QImage.Format_RGB32)
    image.fill(Qt.white)
    painter = QPainter(image)
    for number, (path, panel) in enumerate(zip(paths, panels, strict=True)):
        left = number * (WIDTH + GAP)
        painter.drawText(QPoint(left, CAPTION - 8), path.name)
        painter.drawImage(QPoint(left, CAPTION), panel)
    painter.end()
    image.save(str(out))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rasters", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=PICTURES / "qgis.png")
    arguments = parser.parse_args()
    application = QgsApplication([], True)  # with fonts
    application.initQgis()
    picture(arguments.rasters, arguments.out)
    application.exitQgis()
