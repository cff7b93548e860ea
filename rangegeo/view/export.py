"""The page as files that need no server: a planet's main components, which browsers evaluate themselves.

The embedding of every place is projected onto principal directions, which are shared by all betas. What is stored are
the coefficients of their scores at beta 0 and at beta 1, in the tiles and in the order of the planet, as integers.
The layout is specified in workflows/guide/view.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BytesCodec, GzipCodec

from rangegeo.errors import OutputError, UsageError, argument
from rangegeo.field.principal import principal_directions
from rangegeo.spectral.layout import to_shells
from rangegeo.stores.owned import BY_THEMSELVES, foreign_files, is_group
from rangegeo.support.unfinished import exchange, unfinished_folder
from rangegeo.view import lines
from rangegeo.view.assets import ASSETS, read_asset
from rangegeo.view.colouring import METHODS
from rangegeo.view.models import ModelSource
from rangegeo.view.pictures import ALIKE, CLASSES
from rangegeo.view.sources import Source
from rangegeo.view.tile import MOST_ZOOM
from rangegeo.view.viewer import Viewer

COMPONENTS = 15  # principal components; 81 to 99 % of the variance of the models that were tried
TOGETHER = 3  # components in a chunk; the first three are the colours, and all that the first view loads
TILES_TOGETHER = 128
SHADE = 3.0  # steps of the integers in a shade of the colours
FIELD = "field"  # the folder of the coefficients
PARTS = ("beta0", "beta1")
REFERENCES = 200  # places that stand for all others, when the page says how alike most places are
MARK = "rangegeo_view"  # attribute of the root group, which holds the version of the layout


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Folded:
    """A planet, projected.

    Attributes:
        mean: (bands,).
        directions: (COMPONENTS, bands), orthonormal.
        explained: the share of the variance that they explain.
        units: (COMPONENTS,) what the integers of each are multiplied by.
        tiles: for each beta and each tile of the planet (n², COMPONENTS) integers in shells.
        references: (betas, n, COMPONENTS) scores of places everywhere.
    """

    mean: np.ndarray
    directions: np.ndarray
    explained: float
    units: np.ndarray
    tiles: list[list[np.ndarray]]
    references: np.ndarray


def export(source: Source, given: str | Path, *, overwrite: bool = False, told: Callable[[str], None] = print) -> Path:
    """Write the page of a planet as files.

    Args:
        given: the folder.
        overwrite: replace a folder that an export has written, and that holds nothing else.
        told: is called with sentences about what is done.
    Returns:
        The folder.
    Raises:
        UsageError: the source is no planet. OutputError: the folder cannot be written.
    """
    path = Path(given)
    if not isinstance(source, ModelSource) or source.planet is None:
        raise UsageError(
            f"{argument('export')} needs a planet, got {source.about.name}; build one: rangegeo planet build"
        )
    _check_replaceable(path, overwrite)
    if not path.resolve().parent.is_dir():
        raise OutputError(f"the folder {path.resolve().parent} does not exist; make it first")
    viewer = Viewer(source)
    folded = fold(viewer, source)
    with unfinished_folder(path) as folder:
        draft = folder / "site"
        draft.mkdir()
        for name in ASSETS:
            (draft / name).write_bytes(read_asset(name)[0])
        (draft / "lines").mkdir()
        for detail in lines.DETAILS:
            (draft / "lines" / f"{detail}.bin").write_bytes(lines.coastlines(detail))
        _write_field(draft / FIELD, source, folded)
        (draft / "view.json").write_text(json.dumps(_about(viewer, source, folded)), encoding="utf-8")
        _check_replaceable(path, overwrite)  # again: files may have come meanwhile
        exchange(draft, path, folder)
    told(f"{_share(folded.explained)} of the variance of {source.layers.bands} bands, in {COMPONENTS} components")
    return path


def _share(explained: float) -> str:
    """A share in percent, which is 100 only if nothing is left out."""
    return f"{math.floor(1000 * explained) / 10:g}%"


def _check_replaceable(path: Path, overwrite: bool) -> None:
    """Refuse to replace anything but a folder that an export has written, and that holds no other file.

    Raises:
        OutputError: it is something else, or a user's own files lie in it. Nothing was touched.
    """
    if not path.exists():
        return
    other = f"give another {argument('export')}"
    is_site = is_group(path / FIELD) and MARK in zarr.open_group(path / FIELD, mode="r").attrs
    if not overwrite or not is_site:
        replaced = f"add {argument('overwrite', True)} to replace it, or " if is_site else ""
        raise OutputError(f"{path} exists and was left as it is; {replaced}{other}")
    foreign = min(_foreign(path), default=None)
    if foreign is not None:
        raise OutputError(f"{path} holds {foreign}, which no export has written; move it, or {other}")


def _foreign(path: Path) -> Iterator[str]:
    """The files in an exported folder that no export has written, by their names in it."""
    own = {path / name for name in (*ASSETS, "view.json")}
    own |= {path / "lines" / f"{detail}.bin" for detail in lines.DETAILS}
    found = list(path.iterdir())
    if (path / "lines").is_dir() and not (path / "lines").is_symlink():
        found += (path / "lines").iterdir()
        found.remove(path / "lines")
    found.remove(path / FIELD)
    for entry in found:
        if not (entry in own and entry.is_file()) and not BY_THEMSELVES.fullmatch(entry.name):
            yield str(entry.relative_to(path))
    for file in foreign_files(path / FIELD):
        yield str(file)[len(str(path)) + 1 :]


def fold(viewer: Viewer, source: ModelSource) -> Folded:
    """Project a planet."""
    assert source.folded is not None
    assert source.planet is not None
    layers = source.layers
    sample = viewer.everywhere
    parts = [sample[:, columns].astype(np.float64) for columns in layers.columns]
    mean, directions, explained = principal_directions(np.concatenate(parts), COMPONENTS)
    references = np.stack([(part[:: max(1, len(part) // REFERENCES)] - mean) @ directions.T for part in parts])
    knots = viewer.colouring(METHODS[0]).colours.knots
    units = np.full(COMPONENTS, np.inf)
    units[:TOGETHER] = (knots[:, -1] - knots[:, 0]) / 255 / SHADE
    units[TOGETHER:] = units[:TOGETHER].min()
    recipe = replace(source.recipe, projection=layers.of_layers(mean, directions, source.features))
    tiles: list[list[np.ndarray]] = [[] for _ in layers.columns]
    for tile in range(len(source.planet.planet.tables.bounds)):
        series = source.folded.coefficients(tile, recipe)
        count = series.shape[-1]
        for found, layer in zip(tiles, series.reshape(-1, COMPONENTS, count, count), strict=True):
            found.append(_rounded(layer, units))
    return Folded(
        mean=mean,
        directions=directions,
        explained=float(explained.sum()),
        units=units,
        tiles=tiles,
        references=references,
    )


def _rounded(series: np.ndarray, units: np.ndarray) -> np.ndarray:
    """(n², COMPONENTS) int32 of a series (COMPONENTS, m, m); degrees whose integers are all 0 are left out."""
    whole = np.rint(series / units[:, None, None]).astype(np.int32)
    used = np.argwhere(whole.any(axis=0))
    count = int(used.max()) + 1 if len(used) else 1
    return to_shells(np.moveaxis(whole[:, :count, :count], 0, -1))


def _write_field(path: Path, source: ModelSource, folded: Folded) -> None:
    """Write the coefficients as a Zarr store."""
    assert source.planet is not None
    planet = source.planet.planet
    root = zarr.open_group(path, mode="w", zarr_format=3)
    root.attrs.update({MARK: 1, "columns": list(planet.columns), "stretch": planet.stretch})
    root.attrs.update({"units": folded.units.tolist(), "parts": list(PARTS[: len(folded.tiles)])})
    counts = np.array([[round(len(stored) ** 0.5) for stored in part] for part in folded.tiles], np.uint8)
    tables: dict[str, np.ndarray] = {"tree/child": planet.tables.child, "tree/tile": planet.tables.tile}
    tables |= {"tiles/bounds": planet.tables.bounds, "tiles/count": counts}
    for name, table in tables.items():
        array = root.create_array(name, shape=table.shape, chunks=table.shape, dtype=table.dtype, compressors=None)
        array[...] = table
    for name, part, row in zip(PARTS, folded.tiles, counts, strict=False):
        most = int(row.max()) ** 2
        kept: dict[str, Any] = {"compressors": GzipCodec(level=9), "config": {"write_empty_chunks": True}}
        whole = np.zeros((len(part), most, COMPONENTS), np.int32)
        for tile, stored in enumerate(part):
            whole[tile, : len(stored)] = stored
        dtype = "int16" if np.abs(whole).max(initial=0) < 2**15 else "int32"
        array = root.create_array(
            f"parts/{name}",
            shape=whole.shape,
            chunks=(min(TILES_TOGETHER, len(part)), most, TOGETHER),
            dtype=dtype,
            serializer=BytesCodec(endian="little"),
            **kept,
        )
        array[...] = whole.astype(dtype)


def _about(viewer: Viewer, source: ModelSource, folded: Folded) -> dict[str, object]:
    """What the page is told."""
    colouring = viewer.colouring(METHODS[0])
    betas = source.layers.betas
    names = [f"pca_{number}" for number in range(COMPONENTS)]
    told = f"{source.about.told}; here {COMPONENTS} components with {_share(folded.explained)} of the variance"
    return {
        "name": source.about.name,
        "told": told,
        "citation": source.about.citation,
        "given": "",
        "bounds": source.bounds,
        "zoom": source.about.zoom,
        "betas": betas,
        "bands": COMPONENTS,
        "names": names,
        "methods": METHODS[:1],
        "most_zoom": MOST_ZOOM,
        "alike": ALIKE,
        "classes": CLASSES,
        "static": True,
        "colours": {
            "name": METHODS[0],
            "curves": colouring.curves(),
            "low": colouring.low.tolist(),
            "step": colouring.step.tolist(),
        },
        "mean_scores": (folded.directions @ folded.mean).tolist(),
        "mean_square": float(folded.mean @ folded.mean),
        "references": [np.round(layer, 4).tolist() for layer in folded.references],
    }
