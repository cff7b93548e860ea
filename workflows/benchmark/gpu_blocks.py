"""Speed of what the engine does in blocks: the semantic average, and pixels between the points of a patch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from gpu_database import globe
from gpu_machine import Clock
from gpu_speed import average, exact, field_of, float32
from torch import Tensor

from rangegeo.engine.card import copied, empty_beside
from rangegeo.field.chebyshev import interpolate
from rangegeo.field.places import Places
from rangegeo.field.precision import full_precision
from rangegeo.field.retrieval import QUERY_BLOCK

KEY_BLOCKS = (4096, 16_384, 32_768, 131_072)
SMALL_KEY_BLOCKS = (64, 500)
CHECKED = 256  # queries that are compared with float64


def attention(queries: Tensor, keys: Tensor, values: Tensor, temperature: float) -> Tensor:
    """The semantic average by torch's own fused attention; its keys and values may differ in width."""
    parts = (tensor[None, None] for tensor in (queries, keys, values))
    return torch.nn.functional.scaled_dot_product_attention(*parts, scale=temperature)[0, 0]


def blocks(clock: Clock) -> Iterator[tuple[str, dict]]:
    """The semantic average with blocks of several sizes, and by fused attention."""
    field = field_of(clock, clock.either(100_000, 500))
    with full_precision(), torch.inference_mode():
        places = Places.scattered(globe(clock.either(QUERY_BLOCK, 50))).to(clock.device)
        queries = field.components(places, semantic=False, geographic=False).location.float()
        database = (field.keys, field.values, field.temperature)
        expected = exact(queries[:CHECKED], *database)
        ways = {
            f"{size}_keys": partial(average, product=float32, block=size)
            for size in (SMALL_KEY_BLOCKS if clock.small else KEY_BLOCKS)
        }
        for name, way in {**ways, "attention": attention}.items():
            yield name, _measured(clock, partial(way, queries, *database), expected)


def _measured(clock: Clock, work: partial[Tensor], expected: Tensor) -> dict[str, object]:
    """Error and speed of one way; what torch says if it cannot go it."""
    try:
        found = work()
        seconds = clock.time(work)
    except RuntimeError as error:
        return {"refused": str(error).splitlines()[0]}
    error = (found[:CHECKED].double() - expected).abs().max() / expected.abs().max()
    return {"error": float(error), "queries_per_second": round(len(found) / seconds, 1)}


def pixels(clock: Clock) -> Iterator[tuple[str, dict]]:
    """Values a second of pixels that come from 41 x 41 points, and of their copy to the CPU."""
    bands, side = clock.either(1280, 24), clock.either(128, 16)
    at = torch.linspace(-1, 1, side, dtype=torch.float64)
    here = torch.randn(bands, 41, 41, generator=torch.Generator().manual_seed(0))
    there = here.to(clock.device)
    expected, found = interpolate(here, at, at), interpolate(there, at, at)
    error = float((found.cpu() - expected).abs().max() / expected.abs().max())
    ready, plain = empty_beside(clock.device, found.shape), torch.empty(found.shape)
    ways = {
        "on_the_cpu": partial(interpolate, here, at, at),
        "on_the_device": partial(interpolate, there, at, at),
        "copied_as_the_engine_does": partial(copied, found, ready),
        "copied_to_other_memory": partial(plain.copy_, found),
    }
    yield "is", {"bands": bands, "pixels": side**2, "points": 41**2, "error": error, "passed": error <= 1e-5}
    for name, way in ways.items():
        yield name, {"values_per_second": round(found.numel() / clock.time(way), 1)}
