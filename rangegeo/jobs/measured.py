"""What a run measured, in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rangegeo.errors import argument
from rangegeo.stores.quantise import Storage
from rangegeo.support.text import counted

MUCH = 10  # so many times the error of rounding is worth a warning
COARSE = 0.01  # half a step this large, relative to a component's largest value, is worth a word


def interpolation_line(facts: Mapping[str, Any], tolerance: float | None) -> str:
    """How a cube was computed, and how far it was found to be off."""
    if not facts.get("proof_pixels"):
        return "every pixel was evaluated"
    refined = f"; refined {counted(facts['refined_parts'], 'time')} to keep it" if facts["refined_parts"] else ""
    return (
        f"interpolated from {counted(facts['evaluations'], 'evaluation')}; measured error "
        f"{facts['measured_error']:.1e} at {counted(facts['proof_pixels'], 'pixel')}, tolerance {tolerance:g}{refined}"
    )


def storage_line(storage: Storage, *, one_scale: bool) -> str:
    """How coarsely values will be stored, and what is finer if that is very coarse."""
    remedy = ""
    if one_scale and max(storage.bounds.values()) > COARSE:
        finer = argument("dtype", "int16" if storage.dtype == "int8" else "float16")
        each = argument("creation_options", {"SCALES": "BAND"})
        remedy = f"; the bands of a Zarr array share one scale: {finer}, or {each} with a scale a band, is finer"
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


def loss_line(facts: Mapping[str, Any], storage: Storage, before: Mapping[str, Any]) -> str | None:
    """What storing values cost beyond rounding, for those who do not read `stored_line`; None if it cost no more.

    Args:
        facts: that were measured.
        before: what the cube had lost before, which the facts include.
    """
    if storage.dtype == "float32":  # it loses nothing, and says nothing of what was lost before
        return None
    clipped = facts.get("quantisation_clipped", 0) - before.get("quantisation_clipped", 0)
    names = {name: f"quantisation_error_{name}" for name in storage.bounds}
    errors = {name: facts.get(key, 0.0) - before.get(key, 0.0) for name, key in names.items()}
    coarse = storage.scale is None and any(errors[name] > MUCH * bound for name, bound in storage.bounds.items())
    if not clipped and not coarse:  # the steps of integers may be those of a wider range, as they were asked for
        return None
    lost = f"{counted(clipped, 'value')} did not fit into {storage.dtype}; " if clipped else ""
    other = "scale the values" if storage.origin in ("cube", "model") else f"another {argument('scales_from')}"
    remedy = f"take another {argument('dtype')}, or {other}"
    return f"{lost}the error of {storage.dtype} is up to {_shares(errors)} of the largest value; {remedy}"


def _shares(errors: Mapping[str, float]) -> str:
    return ", ".join(f"{error:.1e} ({name})" for name, error in errors.items())
