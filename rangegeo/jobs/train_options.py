"""What a training is asked for. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rangegeo.errors import UsageError, argument

if TYPE_CHECKING:
    from rangegeo.databases.training import Settings

DATABASES = (".safetensors", ".npz")
# The range of each number, and an example.
RANGES: dict[str, tuple[float, float, float]] = {
    "degree": (1, 100, 40),
    "width": (1, 8192, 512),
    "dim": (1, 8192, 256),
    "epochs": (1, 100_000, 24),
    "batch": (2, 1_000_000, 2048),
    "decay": (0, 10, 1),
    "weight_decay": (0, 100, 3),
    "noise": (0, 10, 0.5),
    "contrast": (0, 100, 0.3),
    "regression": (0, 100, 1),
    "place": (0, 100, 1),
    "held_out": (0, 0.9, 0.05),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a location encoder is trained.

    Attributes:
        degree, width, dim, epochs, batch, decay, weight_decay, noise, contrast, regression, place: as of
            `rangegeo.databases.training.Settings`.
        held_out: share of the rows that is not trained on, and tells how well it came out.
        seed: of initialisation, order and noise, and of the rows that are held out.
        device: auto, cpu, cuda or cuda:i.
        threads: of the processor; None for all cores.
    """

    degree: int = 40
    width: int = 512
    dim: int = 256
    epochs: int = 24
    batch: int = 2048
    decay: float = 1.0
    weight_decay: float = 3.0
    noise: float = 0.5
    contrast: float = 0.3
    regression: float = 1.0
    place: float = 1.0
    held_out: float = 0.05
    seed: int = 0
    device: str = "auto"
    threads: int | None = None

    def settings(self) -> Settings:
        """The settings.

        Raises:
            UsageError: a number is out of range.
        """
        from rangegeo.databases.training import Settings
        from rangegeo.support.numbers import check_seed

        for name, (low, high, example) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(argument=name, expected=f"from {low:g} to {high:g}", got=value, example=example)
        if self.contrast == self.regression == self.place == 0:
            told = " and ".join(argument(name) for name in ("contrast", "regression", "place"))
            raise UsageError(f"{told} must not all be 0; for example {argument('contrast', 0.3)}")
        check_seed(self.seed)
        names = [name for name in RANGES if name != "held_out"]
        return Settings(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOutput:
    """What is written.

    Attributes:
        out: the checkpoint, in SatCLIP's form; its name ends in .ckpt.
        db_out: the database with the keys of the new encoder; None for NAME.safetensors beside the checkpoint.
        overwrite: whether outputs that exist are replaced.
    """

    out: Path
    db_out: Path | None = None
    overwrite: bool = False

    @property
    def database(self) -> Path:
        """Where the database goes."""
        return self.out.with_suffix(".safetensors") if self.db_out is None else self.db_out

    def check(self) -> None:
        """Refuse paths that cannot be written.

        Raises:
            UsageError: a suffix is another one. OutputError: a path cannot be written; nothing was touched.
        """
        from rangegeo.support.destination import check_destination

        if self.out.suffix.lower() != ".ckpt":
            raise UsageError(
                argument="out", expected="a name that ends in .ckpt", got=str(self.out), example="own.ckpt"
            )
        if self.database.suffix.lower() not in DATABASES:
            expected = f"a name that ends in {' or '.join(DATABASES)}"
            raise UsageError(argument="db_out", expected=expected, got=str(self.database), example="own.safetensors")
        for path in (self.out, self.database):
            check_destination(path, 0, overwrite=self.overwrite)
