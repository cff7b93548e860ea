"""Stored cubes to pictures on disk: PNG maps for people, three-band GeoTIFFs for QGIS."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import xarray as xr
from rasterio.windows import Window

from rangegeo.colours.paint import fit_cube
from rangegeo.cubes.betas import at_beta
from rangegeo.errors import UsageError
from rangegeo.grid.crs import wkt_of
from rangegeo.pictures import draw
from rangegeo.pictures.figure import PIXELS, note_of, title_of
from rangegeo.schema.bands import chosen_bands
from rangegeo.schema.betas import check_betas
from rangegeo.schema.cube import as_4d, geobox_of, north_up
from rangegeo.stores.blocks import write_blocks
from rangegeo.stores.geotiff import output_paths, rgb_file
from rangegeo.stores.geotiff_crs import check_crs
from rangegeo.stores.opening import open_cube
from rangegeo.support.destination import check_destination
from rangegeo.support.optional import import_optional

STRIP_BETAS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of a cube of components, which has any
DOTS_PER_INCH = 150
ROOM = 8  # bytes a pixel of a GeoTIFF that does not compress, and of what it is made from
SOFTWARE = f"rangegeo {version('rangegeo')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What of a cube is drawn, and how.

    Attributes:
        betas: None for those the cube holds.
        strip: all betas side by side in one picture, else one picture each.
        bands: "all", "visual", "location", or numbers from 1 on and names; one is grey, three are red, green, blue.
        method: "pca" or "ica"; None for "pca" or, of three bands, the bands as they are.
        seed: of the sample of pixels behind the colours, and of "ica".
    """

    betas: tuple[float, ...] | None = None
    strip: bool = False
    bands: str | tuple[int | str, ...] = "all"
    method: str | None = None
    seed: int = 0


MAP = Look(strip=True)  # what `rangegeo raster --preview` draws


def preview(
    sources: Sequence[str | Path], out: str | Path, look: Look | None = None, *, overwrite: bool = False
) -> list[Path]:
    """Draw a stored cube.

    Args:
        sources: one cube, or the GeoTIFFs of several betas of one raster.
        out: a .png map, or a .tif of three bands on the cube's own grid; NAME_beta0.5.png and so on if there are
            several betas and the look is no strip.
        look: what is drawn, and how.
        overwrite: replace pictures that are there.
    Returns:
        The paths, in the order of the betas.
    Raises:
        UsageError: the look does not fit the cube, or the suffix is another one.
        CubeError: a source is no cube, or they are not of one raster.
        OutputError: a destination cannot be written; nothing was touched.
        MissingPackage: an optional package is not installed.
    """
    out, look = Path(out), look or Look()
    check_picture(out, look)
    cube = _opened(sources, look)
    if WRITERS[out.suffix.lower()] is _write_geotiffs:
        check_crs(geobox_of(cube))
    paths = [out] if look.strip else output_paths(cube, out)
    if {path.resolve() for path in paths} & {Path(source).resolve() for source in sources}:
        raise UsageError(f"the picture {out} would replace its own cube; give another -o")
    for path in paths:
        check_destination(path, ROOM * cube.sizes["y"] * cube.sizes["x"], overwrite=overwrite)
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}-unfinished-") as folder:
        WRITERS[out.suffix.lower()](sources, cube, look, [Path(folder) / path.name for path in paths])
        for path in paths:
            os.replace(Path(folder) / path.name, path)
    return paths


def check_picture(out: Path, look: Look) -> None:
    """Refuse, before any work is done, a picture that could not be drawn.

    Raises: as `preview`.
    """
    if out.suffix.lower() not in WRITERS:
        raise UsageError(f"a picture must end in {', '.join(WRITERS)}, got {out.name!r}; for example -o alps.png")
    if out.suffix.lower() == ".png":
        import_optional("matplotlib", "drawing a .png", "plot")
    elif look.strip:
        raise UsageError(f"betas side by side must be a .png, got {out.name!r}; for example alps.png")
    if look.method == "ica":
        import_optional("sklearn", "--method ica", "plot")


def _opened(sources: Sequence[str | Path], look: Look, pixels: int | None = None) -> xr.DataArray:
    """The betas and bands that are drawn, lazily, with the northernmost row and the westernmost column first."""
    cubes = [open_cube(source, pixels=pixels) for source in sources]
    cube = cubes[0] if len(cubes) == 1 else _together(sources, cubes)
    betas = look.betas
    if betas is None and cube.attrs.get("layout") == "components":
        betas = STRIP_BETAS if look.strip else (0.5,)
    if betas is not None:
        cube = _stacked([at_beta(cube, beta) for beta in check_betas(betas)])
    bands = chosen_bands(look.bands, cube["band_name"].values.tolist())
    return north_up(cube if bands is None else cube.isel(band=list(bands)))


def _together(sources: Sequence[str | Path], cubes: list[xr.DataArray]) -> xr.DataArray:
    """GeoTIFFs of one raster as one cube."""
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
    return xr.concat(cubes, "beta", coords="minimal", compat="override", join="override", combine_attrs="override")


def _way(cube: xr.DataArray, look: Look) -> str:
    """The method of `rangegeo.colours.fit.fit_colours`."""
    return look.method or ("bands" if not isinstance(look.bands, str) and cube.sizes["band"] == 3 else "pca")


def _write_maps(sources: Sequence[str | Path], cube: xr.DataArray, look: Look, paths: list[Path]) -> None:
    """PNG maps, from overviews where there are some."""
    coarse = _opened(sources, look, PIXELS)
    colours = fit_cube(coarse, _way(cube, look), look.seed)
    layers = [{}] if look.strip or "beta" not in cube.dims else [{"beta": index} for index in range(len(paths))]
    for layer, path in zip(layers, paths, strict=True):
        title, note = title_of(cube.isel(layer)), note_of(cube, _way(cube, look))
        figure = draw(coarse.isel(layer), colours=colours, title=title, note=note)
        known = {"Title": title, "Description": note, "Software": SOFTWARE}
        figure.savefig(path, dpi=DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.15, metadata=known)


def _write_geotiffs(sources: Sequence[str | Path], cube: xr.DataArray, look: Look, paths: list[Path]) -> None:
    """Three-band GeoTIFFs on the cube's own grid, block by block."""
    geobox = geobox_of(cube)
    height, width = geobox.shape
    place = {"crs": wkt_of(geobox), "transform": geobox.affine}
    colours = fit_cube(cube, _way(cube, look), look.seed)
    writing = threading.Lock()
    with ExitStack() as open_files:
        files = [open_files.enter_context(rgb_file(path, height=height, width=width, **place)) for path in paths]
        for file in files:
            file.update_tags(TIFFTAG_SOFTWARE=SOFTWARE, TIFFTAG_IMAGEDESCRIPTION=note_of(cube, _way(cube, look)))

        def write(block: np.ndarray, top: int, left: int) -> None:
            painted = [colours.paint(values) for values in block]
            with writing:
                for file, picture in zip(files, painted, strict=True):
                    file.write(picture, window=Window(left, top, block.shape[3], block.shape[2]))

        write_blocks(as_4d(cube), write, scheduler="threads")


WRITERS = {".png": _write_maps, ".tif": _write_geotiffs, ".tiff": _write_geotiffs}
