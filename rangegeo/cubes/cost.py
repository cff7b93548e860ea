"""What a raster will cost, before any of it is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rangegeo.cubes.spec import RasterSpec
from rangegeo.engine.patch import NODES_A_PATCH
from rangegeo.engine.values import AnyEvaluator, seconds_per_place
from rangegeo.support.text import counted, human_bytes, human_seconds

INTERPOLATED_A_SECOND = 1e8  # values of pixels, measured on two busy cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a raster will cost.

    Attributes:
        sizes: size of each dim.
        nbytes: bytes of the values as they are stored, uncompressed.
        blocks: number of chunks that are computed.
        evaluations: places that the model is evaluated at, as far as can be foreseen.
        seconds: estimated time to evaluate and write it; None if the model is not here to be timed.
        share: largest share of the chunks that is computed; less than 1 if an area leaves chunks out.
    """

    sizes: dict[str, int]
    nbytes: int
    blocks: int
    evaluations: int
    seconds: float | None
    share: float = 1.0

    def __str__(self) -> str:
        layers = ""
        for dim in ("beta", "band"):
            if dim in self.sizes:
                layers += f"{counted(self.sizes[dim], dim)}, "
        size = f"{layers}{self.sizes['x']} x {self.sizes['y']} pixels, {human_bytes(self.nbytes)} before compression"
        part = f", {self.share:.0%} of it around the area" if self.share < 1 else ""
        time = "time not probed" if self.seconds is None else f"about {human_seconds(self.seconds)}"
        return f"{size}{part}, {time}"


def plan(spec: RasterSpec, evaluator: AnyEvaluator | None, dtype: str = "float32", bytes_a_second: float = 4e8) -> Plan:
    """Estimate a raster's cost; measures the evaluator for a moment.

    Args:
        evaluator: of the model; None if it is not here.
        dtype: that values are stored as.
        bytes_a_second: that are compressed and written.
    """
    height, width = spec.geobox.shape
    sizes = dict(zip(spec.dims, spec.shape[-len(spec.dims) :], strict=True))
    nbytes = math.prod(sizes.values()) * np.dtype(dtype).itemsize
    places = height * width
    if spec.patch_side is not None:
        across, down = (
            sum(-(-(w.stop - w.start) // spec.patch_side) for w in axis) for axis in (spec.patch_cols, spec.patch_rows)
        )
        places = min(places, across * down * NODES_A_PATCH)
    interpolated = 0 if spec.patch_side is None else math.prod(sizes.values())
    share = 1.0 if spec.area is None else spec.area.reach
    seconds = None
    if evaluator is not None:
        evaluating = places * seconds_per_place(evaluator, spec.recipe)
        seconds = share * (evaluating + interpolated / INTERPOLATED_A_SECOND + nbytes / bytes_a_second)
    return Plan(
        sizes=sizes,
        nbytes=nbytes,
        blocks=len(spec.rows) * len(spec.cols),
        evaluations=int(share * places),
        seconds=seconds,
        share=share,
    )
