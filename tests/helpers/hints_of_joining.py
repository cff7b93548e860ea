"""Rows of messages about cubes that are joined or grow, see `helpers.hints`."""

from __future__ import annotations

from helpers.hint_files import BOX, made
from helpers.hints import Row, Way

JOIN = "mosaic a.zarr b.zarr -o o.zarr"
EAST = f"{BOX} --bbox 6,44,7,45 -o o.zarr"
SHELL = (
    Row(
        "joined in another CRS",
        JOIN,
        (Way(r"make it with (?P<type>--crs \S+)$", then=EAST),),
        (made("a.zarr"), made("b.zarr", "--crs", "EPSG:3035", "--res", "50000")),
    ),
    Row(
        "joined with other pixels",
        JOIN,
        (Way(r"make it with (?P<type>--res \S+)$", then=EAST),),
        (made("a.zarr"), made("b.zarr", "--res", "0.5")),
    ),
    Row(
        "joined between pixels",
        JOIN,
        (Way(r"make both with (?P<type>--align)", then=EAST),),
        (made("a.zarr"), made("b.zarr", "--bbox", "6.1,44,7,45")),
    ),
    Row(
        "joined with another beta",
        JOIN,
        (Way("make both with the same --beta", then=EAST, give={"--beta": "0.5"}),),
        (made("a.zarr"), made("b.zarr", "--bbox", "6,44,7,45", "--beta", "1")),
    ),
    Row(
        "joined with other bands",
        JOIN,
        (Way("make both with the same --bands or --pca", then=EAST, give={"--bands": "all"}),),
        (made("a.zarr"), made("b.zarr", "--bands", "1-3")),
    ),
    Row(
        "joined with other components",
        JOIN,
        (Way(r"make it again with (?P<type>--pca-from \S+)$", then=f"{EAST} --pca 2"),),
        (made("a.zarr", "--pca", "2"), made("b.zarr", "--bbox", "6,44,7,45", "--pca", "2")),
    ),
    Row(
        "joined into a part",
        "mosaic a.zarr b.zarr -o b.zarr --overwrite",
        (Way("give another -o", give={"-o": "o.zarr"}),),
        (made("a.zarr"), made("b.zarr", "--bbox", "6,44,7,45")),
    ),
    Row(
        "overviews of a joined GeoTIFF",
        "mosaic a.zarr --overviews -o o.tif",
        (Way("(?P<drop>--overviews) is for .zarr; leave it out"),),
        (made("a.zarr"),),
    ),
    Row(
        "a format of Zarr for a joined GeoTIFF",
        "mosaic a.zarr --zarr-format 2 -o o.tif",
        (Way("(?P<drop>--zarr-format) is for .zarr; leave it out"),),
        (made("a.zarr"),),
    ),
)
PYTHON = (
    Row(
        "a mosaic of a name",
        "rg.mosaic('a.zarr')",
        (Way(r"for example mosaic\(\[.*\]\)$", then="rg.mosaic(['a.zarr', 'b.zarr'])"),),
        (made("a.zarr"), made("b.zarr", "--bbox", "6,44,7,45")),
    ),
)
