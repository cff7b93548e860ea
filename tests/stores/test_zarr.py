"""Zarr stores, read back by everybody else: zarr, xarray, rioxarray, odc-geo, GDAL."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import odc.geo.xr  # noqa: F401, registers .odc
import pytest
import rasterio
import rioxarray  # noqa: F401, registers .rio
import xarray as xr
import zarr
from odc.geo.geobox import GeoBox
from pyproj import CRS
from writing import CRSS, BrokenBlock, ColumnsOf, listing, most_alive

import rangegeo as rg
from rangegeo.errors import CubeError, OutputError, UsageError
from rangegeo.schema.cube import NAME
from rangegeo.schema.facts import facts_of
from rangegeo.stores.zarr import is_complete, write_zarr


@pytest.fixture(params=[3, 2])
def zarr_format(request) -> int:
    return request.param


@pytest.mark.parametrize("name", ["similarity", None])
def test_the_array_has_the_name_of_cubes_whatever_a_cube_was_renamed_to(cube, tmp_path, name):
    write_zarr(cube.rename(name), tmp_path / "a.zarr")
    assert set(zarr.open_group(tmp_path / "a.zarr", mode="r").array_keys()) > {NAME, "x", "y"}
    assert rg.open_cube(tmp_path / "a.zarr").name == NAME


def test_zarr_itself_reads_the_values(cube, tmp_path, zarr_format):
    assert write_zarr(cube, tmp_path / "a.zarr", zarr_format=zarr_format) == [tmp_path / "a.zarr"]
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    array = group["embedding"]
    assert array.metadata.zarr_format == zarr_format
    assert (array.shape, array.dtype) == ((2, 5, 40, 50), np.float32)
    np.testing.assert_array_equal(array[:], cube.values)
    np.testing.assert_array_equal(group["x"][:], cube["x"])
    np.testing.assert_array_equal(group["beta"][:], [0, 0.5])
    assert np.isnan(array.fill_value)


@pytest.mark.parametrize("crs", CRSS)
def test_plain_xarray_and_rioxarray_read_the_georeference(make_cube, tmp_path, zarr_format, crs):
    bbox, res = CRSS[crs]
    cube = make_cube(bbox, res, crs)
    write_zarr(cube, tmp_path / "a.zarr", zarr_format=zarr_format)
    expected: GeoBox = cube.odc.geobox
    read = xr.open_dataset(tmp_path / "a.zarr", engine="zarr", decode_coords="all")["embedding"]
    np.testing.assert_array_equal(read.values, cube.values)
    for axis in ("x", "y", "beta", "band"):
        np.testing.assert_array_equal(read[axis], cube[axis])
    assert read.rio.crs == rasterio.CRS.from_user_input(crs)
    assert CRS.from_user_input(read.rio.crs).equals(CRS.from_user_input(crs), ignore_axis_order=True)
    assert read.rio.transform(recalc=True).almost_equals(expected.affine, 1e-6 * abs(expected.affine.a))
    assert read.rio.transform() == expected.affine
    assert read.rio.bounds() == pytest.approx(tuple(expected.boundingbox), rel=1e-12)
    assert read.odc.geobox == expected
    plain = xr.open_zarr(tmp_path / "a.zarr")
    assert plain["embedding"].attrs["grid_mapping"] == "spatial_ref"
    assert CRS.from_wkt(plain["spatial_ref"].attrs["crs_wkt"]).equals(CRS.from_user_input(crs), ignore_axis_order=True)
    np.testing.assert_array_equal(plain["embedding"].values, cube.values)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632"])
def test_gdal_reads_format_2(make_cube, tmp_path, crs):
    bbox, res = CRSS[crs]
    cube = make_cube(bbox, res, crs)
    write_zarr(cube, tmp_path / "a.zarr", zarr_format=2)
    for beta in (0, 1):
        for band in (0, 3):
            with rasterio.open(f'ZARR:"{tmp_path / "a.zarr"}":/embedding:{beta}:{band}') as file:
                np.testing.assert_array_equal(file.read(1), cube.values[beta, band])
                assert file.crs == rasterio.CRS.from_user_input(crs)
                assert file.transform.almost_equals(cube.odc.geobox.affine, 1e-9)
                assert np.isnan(file.nodata)


def test_the_conventions_say_the_same_as_the_grid(make_cube, tmp_path, zarr_format):
    bbox, res = CRSS["EPSG:32632"]
    cube = make_cube(bbox, res, "EPSG:32632")
    write_zarr(cube, tmp_path / "a.zarr", zarr_format=zarr_format)
    geobox = cube.odc.geobox
    attrs = dict(zarr.open_group(tmp_path / "a.zarr", mode="r").attrs)
    assert attrs["Conventions"] == "CF-1.11"
    attrs = dict(zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r").attrs)
    assert attrs["proj:code"] == "EPSG:32632"
    assert CRS.from_wkt(attrs["proj:wkt2"]) == CRS("EPSG:32632")
    assert attrs["spatial:dimensions"] == ["y", "x"]
    assert attrs["spatial:transform"] == list(geobox.affine)[:6]
    assert attrs["spatial:shape"] == [20, 25]
    assert attrs["spatial:bbox"] == list(geobox.boundingbox)
    assert attrs["spatial:registration"] == "pixel"
    declared = {convention["name"].rstrip(":"): convention["uuid"] for convention in attrs["zarr_conventions"]}
    assert declared == {
        "proj": "f17cb550-5864-4468-aeb7-f3180cfb622f",
        "spatial": "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4",
    }
    assert attrs["grid_mapping"] == "spatial_ref"
    assert ("_CRS" in attrs) == (zarr_format == 2)
    if zarr_format == 2:
        own = attrs["_CRS"]
        assert own["url"] == "http://www.opengis.net/def/crs/EPSG/0/32632"
        assert CRS.from_wkt(own["wkt"]) == CRS("EPSG:32632") == CRS.from_json_dict(own["projjson"])


def test_a_crs_without_a_code_is_told_by_its_wkt(make_cube, tmp_path):
    crs = "+proj=lcc +lat_0=46 +lon_0=7 +lat_1=45 +lat_2=47"
    cube = make_cube(*CRSS[crs], crs)
    write_zarr(cube, tmp_path / "a.zarr", zarr_format=2)
    attrs = dict(zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r").attrs)
    assert "proj:code" not in attrs
    assert CRS.from_wkt(attrs["proj:wkt2"]) == CRS(crs)
    assert "url" not in attrs["_CRS"]


def test_provenance_and_band_names_are_kept(cube, tmp_path, zarr_format):
    write_zarr(cube, tmp_path / "a.zarr", zarr_format=zarr_format)
    attrs = dict(zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r").attrs)
    whole = dict(zarr.open_group(tmp_path / "a.zarr", mode="r").attrs)
    for name, value in facts_of(cube).items():
        assert (attrs if name in cube.attrs else whole)[name] == value
    assert not {"long_name", "command"} & attrs.keys()  # xarray hands attributes of arrays on to all that is computed
    read = xr.open_zarr(tmp_path / "a.zarr")
    assert read["band_name"].values.tolist() == cube["band_name"].values.tolist()
    file = "zarr.json" if zarr_format == 3 else ".zattrs"
    json.loads((tmp_path / "a.zarr" / "embedding" / file).read_text(), parse_constant=pytest.fail)  # strict JSON


def test_measured_facts_become_attributes(cube, tmp_path):
    write_zarr(cube, tmp_path / "a.zarr", measuring=ColumnsOf)
    assert zarr.open_group(tmp_path / "a.zarr", mode="r").attrs["measured_error"] == 3e-6
    assert rg.open_cube(tmp_path / "a.zarr").rangegeo.facts["measured_error"] == 3e-6


# ------------------------------------------------------------------------------------------------- chunks


def test_one_block_writes_whole_chunks_once(cube, tmp_path, monkeypatch, zarr_format):
    """Two blocks that wrote to one stored chunk would lose each other's pixels."""
    written: Counter[str] = Counter()
    lock = threading.Lock()
    replace = Path.replace

    def counting(self: Path, target: Path) -> Path:
        with lock:
            written[target.as_posix()] += self.name.endswith(".partial")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", counting)
    write_zarr(cube, tmp_path / "a.zarr", zarr_format=zarr_format)
    array = zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r")
    assert array.chunks == (1, 5, 16, 16)
    chunks = {key: count for key, count in written.items() if "/embedding/" in key and key[-1].isdigit()}
    assert len(chunks) == 2 * 3 * 4  # betas, rows and columns of chunks
    assert set(chunks.values()) == {1}


def test_stored_chunks_are_bounded_in_bytes(make_cube, tmp_path, monkeypatch):
    monkeypatch.setattr("rangegeo.stores.arrays.CHUNK_BYTES", 16 * 16 * 4 * 3)
    cube = make_cube(bands=8)
    write_zarr(cube, tmp_path / "a.zarr")
    assert zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r").chunks == (1, 3, 16, 16)
    np.testing.assert_array_equal(rg.open_cube(tmp_path / "a.zarr").values, cube.values)


@pytest.mark.parametrize(
    "chunks", [((9, 16, 15), (3, 16, 16, 15)), ((40,), (50,)), ((7, 13, 20), (25, 25)), ((1,) * 40, (49, 1))]
)
def test_any_chunks_are_written_rightly(make_cube, tmp_path, chunks):
    """A slice of a cube begins in the middle of a chunk."""
    cube = make_cube(chunks=chunks)
    write_zarr(cube, tmp_path / "a.zarr")
    np.testing.assert_array_equal(rg.open_cube(tmp_path / "a.zarr").values, cube.values)


def test_a_slice_has_a_georeference_of_its_own(cube, tmp_path):
    part = cube.isel(y=slice(7, 33), x=slice(5, None)).sel(beta=[0.5])
    write_zarr(part, tmp_path / "a.zarr")
    read = xr.open_dataset(tmp_path / "a.zarr", engine="zarr", decode_coords="all")["embedding"]
    np.testing.assert_array_equal(read.values, part.values)
    assert read.rio.transform().almost_equals(cube.odc.geobox[7:33, 5:].affine, 1e-9)
    attrs = zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r").attrs
    np.testing.assert_allclose(attrs["spatial:bbox"], list(cube.odc.geobox[7:33, 5:].boundingbox))


def test_blocks_stream(cube, tmp_path):
    """However large a cube, the blocks alive at once are those in flight."""
    assert most_alive(cube, lambda counted: write_zarr(counted, tmp_path / "a.zarr")) <= 8


# ---------------------------------------------------------------------------------- unfinished and existing


def test_a_store_has_no_name_until_the_last_block(broken, tmp_path, zarr_format):
    with pytest.raises(BrokenBlock):
        write_zarr(broken, tmp_path / "a.zarr", zarr_format=zarr_format)
    assert [path.name for path in tmp_path.iterdir()] == [".a.zarr-unfinished"]
    assert not is_complete(tmp_path / ".a.zarr-unfinished" / "draft.zarr")


def test_a_store_that_says_it_is_unfinished_is_opened_with_a_warning(cube, tmp_path, zarr_format):
    """Such as one that an older version of rangegeo left."""
    path = tmp_path / "a.zarr"
    write_zarr(cube, path, zarr_format=zarr_format)
    for unfinished in (False, 0):  # False before 0.4
        zarr.open_group(path, mode="r+", use_consolidated=False).attrs["rangegeo_complete"] = unfinished
        assert not is_complete(path)
    with pytest.warns(UserWarning, match=r"a\.zarr is unfinished: chunks that were not written read as NaN") as caught:
        rg.open_cube(path)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("betas", [(0.0, 0.5), None])
def test_no_attribute_is_true_or_false_which_netcdf_lacks(make_cube, tmp_path, zarr_format, betas):
    path = tmp_path / "a.zarr"
    write_zarr(make_cube(betas=betas), path, zarr_format=zarr_format)
    assert is_complete(path)
    assert ("beta" in rg.open_cube(path).dims) == (betas is not None)
    dataset = xr.open_zarr(path)
    for attrs in (dataset.attrs, *(array.attrs for array in dataset.variables.values())):
        assert not {bool, type(None)} & {type(value) for value in attrs.values()}


def test_an_unfinished_store_can_be_replaced(cube, broken, tmp_path):
    with pytest.raises(BrokenBlock):
        write_zarr(broken, tmp_path / "a.zarr")
    with pytest.raises(OutputError, match=r"an interrupted run left \d+ blocks? of .*a\.zarr, of another request"):
        write_zarr(cube, tmp_path / "a.zarr")
    write_zarr(cube, tmp_path / "a.zarr", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]
    assert is_complete(tmp_path / "a.zarr")
    np.testing.assert_array_equal(rg.open_cube(tmp_path / "a.zarr").values, cube.values)


def test_an_existing_store_is_not_touched_without_overwrite(cube, tmp_path):
    write_zarr(cube, tmp_path / "a.zarr")
    before = listing(tmp_path)
    with pytest.raises(
        OutputError, match=r"a\.zarr exists and was left as it is; add overwrite=True to replace it, or give"
    ):
        write_zarr(cube * 2, tmp_path / "a.zarr")
    assert listing(tmp_path) == before


def test_overwrite_replaces_all_of_a_store(cube, tmp_path):
    write_zarr(cube, tmp_path / "a.zarr", zarr_format=2)
    smaller = cube.isel(beta=0, drop=True).isel(x=slice(20))
    write_zarr(smaller, tmp_path / "a.zarr", overwrite=True)
    xr.testing.assert_equal(rg.open_cube(tmp_path / "a.zarr").compute(), smaller.compute())
    assert not list(tmp_path.rglob(".z*"))  # nothing of the old format


def test_a_store_that_was_to_be_replaced_is_kept_if_its_successor_fails(cube, broken, tmp_path):
    write_zarr(cube, tmp_path / "a.zarr")
    before = listing(tmp_path)
    with pytest.raises(BrokenBlock):
        write_zarr(broken, tmp_path / "a.zarr", overwrite=True)
    assert {name: data for name, data in listing(tmp_path).items() if name.startswith("a.zarr")} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.zarr-unfinished", "a.zarr"]


@pytest.mark.parametrize("what", ["folder", "empty folder", "file"])
def test_only_a_zarr_store_is_ever_replaced(cube, tmp_path, what):
    path = tmp_path / "precious"
    if what == "file":
        path.write_text("my thesis")
    else:
        path.mkdir()
        if what == "folder":
            (path / "thesis.txt").write_text("my thesis")
    before = listing(tmp_path)
    with pytest.raises(OutputError) as caught:
        write_zarr(cube, path, overwrite=True)
    said = f"{path} is not a Zarr store and was left as it is; give another "
    assert (str(caught.value), caught.value.for_shell()) == (f"{said}path", f"{said}-o")
    assert listing(tmp_path) == before
    assert path.exists()


def test_a_format_that_zarr_does_not_have_is_refused_before_anything_is_touched(cube, tmp_path):
    write_zarr(cube, tmp_path / "a.zarr")
    before = listing(tmp_path)
    with pytest.raises(UsageError) as caught:
        write_zarr(cube, tmp_path / "a.zarr", overwrite=True, zarr_format=1)
    assert str(caught.value) == "zarr_format must be 2 or 3, got 1"
    assert caught.value.for_shell() == "--zarr-format must be 2 or 3, got 1"
    assert listing(tmp_path) == before


# ------------------------------------------------------------------------------------------------- opening


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda path: None, "does not exist; expected a cube that rangegeo raster wrote"),
        (lambda path: path.mkdir(), "is not a readable Zarr store; expected a cube that rangegeo raster wrote"),
        (lambda path: zarr.create_group(path), "has no array 'embedding' with dims band, y and x"),
        (
            lambda path: xr.Dataset({"embedding": ("x", [1.0])}).to_zarr(path, consolidated=False),
            "has no array 'embedding'",
        ),
    ],
)
def test_what_is_no_cube_is_refused(tmp_path, prepare, said):
    prepare(tmp_path / "a.zarr")
    with pytest.raises(CubeError, match=said) as caught:
        rg.open_cube(tmp_path / "a.zarr")
    assert "\n" not in str(caught.value)


def test_opening_is_lazy_and_keeps_the_chunks(cube, tmp_path):
    write_zarr(cube, tmp_path / "a.zarr")
    read = rg.open_cube(str(tmp_path / "a.zarr"))
    assert read.chunksizes["y"] == (16, 16, 8)
    for file in (tmp_path / "a.zarr" / "embedding" / "c").rglob("*"):
        if file.is_file():
            file.unlink()  # were they read already?
    assert np.isnan(read.values).all()
