"""Values of anything that can be evaluated: a field in torch, or bands that are ready. This module imports no torch.

Cubes, tables and models ask here. What gives components in torch is evaluated, and interpolated, by the other modules
of this package, which are imported when they are needed. What gives bands itself, as a stored planet does, is asked for
them, and nothing is interpolated between its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from rangegeo.field.recipe import Recipe
from rangegeo.grid import PixelPlaces

if TYPE_CHECKING:
    from rangegeo.engine.evaluator import Evaluator
    from rangegeo.engine.points import PointInterpolator

BANDS_A_SECOND = 3e8  # values that a `BandEvaluator` gives, measured on two cores that did nothing else


@runtime_checkable
class BandEvaluator(Protocol):
    """Gives the bands of a recipe at places, in NumPy.

    Attributes:
        visual, location, smooth_deg: as of `rangegeo.engine.evaluator.Evaluator`; `smooth_deg` is 0, because nothing is
            interpolated between its values.
        facts: how its values were made and how far they may be off, by the names of the attributes of files.
        told: the same in a line.
    """

    @property
    def visual(self) -> int: ...

    @property
    def location(self) -> int: ...

    @property
    def smooth_deg(self) -> float: ...

    @property
    def facts(self) -> Mapping[str, Any]: ...

    @property
    def told(self) -> str: ...

    def at_places(self, lonlat_deg: np.ndarray, recipe: Recipe) -> np.ndarray:
        """The values at (n, 2) places in range: (layers, n, bands) float32."""
        ...

    def at_pixels(self, pixels: PixelPlaces, recipe: Recipe) -> np.ndarray:
        """The values of a window: (layers, bands, h, w) float32, NaN where a pixel is not valid."""
        ...


AnyEvaluator: TypeAlias = "Evaluator | BandEvaluator"


def interpolable(evaluator: AnyEvaluator) -> Evaluator:
    """The same evaluator, which gives components: patches are made for no other one, because of its `smooth_deg`."""
    assert not isinstance(evaluator, BandEvaluator)
    return evaluator


class ReadyPoints:
    """A `BandEvaluator` at scattered places, with the methods of `rangegeo.engine.points.PointInterpolator`.

    Attributes:
        expected: the number of evaluations of a network, which is none.
    """

    expected = 0

    def __init__(self, evaluator: BandEvaluator, recipe: Recipe) -> None:
        self.evaluator, self.recipe = evaluator, recipe

    def __call__(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """The values at (n, 2) places in range: (layers, n, bands) float32."""
        return self.evaluator.at_places(lonlat_deg, self.recipe)

    def __str__(self) -> str:
        return self.evaluator.told

    @property
    def facts(self) -> dict[str, object]:
        """How the places were computed; the names are those of a raster's attributes."""
        return dict(self.evaluator.facts)


PointValues: TypeAlias = "PointInterpolator | ReadyPoints"


def evaluate_pixels(
    evaluator: AnyEvaluator, pixels: PixelPlaces, recipe: Recipe, *, together: bool = False
) -> np.ndarray:
    """The values of every pixel of a window: (layers, bands, h, w) float32, NaN where a pixel is not valid.

    Args:
        together: whether the pixels may share their sums, see `rangegeo.engine.evaluator.evaluate_pixels`.
    """
    if isinstance(evaluator, BandEvaluator):
        return evaluator.at_pixels(pixels, recipe)
    from rangegeo.engine import evaluator as of_fields

    return of_fields.evaluate_pixels(evaluator, pixels, recipe, together=together)


def evaluate_places(
    evaluator: AnyEvaluator, lonlat_deg: np.ndarray, recipe: Recipe, batch_size: int = 10_000
) -> np.ndarray:
    """The values at every one of (n, 2) places, which must be in range: (layers, n, bands) float32."""
    if isinstance(evaluator, BandEvaluator):
        return evaluator.at_places(lonlat_deg, recipe)
    from rangegeo.engine import evaluator as of_fields

    return of_fields.evaluate_places(evaluator, lonlat_deg, recipe, batch_size)


def seconds_per_place(evaluator: AnyEvaluator, recipe: Recipe, patch_deg: float | None = None) -> float:
    """How long one place takes, in seconds; a field is timed for a moment.

    Args:
        patch_deg: as of `rangegeo.engine.evaluator.seconds_per_place`.
    """
    if isinstance(evaluator, BandEvaluator):
        return recipe.layers * recipe.bands / BANDS_A_SECOND
    from rangegeo.engine import evaluator as of_fields

    return of_fields.seconds_per_place(evaluator, recipe, patch_deg)


def point_values(evaluator: AnyEvaluator, recipe: Recipe, tolerance: float | None, counts: np.ndarray) -> PointValues:
    """The values at scattered places that come in several calls.

    Args:
        tolerance, counts: as `rangegeo.engine.points.PointInterpolator` takes them.
    """
    if isinstance(evaluator, BandEvaluator):
        return ReadyPoints(evaluator, recipe)
    from rangegeo.engine.points import PointInterpolator

    return PointInterpolator(evaluator, recipe, tolerance, counts)
