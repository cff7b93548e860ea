"""What a cube, a planet, a saved map, a model or one of its files is, as plain facts for people and for JSON."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import xarray as xr

from rangegeo.encoders import MODELS
from rangegeo.encoders.installed import installed_names
from rangegeo.errors import UsageError
from rangegeo.grid import crs_name
from rangegeo.grid.crs import crs_of
from rangegeo.models.load import load_model
from rangegeo.schema.complete import band_names
from rangegeo.schema.facts import facts_of
from rangegeo.spectral.planet import is_planet, open_planet
from rangegeo.stores.opening import open_cube, overview_count, stored_dtype, stored_scales
from rangegeo.stores.present import NETCDF, check_betas, check_finished, is_store
from rangegeo.stores.zarr import is_complete
from rangegeo.support.address import Address
from rangegeo.support.location import Location, located
from rangegeo.support.packed_stores import check_unpacked
from rangegeo.weights.names import database_file, encoder_file
from rangegeo.weights.published import OFFICIAL_DATABASES, OFFICIAL_ENCODERS

CUBES = (".tif", ".tiff", ".vrt", *NETCDF)  # suffixes of files that may be cubes
# Attributes of a planet by which it is read, and which tell people nothing.
OF_A_READER = ("rangegeo_planet", "rangegeo_complete", "models", "parts", "columns", "stretch", "long_name")
# Facts by their names: numbers, text, lists of these, None for what does not apply, and facts of several files.
Facts: TypeAlias = dict[str, Any]
# Files that people ask about and that are none of these, by their suffixes, and what to do with them.
OTHER_FILES = {
    (".csv", ".tsv", ".txt", ".csv.gz", ".geojson", ".gpkg", ".shp", ".parquet", ".geoparquet"): (
        "is a table; rangegeo points embeds its places"
    ),
    (".png", ".jpg", ".jpeg", ".qml", ".svg", ".pdf"): "is a picture or a style",
}


def describe(target: str | Location, *, weights: str | None = None, db: str | None = None) -> Facts:
    """Facts about whatever the target names.

    Args:
        target: a cube (.zarr, .tif), a planet, a checkpoint (.ckpt), a database (.npz), what `FittedMap.save` wrote
            (.npz), a converted file (.safetensors), a model such as "RANGE+", or a name of published files such as
            "demo", "official", "satclip-vit16-l10" or "large".
        weights, db: the checkpoint and the database of a model; ignored for other targets.
    Returns:
        Facts by their names. Those of "demo" are the facts of its checkpoint and of its database.
    Raises:
        UsageError: there is no file, model or published name like the target.
        WeightsError: a checkpoint or a database cannot be used.
        CubeError: the file is no cube.
    """
    if target in MODELS or target in installed_names():
        return _model(target, weights, db)
    if target == "demo":
        return {"weights": _encoder("demo"), "db": _database("demo")}
    if target == "official" or target in OFFICIAL_ENCODERS:
        return _encoder(target)
    if target in OFFICIAL_DATABASES:
        return _database(target)
    path = located(target)
    if isinstance(path, Address):
        return _cube(path)
    target = str(target)
    check_unpacked(path)
    if not (path.is_file() or path.is_dir()):
        check_finished(path)
        check_betas(path)
        what = "is a device" if path.exists() else "does not exist"
        raise UsageError(
            f"{target} {what}; expected a cube, a checkpoint, a database, or one of "
            f"{', '.join([*MODELS, 'demo', 'official', *OFFICIAL_DATABASES])}"
        )
    if path.is_dir() or path.suffix.lower() in CUBES:
        return _cube(path)
    for suffixes, told in OTHER_FILES.items():
        if path.name.lower().endswith(suffixes):
            raise UsageError(f"{target} {told}; info tells of cubes, models, checkpoints and databases")
    from rangegeo.evaluation.stored import is_stored_map, told_of_map  # imports torch

    if is_stored_map(path):
        return {"kind": "saved map", "path": target, **told_of_map(path)}
    from rangegeo.weights.database import is_database  # imports torch

    return _database(target) if is_database(path) else _encoder(target)


def _planet(path: Location) -> Facts:
    planet = open_planet(path)
    own = {name: value for name, value in planet.attrs.items() if name not in OF_A_READER}
    return {
        "kind": "planet",
        "path": str(path),
        "models": list(planet.models),
        "bands": {part: planet.width(part) for part in planet.parts},
        "tiles": len(planet.tables.bounds),
        "bounds": list(planet.bounds),
        **own,
        "sha256": planet.sha256,
    }


def _cube(path: Location) -> Facts:
    if is_planet(path):
        return _planet(path)
    cube = open_cube(path)
    betas = [float(beta) for beta in cube["beta"].values.ravel()] if "beta" in cube.coords else None
    geobox = cube.odc.geobox
    dtype = stored_dtype(path)
    return {
        "kind": "cube",
        "path": str(path),
        "complete": is_complete(path) if is_store(path) else True,
        "dims": " x ".join(f"{name} {size}" for name, size in cube.sizes.items()),
        "betas": betas,
        "crs": crs_name(crs_of(geobox)),
        "bounds": list(geobox.boundingbox),
        "res": [geobox.resolution.x, -geobox.resolution.y],
        "dtype": dtype,
        "bytes": cube.size * np.dtype(dtype).itemsize,
        "overviews": overview_count(path),
        **_steps(path, cube, dtype),
        **{key: value for key, value in facts_of(cube).items() if key != "long_name"},
    }


def _steps(path: Location, cube: xr.DataArray, dtype: str) -> Facts:
    """What another output takes if it is to count in the same steps; empty for values that are stored as they are."""
    if not dtype.startswith("int"):
        return {}
    scales, offsets = stored_scales(path)
    return {"band_names": band_names(cube), "scales": scales, "offsets": offsets}


def _model(name: str, weights: str | None, db: str | None) -> Facts:
    model = load_model(name, weights=weights, db=db, device="cpu")
    return {
        "kind": "model",
        "name": name,
        "bands": model.dim,
        "visual_bands": model.visual,
        "location_bands": model.location,
        "betas": "any in [0, 1]" if model.has_beta else None,
        **model.temperatures,
        **model.origin,
        "licence": model.row.licence,
        "citation": model.citation,
        "source": model.row.source,
        "notes": model.row.notes or None,
        **model.facts,
    }


def _encoder(weights: str) -> Facts:
    from rangegeo.weights.checkpoint import load_encoder

    model = next((name for name, row in MODELS.items() if weights in row.published), "SatCLIP")
    path = encoder_file(weights, model)
    return {"kind": "checkpoint", "path": str(path), **load_encoder(path, family=None)[1].facts}


def _database(db: str) -> Facts:
    from rangegeo.weights.database import load_database

    path = database_file(db)
    database = load_database(path)
    west, south = database.tensors["locs"].amin(dim=0).tolist()
    east, north = database.tensors["locs"].amax(dim=0).tolist()
    return {
        "kind": "database",
        "path": str(path),
        **database.facts,
        "key_width": database.tensors["keys"].shape[1],
        "value_width": database.tensors["values"].shape[1],
        "bounds": [round(value, 4) for value in (west, south, east, north)],
    }
