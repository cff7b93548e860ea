"""Pictures of tiles as bytes, and the colours of what is no embedding."""

from __future__ import annotations

import io
import zlib

import numpy as np

from rangegeo.support.optional import import_optional

# How alike a pixel is, from least to most: viridis of matplotlib at nine places.
ALIKE = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
# Of classes; Okabe and Ito chose the first eight for people who confuse colours.
CLASSES = (
    "#e69f00", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#0072b2",
    "#f0e442", "#8c8c8c", "#8c510a", "#5e3c99", "#b2182b", "#66c2a5",
)  # fmt: skip


def png(rgba: np.ndarray) -> bytes:
    """A picture (h, w, 4) uint8 as a PNG."""
    shown = rgba if (rgba[..., 3] < 255).any() else rgba[..., :3]
    image = import_optional("PIL.Image", "a tile").fromarray(np.ascontiguousarray(shown))
    held = io.BytesIO()
    image.save(held, "png", compress_level=1, compress_type=zlib.Z_RLE)  # smooth fields repeat bytes, not words
    return held.getvalue()


def rgb_of(colours: tuple[str, ...]) -> np.ndarray:
    """(n, 3) uint8 of colours such as #440154."""
    return np.array([list(bytes.fromhex(colour[1:])) for colour in colours], np.uint8)


def painted_likeness(values: np.ndarray, low: float) -> np.ndarray:
    """(h, w, 4) uint8 of cosines (h, w), from `low` to 1."""
    known = np.isfinite(values)
    share = np.clip((np.where(known, values, low) - low) / max(1 - low, 1e-6), 0, 1) * (len(ALIKE) - 1)
    table = rgb_of(ALIKE).astype(np.float64)
    rgb = [np.interp(share, np.arange(len(table)), channel) for channel in table.T]
    return (np.stack([*rgb, np.full_like(share, 255)], axis=-1) * known[..., None]).astype(np.uint8)


def painted_classes(found: np.ndarray) -> np.ndarray:
    """(h, w, 4) uint8 of classes and their sureness (2, h, w), see `Viewer.classes`."""
    best, sure = found
    table = np.zeros((256, 3), np.uint8)
    table[1 : len(CLASSES) + 1] = rgb_of(CLASSES)
    alpha = np.where(best > 0, 90 + sure.astype(np.float64) * (165 / 255), 0)
    return np.dstack([table[best], alpha.astype(np.uint8)])
