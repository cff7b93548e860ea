"""Rows of messages about cubes that are joined or grow, see `helpers.hints`."""

from __future__ import annotations

from pathlib import Path

from helpers.hint_files import BOX, CKPT, MINI, NPZ, SQUARE, geojson, lost, made, text
from helpers.hints import Row, Way, run_line


def unfinished() -> None:
    """a.zarr says that it is unfinished."""
    import zarr

    zarr.open_group("a.zarr", mode="r+").attrs["rangegeo_complete"] = 0


def tiles() -> None:
    """A folder of tiles."""
    run_line([*f"{BOX} --tiles 16 -q -o o".split()])


def of_xarray() -> None:
    """What xarray writes of a cube."""
    import rangegeo as rg

    rg.raster((5, 44, 6, 45), 0.25, model=rg.load_model(weights=CKPT, db=NPZ)).to_zarr("a.zarr", consolidated=False)


def some_tiles() -> None:
    """A folder of 2 x 2 tiles."""
    run_line([*f"{BOX} --res 0.05 --tiles 16 -q -o o".split()])


OF_AREA = f"raster --aoi q.geojson --res 0.05 --bands 1-3 {MINI}"


def tiles_of_area() -> None:
    """A folder of tiles of an area."""
    geojson("q.geojson", SQUARE)()
    run_line([*f"{OF_AREA} --tiles 16 -q -o o".split()])


def half_a_head() -> None:
    """The first directory of a.tif is damaged."""
    content = Path("a.tif").read_bytes()
    Path("a.tif").write_bytes(content[:200] + b"\xff" * 60 + content[260:])


def joined_by_gdal() -> None:
    """A VRT over a GeoTIFF of rangegeo, as gdalbuildvrt makes it."""
    Path("v.vrt").write_text(
        '<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">a.tif</SourceFilename><SourceBand>1</SourceBand>'
        '<DstRect xOff="0" yOff="0" xSize="4" ySize="4"/></SimpleSource></VRTRasterBand></VRTDataset>'
    )


JOIN = "mosaic a.zarr b.zarr -o o.zarr"
EAST = f"{BOX} --bbox 6,44,7,45 -o o.zarr"
JOINING = (
    Row(
        "a VRT over other files",
        f"verify v.vrt {MINI}",
        (Way("give the GeoTIFFs themselves$", swap={"v.vrt": "a.tif"}),),
        (made("a.tif"), joined_by_gdal),
    ),
    Row(
        "a missing tile, without the model",
        "verify o --repair",
        (Way("was not made again: .* give --weights PATH and --db PATH$", give={"--weights": CKPT, "--db": NPZ}),),
        (some_tiles, Path("o/tiles/o_r0_c0.tif").unlink),
    ),
    Row(
        "no tile left",
        f"verify o {MINI} --repair",
        (Way("make the folder again with (?P<type>--overwrite)$", then=f"{BOX} --tiles 16 -o o {{type}}"),),
        (tiles, lost("o/tiles")),
    ),
    Row(
        "a missing tile of an area",
        f"verify o {MINI} --repair",
        (Way("make the folder again with (?P<type>--overwrite)$", then=f"{OF_AREA} --tiles 16 -o o {{type}}"),),
        (tiles_of_area, Path("o/tiles/o_r0_c0.tif").unlink),
    ),
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
        (Way(r"make b.zarr with (?P<type>--beta \S+)$", then=EAST),),
        (made("a.zarr"), made("b.zarr", "--bbox", "6,44,7,45", "--beta", "1")),
    ),
    Row(
        "joined with other bands",
        JOIN,
        (Way("make b.zarr with the same --bands", then=EAST, give={"--bands": "all"}),),
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
JOINING += (
    *(
        Row(
            f"{name} is told",
            "info a.zarr",
            (Way("run (?P<made>rangegeo verify a.zarr --repair)$", then=f"verify a.zarr {MINI} --repair"),),
            (made("a.zarr"), *damages),
        )
        for name, damages in {
            "a lost group": (lambda: Path("a.zarr/zarr.json").unlink(),),
            "a lost axis": (lambda: Path("a.zarr/x/zarr.json").unlink(),),
            "lost labels": (lost("a.zarr/x/c"),),
            "a lost CRS": (lost("a.zarr/spatial_ref"),),
        }.items()
    ),
    Row(
        "an array of a cube",
        "info a.zarr/embedding",
        (Way("give the cube that it belongs to: (?P<made>a.zarr)$", then="info {made}"),),
        (made("a.zarr"),),
    ),
    Row(
        "a GeoTIFF without its tags",
        "info a.tif",
        (Way("GDAL no longer finds its tags; make it again", then=f"{BOX} -o a.tif --overwrite"),),
        (made("a.tif"), half_a_head),
    ),
    Row(
        "a GeoTIFF of noise",
        "info a.tif",
        (Way("if it was one, make it again", then=f"{BOX} -o a.tif --overwrite"),),
        (text("a.tif", "noise"),),
    ),
    Row(
        "joined from a damaged store",
        JOIN,
        (Way("run (?P<made>rangegeo verify a.zarr --repair) first$", then=f"verify a.zarr {MINI} --repair"),),
        (made("a.zarr"), made("b.zarr", "--bbox", "6,44,7,45"), lost("a.zarr/embedding/c")),
    ),
)
GROW = f"{BOX} --bbox 6,44,7,45 --extend -o a.zarr"
GROWING = (
    Row(
        "growing from nothing",
        GROW,
        (Way("leave out (?P<drop>--extend) to make it"),),
    ),
    Row(
        "a store in a bucket that grows",
        f"{BOX} --extend -o s3://bucket/a.zarr",
        (Way("write another store, and join both: (?P<made>rangegeo mosaic)", then="mosaic a.tif b.tif -o o.tif"),),
        (made("a.tif"), made("b.tif", "--bbox", "6,44,7,45")),
    ),
    Row(
        "a GeoTIFF that grows",
        f"{BOX} --extend -o o.tif",
        (Way("write another file, and join both: (?P<made>rangegeo mosaic)", then="mosaic a.tif b.tif -o o.tif"),),
        (made("a.tif"), made("b.tif", "--bbox", "6,44,7,45")),
    ),
    Row(
        "growing with a compression",
        f"{GROW} --co COMPRESS=ZSTD",
        (Way("leave out (?P<drop>--co)"),),
        (made("a.zarr"),),
    ),
    Row(
        "growing with a format",
        f"{GROW} --zarr-format 2",
        (Way("leave out (?P<drop>--zarr-format)"),),
        (made("a.zarr"),),
    ),
    Row(
        "growing in another dtype",
        f"{GROW} --dtype int16",
        (Way("type (?P<type>--dtype float32)"),),
        (made("a.zarr"),),
    ),
    Row(
        "growing with another beta",
        f"{GROW} --beta 1",
        (Way(r"make the new part with (?P<type>--beta \S+)$"),),
        (made("a.zarr"),),
    ),
    Row(
        "growing without the components",
        GROW,
        (Way(r"make the new part with (?P<type>--pca \d)$"),),
        (made("a.zarr", "--pca", "2"),),
    ),
    Row(
        "growing with another tolerance",
        f"{GROW} --res 0.02 --bands 1-3 --tolerance 1e-3",
        (Way(r"make the new part with (?P<type>--tolerance \S+)$"),),
        (made("a.zarr", "--res", "0.02", "--bands", "1-3"),),
    ),
    Row(
        "growing with another model",
        f"{GROW} --model RANGE",
        (Way(r"make the new part with (?P<type>--model \S+)$"),),
        (made("a.zarr"),),
    ),
    Row(
        "growing with overviews",
        GROW,
        (
            Way("leave out (?P<drop>--extend)", swap={"a.zarr": "b.zarr"}),
            Way("join it with the new part by (?P<made>rangegeo mosaic)", then="mosaic a.zarr -o b.zarr"),
        ),
        (made("a.zarr", "--bbox", "0,44,70,45", "--bands", "1-3", "--overviews"),),
    ),
    Row(
        "growing from a damaged store",
        GROW,
        (Way("run (?P<made>rangegeo verify a.zarr --repair) first$", then=f"verify a.zarr {MINI} --repair"),),
        (made("a.zarr"), lost("a.zarr/embedding/c")),
    ),
    Row(
        "growing with an item beside it",
        GROW,
        (Way(r"(?P<type>--stac) writes it again"),),
        (made("a.zarr"), text("a.stac.json", "{}")),
        ends=True,
    ),
)
TILED = (
    Row(
        "tiles of an odd size",
        f"{BOX} --tiles 100 -o o",
        (Way(r"for example (?P<type>--tiles \d+)$"),),
    ),
    Row(
        "tiles of a file",
        f"{BOX} --tiles 16 -o o.tif",
        (Way(r"leave out the suffix: (?P<type>-o \S+)$"),),
    ),
    Row(
        "tiles in a bucket",
        f"{BOX} --tiles 16 -o s3://bucket/o",
        (Way("give a path$", swap={"s3://bucket/o": "o"}),),
    ),
    Row(
        "tiles with overviews",
        f"{BOX} --tiles 16 --overviews -o o",
        (Way("leave out (?P<drop>--overviews)"),),
    ),
    Row(
        "tiles over a folder",
        f"{BOX} --tiles 16 -o o",
        (Way("give another -o", give={"-o": "p"}),),
        (lambda: Path("o").mkdir(),),
    ),
    Row(
        "tiles that are there",
        f"{BOX} --tiles 16 -o o",
        (Way("add (?P<type>--overwrite) to replace it"), Way("or give another -o", give={"-o": "p"})),
        (tiles,),
    ),
)
SHELL = (*JOINING, *GROWING, *TILED)
PYTHON = (
    Row(
        "growing with steps of another",
        "cube.rangegeo.to_zarr('a.zarr', extend=True, scales_from='a.zarr')",
        (Way("leave out (?P<drop>scales_from)", gone=True),),
        (made("a.zarr"),),
    ),
    Row(
        "growing from a file",
        "cube.rangegeo.to_zarr('a.zarr', extend=True)",
        (Way("leave out (?P<drop>extend)", swap={"a.zarr": "b.zarr"}),),
        (text("a.zarr", "no store"),),
    ),
    Row(
        "growing from half a store",
        "cube.rangegeo.to_zarr('a.zarr', extend=True)",
        (Way("make it again before it grows", then="cube.rangegeo.to_zarr('a.zarr', overwrite=True)"),),
        (made("a.zarr"), unfinished),
    ),
    Row(
        "growing from a store of xarray",
        "cube.rangegeo.to_zarr('a.zarr', extend=True)",
        (Way("write it again with .rangegeo.to_zarr", then="rg.open_cube('a.zarr').rangegeo.to_zarr('b.zarr')"),),
        (of_xarray,),
    ),
    Row(
        "a mosaic of a name",
        "rg.mosaic('a.zarr')",
        (Way(r"for example mosaic\(\[.*\]\)$", then="rg.mosaic(['a.zarr', 'b.zarr'])"),),
        (made("a.zarr"), made("b.zarr", "--bbox", "6,44,7,45")),
    ),
)
