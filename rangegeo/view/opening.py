"""Opening what is to be seen: a planet, a cube or a model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rangegeo.errors import UsageError, argument
from rangegeo.models.load import load_model
from rangegeo.spectral.planet import is_planet
from rangegeo.stores.opening import open_cube, overview_count
from rangegeo.stores.present import check_finished, files_of_betas
from rangegeo.support.address import Address
from rangegeo.support.location import Location, located
from rangegeo.support.planets import names_planet
from rangegeo.view.cubes import CubeSource
from rangegeo.view.models import ModelSource
from rangegeo.view.sources import Source

RASTERS = (".tif", ".tiff", ".zarr", ".nc")  # what the name of a cube ends in


def open_source(given: str | Location, **options: Any) -> Source:
    """Open a planet, a cube, or a model.

    Args:
        given: a path, an address, or the name of a model. NAME.tif stands for the GeoTIFFs of all betas that a raster
            of this name has, NAME_beta0.tif and so on.
        options: of `rangegeo.load_model`, such as weights; those that are None are not given.
    Raises:
        UsageError: there is no such thing, or the options do not go with it. CubeError, WeightsError, RemoteError: it
            cannot be read.
    """
    text = str(given)
    options = {name: value for name, value in options.items() if value is not None}
    is_file = isinstance(given, Address) or text.rstrip("/").lower().endswith(RASTERS) or os.path.isdir(text)
    if not names_planet(given) and not is_file:
        if os.path.isfile(text):
            kinds = ", ".join(RASTERS)
            raise UsageError(
                f"{text} is a file, but no cube ({kinds}); expected a planet, a cube, or the name of a model"
            )
        return ModelSource(load_model(text, **options), text)
    place = located(given)
    paths: list[Location] = [place]
    if isinstance(place, Path) and not place.exists():
        paths = list(files_of_betas(place))
        if not paths:
            check_finished(place)
            raise UsageError(f"there is nothing at {text}; expected a planet, a cube, or the name of a model")
    elif is_planet(place):
        return ModelSource(load_model(text, **options), text)
    if options:
        raise UsageError(f"{text} is a cube, which needs no model; leave out {', '.join(map(argument, options))}")
    chosen = paths if len(paths) > 1 else paths[0]
    levels = [open_cube(chosen)]
    levels += [open_cube(chosen, level=1 + level) for level in range(min(map(overview_count, paths)))]
    return CubeSource.of(tuple(levels), place.name, text)
