"""A model ready to evaluate, by name and files, and the small frozen spec that names it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from pandas import DataFrame
from torch import Tensor, nn

from rangegeo.arguments import check_betas, check_tolerance, resolve_device
from rangegeo.bands import GEOGRAPHIC_DIAGNOSTICS, SEMANTIC_DIAGNOSTICS, chosen_bands
from rangegeo.encoders import ModelRow, model_row
from rangegeo.errors import ShapeError, UsageError, WeightsError
from rangegeo.evaluator import Evaluator
from rangegeo.field.range import GEOGRAPHIC_TEMPERATURE, EncoderField, RangeField
from rangegeo.field.recipe import Recipe
from rangegeo.frames import embedded_frame, frame_places, is_frame
from rangegeo.weights.checkpoint import build_free, load_encoder
from rangegeo.weights.database import load_database
from rangegeo.weights.names import database_file, database_for, default_weights, encoder_file
from rangegeo.weights.origins import source_data

if TYPE_CHECKING:
    import xarray as xr

LAYOUTS = ("betas", "components")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What a worker needs to load the same model: names, paths and hashes, no weights.

    Attributes:
        name: one of `rangegeo.encoders.MODELS`.
        weights: path of the location encoder's file, None for a model without weights.
        db: path of the database's file, None for a location encoder alone.
        device: torch device, resolved.
        weights_sha256: hash of the file at `weights`.
        db_sha256: hash of the file at `db`.
    """

    name: str
    weights: str | None
    db: str | None
    device: str
    weights_sha256: str | None
    db_sha256: str | None

    def load(self) -> Model:
        """The model, loaded once a process and shared by its threads."""
        with _LOADING:
            if self not in _LOADED:
                model = load_model(self.name, weights=self.weights, db=self.db, device=self.device)
                if model.spec != self:
                    raise WeightsError(
                        f"{self.weights} or {self.db} is not the file this cube was planned with; "
                        "make the cube again with the files as they are"
                    )
                _LOADED[self] = model
            return _LOADED[self]


_LOADED: dict[ModelSpec, Model] = {}
_LOADING = threading.Lock()


class Model(Evaluator):
    """A location model: places in, vectors out. Called with coordinates, the module of the research repository.

    Attributes:
        spec: names, paths and hashes.
        facts: of its files, as they are stored.
        beta: of calls and of `encode` where none is given, for models that have it.
    """

    def __init__(self, spec: ModelSpec, field: nn.Module, facts: dict, beta: float = 0.5) -> None:
        super().__init__(field, spec.device)
        self.spec = spec
        self.facts = facts
        self.beta = beta

    def __repr__(self) -> str:
        return f"<rangegeo.Model {self.spec.name}: {self.dim} bands on {self.spec.device}>"

    @property
    def location_feature_dim(self) -> int:
        """`dim`, as the research repository calls it."""
        return self.dim

    @property
    def row(self) -> ModelRow:
        return model_row(self.spec.name)

    @property
    def has_beta(self) -> bool:
        return self.row.has_beta

    @property
    def temperatures(self) -> dict[str, float]:
        """Of the averages this model takes over its database."""
        row = self.row
        semantic = {} if row.temperature is None else {"semantic_temperature": row.temperature}
        return semantic | ({"geographic_temperature": GEOGRAPHIC_TEMPERATURE} if row.has_beta else {})

    @property
    def source_data(self) -> str:
        """A URI of the data behind the features that this model averages, or behind its encoder; else of its paper."""
        if self.spec.weights is None:
            return f"https://arxiv.org/abs/{self.citation.removeprefix('arXiv:')}"
        role, path = ("encoder", self.spec.weights) if self.spec.db is None else ("database", self.spec.db)
        return source_data(Path(path), self.facts[role]["file"], self.facts[role]["sha256"])

    @property
    def diagnostics(self) -> tuple[str, ...]:
        """Bands that tell of the retrieval, none without a database."""
        semantic = () if self.row.temperature is None else SEMANTIC_DIAGNOSTICS
        return semantic + (GEOGRAPHIC_DIAGNOSTICS if self.has_beta else ())

    @property
    def citation(self) -> str:
        return self.row.citation

    @property
    def smooth_deg(self) -> float:
        """Degrees over which a few Chebyshev points follow the field; 0 where it has kinks, infinite if it is smooth.

        A field of degree 40 counts as smooth: patches are made for it.
        """
        return self.field.encoder.smooth_deg

    def _apply(self, fn: Callable, recurse: bool = True) -> Model:
        """What `.to` and `.cuda` do; the spec follows the tensors."""
        super()._apply(fn, recurse)
        self.spec = replace(self.spec, device=self.device)
        return self

    @torch.no_grad()
    def forward(self, coords: Tensor) -> Tensor | np.ndarray:
        """Embed (n, 2) lon, lat in degrees as the research repository's module of this name does.

        Returns:
            (n, dim): float64 for RANGE, RANGE+, SatCLIP and SINR, float32 for GeoCLIP, TaxaBind and CSP, the dtype of
            `coords` for models without weights; a NumPy array for RANGE, RANGE+ and Cartesian_3D, else a tensor.
        """
        found = self.embed(torch.as_tensor(coords))
        return found.cpu().numpy() if self.row.returns_array else found

    def embed(self, coords: Tensor, beta: float | None = None) -> Tensor:
        """(n, 2) lon, lat in degrees, unchecked, to (n, dim) in the dtype of `forward`."""
        options = {}
        if self.row.temperature is not None:
            beta = self.beta if beta is None else beta
            options = {"betas": (beta if self.has_beta else 1.0,), "dtype": torch.float64}  # RANGE is S alone
        found = self.values(coords, **options)
        return found if self.row.has_weights or not coords.is_floating_point() else found.to(coords.dtype)

    def recipe(
        self,
        betas: float | Sequence[float] = 0.5,
        *,
        layout: str = "betas",
        bands: str | Sequence[int | str] = "all",
    ) -> Recipe:
        """Which layers and bands a cube of this model has.

        Args:
            betas: in [0, 1], for models that have it.
            layout: "betas", one layer each; or "components", S, G and q side by side, for any beta later.
            bands: "all", "visual", "location", "diagnostics", names of bands, or their numbers from 1 on; or several.
        Raises:
            UsageError: the layout or the bands are none of this model's.
        """
        if layout not in LAYOUTS:
            raise UsageError(f"--layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
        if layout == "components" and not self.has_beta:
            raise UsageError(
                f"--layout components needs a model with betas, and {self.spec.name} has none; leave it out, for the "
                "cube holds all components as it is"
            )
        chosen = () if layout == "components" else check_betas(betas) if self.has_beta else (1.0,)
        recipe = Recipe(betas=chosen, visual=self.visual, location=self.location, diagnostics=self.diagnostics)
        return replace(recipe, keep=chosen_bands(bands, self._names(recipe)))

    def source_names(self, recipe: Recipe) -> tuple[str, ...]:
        """visual_0000 … then location_000 …; with --layout components semantic_…, geographic_…, location_…."""
        names = self._names(recipe)
        kept = range(recipe.source_bands) if recipe.keep is None else recipe.keep
        return tuple(names[band] for band in kept)

    def _names(self, recipe: Recipe) -> tuple[str, ...]:
        """Of every band that can be kept: the embedding's, then the diagnostics."""
        width = len(str(max(self.visual, self.location) - 1))
        visual = ("visual",) if recipe.betas else ("semantic", "geographic")
        groups = [(name, self.visual) for name in visual] + [("location", self.location)]
        return (*(f"{name}_{i:0{width}d}" for name, count in groups for i in range(count)), *recipe.diagnostics)

    def encode(
        self,
        lonlat: object,
        beta: float | Sequence[float] | None = None,
        batch_size: int = 10_000,
        bands: str | Sequence[int | str] = "all",
        *,
        tolerance: float | None = None,
    ) -> np.ndarray | DataFrame:
        """Embed places.

        Args:
            lonlat: (n, 2) longitude, latitude in degrees (WGS 84), or one place (2,): array, list or tensor; or a
                DataFrame with columns of the usual names (lon, lat, longitude, decimalLatitude, x, y …); or a
                GeoDataFrame or GeoSeries of points in any CRS.
            beta: in [0, 1], 0 geographic to 1 semantic, for models that have it; or several; None for the model's.
            batch_size: places a step; the result does not depend on it.
            bands: as of `recipe`; what is left out is not computed.
            tolerance: largest error, relative to each component's largest value, for interpolating places that lie
                close together, many times as fast; None to evaluate every place.
        Returns:
            (n, dim) float32, dim the number of bands; (betas, n, dim) if several betas are given. For frames a
            DataFrame with the same index and a column a band, b0001 and so on, or beta0.5_b0001 and so on if there
            are several betas, so that `frame.join(model.encode(frame))` is the table with its embeddings; rows
            without a place are NaN.
        Raises:
            ShapeError: `lonlat` has another shape. UsageError: a coordinate or a beta is out of range, or it is not
            clear which columns of a frame hold the places.
        """
        beta = self.beta if beta is None else beta
        check_betas(beta)
        recipe = self.recipe(beta, bands=bands)
        if is_frame(lonlat):
            places = frame_places(lonlat)
            usable = ~np.isnan(places[:, 0])
            _checked_lonlat(np.where(usable[:, None], places, 0.0))
            values = self._points(places[usable], recipe, batch_size, tolerance)
            return embedded_frame(values, usable, lonlat.index, recipe)
        out = self._points(_checked_lonlat(lonlat).numpy(), recipe, batch_size, tolerance)
        return out[0] if np.ndim(beta) == 0 or not self.has_beta else out

    def _points(self, lonlat_deg: np.ndarray, recipe: Recipe, batch_size: int, tolerance: float | None) -> np.ndarray:
        if not isinstance(batch_size, Integral) or batch_size < 1:
            raise UsageError(f"batch_size must be a whole number of places from 1 on, got {batch_size!r}")
        if tolerance is None:
            return self.points_block(lonlat_deg, recipe, batch_size)
        from rangegeo.scattered import scattered  # stands on models itself

        return scattered(self, lonlat_deg, recipe, check_tolerance(tolerance))

    def neighbors(self, lonlat: object, k: int = 10, *, beta: float | None = None) -> xr.Dataset:
        """The rows of the database that decide the visual bands at each place.

        Args:
            lonlat: as of `encode`.
            k: how many rows, those with the largest weight in the blend of S and G.
            beta: of the blend, None for the model's; not used by models without it.
        Returns:
            Dims place and neighbour: row, row_lon, row_lat, weight (in the blend), semantic_weight and
            geographic_weight (each average's own), cosine (with the row's key), distance (km); by place alone rest,
            semantic_rest and geographic_rest, what all other rows weigh. `to_dataframe()` makes a table of it.
        Raises:
            UsageError: the model has no database; or a place, k or beta is out of range.
        """
        if not self.diagnostics:
            raise UsageError(
                f"neighbors needs a model with a database, and {self.spec.name} has none; take RANGE+ or RANGE"
            )
        if np.ndim(beta):
            raise UsageError(f"neighbors takes one beta, got {beta!r}; for example beta=0.5")
        from rangegeo.neighbours import neighbours  # xarray takes a while to import

        lonlat_deg = _checked_lonlat(lonlat).to(self.spec.device)
        (beta,) = check_betas(self.beta if beta is None else beta) if self.has_beta else (1.0,)
        with self.evaluating(), torch.inference_mode():
            return neighbours(self.field, lonlat_deg, k, beta=beta, blended=self.has_beta).assign_attrs(
                model=self.spec.name, database=self.facts["database"]["file"], **self.temperatures
            )


def load_model(
    model_name: str = "RANGE+",
    pretrained_path: str | Path | None = None,
    device: str | torch.device | None = "auto",
    *,
    weights: str | None = None,
    db: str | None = None,
    db_path: str | Path | None = None,
    beta: float = 0.5,
    name: str | None = None,
) -> Model:
    """Load a location model.

    Takes the research repository's arguments too: `load_model(model_name, pretrained_path, device, db_path=, beta=)`.

    Args:
        model_name, name: one of `rangegeo.encoders.MODELS`.
        weights, pretrained_path: a name that `rangegeo models` lists for it, such as demo (embedded, offline) or
            official (downloaded), or the path of a published checkpoint; by default demo, or GeoCLIP's as installed.
        device: auto (or None), cpu, cuda or cuda:i.
        db, db_path: demo, large, med or the path of a RANGE database; by default the one that belongs to the weights.
        beta: of calls and of `encode` where none is given; only RANGE+ has one.
    Raises:
        UsageError: an unknown name, a missing file or a device that is not there.
        WeightsError: what is wrong in a file. DownloadError: a published file cannot be had.
    """
    model_name = name or model_name
    row = model_row(model_name)
    for flag, value in (("--weights", weights), ("--db", db)):
        if value == "":
            raise UsageError(f"{flag} must be a name or a path, got nothing; leave it out for the default")
    if db and row.temperature is None:  # but upstream hands every model a db_path
        raise UsageError(f"{model_name} has no database; leave out --db {db}")
    (beta,) = check_betas(beta)
    device = resolve_device("auto" if device is None else str(device))
    if not row.has_weights:
        if weights:  # but upstream asks for a pretrained_path that it does not use
            raise UsageError(f"{model_name} has no weights; leave out --weights {weights}")
        spec = ModelSpec(name=model_name, weights=None, db=None, device=device, weights_sha256=None, db_sha256=None)
        return Model(spec, EncoderField(build_free(row)), {}, beta)
    weights = _one("weights", weights, "pretrained_path", pretrained_path)
    if db_path and not weights and row.temperature is not None:
        raise UsageError("pretrained_path must be given with db_path, because the two are made together")
    return _load(model_name, weights or default_weights(model_name), _one("db", db, "db_path", db_path), device, beta)


def _load(name: str, weights: str, db: str | None, device: str, beta: float) -> Model:
    """A model with weights, and a database if it has one, from files by name or path."""
    row = model_row(name)
    database = None
    if row.temperature is not None:
        db = database_for(weights, db)
    encoder_path = encoder_file(weights, name)
    encoder, stored = load_encoder(encoder_path, row.family)
    facts = {"encoder": stored.facts}
    field: nn.Module = EncoderField(encoder)
    if row.temperature is not None:
        db_path = database_file(db)
        database = load_database(db_path)
        facts["database"] = database.facts
        field = RangeField(encoder, **database.tensors, temperature=row.temperature, geographic=row.has_beta)
    spec = ModelSpec(
        name=name,
        weights=str(encoder_path.absolute()),  # a link in a cache of downloads has the name, what it leads to has not
        db=None if database is None else str(db_path.absolute()),
        device=device,
        weights_sha256=stored.sha256,
        db_sha256=None if database is None else database.sha256,
    )
    return Model(spec, field, facts, beta)


def _one(name: str, value: object, other: str, other_value: object) -> str | None:
    """Whichever of two spellings of an argument is given; an empty one is none.

    Raises:
        UsageError: both are given.
    """
    if value and other_value:
        raise UsageError(f"{name} and {other} mean the same; leave one out")
    return str(value or other_value or "") or None


def _checked_lonlat(lonlat: object) -> Tensor:
    """(n, 2) float64 on the CPU, in range."""
    if isinstance(lonlat, np.ma.MaskedArray):
        lonlat = lonlat.astype(np.float64).filled(np.nan)
    try:
        if torch.is_complex(lonlat) if isinstance(lonlat, Tensor) else np.iscomplexobj(lonlat):
            raise TypeError("they are complex")
        # a copy: torch takes neither reversed nor read-only arrays
        tensor = lonlat if isinstance(lonlat, Tensor) else torch.from_numpy(np.array(lonlat, np.float64, order="C"))
    except (TypeError, ValueError) as error:
        raise ShapeError(f"places must be numbers of shape (n, 2), longitude and latitude; {error}") from None
    if tensor.ndim == 1 and tensor.shape[0] == 2:
        tensor = tensor[None]
    if tensor.ndim != 2 or tensor.shape[1] != 2:
        raise ShapeError(f"places must have shape (n, 2), longitude and latitude, got {tuple(tensor.shape)}")
    tensor = tensor.detach().to("cpu", torch.float64)
    lon, lat = tensor.unbind(1)
    bad = ~((lon.abs() <= 360) & (lat.abs() <= 90))  # true for NaN too
    if bad.any():
        row = int(bad.nonzero()[0])
        raise UsageError(
            f"longitude must be in [-360, 360] and latitude in [-90, 90], got {lon[row]:g}, {lat[row]:g} in row {row}; "
            "the order is longitude, latitude"
        )
    turns = torch.where(lon.abs() > 180, torch.floor((lon + 180) / 360), 0.0)  # whole ones, as rasters take them
    return torch.stack([lon - 360 * turns, lat], dim=1)
