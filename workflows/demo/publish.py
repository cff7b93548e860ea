"""Writing the trained model in the forms that ship, and what is needed to derive the database again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from features import Reducer
from safetensors.numpy import load_file, save
from torch import Tensor, nn

from rangegeo.databases.networks import ImageHead
from rangegeo.databases.training import Settings
from rangegeo.field.siren import Siren

SHAPE = Settings()  # of the networks
LOCATION_FILE = "location_encoder.safetensors"
DATABASE_FILE = "database.safetensors"
IMAGE_FILE = "image_branch.safetensors"
SHIPPED_LIMIT = 19_800_000  # bytes of the files that go into the package

SOURCE = "NASA Blue Marble patches of 120 and 240 km; EfficientNet-Lite0 features; workflows/demo/train.py"


def save_file(tensors: dict[str, np.ndarray], path: Path, metadata: dict[str, str]) -> None:
    """Write arrays as they read, and the same bytes every time.

    The library stores the memory of a transposed array untransposed, and metadata in random order, which
    would give every run another sha256; here metadata keeps the order of the dict.
    """
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    stored = save(contiguous, metadata=metadata)
    length = int.from_bytes(stored[:8], "little")
    header = json.loads(stored[8 : 8 + length]) | {"__metadata__": metadata}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length)
    path.write_bytes(len(text).to_bytes(8, "little") + text + stored[8 + length :])


def round_to_half(module: nn.Module) -> nn.Module:
    """Round every parameter to float16 in place: the rounded weights are the model that ships."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(parameter.half())
    return module


def write_location(folder: Path, location: Siren) -> None:
    """The location branch in the published key layout, float16."""
    save_file(
        {name: tensor.half().numpy() for name, tensor in location.state_dict().items()},
        folder / LOCATION_FILE,
        metadata={
            "embed_dim": str(SHAPE.dim),
            "harmonics_calculation": "analytic",
            "legendre_polys": str(SHAPE.degree),
            "capacity": str(SHAPE.width),
            "num_hidden_layers": str(SHAPE.layers),
            "le_type": "sphericalharmonics",
            "pe_type": "siren",
            "source": SOURCE,
        },
    )


def row_order(rows: int) -> np.ndarray:
    """The order in which rows are written: shuffled, and always the same.

    A lattice runs from pole to pole, so neighbours in it look alike, and float32 sums of thousands of nearly equal
    terms round the same way each time: retrieval over ice came out 1e-5 wrong, and 1e-6 in shuffled order.
    """
    return np.random.default_rng(0).permutation(rows)


def write_database(folder: Path, lonlat_deg: np.ndarray, keys: Tensor, values: np.ndarray) -> None:
    """(n, 2) lon, lat in degrees, (n, 256) unit keys and (n, 256) values, keys and values as float16."""
    order = row_order(len(lonlat_deg))
    save_file(
        {
            "locs": lonlat_deg.astype(np.float32)[order],
            "keys": keys.half().numpy()[order],
            "values": values.astype(np.float16)[order],
        },
        folder / DATABASE_FILE,
        metadata={
            "places": str(len(lonlat_deg)),
            "source": SOURCE,
            "imagery": "NASA Blue Marble, public domain; NASA Earth Observatory, Reto Stöckli",
        },
    )


def write_image_branch(path: Path, reducer: Reducer, head: ImageHead) -> None:
    """The principal axes and the image head, float16 but for the means: picture to value and key."""
    tensors = {f"head.{name}": tensor.half().numpy() for name, tensor in head.state_dict().items()}
    tensors["head.value_std"] = head.value_std.numpy()
    save_file(
        {"reducer.mean": reducer.mean, "reducer.axes": reducer.axes, **tensors},
        path,
        metadata={"source": SOURCE},
    )


def read_image_branch(path: Path) -> tuple[Reducer, ImageHead]:
    """What write_image_branch wrote, the head in evaluation mode, float32."""
    tensors = load_file(path)
    reducer = Reducer(mean=tensors["reducer.mean"], axes=tensors["reducer.axes"])
    state = {
        name.removeprefix("head."): torch.from_numpy(tensor.astype(np.float32))
        for name, tensor in tensors.items()
        if name.startswith("head.")
    }
    hidden, width = state["hidden.weight"].shape
    head = ImageHead(state["value_std"], width, len(state["last.bias"]), hidden=hidden)
    head.load_state_dict(state)
    return reducer, head.eval()


def write_sums(folder: Path) -> str:
    """SHA256SUMS of the two files, in the format of sha256sum; returns its text.

    Raises:
        ValueError: the folder's files are larger than a package may hold.
    """
    files = [folder / DATABASE_FILE, folder / LOCATION_FILE]
    total = sum(file.stat().st_size for file in files)
    if total > SHIPPED_LIMIT:
        raise ValueError(f"the files may hold {SHIPPED_LIMIT} bytes together, got {total}; use fewer places")
    text = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (folder / "SHA256SUMS").write_text(text)
    return text
