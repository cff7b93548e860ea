"""The database rows behind an embedding, as a table of rows, places, weights, cosines and distances."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from rangegeo.errors import UsageError
from rangegeo.field.places import Places, unit_vectors
from rangegeo.field.range import RangeField
from rangegeo.field.retrieval import QUERY_BLOCK
from rangegeo.field.strongest import Kernel, distance_km, strongest_rows

DIMS = ("place", "neighbour")
MEANINGS = {  # what each variable is, and its unit
    "row": ("number of the row in the database, from 0 on", None),
    "row_lon": ("longitude of the row", "degrees_east"),
    "row_lat": ("latitude of the row", "degrees_north"),
    "weight": ("share of the row in the visual bands", "1"),
    "semantic_weight": ("weight of the row in the semantic average S", "1"),
    "geographic_weight": ("weight of the row in the geographic average G", "1"),
    "cosine": ("cosine of the place's location embedding and the row's key", "1"),
    "distance": ("distance of the place and the row along a great circle", "km"),
}


def neighbours(field: RangeField, lonlat_deg: Tensor, k: int, *, beta: float, blended: bool) -> xr.Dataset:
    """The k rows that weigh most at each place.

    Args:
        lonlat_deg: (n, 2) float64, on the device of the field.
        k: from 1 to the number of rows.
        beta: beta of the blend whose largest weights are listed; 1 if there is no geographic average.
        blended: whether there is a geographic average.
    Returns:
        Dims place and neighbour, variables as in `MEANINGS`; `rest`, `semantic_rest` and `geographic_rest` are the
        weights of all other rows together.
    Raises:
        UsageError: k is out of range.
    """
    count = len(field.keys)
    if not isinstance(k, Integral) or not 1 <= k <= count:
        expected = f"from 1 to {count}, the rows of the database"
        raise UsageError(argument="k", expected=expected, got=str(k), example=min(10, count))
    shares = {"semantic": beta, "geographic": 1 - beta} if blended else {"semantic": 1.0}
    parts = [_block(field, part, int(k), shares) for _, part in Places.scattered(lonlat_deg).split(QUERY_BLOCK)]
    parts = parts or [_block(field, Places.scattered(lonlat_deg), int(k), shares)]
    found = {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}
    return _dataset(found, lonlat_deg.cpu().numpy(), beta)


def _block(field: RangeField, places: Places, k: int, shares: dict[str, float]) -> dict[str, Tensor]:
    """The variables of `MEANINGS` at n places, each (n, k)."""
    location = torch.nn.functional.normalize(field.encoder(places), dim=1, eps=0.0)
    sources = {
        "semantic": (location, field.keys, field.temperature),
        "geographic": (unit_vectors(places.lonlat_deg), field.xyz, field.geographic_temperature),
    }
    kernels = [Kernel.of(*sources[kind], share) for kind, share in shares.items()]
    rows, weights = strongest_rows(kernels, k)
    row_places = field.locs[rows].double()
    return {
        "row": rows,
        "row_lon": row_places[..., 0],
        "row_lat": row_places[..., 1],
        "weight": sum(share * part for share, part in zip(shares.values(), weights, strict=True)),
        **{f"{kind}_weight": part for kind, part in zip(shares, weights, strict=True)},
        "cosine": kernels[0].cosine(rows),
        "distance": distance_km(places.lonlat_deg[:, None], row_places),
    }


def _dataset(found: dict[str, np.ndarray], lonlat_deg: np.ndarray, beta: float) -> xr.Dataset:
    """The variables of `MEANINGS`, each (n, k), with coordinates, attributes and the weights of all other rows."""
    variables: dict[str, tuple[str | tuple[str, ...], np.ndarray, dict[str, str]]] = {}
    for name, values in found.items():
        meaning, unit = MEANINGS[name]
        variables[name] = (DIMS, values, {"long_name": meaning} | ({"units": unit} if unit else {}))
    for name in [name for name in found if name.endswith("weight")]:
        rest = np.clip(1 - found[name].sum(axis=1), 0, None)  # rounding errors could make it negative
        variables[name.replace("weight", "rest")] = ("place", rest, {"long_name": f"{name} of all other rows together"})
    coords = {
        "place": np.arange(len(lonlat_deg)),
        "neighbour": np.arange(1, found["row"].shape[1] + 1),
        "lon": ("place", lonlat_deg[:, 0], {"units": "degrees_east"}),
        "lat": ("place", lonlat_deg[:, 1], {"units": "degrees_north"}),
        "beta": beta,
    }
    return xr.Dataset(variables, coords)
