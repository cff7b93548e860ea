"""What one raster is: its grid, model, recipe, tolerance and chunks, in one frozen value that everything else asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from numbers import Integral

from dask.base import tokenize
from odc.geo.geobox import GeoBox

from rangegeo.engine.patches import patch_side
from rangegeo.engine.tolerance import TOLERANCE, check_tolerance
from rangegeo.errors import UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.grid.extent import Area
from rangegeo.grid.pyramid import coarser
from rangegeo.grid.windows import Window, cut
from rangegeo.models.model import Model
from rangegeo.models.spec import ModelSpec

MANY_BANDS = 128  # with more, blocks of 128 pixels a side hold all bands and betas in about 100 MB
SIDE_FEW, SIDE_MANY = 256, 128  # pixels a side of a chunk, by the number of bands


@dataclass(frozen=True, kw_only=True, eq=False)
class RasterSpec:
    """One raster, before anything of it is computed. `of` makes it and checks it once.

    Attributes:
        geobox: the grid.
        area: the part of it that is wanted; None for all of it.
        model: names, paths and hashes of the model; a task carries no weights.
        recipe: layers and bands.
        tolerance: largest error of interpolation, relative to each component's largest value; None to evaluate every
            pixel.
        side: pixels a side of a chunk.
        smooth_deg: degrees over which the model can be interpolated, see `rangegeo.engine.evaluator.Evaluator`.
        has_beta: whether the layers are betas.
        provenance: where the values come from, as flat attributes that every format can hold.
    """

    geobox: GeoBox
    area: Area | None = None
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
        tolerance: float | None = TOLERANCE,
        chunks: int | str = "auto",
        command: str | None = None,
    ) -> RasterSpec:
        """The spec of a raster of a model.

        Args:
            command: the command line that asked for it, kept in its attributes.
        Raises:
            UsageError: the tolerance or the size of the chunks is out of its range.
        """
        return cls(
            geobox=geobox,
            area=area,
            model=model.spec,
            recipe=recipe,
            tolerance=None if tolerance is None else check_tolerance(tolerance),
            side=_checked_side(chunks, recipe.bands),
            smooth_deg=model.evaluator.smooth_deg,
            has_beta=model.has_beta and bool(recipe.betas),
            provenance=provenance(model, recipe) | ({} if command is None else {"command": command}),
        )

    def __dask_tokenize__(self) -> tuple:
        # The area is left out: it decides which chunks are computed, not their values.
        return self.model, self.geobox, self.recipe, self.side, self.patch_side, self.tolerance

    @cached_property
    def token(self) -> str:
        """A name for the values: equal specs have equal tokens, on every machine."""
        return tokenize(self)

    @property
    def dims(self) -> tuple[str, ...]:
        return ("beta", "band", "y", "x") if self.has_beta else ("band", "y", "x")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(layers, bands, y, x)."""
        return self.recipe.layers, self.recipe.bands, *self.geobox.shape

    @cached_property
    def patch_side(self) -> int | None:
        """Pixels a side at which interpolation is tried first; None where every pixel is evaluated."""
        return None if self.tolerance is None else patch_side(self.geobox, self.smooth_deg)

    @cached_property
    def rows(self) -> list[slice]:
        """Chunks of y, as windows of pixels."""
        return cut(self.geobox.shape[0], self.side)

    @cached_property
    def cols(self) -> list[slice]:
        """Chunks of x, as windows of pixels."""
        return cut(self.geobox.shape[1], self.side)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Sizes of the chunks of (layers, bands, y, x), as dask has them."""
        layers, bands, *_ = self.shape
        return (layers,), (bands,), *(tuple(w.stop - w.start for w in axis) for axis in (self.rows, self.cols))

    @cached_property
    def patch_rows(self) -> list[slice]:
        """Patches of y, each of whole chunks, as windows of pixels."""
        return cut(self.geobox.shape[0], self.side * self._chunks_a_patch)

    @cached_property
    def patch_cols(self) -> list[slice]:
        """Patches of x, each of whole chunks, as windows of pixels."""
        return cut(self.geobox.shape[1], self.side * self._chunks_a_patch)

    def patch_of(self, row: int, col: int) -> tuple[int, int]:
        """The patch, by row and column, that a chunk lies in."""
        return row // self._chunks_a_patch, col // self._chunks_a_patch

    @property
    def _chunks_a_patch(self) -> int:
        """Chunks along one side of a patch."""
        return max(1, (self.patch_side or 0) // self.side)

    def patch_window(self, row: int, col: int) -> Window:
        """The pixels of a patch."""
        return self.patch_rows[row], self.patch_cols[col]

    @property
    def engine_facts(self) -> dict[str, object]:
        """Attributes that say how the values are computed."""
        if self.patch_side is None:
            return {"evaluation": "exact"}
        return {"evaluation": "interpolated", "tolerance": self.tolerance}

    def coarser(self, factor: int, side: int) -> RasterSpec:
        """The raster at pixels `factor` times as wide and as high, evaluated pixel by pixel, with chunks of `side`."""
        area = None if self.area is None else self.area.coarser(factor)
        return replace(self, geobox=coarser(self.geobox, factor), area=area, tolerance=None, side=side)

    def narrowed(self, geobox: GeoBox, recipe: Recipe) -> RasterSpec:
        """A part of the raster: some of its pixels, layers and bands, with chunks of the default size."""
        return replace(self, geobox=geobox, recipe=recipe, area=None, side=_checked_side("auto", recipe.bands))


def provenance(model: Model, recipe: Recipe) -> dict[str, object]:
    """Attributes that say where values come from; they are flat, so that every format can hold them."""
    facts: dict[str, object] = {"long_name": f"{model.spec.name} embedding", "model": model.spec.name}
    for role, known in model.facts.items():
        facts[f"{role}_file"] = known["file"]
        facts[f"{role}_sha256"] = known["sha256"]
    facts |= model.temperatures
    if not recipe.betas:
        facts["layout"] = "components"
    if recipe.kept_diagnostics:
        facts["diagnostics"] = "entropy in nats of the weights of the database rows; neighbours is exp(entropy)"
    if recipe.projection is not None:
        facts |= {
            "pca_bands": ",".join(replace(recipe, projection=None).names),
            "pca_explained_variance": [float(share) for share in recipe.projection.explained],
            "pca_mean": [float(value) for value in recipe.projection.mean],
            "pca_components": [[float(value) for value in row] for row in recipe.projection.directions],
        }
    return facts | {
        "source_data": model.source_data,
        "citation": model.citation,
        "rangegeo_version": version("rangegeo"),
        "torch_version": version("torch"),
    }


def _checked_side(chunks: int | str, bands: int) -> int:
    """Pixels a side of a chunk."""
    if chunks == "auto":
        return SIDE_MANY if bands > MANY_BANDS else SIDE_FEW
    if not isinstance(chunks, Integral) or chunks < 16 or chunks % 16:
        raise UsageError(argument="chunks", expected="a multiple of 16 pixels", got=str(chunks), example=128)
    return int(chunks)
