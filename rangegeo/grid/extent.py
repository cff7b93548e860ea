"""The extent of a raster: the grid of a box, of another raster or of an area, and which of its pixels count."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import shapely
from odc.geo.geobox import GeoBox

from rangegeo.errors import GridError, GridWarning, UsageError, argument
from rangegeo.grid.box import MOST_DEGREES, cover, example_crs, example_res, make_geobox, parse_res
from rangegeo.grid.crs import WGS84, CrsLike, crs_of, parse_crs, short_name
from rangegeo.grid.mask import Mask
from rangegeo.grid.pixels import lies_nowhere, reaches_domain
from rangegeo.grid.polygons import Polygons, read_polygons
from rangegeo.grid.reproject import polygons_in
from rangegeo.grid.vectors import AreaLike

if TYPE_CHECKING:
    from rangegeo.grid.like import RasterLike

EDGE_TOLERANCE = 0.001  # of a pixel; the edges of an area are followed from one CRS to another as exactly


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The part of a raster that is wanted.

    Attributes:
        name: the name of the file that the area came from.
        mask: which pixels lie in the area.
        share: the share of the raster that the area covers.
        reach: the share of the blocks of the raster that the area reaches; all others are never computed.
    """

    name: str
    mask: Mask
    share: float
    reach: float

    def coarser(self, factor: int) -> Area:
        """The same area on pixels `factor` times as wide and as high."""
        return replace(self, mask=self.mask.coarser(factor))


def choose_extent(
    bbox: Sequence[float] | None = None,
    res: float | Sequence[float] | None = None,
    *,
    crs: CrsLike | None = None,
    bbox_crs: CrsLike | None = None,
    align: bool = False,
    like: RasterLike | None = None,
    aoi: AreaLike | None = None,
    aoi_layer: str | None = None,
    all_touched: bool = False,
) -> tuple[GeoBox, Area | None]:
    """The grid of a raster, and the area within it that is wanted.

    Args:
        bbox: west, south, east, north in `bbox_crs`; a box with west > east crosses the antimeridian.
        res: the pixel size in units of `crs`: one number, or one for x and one for y.
        crs: the CRS of the raster; by default WGS 84.
        bbox_crs: the CRS of `bbox`, or of an area that does not say its own; by default WGS 84.
        align: move the corners outwards to multiples of the pixel size.
        like: a raster whose grid is taken; `rangegeo.grid.like.geobox_like` lists what it may be.
        aoi: an area whose bounds are taken; `rangegeo.grid.polygons.read_polygons` lists what it may be.
        aoi_layer: the layer of a vector file that has several.
        all_touched: count every pixel that the area touches, and not only those whose centre it holds.
    Returns:
        The grid, and the area within it; None instead of an area if the whole grid is wanted.
    Raises:
        UsageError: not exactly one of `bbox`, `like` and `aoi` is given, or another argument does not go with it.
        GridError: a file does not give a usable grid or area, or no pixel of the grid lies on the globe.
    Warns:
        GridWarning: the grid is made as asked for, but looks as if something else was meant.
    """
    others = {"res": res, "crs": crs, "bbox_crs": bbox_crs, "align": align or None}
    of_area = {"all_touched": all_touched or None, "aoi_layer": aoi_layer}
    given = _one_given({"bbox": bbox, "like": like, "aoi": aoi}, others, of_area)
    if like is not None:
        return _of_raster(like), None
    if bbox is not None:
        _check_kind(bbox)
    if res is None:
        needed = f"{argument('res')}, the pixel size in units of {argument('crs')}"
        example = argument("res", example_res(parse_crs(WGS84 if crs is None else crs)))
        raise UsageError(f"{argument(given)} needs {needed}; for example {example}")
    crs = WGS84 if crs is None else crs
    if bbox is not None:
        geobox = make_geobox(bbox, res, crs, WGS84 if bbox_crs is None else bbox_crs, align=align)
        remedy = f"take another {argument('bbox')} or {argument('crs')}, or a smaller {argument('res')}"
        _check_not_nowhere(geobox, remedy)
        return geobox, None
    assert aoi is not None  # exactly one of the three is given
    polygons = read_polygons(aoi, bbox_crs, aoi_layer)
    return _of_area(polygons, res, crs, align=align, all_touched=all_touched)


def _one_given(extents: Mapping[str, object], others: Mapping[str, object], of_area: Mapping[str, object]) -> str:
    """The name of the one extent that is given.

    Args:
        extents: by the names of their arguments; None for those that are not given.
        others: arguments that a raster leaves no choice in.
        of_area: arguments that belong to an area.
    Raises:
        UsageError: not exactly one is given, or an argument does not go with it.
    """
    given = [name for name, value in extents.items() if value is not None]
    if len(given) != 1:
        told = " and ".join(map(argument, given)) or "none of them"
        choices = f"{argument('bbox')} W,S,E,N, {argument('like')} FILE or {argument('aoi')} FILE"
        raise UsageError(f"give one of {choices}, got {told}")
    for name, value in of_area.items():
        if value is not None and given != ["aoi"]:
            told = f"{argument(name)} belongs to {argument('aoi')}"
            raise UsageError(f"{told}; leave it out with {argument(given[0])}")
    for name, value in others.items():
        if value is not None and given == ["like"]:
            raise UsageError(f"{argument('like')} gives the whole grid; leave out {argument(name)}")
    return given[0]


def _of_raster(like: RasterLike) -> GeoBox:
    """The grid of another raster."""
    from rangegeo.grid.like import geobox_like, warn_of_names  # imports xarray, which a wrong bbox should not wait for

    geobox = geobox_like(like)
    warn_of_names(like)
    _check_not_nowhere(geobox, f"take another {argument('like')}")
    return geobox


def _check_kind(bbox: object) -> None:
    """Refuse an area or a raster that is given as a box.

    Raises:
        UsageError: which argument it belongs to.
    """
    kind, belongs = type(bbox).__name__, None
    if isinstance(bbox, GeoBox) or hasattr(type(bbox), "dims"):
        belongs = argument("like")
    elif isinstance(bbox, Mapping) or any(hasattr(bbox, name) for name in ("__geo_interface__", "geometry")):
        belongs = argument("aoi")
    elif isinstance(bbox, PurePath):
        belongs = f"{argument('aoi')}, if it is an area, or {argument('like')}, if it is a raster"
    if belongs is not None:
        raise UsageError(f"{argument('bbox')} must be four numbers W,S,E,N, got {kind}; give it as {belongs}")


def _check_not_nowhere(geobox: GeoBox, remedy: str) -> None:
    """Refuse a grid without a pixel that has a place on the globe.

    Raises:
        GridError: there is no such pixel.
    Warns:
        GridWarning: no such pixel was found on a grid that is too large to look at each.
    """
    nowhere = f"no pixel lies in the domain of {short_name(crs_of(geobox))}, so every value"
    if lies_nowhere(geobox):
        raise GridError(f"{nowhere} would be nodata; {remedy}")
    if not reaches_domain(geobox):
        warnings.warn(GridWarning(f"{nowhere} may be nodata; {remedy}"), stacklevel=4)


def _of_area(
    polygons: Polygons,
    res: float | Sequence[float],
    crs: CrsLike,
    *,
    align: bool,
    all_touched: bool,
) -> tuple[GeoBox, Area]:
    """The grid over the bounds of an area, and the area on it.

    Raises:
        UsageError: the CRS or the pixel size cannot be used.
        GridError: the CRS cannot show the area, or no pixel of the grid counts.
    """
    target = parse_crs(crs, example=example_crs(res, MOST_DEGREES))
    size = parse_res(res, target)
    shapes = polygons_in(polygons, target, EDGE_TOLERANCE * min(size))
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    geobox = cover((west, south, east, north), size, target, align=align)
    mask = Mask.of(shapes, geobox.affine, all_touched=all_touched)
    shape = geobox.shape.yx
    if not mask.any(shape):
        missed = f"{argument('aoi')} {polygons.name} holds the centre of no pixel"
        touched = f"{argument('all_touched')} for the pixels that it touches"
        raise GridError(f"{missed}; take a smaller {argument('res')}, or {touched}")
    return geobox, Area(name=PurePath(polygons.name).name, mask=mask, share=mask.share(shape), reach=mask.reach(shape))
