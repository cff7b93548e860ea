"""Maps as lazy cubes: the raster of the probes' answers, and what becomes of it in every block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from dask.array import Array

from rangegeo.cubes.graph import LazyRaster, to_dask
from rangegeo.cubes.outline import MADE_WITH, outline
from rangegeo.cubes.overviews import make_overviews
from rangegeo.cubes.spec import RasterSpec
from rangegeo.evaluation.answers import Finishing, applied
from rangegeo.schema.complete import text
from rangegeo.schema.facts import facts_of, with_facts

NAME = "map"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LazyMap:
    """A map that is computed when it is used.

    Attributes:
        raster: the answers of the probes.
        finishing: what becomes of them.
        facts: about the map.
    """

    raster: LazyRaster
    finishing: Finishing
    facts: Mapping[str, Any]

    @classmethod
    def of(cls, spec: RasterSpec, finishing: Finishing, facts: Mapping[str, Any]) -> LazyMap:
        return cls(raster=to_dask(spec), finishing=finishing, facts=facts)

    @property
    def expected(self) -> xr.DataArray:
        """The map without values: NaN that take no memory."""
        return self._finished(outline(self.raster.spec))

    @property
    def cube(self) -> xr.DataArray:
        """(band, y, x) float32."""
        return self._finished(self.raster.cube)

    def overviews(self) -> list[xr.DataArray]:
        """The map at pixels 2, 4, 8 … times as large, evaluated and not resampled."""
        return [self._finished(level) for level in make_overviews(self.raster)]

    def _finished(self, raw: xr.DataArray) -> xr.DataArray:
        names = self.finishing.names
        raw = raw.isel(beta=0, drop=True) if "beta" in raw.dims else raw
        coords = {name: coord for name, coord in raw.coords.items() if "band" not in coord.dims and name != "beta"}
        coords |= {"band": np.arange(1, len(names) + 1), "band_name": ("band", text(names))}
        values = np.broadcast_to(np.float32(np.nan), (len(names), *raw.shape[1:]))
        found = xr.DataArray(values, dims=raw.dims)
        if isinstance(raw.data, Array):
            found = applied(raw, self.finishing)
        found = found.assign_coords(coords).rename(NAME)
        known = {name: fact for name, fact in facts_of(raw).items() if name != "layout"}
        if known.get("evaluation") == "interpolated":
            known["tolerance_of"] = "the standard deviation of the labels, or a logit"
        if known.get("evaluation") == "planet":
            known["tolerance_of"] = "a part of the planet, as a share of its largest value in a tile"
        described = with_facts(found, known | dict(self.facts))
        described.encoding.pop(MADE_WITH, None)
        return described
