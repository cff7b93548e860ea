"""One raster: its grid, model, recipe, tolerance and chunks in one frozen object; all other modules read it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from numbers import Integral

from dask.base import tokenize
from odc.geo.geobox import GeoBox

from rangegeo.engine.patch import NODES_A_PATCH, patch_side
from rangegeo.engine.tolerance import TOLERANCE
from rangegeo.engine.values import BandEvaluator
from rangegeo.errors import UsageError
from rangegeo.field.recipe import Projection, Recipe
from rangegeo.grid.coords import Labels
from rangegeo.grid.extent import Area
from rangegeo.grid.pyramid import coarser
from rangegeo.grid.windows import Window, cut
from rangegeo.models.model import Model
from rangegeo.models.spec import ModelSpec

# Bands of a cube, and the side of its chunks in pixels. All bands of a chunk then take about 100 MB at most (1280 bands
# 84 MB), and three bands 3 MB: smaller chunks would take more time for their tasks and files than for their values.
SIDES = ((8, 512), (128, 256), (math.inf, 128))

# On a GPU: patches along a side of a square of patches that are evaluated together, and the bytes that they may take.
MOST_TOGETHER, BYTES_TOGETHER = 4, 5e8


@dataclass(frozen=True, kw_only=True, eq=False)
class RasterSpec:
    """One raster, before anything of it is computed. Make it with `RasterSpec.of`, which checks the arguments.

    Attributes:
        geobox: the grid.
        area: the polygons whose pixels are computed; None for all pixels.
        labels: of the columns and rows; None for those of the grid. They do not change where a value is evaluated.
        model: names, paths and hashes of the model; a task carries no weights.
        recipe: layers and bands.
        tolerance: largest error of interpolation, relative to each component's largest value; None to evaluate every
            pixel.
        side: side of a chunk, in pixels.
        smooth_deg: degrees over which the model can be interpolated, see `rangegeo.engine.evaluator.Evaluator`.
        has_beta: whether the cube has a dimension of betas.
        provenance: attributes that say where the values come from; no nested dicts, so that every format can hold them.
    """

    geobox: GeoBox
    area: Area | None = None
    labels: Labels | None = None
    model: ModelSpec
    recipe: Recipe
    tolerance: float | None = TOLERANCE
    side: int
    smooth_deg: float
    has_beta: bool
    provenance: Mapping[str, object] = field(repr=False)

    @classmethod
    def of(
        cls,
        model: Model,
        geobox: GeoBox,
        recipe: Recipe,
        *,
        area: Area | None = None,
        labels: Labels | None = None,
        tolerance: float | None = TOLERANCE,
        chunks: int | str = "auto",
        command: str | None = None,
    ) -> RasterSpec:
        """The spec of a raster of a model.

        Args:
            model: the model that is evaluated.
            geobox: the grid.
            recipe: the layers and bands, from `Model.recipe`.
            area: the polygons whose pixels are computed; None for all pixels.
            tolerance: the largest error of interpolation, from 4e-6 to 0.1, relative to each component's largest value;
                None to evaluate every pixel.
            chunks: side of a chunk in pixels, a multiple of 16; "auto" is that of `usual_side`.
            command: the command line that asked for the raster, which becomes an attribute; None for no attribute.
        Raises:
            UsageError: the tolerance or the size of the chunks is out of its range.
        """
        model.check_covers(geobox, area)
        return cls(
            geobox=geobox,
            area=area,
            labels=labels,
            model=model.spec,
            recipe=recipe,
            tolerance=model.checked_tolerance(tolerance),
            side=checked_side(chunks, recipe.bands),
            smooth_deg=model.evaluator.smooth_deg,
            has_beta=model.has_beta and bool(recipe.betas),
            provenance=provenance(model, recipe) | ({} if command is None else {"command": command}),
        )

    def __dask_tokenize__(self) -> tuple:
        # The area changes which chunks are computed, but not their values; `clip` names its masked blocks by the area.
        # Labels change no value either.
        return self.model, self.geobox, self.recipe, self.side, self.patch_side, self.tolerance

    @cached_property
    def token(self) -> str:
        """A hash of everything that decides the values. Equal specs have equal tokens on every machine."""
        return tokenize(self)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the cube's dimensions."""
        return ("beta", "band", "y", "x") if self.has_beta else ("band", "y", "x")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(layers, bands, y, x)."""
        return self.recipe.layers, self.recipe.bands, *self.geobox.shape

    @cached_property
    def patch_side(self) -> int | None:
        """Side of the first rectangles that are interpolated, in pixels; None if every pixel is evaluated."""
        return None if self.tolerance is None else patch_side(self.geobox, self.smooth_deg)

    @cached_property
    def rows(self) -> list[slice]:
        """The chunks along y, as slices of pixels."""
        return cut(self.geobox.shape[0], self.side)

    @cached_property
    def cols(self) -> list[slice]:
        """The chunks along x, as slices of pixels."""
        return cut(self.geobox.shape[1], self.side)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Sizes of the chunks along layers, bands, y and x, as dask takes them."""
        layers, bands, *_ = self.shape
        return (layers,), (bands,), *(tuple(w.stop - w.start for w in axis) for axis in (self.rows, self.cols))

    @cached_property
    def patch_rows(self) -> list[slice]:
        """The patches along y, each of whole chunks, as slices of pixels."""
        return cut(self.geobox.shape[0], self.side * self._chunks_a_patch)

    @cached_property
    def patch_cols(self) -> list[slice]:
        """The patches along x, each of whole chunks, as slices of pixels."""
        return cut(self.geobox.shape[1], self.side * self._chunks_a_patch)

    def patch_of(self, row: int, col: int) -> tuple[int, int]:
        """The row and the column of the patch that holds a chunk."""
        return row // self._chunks_a_patch, col // self._chunks_a_patch

    @property
    def _chunks_a_patch(self) -> int:
        """Number of chunks along one side of a patch."""
        return max(1, (self.patch_side or 0) // self.side)

    @property
    def patches_together(self) -> int:
        """Patches along one side of the squares of patches that are evaluated together: one on a CPU.

        The few points of one patch do not keep a GPU busy. A square is the same in each run, so that its values are.
        """
        if self.model.device == "cpu":
            return 1
        of_patch = 4 * NODES_A_PATCH * self.recipe.layers * self.recipe.bands
        return max(1, min(MOST_TOGETHER, math.isqrt(int(BYTES_TOGETHER / of_patch))))

    def patch_window(self, row: int, col: int) -> Window:
        """The pixels of a patch."""
        return self.patch_rows[row], self.patch_cols[col]

    @property
    def engine_facts(self) -> dict[str, object]:
        """Attributes that say how the values are computed."""
        if self.model.planet is not None:  # `provenance` says it
            return {}
        if self.patch_side is None:
            return {"evaluation": "exact"}
        return {"evaluation": "interpolated", "tolerance": self.tolerance}

    def coarser(self, factor: int, side: int) -> RasterSpec:
        """The raster at pixels `factor` times as wide and as high, evaluated pixel by pixel, with chunks of `side`."""
        area = None if self.area is None else self.area.coarser(factor)
        return replace(self, geobox=coarser(self.geobox, factor), area=area, labels=None, tolerance=None, side=side)

    def narrowed(self, geobox: GeoBox, recipe: Recipe) -> RasterSpec:
        """A part of the raster (without its area): some pixels, layers and bands, with chunks of the default size."""
        side = checked_side("auto", recipe.bands)
        return replace(self, geobox=geobox, recipe=recipe, area=None, labels=None, side=side)


def provenance(model: Model, recipe: Recipe) -> dict[str, object]:
    """Attributes that say where values come from; no nested dicts, so that every format can hold them."""
    facts: dict[str, object] = {"long_name": f"{model.spec.name} embedding", "model": model.spec.name}
    for role, file_facts in model.facts.items():  # role is "encoder" or "database"
        facts[f"{role}_file"] = file_facts["file"]
        facts[f"{role}_sha256"] = file_facts["sha256"]
    facts |= model.temperatures
    facts |= model.origin
    if not recipe.betas:
        facts["layout"] = "components"
    if recipe.kept_diagnostics:
        facts["diagnostics"] = "entropy in nats of the weights of the database rows; neighbours is exp(entropy)"
    if isinstance(recipe.projection, Projection):
        facts |= {
            "pca_bands": ",".join(replace(recipe, projection=None).names),
            "pca_explained_variance": [float(share) for share in recipe.projection.explained],
            "pca_mean": [float(value) for value in recipe.projection.mean],
            "pca_components": [[float(value) for value in row] for row in recipe.projection.directions],
        }
    if model.citation:
        facts |= {"source_data": model.source_data, "citation": model.citation}
    facts["rangegeo_version"] = version("rangegeo")
    if isinstance(model.evaluator, BandEvaluator):
        return facts | dict(model.evaluator.facts)
    return facts | {"torch_version": version("torch")}


def usual_side(bands: int) -> int:
    """The side of a chunk in pixels, of a cube with so many bands."""
    return next(side for most, side in SIDES if bands <= most)


def checked_side(chunks: int | str, bands: int) -> int:
    """The side of a chunk in pixels, from what a user gives."""
    if chunks == "auto":
        return usual_side(bands)
    if not isinstance(chunks, Integral) or chunks < 16 or chunks % 16:
        raise UsageError(argument="chunks", expected="a multiple of 16 pixels", got=str(chunks), example=128)
    return int(chunks)
