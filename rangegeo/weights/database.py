"""RANGE databases: places, keys and values. They are checked and folded once and then mapped into memory.

Source of the file layout: dataset mvrl/RANGE-database, arrays `locs`, `satclip_embeddings` and `image_embeddings`.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rangegeo.errors import WeightsError, argument, either, first_line
from rangegeo.field.geographic import fold
from rangegeo.field.temperatures import GEOGRAPHIC_TEMPERATURE
from rangegeo.weights.cache import file_sha256
from rangegeo.weights.checkpoint import check_tensor
from rangegeo.weights.converted import Stored, read_safetensors, stored_form
from rangegeo.weights.headers import check_archive, check_array

PUBLISHED = {"locs": "locs", "keys": "satclip_embeddings", "values": "image_embeddings"}  # our name: upstream's array
KEYS_WEIGHTS, KEYS_SHA256 = "keys_weights", "keys_sha256"  # metadata: the encoder of the keys, its name and its file
# The errors of numpy and zipfile for a file that is damaged or encrypted, or that states wrong sizes.
TIFF, PICKLED = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), (b"PK", np.lib.format.MAGIC_PREFIX, b"\x80")  # first bytes
UNREADABLE: tuple[type[Exception], ...] = (ValueError, OSError, EOFError, KeyError, AttributeError, TypeError)
UNREADABLE += (RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


def load_database(path: Path) -> Stored:
    """A database from a published `.npz` or from the embedded model's `.safetensors`.

    Returns:
        tensors `locs` (N, 2) lon, lat in degrees, `keys` (N, k) unit vectors and `values` (N, v), all float32, and
        `folded` (v + 1, L²) float64, the coefficients of the geographic sums (rangegeo.field.geographic).
    Raises:
        WeightsError: the file cannot be used; the message names what is missing or wrong.
    """
    return stored_form(path, "database", read_database)


def check_pair(path: Path, encoder: Stored) -> None:
    """Refuse a database that says that its keys were made with another encoder; one that says nothing is accepted.

    Args:
        path: of the database; the published form cannot say it.
        encoder: as `load_encoder` gives it.
    Raises:
        WeightsError: it is another encoder.
    """
    told = read_safetensors(path).facts if path.suffix == ".safetensors" else {}
    made, given = told.get(KEYS_SHA256), encoder.sha256
    if made is None or made == given:
        return
    name = told.get(KEYS_WEIGHTS, "PATH")
    file = "another file" if name == "PATH" else name
    raise WeightsError(
        f"the keys of {path} were made with {file} (SHA-256 {made[:12]}) and not with {encoder.facts['file']} "
        f"({given[:12]}); give {argument('weights', name)}, or build the database again with these weights"
    )


def is_database(path: Path) -> bool:
    """Whether a file is a database and not a checkpoint, by its suffix or by the names of its arrays."""
    return path.suffix == ".npz" or (path.suffix == ".safetensors" and "keys" in read_safetensors(path).tensors)


def read_database(path: Path) -> Stored:
    """Read and check a database, normalise its keys and fold its geographic sums. Raises as `load_database` does."""
    if path.suffix == ".safetensors":
        names = {name: name for name in PUBLISHED}
        arrays = read_safetensors(path).tensors
        tensors = {name: arrays[name].float() for name in names if name in arrays}
    else:
        names = PUBLISHED
        tensors = _read_npz(path)
    for name, published in names.items():
        if name not in tensors:
            raise WeightsError(f"{path} lacks the array {published!r}; expected {', '.join(names.values())}")
    _check(path, tensors, names)
    tensors["keys"] = torch.nn.functional.normalize(tensors["keys"], dim=1)
    tensors["folded"] = fold(tensors["locs"], tensors["values"], GEOGRAPHIC_TEMPERATURE)
    return Stored(tensors, {"file": path.name, "sha256": file_sha256(path), "rows": len(tensors["keys"])})


def _read_npz(path: Path) -> dict[str, Tensor]:
    """The three arrays as float32, read one after another. Pickled arrays are refused without being opened."""
    tensors = {}
    try:
        check_archive(path)
        with path.open("rb") as file, np.errstate(over="ignore"):  # `_check` refuses values that become infinite
            single = file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX
            file.seek(0)
            archive = None if single else np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise WeightsError(f"{path} is a single array; expected an .npz with {', '.join(PUBLISHED.values())}")
            for name, published in PUBLISHED.items():
                if published in archive.files:
                    check_array(path, archive.zip, f"{published}.npy")
                    array = archive[published]
                    if array.dtype.kind != "f":
                        raise WeightsError(f"{path}: {published} must hold floating-point numbers, got {array.dtype}")
                    tensors[name] = torch.from_numpy(array.astype(np.float32))
    except WeightsError:
        raise
    except UNREADABLE as error:
        reason = _refused_for(path) if "pickle" in str(error) else first_line(error)
        raise WeightsError(
            f"{path} was refused as a RANGE database: {reason}; expected an .npz of plain arrays "
            f"{', '.join(PUBLISHED.values())}"
        ) from error
    return tensors


def _refused_for(path: Path) -> str:
    """Why a file is refused that numpy takes for a pickle, as it does with all it does not know.

    Raises:
        WeightsError: it is a GeoTIFF.
    """
    with path.open("rb") as file:
        head = file.read(len(np.lib.format.MAGIC_PREFIX))
    if head.startswith(TIFF):
        build = either("rangegeo db build", "rangegeo.build_database")
        raise WeightsError(
            f"{path} is a raster and no database; build one of it with {build} and {argument('values', str(path))}"
        )
    if head.startswith(PICKLED):
        return "it holds pickled objects, which are never opened"
    return "it is neither .npz nor .safetensors"


def _check(path: Path, tensors: dict[str, Tensor], names: dict[str, str]) -> None:
    """Raise WeightsError unless the arrays are those of a database; `names` has their names in the file."""
    for name, tensor in tensors.items():
        if tensor.ndim != 2:
            raise WeightsError(f"{path}: {names[name]} must be two-dimensional, got shape {tuple(tensor.shape)}")
        if tensor.shape[1] == 0:
            raise WeightsError(f"{path}: {names[name]} has no columns")
    rows = len(tensors["locs"])
    if rows == 0:
        raise WeightsError(f"{path} has no rows")
    for name, width in (("locs", 2), ("keys", tensors["keys"].shape[1]), ("values", tensors["values"].shape[1])):
        check_tensor(path, names[name], tensors[name], (rows, width))
    lon, lat = tensors["locs"].unbind(1)
    if lon.abs().max() > 360 or lat.abs().max() > 90:
        raise WeightsError(
            f"{path}: {names['locs']} must be longitude, latitude in degrees, got values up to "
            f"{lon.abs().max():g}, {lat.abs().max():g}"
        )
    zero = (tensors["keys"].norm(dim=1) == 0).nonzero()
    if len(zero):
        raise WeightsError(f"{path}: {names['keys']} row {int(zero[0])} is a zero vector, which has no direction")
