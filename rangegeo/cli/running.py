"""How much of the machine a command uses, and what it measured on the way."""

from __future__ import annotations

from pathlib import Path

import click
import dask
import torch
import xarray as xr

from rangegeo.cube import proof
from rangegeo.quantise import Storage

COARSE = 0.01  # of the largest value of a component: half a step that is worth a word


def use_threads(threads: int | None) -> None:
    """Limit torch and dask to so many threads; None leaves all cores to both."""
    if threads is not None:
        torch.set_num_threads(threads)
        dask.config.set(num_workers=threads)


class Measured:
    """What a run measures of its cube: `facts` goes to the writer, `str` says it afterwards."""

    def __init__(self, cube: xr.DataArray) -> None:
        self._tolerance = cube.attrs.get("tolerance")
        self._known: dict[str, float] = {}
        facts = proof(cube)
        self.facts = None if facts is None else dask.delayed(self._keep, pure=False)(facts)

    def _keep(self, facts: dict[str, float]) -> dict[str, float]:
        self._known.update(facts)
        return facts

    def __str__(self) -> str:
        known = self._known
        if not known.get("proof_pixels"):
            return "every pixel was evaluated"
        refined = f"; refined {known['refined_parts']} times to keep it" if known["refined_parts"] else ""
        return (
            f"interpolated from {known['evaluations']} evaluations; measured error {known['measured_error']:.1e} "
            f"at {known['proof_pixels']} pixels, tolerance {self._tolerance:g}{refined}"
        )


def announce_storage(storage: Storage, *, one_scale: bool) -> None:
    """One line on stderr: how coarse values are stored, and what is finer if that is very coarse."""
    if storage.dtype == "float32":
        return
    remedy = ""
    if one_scale and max(storage.bounds.values()) > COARSE:
        remedy = "; the bands of a Zarr array share one scale: --dtype int16, or a .tif with a scale a band, is finer"
    click.echo(f"{storage.dtype}: error at most {_shares(storage.bounds)} of the largest value{remedy}", err=True)


def stored_error(path: Path, storage: Storage) -> str:
    """What a quantised cube says of itself."""
    from rangegeo.opening import open_cube

    attrs = open_cube(path).attrs
    errors = {name: attrs[f"quantisation_error_{name}"] for name in storage.bounds}
    clipped = attrs["quantisation_clipped"]
    fit = f"{clipped} values lay outside the sampled ranges and were clipped" if clipped else "no value was clipped"
    return f"stored as {storage.dtype}: measured error {_shares(errors)} of the largest value; {fit}"


def _shares(errors: dict[str, float]) -> str:
    return ", ".join(f"{error:.1e} ({name})" for name, error in errors.items())
