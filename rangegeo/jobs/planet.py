"""From a request to a planet on disk: prepare, describe, write.

Blocks of tiles are evaluated one by one. Each is written to a file of its own in the draft of the output, and noted in
its journal, so that an interrupted run can be continued. When all are there, they are put together to a Zarr store.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import dask
import numpy as np
import torch

from rangegeo.cubes.spec import provenance
from rangegeo.engine.tiles import MOST_CUTS, TileFit, fit_block
from rangegeo.engine.tolerance import check_tolerance
from rangegeo.errors import UsageError, argument
from rangegeo.field.places import Places
from rangegeo.field.principal import principal_directions
from rangegeo.jobs.options import Content, Engine
from rangegeo.jobs.planet_options import PlanetArea, PlanetOutput
from rangegeo.jobs.scheduler import use_threads
from rangegeo.jobs.workers import check_cluster
from rangegeo.models.load import loaded
from rangegeo.models.model import Model
from rangegeo.models.neural import NeuralModel
from rangegeo.models.parts import ModelParts
from rangegeo.models.spec import ModelSpec
from rangegeo.spectral.layout import OVERVIEW, SEMANTIC_RANGE, Bounds, root_bounds, root_columns
from rangegeo.spectral.tiles import Basis
from rangegeo.stores.computing import Gate, active_client, compute_tasks
from rangegeo.stores.drafts import Draft, drafted
from rangegeo.stores.journal import Entry, Journal, checksum, objects_are_sound
from rangegeo.stores.planet import Piece, begin, write_planet
from rangegeo.stores.quantise import FLOAT32
from rangegeo.support.location import Location, write_whole
from rangegeo.support.progress import SILENT, Progress
from rangegeo.support.text import counted, human_bytes, human_seconds

TOLERANCE = 1e-3  # the default
SMALLEST_TOLERANCE = 1e-5  # below it float32 round-off of the values counts as much
SMALL_INTEGERS = 1e-3  # from this tolerance on the coefficients of nearly every tile fit into 16 bits
BLOCK_TILES = 8  # root tiles of a block; they are evaluated together
COMPONENTS = 16  # of the overview
OVERVIEW_TOLERANCE = 2e-3  # a step of a picture is 4e-3 of its range
SAMPLE_PLACES = 2048  # that the components are fitted on
TILE_BYTES = 45  # of a tile and a band on disk, a little more than of the embedded model; a draft takes as much again
PROBED = 4  # root tiles that are fitted to say what a planet will cost
PIECES, BASIS = "pieces", "basis.npz"  # in the draft: the folder of the blocks, and the overview's basis


@dataclass(frozen=True, kw_only=True, eq=False)
class PlanetJob:
    """A planet that can be written: everything is checked, and nothing is written yet. Made by `prepare`.

    Attributes:
        parts: the parts of the model.
        roots: (n,) numbers of the root tiles that are wanted.
        bbox: of what was asked for.
        tolerance: of each part, relative to its largest value in a tile.
        output: what it is written to.
        command: the command line; None if there is none.
        facts: what was measured; empty until it is written.
    """

    parts: ModelParts
    roots: np.ndarray
    bbox: Bounds
    tolerance: float
    output: PlanetOutput
    command: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def prepare(
        cls, area: PlanetArea, content: Content, engine: Engine, output: PlanetOutput, *, command: str | None = None
    ) -> PlanetJob:
        """Check a request, cheap things first, then load the model.

        Raises:
            UsageError: what is wrong with an argument, or the model has kinks. GridError, WeightsError, DownloadError:
                a file cannot be used. OutputError: the output cannot be written. Nothing was touched.
        """
        engine.check()
        tolerance = checked_tolerance(engine.tolerance)
        output.check()
        roots, bbox = area.roots(root_bounds(root_columns()))
        use_threads(engine.threads)
        model = content.load(engine.device)
        parts = model_parts(model, with_range=output.with_range)
        job = cls(parts=parts, roots=roots, bbox=bbox, tolerance=tolerance, output=output, command=command)
        output.check(job.most_bytes)
        return job

    @property
    def most_bytes(self) -> int:
        """The room that it may need, with its draft."""
        return 2 * TILE_BYTES * len(self.roots) * sum(self.parts.bands.values())

    @property
    def model(self) -> NeuralModel:
        """The model that is stored."""
        return self.parts.model

    @property
    def dtype(self) -> str:
        """Of the coefficients."""
        return "int16" if self.tolerance >= SMALL_INTEGERS else "int32"

    @cached_property
    def bounds(self) -> np.ndarray:
        """(roots, 4) of all root tiles."""
        return root_bounds(root_columns())

    @cached_property
    def basis(self) -> Basis:
        """The basis of the overview, fitted on seeded places of the planet."""
        places = Places.scattered(torch.from_numpy(_sampled(self.bounds[self.roots])))
        sample = self.parts.values(places, [self.parts.shown])[self.parts.shown].double().cpu().numpy()
        mean, directions, explained = principal_directions(sample, min(COMPONENTS, sample.shape[1]))
        scale = float(np.abs((sample - mean) @ directions.T).max())
        return Basis(
            of=self.parts.shown,
            mean=mean,
            directions=directions,
            explained=explained,
            scale=scale or 1.0,
            tolerance=max(OVERVIEW_TOLERANCE, self.tolerance),
        )

    def blocks(self) -> list[list[int]]:
        """The root tiles of each block: neighbours in a row."""
        found: list[list[int]] = []
        for root in self.roots.tolist():
            last = found[-1] if found else []
            if last and len(last) < BLOCK_TILES and last[-1] == root - 1 and self._south(last[-1]) == self._south(root):
                last.append(root)
            else:
                found.append([root])
        return found

    def _south(self, root: int) -> float:
        return float(self.bounds[root, 1])

    def describe(self) -> Iterator[str]:
        """What it will cost; fits some tiles for it."""
        fit = _fit(self.parts, self.tolerance, self.dtype, self.basis)
        count = min(PROBED, 1 + len(self.roots) // BLOCK_TILES)
        probed = self.roots[((np.arange(count) + 0.5) / count * len(self.roots)).astype(int)]
        start = time.perf_counter()
        nbytes = len(fit_block(fit, {int(root): _box(self.bounds[root]) for root in probed}).to_bytes())
        seconds, share = time.perf_counter() - start, len(self.roots) / len(probed)
        tiles = f"{self.model.spec.name}, {counted(len(self.roots), 'root tile')}"
        cost = f"about {human_bytes(share * nbytes)}, about {human_seconds(share * seconds)} in one process"
        yield f"{self.output.out}: a planet of {tiles}, {cost}"

    def write(self, progress: Progress = SILENT) -> Location:
        """Evaluate the model and write the planet; returns its path."""
        out = self.output
        check_cluster([self.model.spec], out.out)
        with drafted(
            out.out, self._request(), FLOAT32, outputs=[out.out], overwrite=out.overwrite, resume=out.resume
        ) as draft:
            if not draft.continued:
                begin(draft.store)
            basis = self._kept_basis(draft)
            pieces = self._pieces(draft, basis, progress)
            self.facts.update(self._measured(pieces))
            write_planet(draft.store, pieces, basis, root_columns(), self.dtype, self._attributes(), progress)
            draft.exchange(out.out)
        return out.out

    def measured(self) -> Iterator[str]:
        """What was measured while it was written."""
        facts = self.facts
        yield (
            f"{counted(facts['tiles'], 'tile')} from {counted(facts['evaluations'], 'evaluation')}; measured error "
            f"{facts['measured_error']:.1e} at {counted(facts['proof_places'], 'place')}, tolerance {self.tolerance:g}"
        )

    # --------------------------------------------------------------------------------------------- steps of write

    def _request(self) -> dict[str, Any]:
        """What is written, as a draft keeps it."""
        spec = self.model.spec.stored | {"device": None}
        return {
            "format": "planet",
            "model": spec.pop("name"),
            "files": {name: value for name, value in spec.items() if value is not None},
            "parts": list(self.parts.bands),
            "tolerance": self.tolerance,
            "tiles": self.roots.tolist(),
        }

    def _kept_basis(self, draft: Draft) -> Basis:
        """The basis of the overview that an interrupted run has used; else a new one, which is kept."""
        place = draft.folder / BASIS
        if draft.continued and place.is_file():
            with np.load(io.BytesIO(place.read_bytes())) as kept:
                arrays = {name: kept[name] for name in ("mean", "directions", "explained")}
                return Basis(
                    of=str(kept["of"]), scale=float(kept["scale"]), tolerance=float(kept["tolerance"]), **arrays
                )
        buffer = io.BytesIO()
        np.savez(buffer, **asdict(self.basis))
        write_whole(place, buffer.getvalue())
        return self.basis

    def _pieces(self, draft: Draft, basis: Basis, progress: Progress) -> list[Piece]:
        """Evaluate the blocks that are not there yet; returns all."""
        blocks, journal, gate = self.blocks(), draft.journal(), Gate()
        (draft.folder / PIECES).mkdir(exist_ok=True)
        done = journal.done(lambda number, _, entry: objects_are_sound(draft.folder, entry))
        waiting = [number for number in range(len(blocks)) if (number, 0) not in done]
        source = self.parts if active_client() is None else None
        task = dask.delayed(_make_piece, pure=False, traverse=False)
        tasks = [
            task(
                self.model.spec,
                source,
                list(self.parts.bands),
                (self.tolerance, self.dtype, basis),
                {root: _box(self.bounds[root]) for root in blocks[number]},
                number,
                (draft.folder, journal, gate),
                dask_key_name=f"rangegeo-planet-{gate.name}-{number}",
            )
            for number in waiting
        ]
        progress.stage("evaluating", len(tasks), "block", before=len(done))
        compute_tasks(tasks, gate, lambda _: progress.advance())
        return [Piece.at(draft.folder / PIECES / str(number)) for number in range(len(blocks))]

    def _measured(self, pieces: Sequence[Piece]) -> dict[str, Any]:
        """The attributes that say what was measured."""
        blocks = [piece.block for piece in pieces]
        errors = [
            part.error
            for block in blocks
            for tile in block.tiles
            for name, part in tile.parts.items()
            if name != OVERVIEW
        ]
        return {
            "tiles": sum(len(block.tiles) for block in blocks),
            "measured_error": max(errors),
            "proof_places": sum(block.proved for block in blocks),
            "evaluations": sum(block.evaluations for block in blocks),
        }

    def _attributes(self) -> dict[str, Any]:
        """The attributes of the root group that say what the planet is."""
        facts = provenance(self.model, self.model.recipe())
        if self.command is not None:
            facts["command"] = self.command
        return {
            **facts,
            "models": self.parts.models,
            "bbox": list(self.bbox),
            "proj:code": "EPSG:4326",
            "tolerance": self.tolerance,
            **{name: value for name, value in self.facts.items() if name != "tiles"},
        }


def _make_piece(
    spec: ModelSpec,
    source: ModelParts | None,
    names: Sequence[str],
    how: tuple[float, str, Basis],
    roots: Mapping[int, Bounds],
    number: int,
    where: tuple[Location, Journal, Gate],
) -> None:
    """Evaluate a block of tiles and write it; a task of dask.

    Args:
        spec: of the model.
        source: its parts; None to load the model in this process.
        names: of its parts.
        how: the tolerance, the dtype of the coefficients and the basis of the overview.
        roots: bounds of its root tiles, by their numbers.
        number: of the block.
        where: the folder of the draft, its journal, and the gate that everything goes through.
    """
    folder, journal, gate = where
    if source is None:
        model = loaded(spec)
        assert isinstance(model, NeuralModel)
        source = ModelParts(model, with_range=SEMANTIC_RANGE in names)
    written = fit_block(_fit(source, *how), roots).to_bytes()
    with gate as is_open:
        if not is_open:
            return
        key = f"{PIECES}/{number}"
        write_whole(folder / key, written)
        journal.write(number, 0, Entry(checksums={key: checksum(written)}))


def _fit(parts: ModelParts, tolerance: float, dtype: str, basis: Basis) -> TileFit:
    return TileFit(parts, tolerance, int(np.iinfo(dtype).max), basis)


def _box(bounds: np.ndarray) -> Bounds:
    west, south, east, north = bounds.tolist()
    return west, south, east, north


def _sampled(bounds: np.ndarray) -> np.ndarray:
    """(SAMPLE_PLACES, 2) seeded places in tiles (n, 4), evenly over the ground."""
    random = np.random.default_rng(0)
    west, south, east, north = bounds.T
    low, high = np.sin(np.radians(south)), np.sin(np.radians(north))
    areas = (east - west) * (high - low)
    tiles = random.choice(len(bounds), SAMPLE_PLACES, p=areas / areas.sum())
    across, up = random.random((2, SAMPLE_PLACES))
    lon = west[tiles] + across * (east - west)[tiles]
    return np.stack([lon, np.degrees(np.arcsin(low[tiles] + up * (high - low)[tiles]))], axis=1)


def checked_tolerance(tolerance: float | None) -> float:
    """The tolerance of a planet; None stands for the default.

    Raises:
        UsageError: it is out of its range.
    """
    if tolerance is None:
        return TOLERANCE
    if check_tolerance(tolerance, "leave it out for the default") < SMALLEST_TOLERANCE:
        raise UsageError(argument="tolerance", expected="at least 1e-5 for a planet", got=tolerance, example=1e-5)
    return tolerance


def model_parts(model: Model, *, with_range: bool = True) -> ModelParts:
    """The parts of a model that a planet can hold; of RANGE+ also those of RANGE, if they are wanted.

    Raises:
        UsageError: the model comes from a planet, has kinks, or changes within a fraction of the smallest tile.
    """
    name = model.spec.name
    if not isinstance(model, NeuralModel):
        raise UsageError(f"{name} comes from a planet already")
    parts = ModelParts(model, with_range=with_range)
    _, south, _, north = root_bounds(root_columns())[0]
    if parts.smooth_deg >= (north - south) / 2**MOST_CUTS:
        return parts
    why = "has kinks" if parts.smooth_deg == 0 else f"changes within {parts.smooth_deg:.2g} degrees"
    raise UsageError(
        f"{name} {why}, so no polynomial follows it; evaluate it instead, or take a smooth model: "
        f"{argument('model', 'RANGE+')}"
    )
