"""A stored planet as a model: it serves what any model does, without torch, weights or a database."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rangegeo.encoders import MODELS, ModelInfo, installed_info
from rangegeo.engine.stored import HELD_BYTES, PlanetEvaluator
from rangegeo.engine.tolerance import EXACT_PIXELS, TOLERANCE, check_tolerance
from rangegeo.errors import ModelWarning, UsageError, WeightsError, argument
from rangegeo.grid import places_on, scattered_places
from rangegeo.models.model import Model
from rangegeo.models.spec import ModelSpec
from rangegeo.schema.betas import DEFAULT_BETA, Betas, check_beta, warn_of_no_betas
from rangegeo.spectral.layout import GEOGRAPHIC, LOCATION, SEMANTIC
from rangegeo.spectral.planet import Planet, open_planet
from rangegeo.support.address import Address
from rangegeo.support.location import Location, checked_options, located
from rangegeo.support.planets import names_planet
from rangegeo.support.text import counted

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from rangegeo.grid.extent import Area
    from rangegeo.places.lonlat import LonLat

SOURCES = ("encoder_source", "encoder_version")  # attributes of a planet of an encoder of a user's own
SAMPLED = 33  # rows and columns of a raster at which it is found out whether the planet covers it
MARKS = (("semantic_temperature", SEMANTIC), ("geographic_temperature", GEOGRAPHIC))


class PlanetModel(Model):
    """One of the models that a planet holds.

    Attributes:
        planet: that is read.
        evaluator: gives its bands.
    """

    evaluator: PlanetEvaluator

    def __init__(self, planet: Planet, name: str, beta: float) -> None:
        self.planet = planet
        spec = ModelSpec(
            name=name,
            weights=None,
            db=None,
            device="cpu",
            weights_sha256=None,
            db_sha256=None,
            planet=str(planet.place),
            planet_sha256=planet.sha256,
            planet_options=planet.place.options if isinstance(planet.place, Address) else (),
        )
        super().__init__(
            spec, PlanetEvaluator(planet, name), _files(planet.attrs, name), beta, row=row_of(planet, name)
        )

    def __repr__(self) -> str:
        return f"<rangegeo.Model {self.spec.name}: {counted(self.dim, 'band')} from {self.planet.place}>"

    def __call__(self, coords: object) -> np.ndarray:
        """Refuse to be called as a torch module.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{self._called} is no torch module; use model.encode(places)")

    @property
    def temperatures(self) -> dict[str, float]:
        told = self.planet.models[self.spec.name]
        return {name: float(told[name]) for name, role in MARKS if role in told["parts"] and name in told}

    @property
    def diagnostics(self) -> tuple[str, ...]:
        """None: a planet holds no weights of database rows."""
        return ()

    @property
    def origin(self) -> dict[str, str]:
        """The planet, and where an encoder of a user's own comes from, by the names of the attributes of files."""
        told = {name: str(self.planet.attrs[name]) for name in SOURCES if name in self.planet.attrs}
        return told | {"planet": self._called, "planet_sha256": self.planet.sha256}

    @property
    def source_data(self) -> str:
        return str(self.planet.attrs.get("source_data", "")) or super().source_data

    @property
    def citation(self) -> str:
        return str(self.planet.models[self.spec.name].get("citation", "")) or super().citation

    @property
    def nbytes(self) -> int:
        return HELD_BYTES

    def checked_tolerance(self, tolerance: float | None, otherwise: str = EXACT_PIXELS) -> float | None:
        """The tolerance that the planet was built for.

        Raises:
            UsageError: a smaller error is asked for than was measured in the planet.
        """
        instead = f"take the model itself, such as {argument('model', self.spec.name)}"
        told = f"{self._called} has a measured error of {self.planet.error:.1e}"
        if tolerance is None:
            raise UsageError(f"{told}, so it cannot be {argument('exact')}; leave that out, or {instead}")
        if tolerance != TOLERANCE and check_tolerance(tolerance, instead) < self.planet.error:
            raise UsageError(f"{told}, got {argument('tolerance', tolerance)}; leave that out, or {instead}")
        return self.planet.tolerance

    def check_covers(self, geobox: GeoBox, area: Area | None) -> None:
        """Refuse a raster without a pixel in the planet; warn of one whose pixels lie outside in part.

        Raises:
            UsageError: no sampled pixel lies in the planet.
        Warns:
            ModelWarning: some lie outside, and will be nodata.
        """
        rows, cols = (np.unique(np.linspace(0, side - 1, SAMPLED).round()) for side in geobox.shape)
        pixels = places_on(geobox, rows + 0.5, cols + 0.5)
        places = pixels.lonlat_deg[pixels.valid.ravel()]
        if area is not None:
            places = scattered_places(geobox, *(part + 0.5 for part in area.mask.sample(geobox.shape.yx, SAMPLED**2)))
        outside = self.planet.outside(places)
        if len(places) and outside.all():
            raise UsageError(f"no pixel of the raster lies in {self.planet.covered}; take an extent inside of that")
        if outside.any():
            told = f"some pixels lie outside {self.planet.covered}; they become nodata"
            warnings.warn(ModelWarning(told), stacklevel=2)

    def neighbors(
        self, lonlat: LonLat, k: int = 10, *, beta: float | None = None, betas: Betas | None = None
    ) -> xr.Dataset:
        """Refuse: a planet has no database.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            f"{self._called} has no database, so it has no neighbors; take the model itself, such as "
            f"{argument('model', self.spec.name)}"
        )

    @property
    def _called(self) -> str:
        """The name of the planet: an address, or the name of its folder."""
        place = self.planet.place
        return place.name if isinstance(place, Path) else str(place)


def planet_row(model: str | Location, weights: str | Location | None) -> ModelInfo:
    """The row of a model of a planet. Raises as `load_planet`."""
    planet, name = _found(model, weights)
    return row_of(planet, name)


def load_planet(
    model: str | Location,
    weights: str | Location | None,
    given: Mapping[str, object],
    beta: Betas | None,
    options: Mapping[str, object] | None = None,
) -> PlanetModel:
    """The model of a planet.

    Args:
        model: the planet, for the model that it was built of; or the name of one of its models.
        weights: the planet, if `model` is a name.
        given: other arguments of `load_model`; a planet takes none of them.
        beta: of calls; None for the default.
        options: that the server of an address needs.
    Raises:
        UsageError: there is no planet at the place, it has no such model, or an argument does not go with it.
        WeightsError: it is damaged, not complete, or of another version. RemoteError: its server does not answer.
    """
    planet, name = _found(model, weights, options)
    for argument_name, value in given.items():
        if value not in (None, "auto", "cpu"):
            raise UsageError(f"{planet.place.name} is a stored planet; leave out {argument(argument_name, value)}")
    found = PlanetModel(planet, name, DEFAULT_BETA if beta is None else check_beta(beta, "load_model"))
    if beta is not None and not found.has_beta:
        warn_of_no_betas(name, stacklevel=3)
    return found


def planet_of(spec: ModelSpec, beta: float) -> PlanetModel:
    """The model of a spec that names a planet.

    Raises:
        WeightsError: the planet has changed.
    """
    assert spec.planet is not None
    model = PlanetModel(_opened(located(spec.planet, dict(spec.planet_options))), spec.name, beta)
    if model.spec != replace(spec, device="cpu"):
        raise WeightsError(f"{spec.planet} is not the planet this cube was planned with; make the cube again")
    return model


def row_of(planet: Planet, name: str) -> ModelInfo:
    """The row of a model of a planet: that of the model itself, as far as it is known here."""
    roles = planet.roles(name)
    dim = sum(planet.width(roles[role]) for role in (SEMANTIC, LOCATION) if role in roles)
    citation = str(planet.models[name].get("citation", ""))
    known = MODELS.get(name) or replace(installed_info(dim, citation), variant="planet")
    return replace(known, has_beta=GEOGRAPHIC in roles, default=None)


def _found(
    model: str | Location, weights: str | Location | None, options: Mapping[str, object] | None = None
) -> tuple[Planet, str]:
    """The planet that is named, and the name of its model."""
    told = checked_options(options)
    if not names_planet(model):
        assert weights is not None
        planet = _opened(located(weights, told))
        planet.roles(str(model))  # refuses a model that it does not have
        return planet, str(model)
    if weights:
        raise UsageError(f"{model} is a stored planet; leave out {argument('weights', str(weights))}")
    planet = _opened(located(model, told))
    return planet, str(planet.attrs.get("model", next(iter(planet.models))))


def _opened(place: Location) -> Planet:
    """A planet, opened once in a process as long as it does not change."""
    stamp = None
    if isinstance(place, Path):
        place = place.absolute()
        try:
            found = (place / "zarr.json").stat()
            stamp = found.st_mtime_ns, found.st_ino, found.st_size
        except OSError:
            stamp = None
    return _open(place, stamp)


@lru_cache(maxsize=8)
def _open(place: Location, stamp: tuple[int, int, int] | None) -> Planet:
    return open_planet(place)


def _files(attrs: Mapping[str, Any], name: str) -> dict[str, dict[str, str]]:
    """The files of the model, under "encoder" and "database", as its cubes name them."""
    roles = ("encoder", "database") if name in MODELS and MODELS[name].has_database else ("encoder",)
    return {
        role: {"file": str(attrs[f"{role}_file"]), "sha256": str(attrs[f"{role}_sha256"])}
        for role in roles
        if f"{role}_file" in attrs and f"{role}_sha256" in attrs
    }
