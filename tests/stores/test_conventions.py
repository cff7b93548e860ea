"""What a store says in the conventions of others: valid by their own libraries and schemas, true to the cube."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest
import zarr
import zarr_cm
from odc.geo.geobox import GeoBox

import rangegeo as rg
from rangegeo.grid import make_geobox
from rangegeo.stores.conventions import GEOEMB, declared_attributes, ground_sample_distance
from rangegeo.stores.zarr import write_zarr

GEOEMB_SCHEMA = {  # what the specification of geoemb:, v1, asks of a group's attributes
    "type": "object",
    "required": ["zarr_conventions", *(f"geoemb:{name}" for name in ("type", "dimensions", "model", "source_data"))],
    "properties": {
        "zarr_conventions": {"contains": {"const": GEOEMB}},
        "geoemb:type": {"const": "pixel"},
        "geoemb:dimensions": {"type": "integer", "minimum": 1},
        "geoemb:model": {"type": "string", "pattern": "^https://"},
        "geoemb:source_data": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[a-z]+://"}},
        "geoemb:data_type": {"type": "string"},
        "geoemb:gsd": {"type": "number", "exclusiveMinimum": 0},
        "geoemb:build_version": {"type": "string"},
        "geoemb:quantization": {"type": "object", "required": ["method", "original_dtype"]},
    },
    "patternProperties": {"^(?!geoemb:)": {}},
    "additionalProperties": False,
}


@pytest.fixture
def cube(mini):
    return rg.raster((5, 44, 6, 45), 0.05, model=mini, betas=(0, 0.5))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_every_convention_that_is_declared_is_valid(cube, tmp_path, zarr_format):
    write_zarr(cube, tmp_path / "a.zarr", zarr_format=zarr_format)
    attrs = dict(zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r").attrs)
    assert set(zarr_cm.detect_revisions(attrs)) == {"proj", "spatial"}
    zarr_cm.validate_all(attrs)
    jsonschema.validate(attrs, GEOEMB_SCHEMA)
    if zarr_format == 3:
        document = json.loads((tmp_path / "a.zarr" / "embedding" / "zarr.json").read_text())
        zarr_cm.proj.validate_array_metadata(document)
        zarr_cm.spatial.validate_array_metadata(document)


def test_geoemb_says_what_the_cube_is(cube):
    attrs = declared_attributes(cube)
    assert attrs["geoemb:dimensions"] == 40
    assert attrs["geoemb:model"] == "https://arxiv.org/abs/2502.19781"
    assert attrs["geoemb:source_data"] == [f"hash://sha256/{cube.attrs['database_sha256']}"]
    assert attrs["geoemb:data_type"] == "float32"
    assert attrs["geoemb:build_version"] == cube.attrs["rangegeo_version"]
    assert attrs["geoemb:gsd"] == pytest.approx(0.05 * 111_195, rel=1e-3)
    assert "geoemb:quantization" not in attrs


@pytest.mark.parametrize("dtype", ["float16", "int16", "int8"])
def test_a_store_says_the_dtype_that_is_in_it(cube, tmp_path, dtype):
    cube.rangegeo.to_zarr(tmp_path / "a.zarr", dtype=dtype)
    array = zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r")
    attrs = dict(array.attrs)
    jsonschema.validate(attrs, GEOEMB_SCHEMA)
    assert attrs["geoemb:data_type"] == attrs["geoemb:quantization"]["quantized_dtype"] == str(array.dtype)


def test_quantised_values_say_what_they_were():
    cube = rg.raster((5, 44, 6, 45), 0.5, betas=1)
    attrs = declared_attributes(cube, "int8")
    assert attrs["geoemb:data_type"] == "int8"
    assert attrs["geoemb:quantization"] == {"method": "linear", "original_dtype": "float32", "quantized_dtype": "int8"}
    assert declared_attributes(cube, "float16")["geoemb:quantization"]["method"] == "rounding"
    assert attrs["geoemb:source_data"] == ["https://visibleearth.nasa.gov/collection/1484/blue-marble"]


def test_a_cube_that_does_not_say_its_source_declares_no_geoemb(cube):
    attrs = declared_attributes(cube.drop_attrs(deep=False))
    assert not [name for name in attrs if name.startswith("geoemb")]
    assert {row["name"] for row in attrs["zarr_conventions"]} == {"proj", "spatial"}


@pytest.mark.parametrize(
    ("grid", "metres"),
    [
        (((300_000, 4_900_000, 350_000, 4_950_000), (2000, 2500), "EPSG:32632", "EPSG:32632"), 2500),
        (((0, -0.5, 1, 0.5), 0.1), 11_119.5),
        (((0, 59.5, 1, 60.5), (0.2, 0.05)), 11_119.5),
    ],
)
def test_ground_sample_distance_is_in_metres(grid, metres):
    assert ground_sample_distance(make_geobox(*grid)) == pytest.approx(metres, rel=0.02)


def test_a_grid_outside_the_domain_has_no_ground_sample_distance():
    far = GeoBox.from_bbox((1.7e7, 8e6, 1.8e7, 9e6), "ESRI:54009", resolution=1e5)
    assert ground_sample_distance(far) is None
    assert np.isfinite(ground_sample_distance(GeoBox.from_bbox((0, 0, 1e6, 1e6), "ESRI:54009", resolution=1e5)))
