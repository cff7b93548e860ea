"""Neighbours that are stored as integers or as components fit together, or taking from one another is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from rasterio.merge import merge

import rangegeo as rg
from rangegeo.cubes.ranges import model_ranges
from rangegeo.errors import CubeError, CubeWarning, UsageError
from rangegeo.reports.describe import describe

WEST, EAST = (9, 40, 10, 41), (10, 40, 11, 41)


def tile(mini, box, **options):
    return rg.raster(box, 0.1, model=mini, betas=0.75, exact=True, align=True, **options)


def merged(paths: list[str]) -> tuple[np.ndarray, list[tuple]]:
    """The merged values, and the scales and the offsets of each file."""
    stored, _ = merge(paths)
    steps = []
    for path in paths:
        with rasterio.open(path) as file:
            steps.append((file.scales, file.offsets))
    scale, offset = (np.array(part)[:, None, None] for part in steps[0])
    return stored * scale + offset, steps


@pytest.mark.parametrize("options", [{"bands": [2, 30]}, {"bands": "all,diagnostics"}, {"layout": "components"}])
def test_int16_neighbours_have_the_same_steps(mini, folder, options):
    if "layout" in options:
        tiles = [rg.raster(box, 0.1, model=mini, exact=True, align=True, **options) for box in (WEST, EAST)]
    else:
        tiles = [tile(mini, box, **options).isel(beta=0) for box in (WEST, EAST)]
    for name, cube in zip("we", tiles, strict=True):
        cube.rangegeo.to_geotiff(f"{name}.tif", dtype="int16")
    found, steps = merged(["w.tif", "e.tif"])
    assert steps[0] == steps[1]
    truth = np.concatenate([cube.values for cube in tiles], axis=2)
    half = np.array(steps[0][0])[:, None, None] / 2
    assert (np.abs(found - truth) <= half * 1.001 + 1e-6 * np.abs(truth)).all()
    assert rg.open_cube("w.tif").rangegeo.facts["quantisation_clipped"] == 0
    assert rg.open_cube("w.tif").rangegeo.facts["quantisation_ranges"] == "model"


@pytest.mark.parametrize("form", ["zarr", "tif"])
def test_int8_takes_the_steps_of_another_output(mini, folder, form):
    write = {"zarr": "to_zarr", "tif": "to_geotiff"}[form]
    first, second = (tile(mini, box, bands=[1, 2]).isel(beta=[0]) for box in (WEST, EAST))
    getattr(first.rangegeo, write)(f"w.{form}", dtype="int8")
    lost = r"values did not fit into int8; the error of int8 is up to .*; take another dtype, or another scales_from"
    with pytest.warns(CubeWarning, match=lost):
        getattr(second.rangegeo, write)(f"e.{form}", dtype="int8", scales_from=f"w.{form}")
    (folder / "w.json").write_text(json.dumps(describe(f"w.{form}")))
    with pytest.warns(CubeWarning, match=lost):
        getattr(second.rangegeo, write)(f"j.{form}", dtype="int8", scales_from="w.json")
    one, other, by_json = (describe(f"{name}.{form}") for name in "wej")
    assert (
        (one["scales"], one["offsets"])
        == (other["scales"], other["offsets"])
        == (by_json["scales"], by_json["offsets"])
    )
    assert other["quantisation_ranges"] == f"w.{form}"
    assert rg.open_cube(f"e.{form}").rangegeo.facts["quantisation_clipped"] > 0


@pytest.mark.parametrize(
    ("options", "dtype", "said"),
    [
        ({"bands": [1, 2]}, "int16", 'is int8, got dtype="int16"'),
        ({"bands": [1, 2]}, "float32", "scales_from needs integers"),
        ({"bands": [1, 3]}, "int8", "has other bands: 2"),
    ],
)
def test_steps_that_do_not_fit_are_refused_in_one_line(mini, folder, options, dtype, said):
    tile(mini, WEST, bands=[1, 2]).rangegeo.to_geotiff("w.tif", dtype="int8")
    with pytest.raises(UsageError, match=said) as caught:
        tile(mini, EAST, **options).rangegeo.to_geotiff("e.tif", dtype=dtype, scales_from="w.tif")
    assert "\n" not in str(caught.value)
    assert "--scales-from" in caught.value.for_shell()
    assert not (folder / "e.tif").exists()


def test_what_cannot_be_read_is_refused(mini, folder):
    cube = tile(mini, WEST, bands=[1])
    with pytest.raises(CubeError, match="does not exist"):
        cube.rangegeo.to_zarr("a.zarr", dtype="int8", scales_from="none.zarr")
    (folder / "odd.json").write_text("[1]")
    with pytest.raises(UsageError, match=r"scales_from must be a \.zarr or a \.tif"):
        cube.rangegeo.to_zarr("a.zarr", dtype="int8", scales_from="odd.json")


def test_another_model_is_refused(mini, folder):
    tile(mini, WEST, bands=[1, 2]).rangegeo.to_zarr("w.zarr", dtype="int8")
    stranger = tile(mini, EAST, bands=[1, 2]).assign_attrs(encoder_sha256="0" * 64)
    with pytest.raises(UsageError, match="was made with another model: its encoder_sha256"):
        stranger.rangegeo.to_zarr("e.zarr", dtype="int8", scales_from="w.zarr")


@pytest.mark.parametrize("form", ["to_zarr", "to_geotiff"])
def test_components_of_neighbours_are_the_same_axes(mini, folder, form):
    name = {"to_zarr": "w.zarr", "to_geotiff": "w.tif"}[form]
    first = tile(mini, WEST, pca=3)
    getattr(first.rangegeo, form)(name)
    second = tile(mini, EAST, pca_from=name)
    np.testing.assert_array_equal(second.rangegeo.facts["pca_components"], first.rangegeo.facts["pca_components"])
    np.testing.assert_array_equal(tile(mini, WEST, pca_from=name), first)
    assert tile(mini, EAST, pca=2, pca_from=name).sizes["band"] == 2
    for box, path in ((WEST, "w16.tif"), (EAST, "e16.tif")):
        tile(mini, box, pca_from=name).rangegeo.to_geotiff(path, dtype="int16")
    _, steps = merged(["w16.tif", "e16.tif"])
    assert steps[0] == steps[1]


def test_components_that_do_not_fit_are_refused(mini, folder):
    tile(mini, WEST, pca=3).rangegeo.to_zarr("w.zarr")
    tile(mini, WEST, bands=[1]).rangegeo.to_zarr("plain.zarr")
    for options, said in (
        ({"pca": 4, "pca_from": "w.zarr"}, "pca must be from 1 to the components of w.zarr, 3, got 4"),
        ({"pca_from": "plain.zarr"}, "has no principal components"),
        ({"pca_from": "w.zarr", "bands": "visual"}, "was made of other bands"),
    ):
        with pytest.raises(UsageError, match=said):
            tile(mini, EAST, **options)


def test_no_value_leaves_the_ranges_of_the_model(mini):
    recipe = mini.recipe((0, 0.5, 1), bands="all,diagnostics")
    low, high = model_ranges(mini.spec, recipe)
    world = rg.raster((-180, -89, 180, 89), 5.0, model=mini, betas=(0, 0.5, 1), bands="all,diagnostics", exact=True)
    values = world.values
    assert (values >= low[:, :, None, None]).all()
    assert (values <= high[:, :, None, None]).all()


def test_values_beyond_the_steps_of_another_output_are_told(mini, folder):
    """The values of a small tile do not reach those of the tile beside it."""
    first, second = (tile(mini, box, bands="location") for box in ((9, 40, 9.2, 40.2), EAST))
    first.rangegeo.to_geotiff("w.tif", dtype="int8")
    with pytest.warns(CubeWarning, match=r"\d+ values did not fit into int8; .* or another scales_from"):
        second.rangegeo.to_geotiff("e.tif", dtype="int8", scales_from="w.tif")
    assert rg.open_cube("e.tif").rangegeo.facts["quantisation_clipped"] > 0
