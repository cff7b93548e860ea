"""VRTs over tiles: one file that GDAL, QGIS and rasterio open as if the tiles were one raster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import rasterio

from rangegeo.grid.windows import Window
from rangegeo.stores.geotiff_sample import TAG, sample_text
from rangegeo.stores.quantise import Storage
from rangegeo.support.unfinished import unfinished

TYPES = {"float32": "Float32", "float16": "Float32", "int16": "Int16", "int8": "Int8"}  # as GDAL calls them


def write_vrt(
    path: Path,
    sources: Sequence[tuple[Window, str]],
    *,
    grid: Mapping[str, Any],
    names: Sequence[str],
    storage: Storage,
    layer: int,
    tags: Mapping[str, str],
) -> None:
    """Write a VRT over GeoTIFFs of one lattice. Pixels in none of them are nodata.

    Args:
        path: of the VRT.
        sources: the paths of the GeoTIFFs, relative to the VRT, and their windows of the whole grid.
        grid: height, width, crs and transform of the whole.
        names: of the bands.
        storage: how values are stored.
        layer: the number of the beta, whose scales are written.
        tags: what is known about the whole.
    """
    lines = list(_lines(sources, grid, names, storage, layer))
    _write(path, lines, tags)
    with rasterio.open(path) as file:
        sample = sample_text(file)
    _write(path, lines, {**tags, TAG: sample})


def _write(path: Path, lines: Sequence[str], tags: Mapping[str, str]) -> None:
    """Write the lines with metadata after the first one."""
    told = [f"    <MDI key={quoteattr(name)}>{escape(text)}</MDI>" for name, text in tags.items()]
    text = "\n".join([lines[0], "  <Metadata>", *told, "  </Metadata>", *lines[1:]])
    path.write_text(f"{text}\n", encoding="utf-8")


def _lines(
    sources: Sequence[tuple[Window, str]], grid: Mapping[str, Any], names: Sequence[str], storage: Storage, layer: int
) -> Iterator[str]:
    """The lines of a VRT without its metadata, which come after the first one."""
    transform = ", ".join(repr(float(number)) for number in grid["transform"].to_gdal())
    yield (
        f'<VRTDataset rasterXSize="{grid["width"]}" rasterYSize="{grid["height"]}">\n'
        f"  <SRS>{escape(str(grid['crs']))}</SRS>\n  <GeoTransform>{transform}</GeoTransform>"
    )
    for band, name in enumerate(names, start=1):
        yield f'  <VRTRasterBand dataType="{TYPES[storage.dtype]}" band="{band}">'
        yield f"    <Description>{escape(name)}</Description>\n    <NoDataValue>{storage.nodata}</NoDataValue>"
        if storage.dtype == "float16":
            yield '    <Metadata domain="IMAGE_STRUCTURE"><MDI key="NBITS">16</MDI></Metadata>'
        if storage.scale is not None and storage.offset is not None:
            scale, offset = float(storage.scale[layer, band - 1]), float(storage.offset[layer, band - 1])
            yield f"    <Offset>{offset!r}</Offset>\n    <Scale>{scale!r}</Scale>"
        for (rows, cols), source in sources:
            size = f'xSize="{cols.stop - cols.start}" ySize="{rows.stop - rows.start}"'
            yield (
                f'    <SimpleSource><SourceFilename relativeToVRT="1">{escape(source)}</SourceFilename>'
                f'<SourceBand>{band}</SourceBand><SrcRect xOff="0" yOff="0" {size}/>'
                f'<DstRect xOff="{cols.start}" yOff="{rows.start}" {size}/></SimpleSource>'
            )
        yield "  </VRTRasterBand>"
    yield "</VRTDataset>"


def read_sources(path: Path) -> dict[Path, Window]:
    """The GeoTIFFs that a VRT names, whether they are there or not, and their windows of its grid.

    Args:
        path: of a VRT that `rangegeo.support.foreign.check_foreign` has let through.
    """
    sources = {}
    for part in ElementTree.parse(path).iter():
        name, place = part.find("SourceFilename"), part.find("DstRect")
        if name is not None and place is not None:
            left, top, width, height = (round(float(place.attrib[key])) for key in ("xOff", "yOff", "xSize", "ySize"))
            window = (slice(top, top + height), slice(left, left + width))
            sources[path.parent / (name.text or "").strip()] = window
    return sources


def renew_sample(path: Path) -> None:
    """Write the sample of a VRT again, some of whose GeoTIFFs were made again. One without a sample stays as it is."""
    with rasterio.open(path) as file:
        before, now = file.tags().get(TAG), sample_text(file)
    if before is not None and before != now:
        with unfinished(path) as draft:
            draft.write_text(path.read_text(encoding="utf-8").replace(escape(before), escape(now)), encoding="utf-8")
