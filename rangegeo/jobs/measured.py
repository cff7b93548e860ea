"""What a run measured, in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rangegeo.errors import argument
from rangegeo.stores.quantise import Storage
from rangegeo.support.text import counted

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
        remedy = (
            f"; the bands of a Zarr array share one scale: {argument('dtype', 'int16')}, or a .tif with a scale a "
            "band, is finer"
        )
    unless = ", unless it is clipped" if storage.scale is not None and storage.origin != "model" else ""
    whose = " that the model gives anywhere" if storage.origin == "model" else ""
    return f"{storage.dtype}: error at most {_shares(storage.bounds)} of the largest value{whose}{unless}{remedy}"


def stored_line(facts: Mapping[str, Any], storage: Storage) -> str:
    """What storing values cost."""
    errors = {name: facts[f"quantisation_error_{name}"] for name in storage.bounds}
    clipped = facts["quantisation_clipped"]
    fit = "no value was clipped"
    if clipped:
        fit = f"{counted(clipped, 'value')} {'was' if clipped == 1 else 'were'} clipped"
    return f"stored as {storage.dtype}: measured error {_shares(errors)} of the largest value; {fit}"


def clipped_line(clipped: int, storage: Storage) -> str:
    """How many values did not fit into the ranges, and whose ranges these are."""
    whose = "sampled ranges" if storage.origin in ("cube", "model") else f"ranges of {storage.origin}"
    lay = "1 value lay outside the {} and was" if clipped == 1 else f"{clipped} values lay outside the {{}} and were"
    return f"{lay.format(whose)} clipped"


def _shares(errors: Mapping[str, float]) -> str:
    return ", ".join(f"{error:.1e} ({name})" for name, error in errors.items())
