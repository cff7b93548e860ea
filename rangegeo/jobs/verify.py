"""Verification of a stored cube: its blocks against what was written, and some pixels against the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rangegeo.errors import UsageError
from rangegeo.jobs.examined import Asked, examined, existing
from rangegeo.jobs.repair import repaired
from rangegeo.jobs.tiled import verified_tiles, vrts_of
from rangegeo.jobs.verified import Report
from rangegeo.jobs.verify_planet import PlanetReport, verified_planet
from rangegeo.spectral.planet import is_planet
from rangegeo.support.location import Location, checked_options, located
from rangegeo.support.numbers import is_whole

PIXELS = 1000  # evaluated again by default


def verify(
    path: str | Location,
    *,
    pixels: int = PIXELS,
    seed: int = 0,
    weights: str | Location | None = None,
    db: str | Path | None = None,
    device: str = "auto",
    repair: bool = False,
    storage_options: Mapping[str, object] | None = None,
) -> Report | PlanetReport:
    """Find out whether a cube that rangegeo wrote is still as it was written.

    Every stored object is compared with the checksums that were kept when it was written. Then some pixels are
    evaluated again, exactly, and compared with what is stored: they may be off by the tolerance of interpolation and by
    the round-off of the dtype.

    Args:
        path: a Zarr store, a GeoTIFF, or a folder of tiles or its VRT; or the address of a Zarr store, such as
            s3://bucket/alps.zarr. Of a planet, all chunks are compared with their checksums, and places are evaluated
            again.
        pixels: how many pixels are evaluated again, spread over all blocks; 0 for none.
        seed: of the choice of the pixels.
        weights, db: the files of the model, as in `load_model`, if they are no published ones. By default the model is
            found by its name and the SHA-256 of its files among those that are on this machine.
        device: where to evaluate: "auto", "cpu", "cuda" or "cuda:1".
        repair: evaluate damaged blocks again and write them, put back metadata, make missing tiles of a folder, and
            then verify once more. Without it nothing is changed.
        storage_options: names and values for an address, as in `rangegeo.open_cube`.
    Returns:
        The report. `report.sound` says whether no fault was found, and `missing`, `corrupt` and `wrong` list blocks.
    Raises:
        UsageError: an argument is wrong, or a file of the model is another one than the cube was made with.
        CubeError: there is no cube that rangegeo wrote, or it is unfinished; or a repair cannot be done.
        OutputError: another process writes the cube that is to be repaired.
    """
    asked = Asked(pixels=pixels, seed=seed, weights=weights, db=db, device=device)
    return verify_at(located(path, checked_options(storage_options)), asked, repair=repair)


def verify_at(place: Location, asked: Asked, *, repair: bool) -> Report | PlanetReport:
    """The same for a place that is known to be one."""
    if not is_whole(asked.pixels) or asked.pixels < 0:
        raise UsageError(argument="pixels", expected="a whole number from 0 on", got=asked.pixels, example=PIXELS)
    place = existing(place)
    if isinstance(place, Path) and (vrts := vrts_of(place)):
        return verified_tiles(place, vrts, asked, repair=repair)
    if is_planet(place):
        return verified_planet(place, asked, repair=repair)
    return repaired(place, asked) if repair else examined(place, asked).report
