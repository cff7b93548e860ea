"""STAC items: valid for pystac, true to the files they lie beside, right on the globe."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import numpy as np
import pystac
import pytest
import rasterio
import xarray as xr
import zarr
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.scientific import ScientificExtension
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from shapely.geometry import Point, box, shape

import rangegeo as rg
from rangegeo.errors import CubeError, MissingPackage, OutputError
from rangegeo.grid import make_geobox, places_on
from rangegeo.stores.quantise import NODATA
from rangegeo.stores.stac import check_items, footprint, item_path, write_item

NOW = datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)
FOOTPRINTS = {  # bbox, res, CRS: type of geometry, bbox in degrees
    "plain": (((5, 44, 10, 48), 0.05), "Polygon", (5, 44, 10, 48)),
    "antimeridian": (((176, -19, -178, -15), 0.1), "MultiPolygon", (176, -19, -178, -15)),
    "the globe": (((-180, -90, 180, 90), 1), "Polygon", (-180, -90, 180, 90)),
    "a turn from 10° on": (((10, -60, 10 - 1e-9, 60), 1), "Polygon", (-180, -60, 180, 60)),
    "three quarters": (((-180, -60, 90, 60), 1), "Polygon", (-180, -60, 90, 60)),
    "north pole": (((-180, 75, 180, 90), 10000, "EPSG:3995"), "Polygon", (-180, 68.9, 180, 90)),
    "south pole": (((-180, -90, 180, -70), 10000, "EPSG:3031"), "Polygon", (-180, -90, 180, -62)),
    "Lambert": (((5, 44, 10, 48), 1000, "EPSG:3035"), "Polygon", (4.6, 43.9, 10, 48.1)),
    "Mercator, antimeridian": (((176, -19, -178, -15), 10000, "EPSG:3857"), "MultiPolygon", (176, -19, -178, -15)),
    "Mollweide with its outside": (((-180, -90, 180, 90), 5e5, "ESRI:54009"), "Polygon", (-180, -86, 180, 86)),
}


@pytest.fixture
def valid():
    """A function that has pystac validate an item against the schemas of STAC itself that come with it."""
    validator = JsonSchemaSTACValidator()

    def validate(path) -> pystac.Item:
        item = pystac.Item.from_file(str(path))
        stored = json.loads(path.read_text())
        assert validator.validate_core(stored, pystac.STACObjectType.ITEM, stored["stac_version"])
        return item

    return validate


@pytest.fixture
def cube(mini) -> xr.DataArray:
    box = (300_000, 4_900_000, 340_000, 4_960_000)
    return rg.raster(box, 2000, model=mini, betas=(0.25, 0.75), crs="EPSG:32632", bbox_crs="EPSG:32632")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_the_item_of_a_store(cube, tmp_path, valid, zarr_format):
    cube.rangegeo.to_zarr(tmp_path / "alps.zarr", zarr_format=zarr_format)
    path = write_item(tmp_path / "alps.zarr", now=NOW)
    assert path == tmp_path / "alps.stac.json"
    item = valid(path)
    assert (item.id, item.datetime, item.properties["created"]) == (
        "alps",
        NOW.replace(microsecond=0),
        "2026-03-04T05:06:07Z",
    )
    assert item.properties["title"] == "RANGE+ embedding, beta 0.25, 0.75"
    assert item.properties["gsd"] == pytest.approx(2000, rel=0.01)
    (asset,) = item.assets.values()
    assert asset.media_type == f"application/vnd.zarr; version={zarr_format}"
    assert asset.href == "./alps.zarr"
    assert rg.open_cube(item.assets["embeddings"].get_absolute_href()).identical(rg.open_cube(tmp_path / "alps.zarr"))


def test_the_grid_is_in_the_projection_extension(cube, tmp_path, valid):
    cube.rangegeo.to_zarr(tmp_path / "alps.zarr")
    projection = ProjectionExtension.ext(valid(write_item(tmp_path / "alps.zarr")))
    assert projection.code == "EPSG:32632"
    assert projection.shape == [30, 20]
    assert projection.transform == [2000, 0, 300_000, 0, -2000, 4_960_000]
    assert projection.bbox == [300_000, 4_900_000, 340_000, 4_960_000]
    assert rasterio.CRS.from_wkt(projection.wkt2).to_epsg() == 32632


def test_a_crs_without_a_code_is_told_by_its_wkt(mini, tmp_path, valid):
    lambert = "+proj=lcc +lat_0=46 +lon_0=7 +lat_1=45 +lat_2=47"
    cube = rg.raster((-1e4, -1e4, 1e4, 1e4), 2000, model=mini, crs=lambert, bbox_crs=lambert)
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    projection = ProjectionExtension.ext(valid(write_item(tmp_path / "a.zarr")))
    assert projection.code is None
    assert rasterio.CRS.from_wkt(projection.wkt2) == rasterio.CRS.from_string(lambert)


def test_what_it_was_made_with_is_in_the_fields_of_the_embeddings_extension(cube, tmp_path, valid):
    cube.attrs["command"] = "rangegeo raster"
    cube.rangegeo.to_zarr(tmp_path / "alps.zarr")
    item = valid(write_item(tmp_path / "alps.zarr"))
    parameters = item.properties["emb:runtime_parameters"]
    assert parameters["model"] == "RANGE+"
    assert parameters["betas"] == [0.25, 0.75]
    assert parameters["database_sha256"] == cube.attrs["database_sha256"]
    assert {"emb:model", "emb:source-data"} <= {link.rel for link in item.links}
    assert item.get_single_link("emb:source-data").href == f"hash://sha256/{cube.attrs['database_sha256']}"
    assert item.properties["processing:software"] == {"rangegeo": cube.attrs["rangegeo_version"]}
    assert item.properties["processing:lineage"] == "rangegeo raster"
    (paper,) = ScientificExtension.ext(item).publications
    assert paper.doi == "10.48550/arXiv.2502.19781"


def test_one_item_for_each_geotiff_with_what_lies_beside_it(cube, tmp_path, valid):
    paths = cube.rangegeo.to_geotiff(tmp_path / "alps.tif")
    for path, beta in zip(paths, (0.25, 0.75), strict=True):
        item = valid(write_item(path))
        assert item.id == path.stem
        assert item.properties["title"] == f"RANGE+ embedding, beta {beta}"
        hrefs = {name: asset.href for name, asset in item.assets.items()}
        assert hrefs == {
            "embeddings": f"./{path.name}",
            "preview": f"./{path.stem}_rgb.tif",
            "style": f"./{path.stem}.qml",
        }
        asset = item.assets["embeddings"]
        assert asset.media_type == pystac.MediaType.COG
        with rasterio.open(path) as file:
            assert [band["name"] for band in asset.extra_fields["bands"]] == list(file.descriptions)
            assert asset.extra_fields["data_type"] == file.dtypes[0]
        assert asset.extra_fields["nodata"] == "nan"
        assert all((tmp_path / href).exists() for href in hrefs.values())


@pytest.mark.parametrize("dtype", ["float16", "int16", "int8"])
def test_the_item_says_how_values_are_stored(cube, tmp_path, valid, dtype):
    paths = cube.rangegeo.to_zarr(tmp_path / "a.zarr", dtype=dtype)
    for path in (*paths, *cube.rangegeo.to_geotiff(tmp_path / "b.tif", dtype=dtype)):
        item = valid(write_item(path))
        fields = item.assets["embeddings"].extra_fields
        assert fields["data_type"] == item.properties["emb:quantization"]["quantized_dtype"] == dtype
        assert item.properties["emb:runtime_parameters"]["quantisation_dtype"] == dtype
        if dtype == "float16":
            assert fields["nodata"] == "nan"
            assert not any("raster:scale" in band for band in fields["bands"])
            continue
        assert fields["nodata"] == NODATA[dtype]
        stored = zarr.open_array(path / "embedding", mode="r")[0] if path.is_dir() else rasterio.open(path).read()
        scale, offset = (np.array([band[f"raster:{what}"] for band in fields["bands"]]) for what in ("scale", "offset"))
        found = stored * scale[:, None, None] + offset[:, None, None]
        read = rg.open_cube(path)
        expected = read.isel(beta=0) if "beta" in read.dims else read
        np.testing.assert_allclose(found, expected.values, rtol=1e-6, atol=1e-6)


def test_a_large_geotiff_without_overviews_is_not_called_cloud_optimized(mini, tmp_path, valid):
    from rangegeo.stores.geotiff import write_geotiff

    cube = rg.raster((5, 44, 11, 44.02), 0.01, model=mini, bands=[1])
    for overviews, kind in ((True, pystac.MediaType.COG), (False, pystac.MediaType.GEOTIFF)):
        write_geotiff(cube, tmp_path / "a.tif", overviews=overviews, overwrite=True)
        assert valid(write_item(tmp_path / "a.tif")).assets["embeddings"].media_type == kind


@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform")
@pytest.mark.parametrize("name", FOOTPRINTS)
def test_footprints(name):
    asked, kind, bounds = FOOTPRINTS[name]
    geobox = make_geobox(*asked)
    geometry, bbox = footprint(geobox)
    area = shape(geometry)
    assert geometry["type"] == kind
    np.testing.assert_allclose(bbox, bounds, atol=2.5 if "outside" in name else 0.12)
    assert area.is_valid
    assert box(-180, -90, 180, 90).covers(area)
    rows, cols = (np.linspace(0.5, side - 0.5, 9) for side in geobox.shape)
    inside = places_on(geobox, rows, cols)
    margin = area.buffer(3 if "outside" in name else 0.01)
    assert all(margin.covers(Point(*place)) for place in inside.lonlat_deg[inside.valid.ravel()])


@pytest.mark.parametrize("res", [7.0, 11.0, 50.0])
def test_the_footprint_of_a_coarse_globe_is_the_globe(res):
    _, bbox = footprint(make_geobox((-180, -90, 180, 90), res, "EPSG:4326", "EPSG:4326"))
    np.testing.assert_allclose(bbox, [-180, -90, 180, 90], atol=1e-6)


def test_an_existing_item_is_refused_before_any_work(tmp_path):
    item_path(tmp_path / "alps.zarr").write_text("precious")
    with pytest.raises(OutputError, match=r"alps\.stac\.json exists and was left as it is; add overwrite=True"):
        check_items([tmp_path / "alps.zarr"], overwrite=False)
    check_items([tmp_path / "alps.zarr"], overwrite=True)
    assert item_path(tmp_path / "alps.zarr").read_text() == "precious"


def test_a_failure_leaves_no_item(cube, tmp_path, monkeypatch):
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    monkeypatch.setattr("rangegeo.stores.stac.json.dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_item(tmp_path / "a.zarr")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_a_cube_without_its_provenance_is_refused(cube, tmp_path):
    cube.drop_attrs(deep=False).rangegeo.to_zarr(tmp_path / "a.zarr")
    with pytest.raises(
        CubeError, match=r"a\.zarr does not say its long_name, citation, source_data, rangegeo_version;"
    ):
        write_item(tmp_path / "a.zarr")


@pytest.mark.parametrize("package", ["pystac", "antimeridian"])
def test_a_missing_package_names_its_remedy(monkeypatch, tmp_path, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackage) as caught:
        check_items([tmp_path / "a.zarr"], overwrite=False)
    told = f'needs {package}: pip install {package}; in the clone of rangegeo, pip install -e ".[stac]" brings all that'
    assert str(caught.value) == f"stac=True {told} it needs"
    assert caught.value.for_shell() == f"--stac {told} it needs"
