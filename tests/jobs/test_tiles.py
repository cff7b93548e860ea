"""Folders of tiles: one raster in parts, which GDAL, rasterio and rangegeo open as one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from helpers.programs import need

import rangegeo as rg
from rangegeo.errors import OutputError, UsageError
from rangegeo.stores import tiles as module

BOX = (5, 44, 7.4, 45.6)  # 48 columns and 32 rows


@pytest.fixture(scope="session")
def make(mini):
    def raster(box=BOX, **options):
        known = {"model": mini, "betas": (0, 1), "bands": "1-3", "exact": True, "chunks": 16}
        return rg.raster(box, 0.05, **known | options)

    return raster


@pytest.mark.parametrize("dtype", ["float32", "float16", "int16", "int8"])
def test_the_vrts_are_the_raster_that_one_file_would_be(make, folder, dtype):
    vrts = make().rangegeo.to_geotiff("alps", tiles=32, dtype=dtype)
    files = make().rangegeo.to_geotiff("one.tif", dtype=dtype)
    assert vrts == [Path("alps/alps_beta0.vrt"), Path("alps/alps_beta1.vrt")]
    tiled, once = rg.open_cube(vrts), rg.open_cube(files)
    np.testing.assert_array_equal(tiled.values, once.values)
    for name in ("x", "y", "band_name", "beta"):
        assert tiled[name].identical(once[name]), name
    assert tiled.rangegeo.facts == once.rangegeo.facts
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    with rasterio.open("alps/tiles/alps_r0_c1_beta1.tif") as tile:
        assert tile.shape == (32, 16)
        assert tile.descriptions == tuple(once["band_name"].values)


def test_sizes_need_not_fit_chunks(make, folder):
    (vrt,) = make(betas=0.5).rangegeo.to_geotiff("alps", tiles=48)
    assert sorted(path.name for path in Path("alps/tiles").iterdir()) == ["alps_r0_c0.tif"]
    make(betas=0.5, chunks=32).rangegeo.to_geotiff("more", tiles=16)
    np.testing.assert_allclose(rg.open_cube("more/more.vrt").values, rg.open_cube(vrt).values, atol=1e-5)


def test_components_are_one_for_all_tiles(make, folder):
    (vrt,) = make(betas=0.5, bands="visual", pca=2).rangegeo.to_geotiff("alps", tiles=16)
    facts = [rg.open_cube(path).rangegeo.facts["pca_components"] for path in Path("alps/tiles").iterdir()]
    assert all(each == facts[0] for each in facts)
    assert rg.open_cube(vrt).sizes["band"] == 2


def test_tiles_outside_an_area_are_not_written(make, folder):
    area = {
        "type": "Polygon",
        "coordinates": [
            [[5, 44], [5.7, 44], [5, 44.7], [5, 44]],
        ],
    }
    box = {"type": "Polygon", "coordinates": [[[7.3, 45.5], [7.4, 45.5], [7.4, 45.6], [7.3, 45.5]]]}
    both = {"type": "MultiPolygon", "coordinates": [area["coordinates"], box["coordinates"]]}
    cube = make(None, aoi=both, betas=0.5)
    (vrt,) = cube.rangegeo.to_geotiff("alps", tiles=16)
    assert sorted(path.name for path in Path("alps/tiles").iterdir()) == ["alps_r0_c2.tif", "alps_r1_c0.tif"]
    np.testing.assert_array_equal(np.isnan(rg.open_cube(vrt).values), np.isnan(cube.values[0]))


def test_gdal_joins_them_without_a_word(make, folder):
    need(shutil.which("gdalbuildvrt") is not None, "gdalbuildvrt", "apt-get install gdal-bin")
    (vrt,) = make(betas=0.5).rangegeo.to_geotiff("alps", tiles=16, dtype="int16")
    names = sorted(map(str, Path("alps/tiles").iterdir()))
    done = subprocess.run(["gdalbuildvrt", "j.vrt", *names], capture_output=True, text=True, check=True)
    assert "heterogeneous" not in done.stderr + done.stdout
    told = json.loads(subprocess.run(["gdalinfo", "-json", vrt], capture_output=True, text=True, check=True).stdout)
    assert told["size"] == [48, 32]
    assert [band["description"] for band in told["bands"]] == ["visual_00", "visual_01", "visual_02"]
    assert all(band["noDataValue"] == -32768 and band["scale"] != 1 for band in told["bands"])


def test_an_interrupted_run_makes_only_the_tiles_that_lack(make, folder, monkeypatch):
    make_tile, seen = module.make_tile, []

    def fails(stored, completion, window, layer, tile):
        seen.append(tile.name)
        if len(seen) == 4:
            raise RuntimeError("stopped")
        return make_tile(stored, completion, window, layer, tile)

    monkeypatch.setattr(module, "make_tile", fails)
    with pytest.raises(RuntimeError):
        make(betas=0.5).rangegeo.to_geotiff("alps", tiles=16)
    assert not Path("alps").exists()
    with pytest.raises(OutputError, match="add resume=True to continue"):
        make(betas=0.5).rangegeo.to_geotiff("alps", tiles=16)
    (vrt,) = make(betas=0.5).rangegeo.to_geotiff("alps", tiles=16, resume=True)
    assert seen[3] == seen[4]
    assert len(seen) == 7
    np.testing.assert_allclose(rg.open_cube(vrt).values, make(betas=0.5).values[0], atol=1e-5)


def test_only_a_folder_of_tiles_is_replaced(make, folder):
    make(betas=0.5).rangegeo.to_geotiff("alps", tiles=16)
    with pytest.raises(OutputError, match="alps exists and was left as it is; add overwrite=True"):
        make(betas=0.5).rangegeo.to_geotiff("alps", tiles=32)
    make(betas=0.5).rangegeo.to_geotiff("alps", tiles=32, overwrite=True)
    assert len(list(Path("alps/tiles").iterdir())) == 2
    Path("alps/notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="alps is no folder of tiles and was left as it is; give another path"):
        make(betas=0.5).rangegeo.to_geotiff("alps", tiles=32, overwrite=True)


@pytest.mark.parametrize(
    ("path", "side", "said"),
    [
        ("alps", 100, "tiles must be a multiple of 16 pixels, got 100; for example tiles=1024"),
        ("alps", 0, "tiles must be a multiple of 16 pixels, got 0"),
        ("alps.tif", 32, 'tiles writes a folder, got path="alps.tif"; leave out the suffix: path="alps"'),
        ("alps.zarr", 32, 'tiles writes a folder, got path="alps.zarr"; leave out the suffix: path="alps"'),
    ],
)
def test_what_cannot_be_had_is_refused(make, folder, path, side, said):
    with pytest.raises(UsageError) as caught:
        make().rangegeo.to_geotiff(path, tiles=side)
    assert said in str(caught.value)
    assert not list(folder.iterdir())


def test_a_collection_lies_over_the_tiles(make, folder):
    import pystac

    make(betas=0.5).rangegeo.to_geotiff("alps", tiles=16)
    from rangegeo.stores.stac_tiles import write_collection

    collection = pystac.Collection.from_file(str(write_collection(Path("alps"))))
    items = list(collection.get_items())
    assert len(items) == 6
    assert all(item.collection_id == "alps" for item in items)
    assert all(Path(asset.get_absolute_href()).exists() for item in items for asset in item.assets.values())
