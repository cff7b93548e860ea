"""From places and what is seen there to a RANGE database: prepare, describe, write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rangegeo.databases.building import check_principal, gather, location_keys, principal
from rangegeo.databases.folders import Pictures, read_index
from rangegeo.databases.parts import kept_parts
from rangegeo.databases.rasters import Raster
from rangegeo.databases.sampling import sampled_places
from rangegeo.databases.sources import Seen, Source, Values, known_range
from rangegeo.databases.vision import PictureEncoder, picture_encoder
from rangegeo.errors import ImageryError, UsageError, argument
from rangegeo.evaluation.reading import Reading, rows_of
from rangegeo.field.encoder import LocationEncoder
from rangegeo.jobs.database_options import DatabaseOutput, PlaceChoice, Sight
from rangegeo.models.device import resolve_device
from rangegeo.support.inputs import check_keeps_inputs
from rangegeo.support.paths import local_path
from rangegeo.support.progress import SILENT, Progress
from rangegeo.support.text import counted
from rangegeo.support.unfinished import commit, unfinished
from rangegeo.weights.checkpoint import load_encoder
from rangegeo.weights.names import encoder_file
from rangegeo.weights.written import made_with, write_database


@dataclass(slots=True, eq=False, kw_only=True)
class DatabaseJob:
    """A database that can be built.

    Attributes:
        lonlat_deg: (n, 2) its places.
        sources: what is seen or known there.
        keys: the location encoder that gives the keys.
        made_with: what the database says of that encoder's file, see `rangegeo.weights.written.made_with`.
        batch: places of a part.
        output: what is written.
        told: JSON-able; how it is made.
        remarks: what a user should know, one line each; more after it is written.
    """

    lonlat_deg: np.ndarray
    sources: list[Source]
    keys: LocationEncoder
    made_with: dict[str, str]
    batch: int
    output: DatabaseOutput
    told: dict[str, str]
    remarks: list[str]

    @classmethod
    def prepare(cls, choice: PlaceChoice, sight: Sight, output: DatabaseOutput, open_files: ExitStack) -> DatabaseJob:
        """The job of a request; nothing is computed yet.

        Args:
            open_files: closes the rasters when the job is over.
        Raises:
            UsageError, TableError, ImageryError, WeightsError: what is wrong. OutputError: the output cannot be
                written; nothing was touched.
        """
        choice.check()
        sight.check()
        read = {"places": choice.places, "imagery": list(sight.imagery), "values": list(sight.values)}
        check_keeps_inputs([("out", path) for path in output.paths], weights=output.weights, **read)
        output.check()
        folder = _folder(sight)
        rasters = [open_files.enter_context(Raster(path, sight.bands)) for path in sight.imagery if folder is None]
        known = [open_files.enter_context(Raster(path, sight.bands, "values")) for path in sight.values]
        lonlat, remarks = _places(choice, folder)
        encoder, stored = load_encoder(encoder_file(output.weights, "SatCLIP"))
        sources = [*_seen(folder or rasters, sight), *_known(known, sight)]
        for raster in [*rasters, *known]:
            _check_overlap(raster, lonlat)
        if output.pca is not None:
            check_principal(sum(source.columns for source in sources), len(lonlat), output.pca)
        if choice.sample is not None:
            remarks += _far_too_wide([*rasters, *known], lonlat)
        return cls(
            lonlat_deg=lonlat,
            sources=sources,
            keys=encoder,
            made_with=made_with(output.weights, stored.sha256),
            batch=sight.batch,
            output=output,
            told={
                "imagery": ", ".join(sight.imagery),
                "values": ", ".join(sight.values),
                "encoder": _name(sight.encoder) if sight.imagery else "",
                "size_km": ", ".join(f"{size:g}" for size in sight.size_km),
                "bands": ", ".join(map(str, sight.bands)),
            },
            remarks=remarks,
        )

    def describe(self) -> str:
        """What it will be, in one line."""
        kinds = counted(len(self.sources), "source")
        return f"{self.output.out}: {counted(len(self.lonlat_deg), 'place')}, {kinds}, keys of {self.keys.dim} numbers"

    def write(self, progress: Progress = SILENT) -> list[Path]:
        """Build and write it; the paths that were written."""
        request = {
            "places": self.lonlat_deg.tolist(),
            "sources": [source.request for source in self.sources],
            "batch": self.batch,
        }
        output = self.output
        with kept_parts(output.out, request, overwrite=output.overwrite, resume=output.resume) as parts:
            progress.stage("reading", len(self.lonlat_deg), "place")
            gathered = gather(self.sources, self.lonlat_deg, parts, self.batch, progress.advance)
            self.remarks = list(gathered.remarks)
            values = gathered.rows if output.pca is None else principal(gathered.rows, output.pca)
            lonlat = self.lonlat_deg[gathered.kept]
            keys = location_keys(self.keys, lonlat.astype(np.float32))
            kind = np.float16 if output.half else np.float32
            facts = {name: value for name, value in self.told.items() if value}
            facts |= {"rows": str(len(values))} | self.made_with
            finished = parts.folder / f"finished{output.out.suffix}"
            for path in reversed(output.paths):  # the output that parts belong to comes last
                _write(path, finished, lonlat, keys.astype(kind), values.astype(kind), facts, output.out)
        return output.paths


def _write(path: Path, draft: Path, *arrays_and_out: Any) -> None:
    """Write one file, which gets its name when it is complete."""
    lonlat, keys, values, facts, out = arrays_and_out
    if path == out:  # its folder is claimed already
        write_database(draft, lonlat, keys, values, facts)
        commit(draft, path)
        return
    with unfinished(path) as other:
        write_database(other, lonlat, keys, values, facts)


def _name(encoder: str | Callable[..., Any]) -> str:
    return encoder if isinstance(encoder, str) else getattr(encoder, "__name__", type(encoder).__name__)


def _folder(sight: Sight) -> Pictures | None:
    """The pictures of a folder, if the imagery is one.

    Raises:
        UsageError: there is a folder beside other imagery.
    """
    folders = [path for path in sight.imagery if local_path(path).is_dir()]
    if not folders:
        return None
    if len(sight.imagery) > 1:
        raise UsageError(f"{folders[0]} is a folder of pictures; give it as the only {argument('imagery')}")
    return read_index(local_path(folders[0]))


def _places(choice: PlaceChoice, folder: Pictures | None) -> tuple[np.ndarray, list[str]]:
    """(n, 2) places, and what a user should know about them."""
    if folder is not None:
        if choice.places is not None or choice.sample is not None:
            raise UsageError(f"the index of {folder.root} has the places; leave out others")
        lonlat, remarks = folder.lonlat_deg, list(folder.remarks)
    elif choice.sample is not None:
        lonlat, remarks = sampled_places(
            choice.sample, bbox=choice.bbox, on_land=not choice.sea, stratify=choice.stratify, seed=choice.seed
        )
    elif choice.places is None:
        raise UsageError(f"say where: give a table of places, or {argument('sample', 1000)}")
    else:
        names = ("lon", "lat", "layer", "input_format", "delimiter", "quoting", "encoding", "decimal")
        told = {name: getattr(choice, name) for name in names}
        rows = rows_of(choice.places, Reading(labels_crs=choice.crs, crs_argument="crs", **told))
        lonlat, remarks = rows.lonlat_deg[np.isfinite(rows.lonlat_deg).all(axis=1)], list(rows.remarks)
    if not len(lonlat):
        raise UsageError("there is no place to build a database of; give a table with some")
    unique, first = np.unique(lonlat.astype(np.float32), axis=0, return_index=True)
    if len(unique) < len(lonlat) and folder is None:
        more = len(lonlat) - len(unique)
        repeat = "1 place repeats another and is" if more == 1 else f"{more:,} places repeat others and are"
        remarks.append(f"{repeat} left out")
        lonlat = lonlat[np.sort(first)]
    return lonlat, remarks


def _seen(source: Pictures | Sequence[Raster], sight: Sight) -> list[Source]:
    """Each raster, or the folder, at each size."""
    if not source:
        return []
    encoder = picture_encoder(
        sight.encoder,
        weights=sight.encoder_weights,
        mean=sight.mean,
        std=sight.std,
        device=resolve_device(sight.device),
    )
    if isinstance(source, Pictures):
        sizes: tuple[float | None, ...] = sight.size_km or (None,)
        first, dtype = _first_picture(source, sight)
        return [_checked(source, sight, size, encoder, len(first), dtype, str(source.path(0))) for size in sizes]
    if not sight.size_km:
        raise UsageError(f"say how large windows are on the ground, in km: {argument('size_km', 10)}")
    return [
        _checked(raster, sight, size, encoder, len(raster.bands), raster.dtype, raster.name)
        for raster in source
        for size in sight.size_km
    ]


def _first_picture(folder: Pictures, sight: Sight) -> tuple[np.ndarray, str]:
    """The first picture of a folder that can be read, and its type."""
    fault: Exception = UsageError(f"the index of {folder.root} has no rows; give a folder with pictures")
    for number in range(min(len(folder.files), sight.batch)):
        try:
            return folder.picture(number, sight.bands, sight.size_km[0] if sight.size_km else None, 8)
        except (ImageryError, UsageError) as error:
            fault = error
    raise fault


def _checked(
    source: Raster | Pictures,
    sight: Sight,
    size_km: float | None,
    encoder: PictureEncoder,
    count: int,
    dtype: str,
    name: str,
) -> Source:
    """A source whose bands and types the encoder takes."""
    encoder.check_bands(count, name)
    if sight.value_range is None:
        known_range(dtype, name)
    return Seen(
        source=source,
        bands=sight.bands,
        size_km=size_km,
        pixels=sight.pixels,
        value_range=sight.value_range,
        encoder=encoder,
        count=count,
    )


def _known(rasters: Sequence[Raster], sight: Sight) -> list[Source]:
    """Each raster, at each size, or at the places themselves."""
    sizes: tuple[float | None, ...] = sight.size_km if sight.size_km and not sight.imagery else (None,)
    return [Values(raster=raster, size_km=size, pixels=sight.pixels) for raster in rasters for size in sizes]


def _far_too_wide(rasters: Sequence[Raster], lonlat_deg: np.ndarray) -> list[str]:
    """A line that says what to type, if most of a sample lies outside the rasters."""
    inside = [raster.holds(lonlat_deg) for raster in rasters]
    outside = int((~np.all(inside, axis=0)).sum())
    if outside <= len(lonlat_deg) / 2:
        return []
    box = rasters[int(np.argmin([held.sum() for held in inside]))].outer_box
    return [
        f"{outside:,} of {counted(len(lonlat_deg), 'place')} lie outside the rasters; for places in them add "
        f"{argument('bbox', box)}"
    ]


def _check_overlap(raster: Raster, lonlat_deg: np.ndarray) -> None:
    """Refuse a raster in which no place lies.

    Raises:
        ImageryError: that is so.
    """
    if not raster.holds(lonlat_deg).any():
        west, south = lonlat_deg.min(axis=0)
        east, north = lonlat_deg.max(axis=0)
        lie = f"they lie in {west:.5g},{south:.5g},{east:.5g},{north:.5g}"
        raise ImageryError(f"{raster.name} covers {raster.box}, and no place lies there; {lie}")
