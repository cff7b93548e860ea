"""What a raster will cost, before any of it is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rangegeo.cubes.spec import RasterSpec
from rangegeo.engine.patch import NODES_A_PATCH
from rangegeo.engine.values import AnyEvaluator, interpolable, seconds_per_place
from rangegeo.grid import pixel_arc_deg
from rangegeo.support.machine import slowness
from rangegeo.support.text import counted, human_bytes, human_seconds

# On two cores that did nothing else, see workflows/benchmark/sizes.py: values of pixels that are interpolated, and the
# seconds of any output, for its metadata and its name, and of each block, for its tasks and its entry in the journal.
INTERPOLATED_A_SECOND = 1e9
ALWAYS, A_BLOCK = 0.12, 0.001
ALONE = 0.8  # share of the time of evaluation in which nothing is written
# Evaluations that a patch usually takes, up to a side in degrees: 11 x 11, 21 x 21 or 41 x 41 points. If points share
# their sums, all patches take as many as the largest.
NODES = ((0.3, 121), (2.56, 441), (math.inf, NODES_A_PATCH))


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


def plan(
    spec: RasterSpec,
    evaluator: AnyEvaluator | None,
    dtype: str = "float32",
    values_a_second: float = 3e8,
    pixels_a_second: float = math.inf,
) -> Plan:
    """Estimate a raster's cost; measures the evaluator and the machine for a moment.

    Args:
        evaluator: of the model; None if it is not here.
        dtype: that values are stored as.
        values_a_second, pixels_a_second: as of `rangegeo.stores.formats.Format`.
    """
    height, width = spec.geobox.shape
    sizes = dict(zip(spec.dims, spec.shape[-len(spec.dims) :], strict=True))
    values = math.prod(sizes.values())
    places = pixels = height * width
    patch_deg = None
    blocks = len(spec.rows) * len(spec.cols)
    if spec.patch_side is not None:
        across, down = (
            sum(-(-(w.stop - w.start) // spec.patch_side) for w in axis) for axis in (spec.patch_cols, spec.patch_rows)
        )
        side_deg = min(spec.patch_side, max(height, width)) * pixel_arc_deg(spec.geobox)
        if evaluator is not None and interpolable(evaluator).shares:
            patch_deg, nodes = side_deg, NODES_A_PATCH
        else:
            nodes = next(nodes for limit, nodes in NODES if side_deg <= limit * (1 + 1e-6))
        places = min(places, across * down * nodes)
    interpolated = 0 if spec.patch_side is None else values
    share = 1.0 if spec.area is None else spec.area.reach
    seconds = None
    if evaluator is not None:
        evaluating = ALONE * places * seconds_per_place(evaluator, spec.recipe, patch_deg)
        writing = values / values_a_second + sizes.get("beta", 1) * pixels / pixels_a_second + blocks * A_BLOCK
        seconds = ALWAYS + share * (evaluating + slowness() * (interpolated / INTERPOLATED_A_SECOND + writing))
    return Plan(
        sizes=sizes,
        nbytes=values * np.dtype(dtype).itemsize,
        blocks=blocks,
        evaluations=int(share * places),
        seconds=seconds,
        share=share,
    )
