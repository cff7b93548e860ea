"""`rangegeo.build_planet`: a model, also one of a user's own, to a planet on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rangegeo.grid.crs import CrsLike
from rangegeo.grid.polygons import AreaLike
from rangegeo.jobs.planet import TOLERANCE, PlanetJob, checked_tolerance, model_parts
from rangegeo.jobs.planet_options import PlanetArea, PlanetOutput
from rangegeo.models.load import load_model
from rangegeo.models.model import Model
from rangegeo.spectral.layout import root_bounds, root_columns
from rangegeo.support.location import Location, checked_options, located


def build_planet(
    path: str | Path | Location,
    model: Model | str = "RANGE+",
    *,
    bbox: Sequence[float] | None = None,
    aoi: AreaLike | None = None,
    aoi_layer: str | None = None,
    bbox_crs: CrsLike | None = None,
    land: bool = False,
    tolerance: float = TOLERANCE,
    with_range: bool = True,
    overwrite: bool = False,
    resume: bool = False,
    storage_options: Mapping[str, object] | None = None,
) -> Location:
    """Write a model down for the whole Earth, or a part of it: a planet, which is read without torch and weights.

    Args:
        path: of the planet, which ends in .zarr; or an address, such as s3://bucket/planet.zarr.
        model: from `rangegeo.load_model` or `rangegeo.wrap`, or a name, such as "RANGE+", to load with its default
            weights.
        bbox: west, south, east, north in degrees; only tiles that the box touches are stored. West > east crosses the
            antimeridian. By default it is the whole Earth.
        aoi: an area, as `rangegeo.raster` takes it; only tiles that it touches are stored.
        aoi_layer: the layer of a vector file that has several.
        bbox_crs: the CRS of an area that does not say its own; by default WGS 84.
        land: store only tiles that touch land.
        tolerance: the largest error, from 1e-5 to 0.1, relative to the largest value of each part in a tile.
        with_range: store what RANGE needs beside RANGE+, too.
        overwrite: replace a planet or a cube that is there.
        resume: continue what an interrupted call with the same arguments left.
        storage_options: names and values for an address, as obstore takes them.
    Returns:
        The path; `rangegeo.load_model` takes it.
    Raises:
        UsageError: an argument is wrong, or the model has kinks. GridError: the area cannot be used.
        OutputError: the planet cannot be written; nothing was touched.
    """
    area = PlanetArea(bbox=bbox, aoi=aoi, aoi_layer=aoi_layer, bbox_crs=bbox_crs, land=land)
    place = located(path, checked_options(storage_options))
    output = PlanetOutput(out=place, overwrite=overwrite, resume=resume, with_range=with_range)
    output.check()
    parts = model_parts(load_model(model) if isinstance(model, str) else model, with_range=with_range)
    roots, asked = area.roots(root_bounds(root_columns()))
    within = checked_tolerance(tolerance)
    job = PlanetJob(parts=parts, roots=roots, bbox=asked, tolerance=within, output=output)
    output.check(job.most_bytes)
    return job.write()
