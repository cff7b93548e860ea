"""NEW."""

from __future__ import annotations

from pathlib import Path

import click

from rangegeo.stores.quantise import Storage

COARSE = 0.01  # of the largest value of a component: half a step that is worth a word
DEMO_NOTICE = (
    "using the embedded demo model (regional landscape only); for the published one: --weights official --db large"
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
    from rangegeo.stores.opening import open_cube

    attrs = open_cube(path).attrs
    errors = {name: attrs[f"quantisation_error_{name}"] for name in storage.bounds}
    clipped = attrs["quantisation_clipped"]
    fit = f"{clipped} values lay outside the sampled ranges and were clipped" if clipped else "no value was clipped"
    return f"stored as {storage.dtype}: measured error {_shares(errors)} of the largest value; {fit}"


def _shares(errors: dict[str, float]) -> str:
    return ", ".join(f"{error:.1e} ({name})" for name, error in errors.items())


def announce_demo(weights: str | None, *, quiet: bool) -> None:
    """One line on stderr when the embedded default is used."""
    if weights == "demo" and not quiet:
        click.echo(DEMO_NOTICE, err=True)
