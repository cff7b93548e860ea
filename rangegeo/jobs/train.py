"""From a database to a location encoder that is trained on it, and the database with keys that belong to it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from rangegeo.databases.networks import harmonics_of
from rangegeo.databases.ranks import Retrieval, effective_neighbours, explained
from rangegeo.databases.training import Settings, Trained, train
from rangegeo.errors import ModelWarning, UsageError, argument
from rangegeo.jobs.scheduler import use_threads
from rangegeo.jobs.train_options import Training, TrainingOutput
from rangegeo.models.device import resolve_device
from rangegeo.support.inputs import check_keeps_inputs
from rangegeo.support.paths import local_path
from rangegeo.support.progress import SILENT, Progress
from rangegeo.support.text import counted
from rangegeo.support.unfinished import unfinished
from rangegeo.weights.cache import file_sha256
from rangegeo.weights.converted import Stored
from rangegeo.weights.database import load_database
from rangegeo.weights.names import database_file
from rangegeo.weights.written import made_with, write_checkpoint, write_database

FEWEST = 8  # rows


@dataclass(slots=True, eq=False, kw_only=True)
class TrainingJob:
    """A training that can begin.

    Attributes:
        database: its rows.
        settings: of the training.
        training, output: what was asked for.
        held: (n,) bool, which rows are held out.
        measured: how it came out, one line each; empty before.
    """

    database: Stored
    settings: Settings
    training: Training
    output: TrainingOutput
    held: np.ndarray
    measured: list[str]

    @classmethod
    def prepare(cls, db: str, training: Training, output: TrainingOutput) -> TrainingJob:
        """The job of a request.

        Raises:
            UsageError, WeightsError: what is wrong. OutputError: an output cannot be written; nothing was touched.
        """
        settings = training.settings()
        check_keeps_inputs([("out", output.out), ("db_out", output.database)], database=db)
        output.check()
        database = load_database(database_file(db, "database"))
        rows = len(database.tensors["locs"])
        if rows < FEWEST:
            raise UsageError(
                argument="database", expected=f"a database of {FEWEST} rows or more", got=f"{rows} of {db}"
            )
        held = np.zeros(rows, dtype=bool)
        held[np.random.default_rng(training.seed).permutation(rows)[: round(training.held_out * rows)]] = True
        return cls(database=database, settings=settings, training=training, output=output, held=held, measured=[])

    def describe(self) -> str:
        """What will be trained, in one line."""
        rows = len(self.held)
        kept = counted(int((~self.held).sum()), "row")
        return f"{self.output.out}: {kept} of {rows:,}, {counted(self.settings.epochs, 'epoch')}"

    def write(self, progress: Progress = SILENT) -> list[Path]:
        """Train, and write the checkpoint and the database; their paths."""
        use_threads(self.training.threads)
        locs, values = (self.database.tensors[name] for name in ("locs", "values"))
        kept = torch.from_numpy(~self.held)
        progress.stage("training", self.settings.epochs, "epoch")
        trained = train(
            locs[kept],
            values[kept].clone(),
            self.settings,
            seed=self.training.seed,
            device=resolve_device(self.training.device),
            report=lambda epoch, loss: progress.advance(),
        )
        keys = trained.head.keys(values)
        self.measured, share = self._measure(trained, keys)
        self._store(trained, keys)
        if not share > 0:
            told = f"S explains {share:.3f} of the variance of values held out, so it knows no more than their mean"
            longer = argument("epochs", 4 * self.settings.epochs)
            warnings.warn(ModelWarning(f"{told}; train longer with {longer}, or give more rows"), stacklevel=2)
        return [self.output.out, self.output.database]

    @torch.inference_mode()
    def _measure(self, trained: Trained, keys: torch.Tensor) -> tuple[list[str], float]:
        """How well the rows that were held out are found, and which share of their variance is explained."""
        held = torch.from_numpy(np.flatnonzero(self.held))
        if len(held) < 2:
            return [], 1.0
        locs, values = (self.database.tensors[name] for name in ("locs", "values"))
        queries, rest = trained.siren(harmonics_of(locs[held], self.settings.degree)), ~torch.from_numpy(self.held)
        share = explained(queries, keys[rest], values[rest], values[held])
        decide = effective_neighbours(queries, keys[rest])
        return [
            f"{counted(len(held), 'row')} held out find their own values: {Retrieval.measure(queries, keys[held])}",
            f"S of the other rows explains {share:.3f} of the variance of their values; {decide:.0f} rows decide",
        ], share

    def _store(self, trained: Trained, keys: torch.Tensor) -> None:
        """Write both files."""
        settings = self.settings
        told = {
            "legendre_polys": settings.degree,
            "embed_dim": settings.dim,
            "capacity": settings.width,
            "num_hidden_layers": settings.layers,
            "trained_on": self.database.sha256,
            "seed": self.training.seed,
        }
        locs, values = (self.database.tensors[name].numpy() for name in ("locs", "values"))
        facts = {"rows": str(len(locs)), "trained_on": self.database.sha256, "encoder": self.output.out.name}
        with unfinished(self.output.out) as checkpoint, unfinished(self.output.database) as draft:
            write_checkpoint(checkpoint, trained.siren.state_dict(), told, trained.head.state_dict())
            facts |= made_with(str(self.output.out), file_sha256(checkpoint))
            write_database(draft, locs, keys.numpy(), values, facts)


def train_encoder(
    db: str | Path,
    path: str | Path,
    *,
    db_out: str | Path | None = None,
    degree: int = 40,
    width: int = 512,
    dim: int = 256,
    epochs: int = 24,
    batch: int = 2048,
    decay: float = 1.0,
    weight_decay: float = 3.0,
    noise: float = 0.5,
    contrast: float = 0.3,
    regression: float = 1.0,
    place: float = 1.0,
    held_out: float = 0.05,
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Path:
    """Train a location encoder on a database, by SatCLIP's objective: places and values must recognise each other.

    Args:
        db: a database from `rangegeo.build_database`, or a name; its keys are not used.
        path: of the checkpoint, ending in .ckpt, in the form of SatCLIP's published ones.
        db_out: where the same rows go with keys that belong to the new encoder, ending in .safetensors or .npz; by
            default NAME.safetensors beside the checkpoint.
        degree: of the spherical harmonics, from 1 to 100; SatCLIP's are 10 and 40.
        width, dim: units of a hidden layer, and numbers of an embedding.
        epochs: passes over the rows.
        batch: rows in one contrast.
        decay: power of 1 / (1 + l) by which the first layer weighs harmonics of degree l: the larger it is, the
            smoother is the encoder.
        weight_decay: decay of the weights.
        noise: deviation of the noise on values, in units of their deviation.
        contrast, regression, place: weights of the contrast, of predicting the values from the embedding, and of
            predicting smooth functions of the place from it.
        held_out: share of the rows that is not trained on.
        seed: the same one gives the same files, on the same machine with as many threads.
        device: "auto", "cpu", "cuda" or "cuda:1".
        threads: of the processor; by default all cores.
        overwrite: replace outputs that exist.
        progress: is told how far it is.
    Returns:
        The path of the checkpoint. `rangegeo.load_model("RANGE+", weights=path, db=db_out)` takes both.
    Warns:
        ModelWarning: the semantic average of the rows that were trained on explains nothing of those held out.
    Raises:
        UsageError: an argument is wrong. WeightsError: the database cannot be used. OutputError: an output cannot be
            written; nothing was touched.
    """
    training = Training(
        degree=degree,
        width=width,
        dim=dim,
        epochs=epochs,
        batch=batch,
        decay=decay,
        weight_decay=weight_decay,
        noise=noise,
        contrast=contrast,
        regression=regression,
        place=place,
        held_out=held_out,
        seed=seed,
        device=device,
        threads=threads,
    )
    output = TrainingOutput(
        out=local_path(path), db_out=None if db_out is None else local_path(db_out), overwrite=overwrite
    )
    return TrainingJob.prepare(str(db), training, output).write(progress)[0]
