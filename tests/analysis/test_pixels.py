"""Pixels as vectors: which bands are compared, and products with vectors, against plain float64 numpy."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from rangegeo.analysis.pixels import SLAB_BANDS, embedding_of, layered, pixels_like, products
from rangegeo.errors import UsageError


@pytest.mark.parametrize("bands", [1, SLAB_BANDS, SLAB_BANDS + 1, 2 * SLAB_BANDS + 7])
@pytest.mark.parametrize("chunks", [(1, 7, 2, 3), (-1, -1, -1, -1), (2, SLAB_BANDS, 4, 1)])
def test_products_are_those_of_numpy(bands, chunks):
    random = np.random.default_rng(0)
    values = random.normal(100, 1, (2, bands, 4, 5)).astype(np.float32)
    vectors = random.normal(size=(3, 2, bands))
    found = products(da.from_array(values, chunks=chunks), da.from_array(vectors, chunks=-1)).compute()
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, np.einsum("nlb,lbyx->nlyx", vectors, values.astype(np.float64)), rtol=1e-12)


def test_diagnostics_are_left_out_and_dimensions_put_in_order():
    names = np.array(["visual_0", "semantic_entropy", "location_0"])
    cube = xr.DataArray(np.zeros((2, 3, 4), np.float32), dims=("y", "band", "x")).assign_coords(
        band_name=("band", names)
    )
    found = embedding_of(cube)
    assert found.dims == ("band", "y", "x")
    assert found["band_name"].values.tolist() == ["visual_0", "location_0"]


def test_a_cube_without_beta_has_one_layer():
    cube = xr.DataArray(da.zeros((3, 2, 4)), dims=("band", "y", "x"))
    assert layered(cube).shape == (1, 3, 2, 4)
    assert layered(cube.expand_dims(beta=[0, 1])).shape == (2, 3, 2, 4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda cube: cube.isel(band=0),
            "comparing pixels needs a cube with dims (beta,) band, y and x, got ('y', 'x')",
        ),
        (lambda cube: cube.assign_attrs(layout="components"), "the cube holds S, G and q; choose a beta first: "),
        (lambda cube: cube.astype("int16"), "the cube holds stored int16; open it with rangegeo.open_cube"),
        (lambda cube: cube.isel(x=[]), "the cube has no pixels"),
    ],
)
def test_what_holds_no_embedding_is_refused(change, said):
    cube = xr.DataArray(np.zeros((3, 2, 4), np.float32), dims=("band", "y", "x"))
    with pytest.raises(UsageError) as caught:
        embedding_of(change(cube))
    assert str(caught.value).startswith(said)


def test_results_keep_the_place_and_the_provenance_of_a_cube(cube):
    found = pixels_like(cube, da.zeros((4, 2, 20, 20)), "scores", {"units": "1"}, ("place",))
    assert found.dims == ("place", "beta", "y", "x")
    assert found.name == "scores"
    assert found.odc.geobox == cube.odc.geobox
    assert not {"band", "band_name"} & set(found.coords)
    kept = {name: cube.attrs[name] for name in ("model", "citation")}
    assert found.attrs == kept | {"units": "1"}
    assert found.encoding["grid_mapping"] == "spatial_ref"
