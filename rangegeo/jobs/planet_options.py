"""What a planet is asked for: a part of the globe, and an output. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rangegeo.errors import UsageError, argument
from rangegeo.support.location import Location

if TYPE_CHECKING:
    import numpy as np

    from rangegeo.grid.crs import CrsLike
    from rangegeo.grid.polygons import AreaLike
    from rangegeo.spectral.layout import Bounds

GLOBE = (-180.0, -90.0, 180.0, 90.0)
EDGE_DEG = 1e-3  # how exactly the edges of an area in another CRS are followed


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanetArea:
    """A part of the globe.

    Attributes:
        bbox: west, south, east, north in degrees; west > east crosses the antimeridian.
        aoi, aoi_layer: an area, and the layer of its file; only root tiles that it touches are wanted.
        bbox_crs: the CRS of an area that does not say its own.
        land: whether only root tiles that touch land are wanted.
    """

    bbox: Sequence[float] | None = None
    aoi: AreaLike | None = None
    aoi_layer: str | None = None
    bbox_crs: CrsLike | None = None
    land: bool = False

    def roots(self, roots: np.ndarray) -> tuple[np.ndarray, Bounds]:
        """Which root tiles are wanted.

        Args:
            roots: (n, 4) bounds of all of them.
        Returns:
            (m,) their numbers, ascending, and the bounds of what was asked for.
        Raises:
            UsageError, GridError: the box or the area cannot be used, or no tile is left.
            MissingPackage: land is asked for, and its outlines are not installed.
        """
        import numpy as np

        from rangegeo.grid.box import parse_bbox
        from rangegeo.grid.crs import WGS84, parse_crs
        from rangegeo.picture.coastlines import land

        self._check()
        asked, wanted = GLOBE, np.ones(len(roots), dtype=bool)
        if self.bbox is not None:
            asked = parse_bbox(self.bbox, parse_crs(WGS84))
            wanted = _touched_by_box(roots, asked)
        elif self.aoi is not None:
            shapes = self._shapes()
            asked, wanted = _bounds(shapes), _touched(roots, shapes)
        if self.land:
            wanted &= _touched(roots, land())
        if not wanted.any():
            raise UsageError(f"no tile of the area touches land; leave out {argument('land', True)}")
        west, south, east, north = asked
        return np.flatnonzero(wanted), (west, south, east - 360.0 * (east > 180.0), north)

    def _check(self) -> None:
        if self.bbox is not None and self.aoi is not None:
            raise UsageError(f"give {argument('bbox')} or {argument('aoi')}, not both")
        for name in ("aoi_layer", "bbox_crs"):
            if self.aoi is None and getattr(self, name) is not None:
                raise UsageError(f"{argument(name)} belongs to {argument('aoi')}; leave it out")

    def _shapes(self) -> np.ndarray:
        """The polygons of the area, in degrees."""
        from rangegeo.grid.crs import WGS84, parse_crs
        from rangegeo.grid.polygons import read_polygons
        from rangegeo.grid.reproject import polygons_in

        assert self.aoi is not None
        return polygons_in(read_polygons(self.aoi, self.bbox_crs, self.aoi_layer), parse_crs(WGS84), EDGE_DEG)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanetOutput:
    """What a planet is written to.

    Attributes:
        out: path or address, ending in .zarr.
        overwrite: whether an output that exists is replaced.
        resume: whether to continue what an interrupted run of the same request left.
        with_range: whether a planet of RANGE+ holds RANGE too.
    """

    out: Location
    overwrite: bool = False
    resume: bool = False
    with_range: bool = True

    def check(self, nbytes: int = 0) -> None:
        """Refuse a path that cannot be written; `nbytes` may be needed.

        Raises:
            UsageError: it has another suffix. OutputError: it cannot be written. Nothing was touched.
        """
        from rangegeo.stores.drafts import check_arriving, is_arriving
        from rangegeo.stores.owned import check_replaceable
        from rangegeo.support.destination import check_destination

        if self.out.suffix.lower() != ".zarr":
            raise UsageError(
                argument="out", expected="a name that ends in .zarr", got=str(self.out), example="planet.zarr"
            )
        if is_arriving(self.out):
            check_arriving(self.out, overwrite=self.overwrite, resume=self.resume)
            return
        check_destination(
            self.out, nbytes, overwrite=self.overwrite, store=True, smaller=f"take a part, with {argument('bbox')}"
        )
        if self.out.exists():
            check_replaceable(self.out)


def _touched_by_box(roots: np.ndarray, box: Bounds) -> np.ndarray:
    """Which root tiles (n,) hold a place of a box, which may reach beyond the antimeridian."""
    import numpy as np

    west, south, east, north = roots.T
    low, high = (south <= box[3]) & ((north > box[1]) | (north == 90.0)), np.zeros(len(roots), dtype=bool)
    for turn in (-360.0, 0.0, 360.0):
        high |= (west + turn <= box[2]) & (east + turn > box[0])
    return low & high


def _touched(roots: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Which root tiles (n,) touch polygons, which may reach beyond the antimeridian."""
    import numpy as np
    import shapely

    touched, tree = np.zeros(len(roots), dtype=bool), shapely.STRtree(shapes)
    for turn in (-360.0, 0.0, 360.0):
        west, south, east, north = (roots + np.array([turn, 0, turn, 0])).T
        touched[tree.query(shapely.box(west, south, east, north), predicate="intersects")[0]] = True
    return touched


def _bounds(shapes: np.ndarray) -> Bounds:
    import shapely

    west, south, east, north = shapely.total_bounds(shapes).tolist()
    return west, south, east, north
