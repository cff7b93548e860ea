"""Kinds of outputs that tests verify: written once, with the miniature model, in blocks of 16 pixels a side."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import shapely
from oracles import golden

import rangegeo as rg
from rangegeo.jobs.options import Content, Engine, Extent, RasterOutput
from rangegeo.jobs.raster import RasterJob
from rangegeo.jobs.verified import Report

MINI = {"weights": str(golden.GOLDEN / "satclip-mini.ckpt"), "db": str(golden.GOLDEN / "range_db_mini.npz")}
BOX = {"bbox": (5, 44, 6, 45), "res": 0.02}
AREA = shapely.box(5, 44, 5.45, 44.4) | shapely.box(5.6, 44.6, 6, 45)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of output: 50 x 50 pixels, or about as many."""

    extent: dict = field(default_factory=lambda: BOX)
    content: dict = field(default_factory=lambda: {"bands": (1, 2, 30)})
    engine: dict = field(default_factory=dict)
    output: dict = field(default_factory=dict)


def written(kind: Kind, path: Path) -> Path:
    """An output of a kind, which is written if it is not there."""
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        extent = kind.extent | ({"aoi": AREA} if "aoi" in kind.extent else {})
        output = RasterOutput(**{"out": path, "chunks": 16, **kind.output})
        RasterJob.prepare(Extent(**extent), Content(**MINI, **kind.content), Engine(**kind.engine), output).write()
    return path


def verify(path: Path, **options: object) -> Report:
    """`rangegeo.verify` with the miniature model and 200 pixels."""
    return rg.verify(path, **{"pixels": 200, **MINI, **options})
