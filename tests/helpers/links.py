"""Files that name addresses, and a server that notes who comes."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio

SQUARE = [[[5, 44], [6, 44], [6, 45], [5, 45], [5, 44]]]
# GDAL waits for the answer without giving way to other threads of Python, so the server is a process of its own.
SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.path, file=open(sys.argv[1], "a"))
        self.send_error(404)
    do_HEAD = do_POST = do_GET
    def log_message(self, *what):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@dataclass(frozen=True)
class Server:
    """A server of this machine.

    Attributes:
        address: such as http://127.0.0.1:1234.
        log: a file with a line for each request.
    """

    address: str
    log: Path

    @property
    def requests(self) -> list[str]:
        return self.log.read_text().split()


@contextmanager
def listening(log: Path) -> Iterator[Server]:
    """A context with a server."""
    log.touch()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(log)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Server(f"http://127.0.0.1:{process.stdout.readline().strip()}", log)
    finally:
        process.kill()
        process.communicate()


def collection(**more: object) -> str:
    feature = {"type": "Feature", "properties": {"a": 1}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    return json.dumps({"type": "FeatureCollection", **more, "features": [feature]})


def linked(url: str, kind: str = "link") -> str:
    return collection(crs={"type": kind, "properties": {"href": url, "url": url, "type": "proj4"}})


def vector_vrt(source: str, more: str = "") -> str:
    layer = f'<OGRVRTLayer name="a"><SrcDataSource>{source}</SrcDataSource>{more}</OGRVRTLayer>'
    return f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"


def raster_vrt(source: str, more: str = "") -> str:
    grid = "<SRS>EPSG:4326</SRS><GeoTransform>5,0.1,0,45,0,-0.1</GeoTransform>"
    named = f"<SimpleSource><SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
    band = f'<VRTRasterBand dataType="Float32" band="1">{more}{named}</VRTRasterBand>'
    return f'<VRTDataset rasterXSize="9" rasterYSize="9">{grid}{band}</VRTDataset>'


def warped_vrt(source: str) -> str:
    band = '<VRTRasterBand dataType="Float32" band="1" subClass="VRTWarpedRasterBand"/>'
    options = f'<GDALWarpOptions><SourceDataset relativeToVRT="0">{source}</SourceDataset></GDALWarpOptions>'
    start = '<VRTDataset rasterXSize="9" rasterYSize="9" subClass="VRTWarpedDataset">'
    return f"{start}{band}{options}</VRTDataset>"


def commands(url: str) -> str:
    line = f"gdal vector pipeline ! read /vsicurl/{url} ! write --output-format=stream streamed_dataset"
    return json.dumps({"type": "gdal_streamed_alg", "command_line": line})


def zipped(path: Path, member: str, content: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)


def tif(path: Path, **tags: str) -> None:
    sides = {"width": 9, "height": 9, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(path, "w", driver="GTiff", transform=rasterio.Affine(0.1, 0, 5, 0, -0.1, 45), **sides) as file:
        file.write(np.ones((1, 9, 9), np.float32))
        file.update_tags(ns="OVERVIEWS", **tags)


def beside(path: Path, suffix: str, content: str) -> None:
    tif(path)
    Path(f"{path}{suffix}").write_text(content)


def text(make: Callable[[str], str]) -> Callable[[Path, str], object]:
    return lambda path, url: path.write_text(make(url))


# What makes each file, given its path and an address. The names of vector files are those of GDAL's drivers.
VECTORS: dict[str, Callable[[Path, str], object]] = {
    "link.geojson": text(linked),
    "url.geojson": text(lambda url: linked(url, "URLs")),
    "escaped.geojson": text(
        lambda url: linked(url).replace('"link"', r'"\u006cin\u006B"').replace('"crs"', r'"c\u0072s"')
    ),
    "link.zip": lambda path, url: zipped(path, "a.geojson", linked(url)),
    "vrt.zip": lambda path, url: zipped(path, "a.vrt", vector_vrt(f"/vsicurl/{url}")),
    "vector.vrt": text(lambda url: vector_vrt(f"/vsicurl/{url}/a.geojson")),
    "vrt.xml": text(lambda url: vector_vrt(f"/vsicurl/{url}/a.geojson")),
    "inline.vrt": text(lambda url: vector_vrt(f"&lt;OGRWFSDataSource>&lt;URL>{url}&lt;/URL>&lt;/OGRWFSDataSource>")),
    "linked.vrt": lambda path, url: (
        path.write_text(vector_vrt("link.geojson")),
        path.with_name("link.geojson").write_text(linked(url)),
    ),
    "sql.vrt": lambda path, url: (
        path.write_text(vector_vrt(str(path.with_name("ok.geojson")), f"<SrcSQL>SELECT * FROM '{url}'.a</SrcSQL>")),
        path.with_name("ok.geojson").write_text(collection()),
    ),
    "wfs.xml": text(lambda url: f"<OGRWFSDataSource><URL>{url}</URL></OGRWFSDataSource>"),
    "commands.json": text(commands),
    "a.gdalg.json": text(commands),
}  # fmt: skip
RASTERS: dict[str, Callable[[Path, str], object]] = {
    "raster.vrt": text(lambda url: raster_vrt(f"/vsicurl/{url}/a.tif")),
    "warped.vrt": text(lambda url: warped_vrt(f"/vsicurl/{url}/a.tif")),
    "overview.vrt": lambda path, url: (
        tif(path.with_name("b.tif")),
        path.write_text(
            raster_vrt("b.tif", f"<Overview><SourceFilename>/vsicurl/{url}/o.tif</SourceFilename></Overview>")
        ),
    ),
    "nested.vrt": lambda path, url: (
        path.write_text(raster_vrt("raster.vrt")),
        path.with_name("raster.vrt").write_text(raster_vrt(f"/vsicurl/{url}/a.tif")),
    ),
    "wcs.xml": text(lambda url: f"<WCS_GDAL><ServiceURL>{url}?</ServiceURL><CoverageName>a</CoverageName></WCS_GDAL>"),
    "wmts.xml": text(
        lambda url: f"<GDAL_WMTS><GetCapabilitiesUrl>{url}?</GetCapabilitiesUrl><Layer>a</Layer></GDAL_WMTS>"
    ),
    "wms.tif": text(lambda url: f'<GDAL_WMS><Service name="TMS"><ServerUrl>{url}</ServerUrl></Service></GDAL_WMS>'),
    "index.gti": text(
        lambda url: f"<GDALTileIndexDataset><IndexDataset>/vsicurl/{url}/a.gpkg</IndexDataset></GDALTileIndexDataset>"
    ),
    "overviews.tif": lambda path, url: beside(path, ".ovr", raster_vrt(f"/vsicurl/{url}/a.tif")),
    "mask.tif": lambda path, url: beside(path, ".msk", raster_vrt(f"/vsicurl/{url}/a.tif")),
}
