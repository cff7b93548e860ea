"""A location model: places in, vectors out. This module imports no torch; `neural` has the models that need it."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np

from rangegeo.encoders import ModelInfo, model_info
from rangegeo.engine.tolerance import EXACT_PIXELS, check_tolerance
from rangegeo.engine.values import AnyEvaluator, evaluate_places, point_values
from rangegeo.errors import UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.grid.domain import whole_turns
from rangegeo.grid.globe import tile_counts
from rangegeo.models.recipes import diagnostics_of, recipe_of
from rangegeo.models.spec import ModelSpec
from rangegeo.schema.bands import Bands
from rangegeo.schema.betas import DEFAULT_BETA, Betas, check_beta, check_betas, one_spelling, warn_of_no_betas
from rangegeo.support.text import counted

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox
    from pandas import DataFrame

    from rangegeo.grid.extent import Area
    from rangegeo.places.lonlat import LonLat

HOW_TO_LOAD: list[Callable[[ModelSpec, float], Model]] = []  # one function, which `rangegeo.models.load` puts here
SET_IN_INIT = ("evaluator", "facts")  # attributes that only instances have


def _check_betas_of_places(betas: Betas, lonlat: object) -> None:
    """Refuse betas as `check_betas` does; a longitude alone was given with its latitude as the beta."""
    try:
        check_betas(betas)
    except UsageError:
        if isinstance(lonlat, Real) and isinstance(betas, Real):
            raise UsageError(f"places come as one argument: encode([{lonlat:g}, {betas:g}])") from None
        raise


class Model:
    """A location model, which gives a vector for every place.

    `encode` embeds places, `neighbors` lists the database rows that decide, and `recipe` chooses the layers and bands
    of a cube.

    Attributes:
        evaluator: gives values at places; the engine uses nothing else of a model.
        facts: facts about the model's files, under "encoder" and "database".
        beta: the beta of calls, and of `encode` and `neighbors` if they get none.
    """

    def __init__(
        self, spec: ModelSpec, evaluator: AnyEvaluator, facts: dict, beta: float, *, row: ModelInfo | None = None
    ) -> None:
        self.evaluator = evaluator
        self._spec, self._row = spec, row
        self.facts = facts
        self.beta = beta

    def __dir__(self) -> list[str]:
        """The names that rangegeo adds."""
        own = {name for kind in type(self).__mro__ if issubclass(kind, Model) for name in vars(kind)}
        return sorted({name for name in own if not name.startswith("_")} | {*SET_IN_INIT})

    def __reduce__(self) -> tuple[Callable[[ModelSpec, float], Model], tuple[ModelSpec, float]]:
        """Pickle and copy it as its spec and beta; the receiving process loads the weights."""
        return HOW_TO_LOAD[0], (self.spec, self.beta)

    def __repr__(self) -> str:
        return f"<rangegeo.Model {self.spec.name}: {counted(self.dim, 'band')} on {self.spec.device}>"

    @property
    def spec(self) -> ModelSpec:
        """The spec from which another process can load the same model."""
        return self._spec

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
        return {}

    @property
    def source_data(self) -> str:
        """URI of the data behind its database or, without one, its encoder; of its paper, if it has no weights."""
        return f"https://arxiv.org/abs/{self.citation.removeprefix('arXiv:')}"

    @property
    def nbytes(self) -> int:
        """Bytes of what it holds in memory; files that are mapped count whole."""
        return 0

    def checked_tolerance(self, tolerance: float | None, otherwise: str = EXACT_PIXELS) -> float | None:
        """The largest error of a cube's values, relative to each component's largest value, from what a user gives.

        Args:
            tolerance: of interpolation; None to interpolate nothing.
            otherwise: how to do without interpolation, for messages.
        Returns:
            None if the values are exact.
        Raises:
            UsageError: the tolerance is out of its range, or the model cannot keep it.
        """
        return None if tolerance is None else check_tolerance(tolerance, otherwise)

    def check_covers(self, geobox: GeoBox, area: Area | None) -> None:
        """Refuse a raster that lies where the model gives no values; warn of one that does so in part.

        Args:
            geobox: the grid of the raster.
            area: the part of it that is wanted; None for all of it.
        """

    @property
    def origin(self) -> dict[str, str]:
        """Where an encoder of a user's own comes from, by the names of the attributes of files; else empty."""
        wrapped = self._spec.wrapped
        if wrapped is None:
            return {}
        source = {} if wrapped.source is None else {"encoder_source": wrapped.source}
        return source | {"encoder_version": wrapped.version}

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
        asked = {"betas": betas, "layout": layout, "bands": bands}
        return recipe_of(self.spec.name, self.row, self.visual, self.location, self.diagnostics, **asked)  # type: ignore[arg-type]

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
        from rangegeo.places.frames import embedded_frame  # pandas and pyarrow take a while to import
        from rangegeo.places.lonlat import read_places

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

    def _points(self, lonlat_deg: np.ndarray, recipe: Recipe, batch_size: int, tolerance: float | None) -> np.ndarray:
        """Embed (n, 2) places in range: (layers, n, bands) float32."""
        if not isinstance(batch_size, Integral) or batch_size < 1:
            raise UsageError(f"batch_size must be a whole number of places from 1 on, got {batch_size!r}")
        if tolerance is None:
            return evaluate_places(self.evaluator, lonlat_deg, recipe, batch_size)
        within = self.checked_tolerance(tolerance, "leave it out to evaluate every place")
        return point_values(self.evaluator, recipe, within, tile_counts(lonlat_deg))(lonlat_deg)

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
            raise self._without_rows()
        given = one_spelling(betas, beta)
        beta = check_beta(self.beta if given is None else given, "neighbors")
        return self._neighbours(lonlat, k, beta if self.has_beta else 1.0)

    def _neighbours(self, lonlat: LonLat, k: int, beta: float) -> xr.Dataset:
        """The rows that decide. Only a model with a database knows them, and it has a method of its own."""
        raise self._without_rows()

    def _without_rows(self) -> UsageError:
        """What a model without a database says to who asks for its rows."""
        return UsageError(
            f"neighbors needs a model with a database, and {self.spec.name} has none; take RANGE+ or RANGE"
        )
