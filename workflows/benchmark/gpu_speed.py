"""Speed: exact places and nodes a second, and what less precise products of matrices would gain and lose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from gpu_database import globe, make_field, satclip
from gpu_machine import Clock, memory
from torch import Tensor

from rangegeo.field.places import Places
from rangegeo.field.precision import full_precision
from rangegeo.field.range import RangeField
from rangegeo.field.retrieval import CUDA_KEY_BLOCK, QUERY_BLOCK, softmax_average

ROWS = (16_384, 100_000, 1_000_000)
SMALL_ROWS = (300, 700)
VISUAL = 1024  # bands of the published databases
BETAS = {"one_beta": (0.5,), "three_betas": (0.0, 0.5, 1.0)}
NODES = 41 * 41 + 32  # of one patch, with its proof places
SECONDS_A_ROW = 2e-5  # that a database takes to make and to measure, at most


def field_of(clock: Clock, rows: int) -> RangeField:
    return make_field(satclip(clock.small).to(clock.device), rows, clock.either(VISUAL, 24), clock.device)


def retrieval(clock: Clock) -> Iterator[tuple[str, dict]]:
    """Exact places a second, for databases of three sizes."""
    for rows in SMALL_ROWS if clock.small else ROWS:
        name = f"{rows}_rows"
        if clock.left() < rows * SECONDS_A_ROW:
            yield name, {"skipped": f"takes up to {rows * SECONDS_A_ROW:g} s, and {clock.left():.0f} s are left"}
            continue
        yield name, speed_of(clock, field_of(clock, rows))


def speed_of(clock: Clock, field: RangeField) -> dict[str, object]:
    """Places a second of one field, and the memory that it takes."""
    places = Places.scattered(globe(clock.either(16_384, 64))).to(clock.device)
    memory(clock.device)  # from here on the peak is that of the evaluation
    with full_precision(), torch.inference_mode():
        seconds = {name: clock.time(partial(field, places, betas)) for name, betas in BETAS.items()}
        queries = field.components(places, semantic=False, geographic=False).location.float()
        average = partial(softmax_average, queries, field.keys, field.values, field.temperature)
        seconds["semantic_average_alone"] = clock.time(average)
        seconds["encoder_alone"] = clock.time(partial(field.encoder, places))
    per_second = {name: round(len(places) / taken, 1) for name, taken in seconds.items()}
    reached = shares(clock, field, len(places), seconds["semantic_average_alone"])
    return {"places": len(places), "places_per_second": per_second, **reached, **memory(clock.device)}


def shares(clock: Clock, field: RangeField, places: int, seconds: float) -> dict[str, object]:
    """The shares of the card's rates that the semantic average alone reaches; none if the rates were not measured."""
    rows, width = len(field.keys), field.keys.shape[1] + field.values.shape[1]
    products = 2 * places * rows * width
    passes = -(-places // QUERY_BLOCK)  # the database is read once for each block of queries
    moved = 4 * rows * width * passes + 2 * 4 * places * rows  # and each similarity is written and read once
    if not clock.rates:
        return {}
    return {
        "share_of_float32_rate": round(products / seconds / clock.rates["float32"], 4),
        "share_of_copy_rate_at_least": round(moved / seconds / clock.rates["copy"], 4),
    }


def nodes(clock: Clock) -> Iterator[tuple[str, dict]]:
    """S, G and q at the points of a patch, and at those of many patches at once; left on the device, as by the engine.

    Beside it, what it is if all of them are copied to the CPU.
    """
    rows = clock.either(100_000, 300)
    field = field_of(clock, rows)
    for name, patches in (("one_patch", 1), ("sixteen_patches_at_once", 16)):
        places = Places.scattered(globe(clock.either(NODES, 30) * patches))
        with full_precision(), torch.inference_mode():
            left = clock.time(partial(components, field, places, clock.device))
            copied = clock.time(partial(on_cpu, field, places, clock.device))
        per_second = {"nodes_per_second": left, "copied_nodes_per_second": copied}
        speeds = {key: round(len(places) / seconds, 1) for key, seconds in per_second.items()}
        yield name, {"rows": rows, "nodes": len(places), **speeds}


def components(field: RangeField, places: Places, device: torch.device) -> list[Tensor]:
    """S, G and q as float32 on the device, at places on the CPU."""
    found = field.components(places.to(device))
    return [part.float() for part in (found.semantic, found.geographic, found.location) if part is not None]


def on_cpu(field: RangeField, places: Places, device: torch.device) -> list[Tensor]:
    """The same on the CPU."""
    return [part.cpu() for part in components(field, places, device)]


# ------------------------------------------------------------------------------------------- less precise products

Product = Callable[[Tensor, Tensor], Tensor]  # (n, k) and (k, m) float32 to (n, m) float32


def tf32_rounded(matrix: Tensor) -> Tensor:
    """Numbers with the 10 bits after the first that TF32 keeps, rounded to the nearest."""
    bits = matrix.contiguous().view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)


def float32(one: Tensor, other: Tensor) -> Tensor:
    return one @ other


def tf32(one: Tensor, other: Tensor) -> Tensor:
    """A product on the tensor cores of a GPU; elsewhere the same numbers, from rounded matrices."""
    return one @ other if one.is_cuda else tf32_rounded(one) @ tf32_rounded(other)


def three_tf32(one: Tensor, other: Tensor) -> Tensor:
    """The sum of three TF32 products: each matrix is one of rounded numbers and one of what rounding has left."""
    large, large_other = tf32_rounded(one), tf32_rounded(other)
    small, small_other = one - large, other - large_other
    return tf32(small, large_other) + tf32(large, small_other) + tf32(large, large_other)


def bf16(one: Tensor, other: Tensor) -> Tensor:
    return (one.bfloat16() @ other.bfloat16()).float()


PRODUCTS: dict[str, tuple[Product, bool]] = {  # the product, and whether torch may use TF32 in it
    "float32": (float32, False),
    "tf32": (tf32, True),
    "three_tf32": (three_tf32, True),
    "bf16": (bf16, False),
}


@contextmanager
def tf32_allowed(allowed: bool) -> Iterator[None]:
    """A context in which CUDA may, or may not, multiply float32 as TF32."""
    if not allowed:
        with full_precision():
            yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def average(
    queries: Tensor, keys: Tensor, values: Tensor, temperature: float, product: Product, block: int = CUDA_KEY_BLOCK
) -> Tensor:
    """The semantic average with any product of matrices, in blocks as `softmax_average` has on a GPU, or others."""
    numerator = values.new_zeros(len(queries), values.shape[1])
    denominator = values.new_zeros(len(queries), 1)
    for first in range(0, len(keys), block):
        rows = slice(first, first + block)
        weights = (temperature * (product(queries, keys[rows].T) - 1)).exp_()
        denominator += weights.sum(dim=1, keepdim=True)
        numerator += product(weights, values[rows])
    return numerator / denominator


def exact(queries: Tensor, keys: Tensor, values: Tensor, temperature: float) -> Tensor:
    """The same in float64."""
    numerator, denominator = 0.0, 0.0
    for first in range(0, len(keys), CUDA_KEY_BLOCK):
        rows = slice(first, first + CUDA_KEY_BLOCK)
        weights = (temperature * (queries.double() @ keys[rows].double().T - 1)).exp_()
        denominator = denominator + weights.sum(dim=1, keepdim=True)
        numerator = numerator + weights @ values[rows].double()
    return numerator / denominator


def precision(clock: Clock) -> Iterator[tuple[str, dict]]:
    """The error and the speed of the semantic average with less precise products."""
    rows, count = clock.either(100_000, 500), clock.either(QUERY_BLOCK, 50)
    field = field_of(clock, rows)
    with torch.inference_mode():
        places = Places.scattered(globe(count)).to(clock.device)
        queries = field.components(places, semantic=False, geographic=False).location.float()
        database = (field.keys, field.values, field.temperature)
        checked = queries[: clock.either(256, 50)]
        expected = exact(checked, *database)
        yield "measured", {"rows": rows, "queries": count, "error": "from float64, of the largest value"}
        for name, (product, allowed) in PRODUCTS.items():
            with tf32_allowed(allowed):
                error = (average(checked, *database, product).double() - expected).abs().max() / expected.abs().max()
                seconds = clock.time(partial(average, queries, *database, product))
            found: dict[str, object] = {"error": float(error), "queries_per_second": round(count / seconds, 1)}
            if "tf32" in name and clock.device.type != "cuda":
                found["note"] = "imitated by rounding: the error is that of TF32, the speed is not"
            yield name, found
