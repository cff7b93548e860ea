"""What a run measured, in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rangegeo.errors import argument
from rangegeo.stores.quantise import Storage

COARSE = 0.01  # half a step this large, relative to a component's largest value, is worth a word


def interpolation_line(facts: Mapping[str, Any], tolerance: float | None) -> str:
    """How a cube was computed, and how far it was found to be off."""
    if not facts.get("proof_pixels"):
        return "every pixel was evaluated"
    refined = f"; refined {facts['refined_parts']} times to keep it" if facts["refined_parts"] else ""
    return (
        f"interpolated from {facts['evaluations']} evaluations; measured error {facts['measured_error']:.1e} "
        f"at {facts['proof_pixels']} pixels, tolerance {tolerance:g}{refined}"
    )


def storage_line(storage: Storage, *, one_scale: bool) -> str:
    """How coarsely values will be stored, and what is finer if that is very coarse."""
    remedy = ""
    if one_scale and max(storage.bounds.values()) > COARSE:
        finer = argument("dtype", "int16" if storage.dtype == "int8" else "float16")
        remedy = f"; the bands of a Zarr array share one scale: {finer}, or a .tif with a scale a band, is finer"
    whose = " that the model gives anywhere" if storage.origin == "model" else ""
    return f"{storage.dtype}: error at most {_shares(storage.bounds)} of the largest value{whose}{remedy}"


def stored_line(facts: Mapping[str, Any], storage: Storage) -> str:
    """What storing values cost."""
    errors = {name: facts[f"quantisation_error_{name}"] for name in storage.bounds}
    clipped = facts["quantisation_clipped"]
    fit = clipped_line(clipped, storage) if clipped else "no value was clipped"
    return f"stored as {storage.dtype}: measured error {_shares(errors)} of the largest value; {fit}"


def clipped_line(clipped: int, storage: Storage) -> str:
    """How many values did not fit into the ranges, and whose ranges these are."""
    whose = "sampled ranges" if storage.origin in ("cube", "model") else f"ranges of {storage.origin}"
    return f"{clipped} values lay outside the {whose} and were clipped"


def _shares(errors: Mapping[str, float]) -> str:
    return ", ".join(f"{error:.1e} ({name})" for name, error in errors.items())
