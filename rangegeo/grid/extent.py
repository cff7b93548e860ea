"""Where a raster lies: the grid of a box, of another raster or of an area, and which of its pixels count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import shapely
from odc.geo.geobox import GeoBox

from rangegeo.errors import GridError, UsageError
from rangegeo.grid.box import cover, make_geobox, parse_res
from rangegeo.grid.crs import WGS84, parse_crs
from rangegeo.grid.mask import Mask

EDGE_SLACK = 0.001  # of a pixel: how exactly the edges of an area are followed from one CRS to another


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The part of a raster that is wanted.

    Attributes:
        name: of the file it came from.
        mask: its pixels.
        share: of the raster's blocks that it reaches, at most.
    """

    name: str
    mask: Mask
    share: float

    def coarser(self, factor: int) -> Area:
        """The same area on pixels `factor` times as wide and as high."""
        return replace(self, mask=self.mask.coarser(factor))


def choose_extent(
    bbox: Sequence[float] | None = None,
    res: float | Sequence[float] | None = None,
    *,
    crs: object = None,
    bbox_crs: object = None,
    align: bool = False,
    like: object = None,
    aoi: object = None,
    all_touched: bool = False,
) -> tuple[GeoBox, Area | None]:
    """The grid of a raster, and the area within it that is wanted.

    Args:
        bbox, res, crs, bbox_crs, align: see `rangegeo.grid.make_geobox`.
        like: a raster whose very grid is taken; see `rangegeo.grid.like.geobox_like`.
        aoi: polygons whose bounds are taken; see `rangegeo.grid.polygons.read_polygons`.
        all_touched: pixels count that the area touches, not those alone whose centre it holds.
    Returns:
        The grid, and None where all of it is wanted.
    Raises:
        UsageError: not exactly one of `bbox`, `like` and `aoi` is given, or what does not go with it.
        GridError: a file gives no grid.
    """
    given = [flag for flag, value in (("--bbox", bbox), ("--like", like), ("--aoi", aoi)) if value is not None]
    if len(given) != 1:
        told = " and ".join(given) or "none of them"
        raise UsageError(f"give one of --bbox W,S,E,N, --like FILE or --aoi FILE, got {told}")
    if all_touched and aoi is None:
        raise UsageError(f"--all-touched belongs to --aoi; leave it out with {given[0]}")
    if like is not None:
        others = {"--res": res, "--crs": crs, "--bbox-crs": bbox_crs, "--align": align or None}
        for flag in (flag for flag, value in others.items() if value is not None):
            raise UsageError(f"--like gives the whole grid; leave out {flag}")
        from rangegeo.grid.like import geobox_like

        return geobox_like(like), None
    if res is None:
        raise UsageError(f"{given[0]} needs --res, the pixel size in units of --crs; for example --res 0.01")
    crs = WGS84 if crs is None else crs
    if bbox is not None:
        return make_geobox(bbox, res, crs, WGS84 if bbox_crs is None else bbox_crs, align=align), None
    return _of_area(aoi, res, crs, bbox_crs, align=align, all_touched=all_touched)


def _of_area(
    aoi: object, res: float | Sequence[float], crs: object, bbox_crs: object, *, align: bool, all_touched: bool
) -> tuple[GeoBox, Area]:
    """The grid over the bounds of an area, and its pixels."""
    from rangegeo.grid.polygons import read_polygons
    from rangegeo.grid.reproject import polygons_in

    crs, size = parse_crs(crs, "--crs"), parse_res(res)
    polygons = read_polygons(aoi, bbox_crs)
    shapes = polygons_in(polygons, crs, EDGE_SLACK * min(size))
    geobox = cover(tuple(shapely.total_bounds(shapes).tolist()), size, crs, align=align)
    mask = Mask.of(shapes, geobox.affine, all_touched=all_touched)
    share = mask.share(geobox.shape)
    if not mask.any(geobox.shape):
        raise GridError(
            f"--aoi {polygons.name} holds the centre of no pixel; take a smaller --res, or --all-touched for the "
            "pixels that it touches"
        )
    return geobox, Area(name=PurePath(polygons.name).name, mask=mask, share=share)
