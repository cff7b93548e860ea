"""A location model: places in, vectors out."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from pandas import DataFrame
from torch import Tensor, nn

from rangegeo.encoders import ModelInfo, model_info
from rangegeo.engine.evaluator import FieldEvaluator, evaluate_places
from rangegeo.engine.points import interpolate_places
from rangegeo.engine.tolerance import check_tolerance
from rangegeo.errors import UsageError
from rangegeo.field.range import RangeField
from rangegeo.field.recipe import Recipe
from rangegeo.grid.domain import whole_turns
from rangegeo.models.calls import as_coords, uncompiled
from rangegeo.models.recipes import diagnostics_of, recipe_of
from rangegeo.models.spec import ModelSpec
from rangegeo.places.frames import embedded_frame
from rangegeo.places.lonlat import LonLat, check_lonlat, read_places
from rangegeo.schema.bands import Bands
from rangegeo.schema.betas import DEFAULT_BETA, Betas, check_beta, check_betas, one_spelling, warn_of_no_betas
from rangegeo.support.text import counted
from rangegeo.weights.origins import source_data

if TYPE_CHECKING:
    import xarray as xr

SET_IN_INIT = ("evaluator", "facts")  # attributes that only instances have
SHOWN_OF_TORCH = ("cpu", "cuda", "eval", "forward", "to")  # the methods of torch modules that users of a model need


def _check_betas_of_places(betas: Betas, lonlat: object) -> None:
    """Refuse betas as `check_betas` does; a longitude alone was given with its latitude as the beta."""
    try:
        check_betas(betas)
    except UsageError:
        if isinstance(lonlat, Real) and isinstance(betas, Real):
            raise UsageError(f"places come as one argument: encode([{lonlat:g}, {betas:g}])") from None
        raise


class Model(nn.Module):
    """A location model, which gives a vector for every place. Calling it works as in the research repository.

    `encode` embeds places, `neighbors` lists the database rows that decide, and `recipe` chooses the layers and bands
    of a cube.

    Attributes:
        evaluator: evaluates the torch module; the engine uses nothing else of a model.
        facts: facts about the model's files, under "encoder" and "database".
        beta: the beta of calls, and of `encode` and `neighbors` if they get none.
    """

    def __init__(
        self,
        spec: ModelSpec,
        field: nn.Module,
        facts: dict,
        beta: float = DEFAULT_BETA,
        *,
        row: ModelInfo | None = None,
    ) -> None:
        super().__init__()
        self.evaluator = FieldEvaluator(field, spec.device)
        self._spec, self._row = spec, row
        self.facts = facts
        self.beta = beta
        self.eval()

    def __dir__(self) -> list[str]:
        """The names that this class adds, and a few of the hundred names of a torch module."""
        own = {name for kind in type(self).__mro__ if issubclass(kind, Model) for name in vars(kind)}
        return sorted({name for name in own if not name.startswith("_")} | {*SHOWN_OF_TORCH, *SET_IN_INIT})

    def __repr__(self) -> str:
        return f"<rangegeo.Model {self.spec.name}: {counted(self.dim, 'band')} on {self.spec.device}>"

    @property
    def spec(self) -> ModelSpec:
        """The spec from which another process can load the same model, on the device that the model is on now."""
        return replace(self._spec, device=self.evaluator.device)

    @property
    def field(self) -> nn.Module:
        """The torch module behind the evaluator."""
        return self.evaluator.field

    @property
    def visual(self) -> int:
        """Number of visual bands, in which S and G are blended."""
        return self.evaluator.visual

    @property
    def location(self) -> int:
        """Number of location bands: q, or the encoder's output."""
        return self.evaluator.location

    @property
    def dim(self) -> int:
        """Number of bands of an embedding."""
        return self.visual + self.location

    @property
    def location_feature_dim(self) -> int:
        """`dim`, as the research repository calls it."""
        return self.dim

    @property
    def row(self) -> ModelInfo:
        """The model's row in the table `MODELS`, or that of an encoder of a user's own."""
        return model_info(self.spec.name) if self._row is None else self._row

    @property
    def has_beta(self) -> bool:
        """Whether visual bands are a blend of S and G."""
        return self.row.has_beta

    @property
    def temperatures(self) -> dict[str, float]:
        """Inverse temperatures of the averages over the database, by the names of the attributes of files."""
        field = self.field
        if not isinstance(field, RangeField):
            return {}
        geographic = {"geographic_temperature": field.geographic_temperature} if self.has_beta else {}
        return {"semantic_temperature": field.temperature} | geographic

    @property
    def origin(self) -> dict[str, str]:
        """Where an encoder of a user's own comes from, by the names of the attributes of files; else empty."""
        wrapped = self._spec.wrapped
        if wrapped is None:
            return {}
        source = {} if wrapped.source is None else {"encoder_source": wrapped.source}
        return source | {"encoder_version": wrapped.version}

    @property
    def source_data(self) -> str:
        """URI of the data behind its database or, without one, its encoder; of its paper, if it has no weights."""
        if self.spec.weights is None:
            return f"https://arxiv.org/abs/{self.citation.removeprefix('arXiv:')}"
        role, path = ("encoder", self.spec.weights) if self.spec.db is None else ("database", self.spec.db)
        return source_data(Path(path), self.facts[role]["file"], self.facts[role]["sha256"])

    @property
    def diagnostics(self) -> tuple[str, ...]:
        """Names of bands that describe the retrieval; none without a database."""
        return diagnostics_of(self.row)

    @property
    def citation(self) -> str:
        """What to cite, such as arXiv:2502.19781."""
        return self.row.citation

    @property
    def beta(self) -> float:
        """The beta of calls, and of `encode` and `neighbors` if they get none; another one in [0, 1] may be set."""
        return self._beta

    @beta.setter
    def beta(self, beta: float) -> None:
        self._beta = check_beta(beta, "a model")

    @property
    def device(self) -> torch.device:
        """The torch device that the model is on."""
        return torch.device(self.evaluator.device)

    @uncompiled
    @torch.no_grad()
    def forward(self, coords: Tensor) -> Tensor | np.ndarray:
        """Embed (n, 2) lon, lat in degrees as the research repository's module of this name does.

        Returns:
            (n, dim): float64 for RANGE, RANGE+, SatCLIP and SINR, float32 for GeoCLIP, TaxaBind and CSP, the dtype of
            `coords` for models without weights; a NumPy array for RANGE, RANGE+ and Cartesian_3D, else a tensor.
        Raises:
            ShapeError: `coords` has another shape. UsageError: a place is out of range, which is checked on the CPU
            alone.
        """
        vectors = self.embed(as_coords(coords))
        return vectors.cpu().numpy() if self.row.returns_array else vectors

    def embed(self, coords: Tensor, beta: float | None = None) -> Tensor:
        """(n, 2) lon, lat in degrees, unchecked, to (n, dim) in the dtype of `forward`."""
        options = {}
        if self.row.temperature is not None:
            beta = self.beta if beta is None else beta
            options = {"betas": (beta if self.has_beta else 1.0,), "dtype": torch.float64}  # RANGE is S alone
        vectors = self.evaluator.values(coords, **options)
        return vectors if self.row.has_weights or not coords.is_floating_point() else vectors.to(coords.dtype)

    def recipe(
        self,
        betas: Betas | None = None,
        *,
        layout: str = "betas",
        bands: Bands = "all",
        beta: Betas | None = None,
    ) -> Recipe:
        """The layers and bands of a cube of this model.

        Args:
            betas: one number in [0, 1] or several, 0 geographic to 1 semantic, for models that have it; by default 0.5.
                `beta` is another name for it.
            layout: "betas" for one layer for each beta, or "components" for S, G and q side by side, from which any
                beta can be read later.
            bands: "all", "visual", "location", "diagnostics", names of bands or their numbers from 1 on, or several of
                these.
        Raises:
            UsageError: the model does not have this layout or these bands, or a beta is out of range.
        """
        given = one_spelling(betas, beta)
        betas = DEFAULT_BETA if given is None else given
        return recipe_of(self.spec.name, self.row, self.visual, self.location, betas=betas, layout=layout, bands=bands)

    def encode(
        self,
        lonlat: LonLat | DataFrame,
        beta: Betas | None = None,
        batch_size: int = 10_000,
        bands: Bands = "all",
        *,
        tolerance: float | None = None,
        betas: Betas | None = None,
        invalid: str | None = None,
    ) -> np.ndarray | DataFrame:
        """Embed places.

        Args:
            lonlat: (n, 2) longitude, latitude in degrees (WGS 84), or one place (2,): array, list or tensor; or a table
                with columns of the usual names (lon, lat, longitude, decimalLatitude, x, y …), of pandas, polars,
                pyarrow, dask or another library, or a dictionary or a Dataset of such columns; or a GeoDataFrame or
                GeoSeries of points in any CRS; or points of shapely in degrees.
            betas, beta: two names of one argument. One number in [0, 1] or several, 0 geographic to 1 semantic, for
                models that have it; by default the beta that the model was loaded with. Other models warn that it
                changes nothing.
            batch_size: places that are evaluated at a time. The result does not depend on it.
            bands: "all", "visual", "location", "diagnostics", names of bands or their numbers from 1 on, or several of
                these. Bands that are left out are not computed.
            tolerance: the largest error, from 4e-6 to 0.1, relative to each component's largest value, at which places
                that lie close together are interpolated, which is many times as fast. None evaluates every place.
            invalid: what becomes of rows without a possible place: "null" gives them NaN and warns of coordinates that
                are out of range or no numbers, "refuse" raises an error. By default "null" for tables, as in the shell,
                and "refuse" for arrays.
        Returns:
            (n, dim) float32, dim the number of bands; (betas, n, dim) if several betas are given. For tables a
            DataFrame of pandas with a column a band, b0001 and so on, or beta0.5_b0001 and so on if there are several
            betas. It has the index of the frame, so that `frame.join(model.encode(frame))` is the table with its
            embeddings; tables of other libraries than pandas and dask get the index 0 to n - 1. Rows without a place
            are NaN.
        Raises:
            ShapeError: `lonlat` has another shape. UsageError: a coordinate or a beta is out of range, or it is not
            clear which columns of a table hold the places.
        """
        given = one_spelling(betas, beta)
        betas = self.beta if given is None else given
        _check_betas_of_places(betas, lonlat)
        if given is not None and not self.has_beta:
            warn_of_no_betas(self.spec.name, stacklevel=2)
        recipe = self.recipe(betas, bands=bands)
        places, index = read_places(lonlat, invalid)
        usable = ~np.isnan(places[:, 0])
        values = self._points(whole_turns(places[usable]), recipe, batch_size, tolerance)
        if index is not None:
            return embedded_frame(values, usable, index, recipe)
        out = values
        if not usable.all():
            out = np.full((recipe.layers, len(places), recipe.bands), np.nan, dtype=np.float32)
            out[:, usable] = values
        return out[0] if np.ndim(betas) == 0 or not self.has_beta else out

    @uncompiled
    def _points(self, lonlat_deg: np.ndarray, recipe: Recipe, batch_size: int, tolerance: float | None) -> np.ndarray:
        """Embed (n, 2) places in range: (layers, n, bands) float32."""
        if not isinstance(batch_size, Integral) or batch_size < 1:
            raise UsageError(f"batch_size must be a whole number of places from 1 on, got {batch_size!r}")
        if tolerance is None:
            return evaluate_places(self.evaluator, lonlat_deg, recipe, batch_size)
        within = check_tolerance(tolerance, "leave it out to evaluate every place")
        return interpolate_places(self.evaluator, lonlat_deg, recipe, within)

    def neighbors(
        self, lonlat: LonLat, k: int = 10, *, beta: float | None = None, betas: Betas | None = None
    ) -> xr.Dataset:
        """The rows of the database that decide the visual bands at each place.

        Args:
            lonlat: (n, 2) longitude, latitude in degrees (WGS 84), or one place (2,): array, list or tensor.
            k: how many rows to list. The rows with the largest weight in the blend of S and G come first.
            beta: the beta of the blend, in [0, 1], 0 geographic to 1 semantic; by default the beta that the model was
                loaded with. Models without betas do not use it. `betas` is another name for it.
        Returns:
            Dims place and neighbour: row, row_lon, row_lat, weight (in the blend), semantic_weight and
            geographic_weight (in S and in G), cosine (with the row's key), distance (km). With dim place alone: rest,
            semantic_rest and geographic_rest, the weights of all other rows together. `to_dataframe()` makes a table.
        Raises:
            UsageError: the model has no database; or a place, k or beta is out of range.
        """
        if not self.diagnostics:
            raise UsageError(
                f"neighbors needs a model with a database, and {self.spec.name} has none; take RANGE+ or RANGE"
            )
        given = one_spelling(betas, beta)
        beta = check_beta(self.beta if given is None else given, "neighbors")
        from rangegeo.models.neighbours import neighbours  # xarray takes a while to import

        lonlat_deg = torch.from_numpy(whole_turns(check_lonlat(lonlat))).to(self.evaluator.device)
        beta = beta if self.has_beta else 1.0
        with self.evaluator.evaluating(), torch.inference_mode():
            return neighbours(
                cast(RangeField, self.field), lonlat_deg, k, beta=beta, blended=self.has_beta
            ).assign_attrs(model=self.spec.name, database=self.facts["database"]["file"], **self.temperatures)
