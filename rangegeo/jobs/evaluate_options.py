"""What a comparison of encoders is asked for, in groups. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """What is compared, and how.

    Attributes:
        models, betas, block, folds, seeds, seed, baselines: as of `rangegeo.evaluate`, whose `model` are the models.
        aoi, aoi_layer, bbox_crs: the area in which random places of a background are drawn.
        device: where models are evaluated.
        threads: of the processor; None for all cores.
        storage: options of the servers of planets, by their names.
    """

    models: tuple[str, ...] = ("RANGE+",)
    betas: tuple[float, ...] = ()
    aoi: str | None = None
    aoi_layer: str | None = None
    bbox_crs: str | None = None
    block: str | None = None
    folds: int = 5
    seeds: int = 3
    seed: int = 0
    baselines: bool = True
    device: str = "auto"
    threads: int | None = None
    storage: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Public data instead of labels.

    Attributes:
        suite: whether it is used.
        tasks: names of its tasks; empty for all.
        places: of each task; None for as many as usual.
        fetch: whether data that is not in the cache is downloaded.
    """

    suite: bool = False
    tasks: tuple[str, ...] = ()
    places: int | None = None
    fetch: bool = False

    @property
    def given(self) -> list[str]:
        """Names of options that need the suite."""
        return [name for name in ("tasks", "places", "fetch") if getattr(self, name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOutput:
    """Where scores are written.

    Attributes:
        outs: tables, .md or .csv.
        plot: a picture; None for none.
        overwrite: whether files are replaced.
    """

    outs: tuple[Path, ...] = ()
    plot: Path | None = None
    overwrite: bool = False

    @property
    def named(self) -> list[tuple[str, Path | None]]:
        """The files that are written, by their arguments."""
        return [*(("out", path) for path in self.outs), ("plot", self.plot)]

    @property
    def paths(self) -> list[Path]:
        """All files that are written."""
        return [path for _, path in self.named if path is not None]
