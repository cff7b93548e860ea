"""How much of the machine a command uses, and what it measured on the way."""

from __future__ import annotations

import dask
import xarray as xr

from rangegeo.cubes.proof import proof


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
