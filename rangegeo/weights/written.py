"""Databases and checkpoints as files: in our own form, and in the forms that others published."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save
from torch import Tensor

from rangegeo.weights.database import KEYS_SHA256, KEYS_WEIGHTS

ORDER_SEED = 0
PUBLISHED_SETTINGS = {  # that all published checkpoints of SatCLIP share; microsoft/satclip
    "le_type": "sphericalharmonics",
    "pe_type": "siren",
    "harmonics_calculation": "analytic",
    "min_radius": 1,
    "max_radius": 360,
    "frequency_num": 16,
}


def row_order(rows: int) -> np.ndarray:
    """The order in which rows are written: shuffled, and always the same.

    Places in a sensible order have neighbours that look alike, and float32 sums of thousands of nearly equal terms
    round the same way each time: retrieval over ice came out 1e-5 wrong, and 1e-6 in shuffled order.
    """
    return np.random.default_rng(ORDER_SEED).permutation(rows)


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write arrays as safetensors, in C order, and the same bytes every time.

    The library stores the memory of a transposed array untransposed, and metadata in random order.
    """
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    stored = save(contiguous, metadata=dict(metadata))
    length = int.from_bytes(stored[:8], "little")
    header = json.loads(stored[8 : 8 + length]) | {"__metadata__": dict(metadata)}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8 bytes
    path.write_bytes(len(text).to_bytes(8, "little") + text + stored[8 + length :])


def made_with(weights: str, sha256: str) -> dict[str, str]:
    """What a database says of the location encoder that gave its keys.

    Args:
        weights: a name, or the path of a file, of which the name alone is kept.
        sha256: of the file.
    """
    return {KEYS_WEIGHTS: Path(weights).name, KEYS_SHA256: sha256}


def write_database(
    path: Path, lonlat_deg: np.ndarray, keys: np.ndarray, values: np.ndarray, metadata: Mapping[str, str]
) -> None:
    """Write a database.

    Args:
        path: ending in .npz for the published form, else safetensors.
        lonlat_deg: (n, 2); keys: (n, k) unit vectors; values: (n, v). Rows are written in the order of `row_order`.
        metadata: what it was made from; the published form has no place for it.
    """
    order = row_order(len(lonlat_deg))
    locs = lonlat_deg.astype(np.float32)[order]
    if path.suffix.lower() == ".npz":
        arrays: dict[str, Any] = {"locs": locs, "satclip_embeddings": keys[order], "image_embeddings": values[order]}
        with path.open("wb") as file:
            np.savez(file, **arrays)
        return
    write_tensors(path, {"locs": locs, "keys": keys[order], "values": values[order]}, metadata)


def write_checkpoint(
    path: Path, location: Mapping[str, Tensor], settings: Mapping[str, Any], visual: Mapping[str, Tensor]
) -> None:
    """Write a location encoder as the published checkpoints of SatCLIP are, so that upstream's loaders open it.

    The same content gives the same bytes, whatever the name of the file.

    Args:
        location: tensors of the SIREN by their names there.
        settings: `legendre_polys`, `embed_dim`, `capacity`, `num_hidden_layers`, and whatever else is to be told.
        visual: tensors of what gives keys, by their names; loaders of location encoders pass them over.
    """
    prefixes = {"model.location.nnet.": location, "model.nnet.": location, "model.visual.": visual}
    state = {f"{prefix}{name}": tensor for prefix, part in prefixes.items() for name, tensor in part.items()}
    content = io.BytesIO()  # torch writes the name of a file into it
    torch.save({"hyper_parameters": PUBLISHED_SETTINGS | dict(settings), "state_dict": state}, content)
    path.write_bytes(content.getvalue())
