"""Options of outputs that several verbs share: where they are written, in which format, and what they may replace."""

from __future__ import annotations

import click

from rangegeo.cli.arguments import NameValue, Place, storage_option, unique_pairs

FILE_OPTIONS = (
    click.option("-o", "--out", type=Place(), required=True, help="Output: .zarr or .tif, also in s3:// and others."),
    click.option("--format", type=click.Choice(["zarr", "cog", "gtiff"]), help="Format, if the suffix does not tell."),
    click.option(
        "--co",
        "creation_options",
        type=NameValue(),
        multiple=True,
        callback=unique_pairs,
        metavar="NAME=VALUE",
        help="Creation option of GDAL's GTiff or COG driver; for Zarr COMPRESS, LEVEL, SHUFFLE, SHARDS or SCALES. "
        "Repeatable.",
    ),
    click.option(
        "--zarr-format",
        type=click.Choice(["2", "3"]),
        callback=lambda context, parameter, value: value and int(value),
        help="Format of a .zarr; 2 is for versions of GDAL and QGIS that cannot read 3. [default: 3]",
    ),
)
PREVIEW_OPTION = click.option(
    "--preview",
    is_flag=False,
    flag_value="",
    callback=lambda context, parameter, value: value and Place().convert(value, parameter, context),
    metavar="[PNG]",
    help="Draw a picture too. [default: NAME_preview.png]",
)
STAC_OPTION = click.option("--stac", is_flag=True, help="Write a STAC item, NAME.stac.json, beside each output.")
REPLACE_OPTIONS = (
    click.option("--overwrite", is_flag=True, help="Replace an output that exists, and its .qml and _rgb.tif."),
    storage_option,
    click.option("--resume", is_flag=True, help="Continue what an interrupted run of the same command left."),
)
