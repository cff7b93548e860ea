"""What a database is asked for, in groups. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rangegeo.errors import UsageError, argument

SUFFIXES = (".safetensors", ".npz")
LARGEST_WINDOW_KM, LARGEST_PICTURE = 5000.0, 1024  # the side of a window on the ground, and in pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceChoice:
    """The places of a database.

    Attributes:
        places: a table, or the path of one; None for places that are sampled, or that the index of a folder has.
        lon, lat, crs, layer, input_format, delimiter, quoting, encoding, decimal: as of
            `rangegeo.jobs.options.TableInput`.
        sample: how many places are sampled; None for none.
        bbox: west, south, east, north of the sample in degrees; None for the globe.
        sea: whether the sample has places at sea too.
        stratify: a raster of classes, which get as many places each; None for none.
        seed: of the sample.
    """

    places: Any = None
    lon: str | None = None
    lat: str | None = None
    crs: str | None = None
    layer: str | None = None
    input_format: str | None = None
    delimiter: str | None = None
    quoting: str | None = None
    encoding: str | None = None
    decimal: str = "."
    sample: int | None = None
    bbox: Sequence[float] | None = None
    sea: bool = False
    stratify: str | None = None
    seed: int = 0

    def check(self) -> None:
        """Refuse a table and a sample at once, and what belongs to a sample without one.

        Raises:
            UsageError: that is so.
        """
        if self.sample is not None and self.places is not None:
            raise UsageError(f"places come from a table or from {argument('sample')}; leave one out")
        for name, given in (("bbox", self.bbox), ("stratify", self.stratify), ("sea", self.sea or None)):
            if given is not None and self.sample is None:
                raise UsageError(f"{argument(name)} is for {argument('sample')}; add it, or leave this out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is seen or known at the places.

    Attributes:
        imagery: rasters, or one folder of pictures with an index; each is encoded.
        values: rasters whose bands are taken as they are.
        bands: of each, from 1 on; empty for all.
        size_km: sides of the windows around places; several are encoded one after another.
        pixels: a side of what the encoder gets has.
        value_range: what counts as black and as white; None for those of 8-bit pictures.
        encoder: as of `rangegeo.databases.vision.picture_encoder`.
        encoder_weights, mean, std: the same.
        device: of the encoder.
        batch: places that are computed, and kept, at a time.
    """

    imagery: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    bands: tuple[int, ...] = ()
    size_km: tuple[float, ...] = ()
    pixels: int = 64
    value_range: tuple[float, float] | None = None
    encoder: str | Callable[..., Any] = "efficientnet-lite0"
    encoder_weights: str | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    device: str = "auto"
    batch: int = 256

    def check(self) -> None:
        """Refuse numbers out of range, and nothing to look at.

        Raises:
            UsageError: that is so.
        """
        if not self.imagery and not self.values:
            raise UsageError(f"say what is known of the places: {argument('imagery')} or {argument('values')}")
        for size in self.size_km:
            if not 0 < size <= LARGEST_WINDOW_KM:
                expected = f"above 0 and at most {LARGEST_WINDOW_KM:g} km"
                raise UsageError(argument="size_km", expected=expected, got=float(size), example=10)
        if not 1 <= self.pixels <= LARGEST_PICTURE:
            raise UsageError(argument="pixels", expected=f"from 1 to {LARGEST_PICTURE}", got=self.pixels, example=64)
        if self.value_range is not None and not self.value_range[0] < self.value_range[1]:
            got = ",".join(f"{value:g}" for value in self.value_range)
            raise UsageError(argument="value_range", expected="black, and white above it", got=got, example=(0, 255))
        if self.batch < 1:
            raise UsageError(argument="batch", expected="at least 1", got=self.batch, example=256)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOutput:
    """What a database is written to.

    Attributes:
        out: path, ending in .safetensors or .npz.
        npz: whether NAME.npz is written beside a .safetensors, in the published form.
        weights: the location encoder that gives the keys: demo, official or the path of a checkpoint.
        pca: how many principal components the values become; None to keep them.
        half: whether numbers are stored in 16 bits.
        overwrite: whether outputs that exist are replaced.
        resume: whether to continue what an interrupted run of the same request left.
    """

    out: Path
    npz: bool = False
    weights: str = "demo"
    pca: int | None = None
    half: bool = False
    overwrite: bool = False
    resume: bool = False

    @property
    def paths(self) -> list[Path]:
        """All files that are written."""
        both = self.npz and self.out.suffix.lower() != ".npz"
        return [self.out, self.out.with_suffix(".npz")] if both else [self.out]

    def check(self) -> None:
        """Refuse paths that cannot be written.

        Raises:
            UsageError: the suffix is another one. OutputError: a path cannot be written; nothing was touched.
        """
        from rangegeo.support.destination import check_destination

        if self.out.suffix.lower() not in SUFFIXES:
            expected = f"a name that ends in {' or '.join(SUFFIXES)}"
            raise UsageError(argument="out", expected=expected, got=str(self.out), example="own.safetensors")
        for path in self.paths:
            check_destination(path, 0, overwrite=self.overwrite)
