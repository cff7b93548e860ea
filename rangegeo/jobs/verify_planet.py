"""Verification of a stored planet: every chunk against its checksum, and some places against the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rangegeo.errors import MissingPackage, Note, RangegeoError, RemoteError, UsageError, argument
from rangegeo.jobs.examined import Asked, not_here
from rangegeo.models.found import model_of
from rangegeo.models.model import Model
from rangegeo.spectral.layout import OVERVIEW, SEMANTIC_RANGE, chebyshev_matrix, positions_in, to_square
from rangegeo.spectral.planet import Planet, open_planet
from rangegeo.support.location import Location
from rangegeo.support.text import counted

SHOWN = 5  # faults that are printed; JSON has all


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanetReport:
    """What `rangegeo.verify` found in a planet.

    Attributes:
        path: of the planet.
        tiles: how many it has.
        faults: what is not as it was written, one text each.
        notes: what is worth knowing and no fault, such as what could not be checked.
        places: how many were evaluated again.
        error: the largest difference among them, as a share of the tolerance; at most 1 in a sound planet.
    """

    path: Location
    tiles: int
    faults: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    places: int = 0
    error: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether no fault was found."""
        return not self.faults

    @property
    def facts(self) -> dict[str, Any]:
        """Everything as plain facts that can be turned into JSON."""
        told = {"kind": "planet", "sound": self.sound} | asdict(self)
        return told | {"path": str(self.path), "notes": [str(note) for note in self.notes]}

    @property
    def summary(self) -> Note:
        """The verdict, and what to do if it is bad, in one line."""
        if not self.sound:
            return Note(
                f"{self.path} is not sound, {counted(len(self.faults), 'fault')}; copy or build the planet again"
            )
        again = f", {counted(self.places, 'place')} evaluated again, off by at most {self.error:.0%} of the tolerance"
        return Note(f"{self.path}: sound, {counted(self.tiles, 'tile')}{again if self.places else ''}")

    def lines(self) -> Iterator[str]:
        """One line for each fault, and if the planet is sound, that it is."""
        for fault in self.faults[:SHOWN]:
            yield f"{self.path}: {fault}"
        if len(self.faults) > SHOWN:
            yield f"{self.path}: {len(self.faults) - SHOWN:,} more faults"
        if self.sound:
            yield self.summary


def verified_planet(place: Location, asked: Asked, *, repair: bool) -> PlanetReport:
    """Verify a planet.

    Raises:
        UsageError: a repair is asked for, or a file of the model is another one than the planet was built from.
        RemoteError: its server does not answer. WeightsError: its metadata cannot be read.
    """
    if repair:
        raise UsageError(f"a planet is not mended in place; leave out {argument('repair', True)}, and copy it again")
    planet = open_planet(place)
    faults = [f"tile {tile} of {part}: {why}" for part in planet.parts for tile, why in _damaged(planet, part)]
    notes: list[str] = []
    off = np.zeros(0)
    if asked.pixels and not faults:
        model = _model(planet, asked, notes)
        if model is not None:
            off, wrong = _compared(planet, model, asked)
            faults += wrong
    return PlanetReport(
        path=place,
        tiles=len(planet.tables.bounds),
        faults=tuple(faults),
        notes=tuple(map(Note, notes)),
        places=len(off),
        error=float(off.max(initial=0.0)),
    )


def _damaged(planet: Planet, part: str) -> Iterator[tuple[int, str]]:
    """The tiles of a part whose coefficients cannot be read, and why."""
    for tile in range(len(planet.tables.bounds)):
        try:
            planet.integers(part, tile, slice(0, planet.width(part)))
        except RemoteError:
            raise
        except RangegeoError as error:
            yield tile, str(error.__cause__ or error)


def _model(planet: Planet, asked: Asked, notes: list[str]) -> Model | None:
    """The model that the planet was built from; None if it is not here, and a note says so."""
    facts: Mapping[str, Any] = planet.attrs
    try:
        model = model_of(facts, weights=asked.weights, db=asked.db, device=asked.device)
    except MissingPackage as error:
        notes.append(f"its values were not compared with the model {facts.get('model')}: {error}")
        return None
    if model is None:
        notes.append(not_here(facts))
    return model


def _compared(planet: Planet, model: Model, asked: Asked) -> tuple[np.ndarray, list[str]]:
    """The errors at seeded places, (places,) as shares of the tolerance, and a text for each tile that is wrong."""
    import torch

    from rangegeo.field.places import Places
    from rangegeo.models.neural import NeuralModel
    from rangegeo.models.parts import ModelParts

    assert isinstance(model, NeuralModel)
    source = ModelParts(model, with_range=SEMANTIC_RANGE in planet.parts)
    names = [name for name in planet.parts if name != OVERVIEW]
    random = np.random.default_rng(asked.seed)
    count = len(planet.tables.bounds)
    tiles = np.sort(
        np.concatenate([random.permutation(count) for _ in range(-(-asked.pixels // count))])[: asked.pixels]
    )
    places = random.uniform(planet.boxes[tiles, :2], planet.boxes[tiles, 2:])
    exact = source.values(Places.scattered(torch.from_numpy(places)), names)
    off, wrong = np.zeros(len(places)), []
    for tile in np.unique(tiles).tolist():
        here = tiles == tile
        for name in names:
            scale = float(planet.tables.scale[planet.parts.index(name), tile])
            found = np.abs(_values(planet, name, tile, places[here]) - exact[name].double().cpu().numpy()[here]).max(
                axis=1
            )
            off[here] = np.maximum(off[here], found / scale / planet.tolerance)
            if (found > scale * planet.tolerance).any():
                wrong.append(f"tile {tile} of {name}: off by {found.max() / scale:.1e}, tolerance {planet.tolerance:g}")
    return off, wrong


def _values(planet: Planet, part: str, tile: int, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n, bands) float64 values of a part at places in a tile."""
    count = planet.count(part, tile)
    square = to_square(planet.integers(part, tile, slice(0, planet.width(part))), count).astype(np.float64)
    positions = positions_in(planet.tables.bounds[tile], lonlat_deg)
    across, down = (chebyshev_matrix(count, at, planet.stretch) for at in positions.T)
    return planet.step(part, tile) * np.einsum("ni,nj,ijb->nb", down, across, square, optimize=True)
