"""What lies where a cube should be, before it is opened."""

from __future__ import annotations

import glob
import re
from pathlib import Path

from rangegeo.errors import CubeError, argument, either
from rangegeo.grid.remote_raster import gives_parts
from rangegeo.grid.zarr_store import EXPECTED
from rangegeo.stores.drafts import is_begun, kept_blocks
from rangegeo.support.address import Address
from rangegeo.support.destination import STORE_FILES
from rangegeo.support.location import Location, check_bucket
from rangegeo.support.packed_stores import check_unpacked
from rangegeo.support.text import counted

NETCDF = (".nc", ".nc4", ".cdf")  # suffixes
GEOTIFF = (".tif", ".tiff")
OF_BETA = re.compile(r"_beta\d[\d.e-]*")  # what follows the name of a cube in that of the file of a beta


def is_store(path: Location) -> bool:
    """Whether a cube that exists is a Zarr store."""
    if isinstance(path, Address):
        return path.suffix.lower() not in GEOTIFF
    return path.is_dir()


def is_there(path: Location) -> bool:
    """Whether there is anything at a path, or a Zarr store or a GeoTIFF at an address."""
    if isinstance(path, Path):
        return path.exists()
    return any((path / name).is_file() for name in STORE_FILES) if is_store(path) else path.is_file()


def check_there(path: Location) -> None:
    """Refuse a path or an address without a cube.

    Raises:
        CubeError: there is none, an unfinished or a packed one. RemoteError: the server cannot be asked.
    """
    if isinstance(path, Path):
        if not path.exists():
            check_finished(path)
            check_betas(path)
            raise CubeError(f"{path} does not exist; {EXPECTED} (.zarr or .tif)")
        check_unpacked(path)
        return
    if path.suffix.lower() in (".vrt", *NETCDF):
        raise CubeError(f"{path} is neither a Zarr store nor a GeoTIFF; copy it here first, and open the copy")
    if not is_there(path):
        check_finished(path)
        check_bucket(path)
        if is_store(path):
            raise CubeError(f"there is no Zarr store at {path}, neither a cube nor a planet; check the address")
        raise CubeError(f"there is no GeoTIFF at {path}; check the address")
    if not is_store(path) and not gives_parts(path):
        raise CubeError(f"{path.root} gives files only whole; copy {path} here first, and open the copy")


def check_finished(path: Location) -> None:
    """Refuse an output that a run has begun and not finished.

    Raises:
        CubeError: there is one.
    """
    if not (isinstance(path, Path) or path.is_writable):
        return
    kept, again = kept_blocks(path), "repeat the command that made it"
    if kept:
        told = f"{path} is unfinished, an interrupted run has kept {counted(kept, 'block')}"
        raise CubeError(f"{told}; {again} with {argument('resume', True)}")
    if is_begun(path):
        told = f"{path} is unfinished: a run has begun it, and has finished no block of it"
        raise CubeError(f"{told}; wait if that run is still going, or else {again}")


def files_of_betas(path: Path) -> list[Path]:
    """The GeoTIFFs of the betas of a cube of several, which are named after it: NAME_beta0.5.tif and so on."""
    beside = path.parent.glob(f"{glob.escape(path.stem)}_beta[0-9]*{glob.escape(path.suffix)}")
    return sorted(part for part in beside if path.suffix and OF_BETA.fullmatch(part.stem.removeprefix(path.stem)))


def check_betas(path: Path) -> None:
    """Refuse a path without a file after which files of betas are named.

    Raises:
        CubeError: there are such files.
    """
    betas = [str(part) for part in files_of_betas(path)]
    if betas:
        hint = either("give one of them", f"give one of them, or open_cube({betas}) to have all as one cube")
        raise CubeError(f"{path} does not exist, but the files of its betas do: {', '.join(betas)}; {hint}")
