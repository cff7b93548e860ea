"""`.rangegeo` on cubes: colours, betas, files."""

from __future__ import annotations

import sys

import dask
import numpy as np
import pytest
import rasterio
import xarray as xr

import rangegeo as rg
from rangegeo.accessor import RangegeoAccessor
from rangegeo.errors import MissingPackage, OutputError, UsageError

BOX = (5, 44, 6, 45)


@pytest.fixture(scope="module")
def cube(mini) -> xr.DataArray:
    return rg.raster(BOX, 0.05, model=mini, betas=(0, 1), chunks=16)


@pytest.fixture(scope="module")
def components(mini) -> xr.DataArray:
    return rg.raster(BOX, 0.05, model=mini, layout="components", exact=True)


def test_only_cubes_have_it(cube):
    assert isinstance(cube.rangegeo, RangegeoAccessor)
    with pytest.raises(UsageError, match=r"\.rangegeo needs a cube with dims band, y and x, got \('beta', 'y', 'x'\)"):
        _ = cube.isel(band=0).rangegeo


# ------------------------------------------------------------------------------------------------- colours


def test_colours_of_a_cube(cube):
    painted = cube.rangegeo.rgb()
    assert painted.dims == ("beta", "y", "x", "rgb")
    assert painted.shape == (2, 20, 20, 3)
    assert painted.dtype == np.uint8
    assert painted["rgb"].values.tolist() == ["red", "green", "blue"]
    xr.testing.assert_equal(painted["x"], cube["x"])
    values = painted.values
    assert values.min() >= 1
    assert all(np.ptp(values[..., colour]) > 200 for colour in range(3))


def test_colours_are_lazy(cube):
    painted = cube.rangegeo.rgb()
    assert dask.is_dask_collection(painted)
    assert painted.chunksizes["x"] == (16, 4)
    np.testing.assert_array_equal(painted.values, cube.compute().rangegeo.rgb().values)
    assert not dask.is_dask_collection(cube.compute().rangegeo.rgb())


def test_betas_share_their_colours(cube):
    """The same vector has the same colour whatever its beta: betas can be compared by eye."""
    same = xr.concat(
        [cube.isel(beta=0), cube.isel(beta=0)], xr.DataArray([0.0, 1.0], dims="beta", name="beta")
    ).compute()
    first, second = same.rangegeo.rgb().values
    np.testing.assert_array_equal(first, second)
    together = cube.rangegeo.rgb().isel(beta=0).values
    alone = cube.isel(beta=0).rangegeo.rgb().values
    assert (together != alone).any()  # alone it has the whole scale to itself


def test_a_cube_without_beta_has_a_picture_for_imshow(cube):
    painted = cube.isel(beta=0, drop=True).rangegeo.rgb()
    assert painted.dims == ("y", "x", "rgb")


def test_pixels_without_data_are_black(cube):
    hole = cube.isel(beta=0).where(cube["x"] > 5.5)
    painted = hole.rangegeo.rgb()
    assert (painted.sel(x=slice(5, 5.5)) == 0).all()
    assert (painted.sel(x=slice(5.51, 6)) > 0).all()


def test_plotting_works_as_the_readme_says(cube):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    image = cube.sel(beta=1.0).rangegeo.rgb().plot.imshow(rgb="rgb")
    assert image.get_array().shape[:2] == (20, 20)
    pyplot.close("all")


def test_a_single_pixel_has_a_colour(cube):
    assert cube.isel(x=[3], y=[4]).rangegeo.rgb().shape == (2, 1, 1, 3)


# --------------------------------------------------------------------------------------------------- betas


@pytest.mark.parametrize("beta", [0, 0.3, 1])
def test_any_beta_is_read_from_components(mini, components, beta):
    found = components.rangegeo.at(beta)
    assert dask.is_dask_collection(found)
    expected = rg.raster(BOX, 0.05, model=mini, betas=beta, exact=True).isel(beta=0)
    assert found.dims == expected.dims
    np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=5e-6)
    assert found["band_name"].values.tolist() == expected["band_name"].values.tolist()
    assert found["band"].values.tolist() == expected["band"].values.tolist()
    assert float(found["beta"]) == beta
    assert "layout" not in found.attrs
    assert found.attrs["model"] == "RANGE+"
    assert found.odc.geobox == expected.odc.geobox


def test_a_beta_that_is_there_is_picked(cube):
    xr.testing.assert_identical(cube.rangegeo.at(1), cube.sel(beta=1))


@pytest.mark.parametrize("beta", [-1, 2, np.nan, "half"])
def test_a_beta_that_is_none_is_refused(components, beta):
    with pytest.raises(UsageError, match=r"beta must be"):
        components.rangegeo.at(beta)


def test_a_beta_that_is_not_there_is_refused(cube, components):
    with pytest.raises(
        UsageError, match=r"beta 0\.3 can be read from a cube that holds it, or .*; this one holds 0, 1"
    ):
        cube.rangegeo.at(0.3)
    with pytest.raises(UsageError, match='made with all bands of layout="components"; this one holds none'):
        components.isel(band=slice(1, None)).rangegeo.at(0.3)  # would blend each band with another's neighbour
    for bands in ([0, 1, 25, 24], [0, 24, 1, 25], [0, 1, 24, 25, 26], [24, 25], [0, 1], [60, 0, 24]):
        with pytest.raises(UsageError, match=r"beta 0\.3 can be read from"):
            components.isel(band=bands).rangegeo.at(0.3)


def test_some_bands_of_both_components_are_enough(components):
    some = components.isel(band=[3, 5, 27, 29, 50])
    found = some.rangegeo.at(0.3)
    assert found["band_name"].values.tolist() == ["visual_03", "visual_05", "location_02"]
    np.testing.assert_array_equal(found, components.rangegeo.at(0.3).isel(band=[3, 5, 26]))


# --------------------------------------------------------------------------------------------------- files


def test_bands_that_were_swapped_for_their_names_are_told_how_to_go_back(cube):
    swapped = cube.swap_dims(band="band_name")
    with pytest.raises(UsageError, match=r"go back with \.swap_dims\(band_name=.band.\)$"):
        swapped.rangegeo  # noqa: B018
    assert swapped.swap_dims(band_name="band").rangegeo.facts == cube.rangegeo.facts


def test_places_apart_or_as_one_argument(cube):
    here, several = (5.5, 44.5), [[5.5, 44.5], [5.9, 44.1]]
    for name in ("similarity", "sample"):
        method = getattr(cube.rangegeo, name)
        xr.testing.assert_identical(method(*here), method(here))
        xr.testing.assert_identical(method(*zip(*several, strict=True)), method(several))


def test_to_zarr(cube, tmp_path):
    assert cube.rangegeo.to_zarr(tmp_path / "a.zarr") == [tmp_path / "a.zarr"]
    assert rg.open_cube(tmp_path / "a.zarr").rangegeo.facts["evaluation"] in ("exact", "interpolated")
    np.testing.assert_array_equal(rg.open_cube(tmp_path / "a.zarr").values, cube.values)
    with pytest.raises(OutputError, match="add overwrite=True to replace it, or give another path"):
        cube.rangegeo.to_zarr(str(tmp_path / "a.zarr"))
    cube.rangegeo.to_zarr(str(tmp_path / "a.zarr"), overwrite=True, zarr_format=2)
    assert (tmp_path / "a.zarr" / ".zgroup").exists()


def test_a_cube_from_south_to_north_becomes_a_geotiff_from_north_to_south(cube, tmp_path):
    first, *_ = cube.isel(y=slice(None, None, -1)).rangegeo.to_geotiff(tmp_path / "a.tif")
    with rasterio.open(first) as file:
        assert file.transform.e < 0
        np.testing.assert_allclose(file.read(), cube.isel(beta=0).values, rtol=0, atol=1e-6)


WITHOUT_A_PLACE = {
    "empty": (lambda cube: cube.sel(y=slice(44, 45)), "the cube has no pixels; y runs from north to south"),
    "uneven": (lambda cube: cube.isel(y=[1, 5, 7]), "the cube has no regular grid; take every nth row and column"),
    "nowhere": (lambda cube: cube.drop_vars("spatial_ref"), "the cube has no grid with a CRS; keep its coordinates"),
}


@pytest.mark.parametrize("case", WITHOUT_A_PLACE)
@pytest.mark.parametrize("use", ["to_zarr", "to_geotiff", "rgb", "plot"])
@pytest.mark.parametrize("chunks", ["auto", None])
def test_a_cube_without_a_place_is_refused(mini, tmp_path, case, use, chunks):
    change, said = WITHOUT_A_PLACE[case]
    cube = change(rg.raster(BOX, 0.05, model=mini, chunks=chunks))
    arguments = [tmp_path / "a"] if use.startswith("to_") else []
    with pytest.raises(UsageError, match=said):
        getattr(cube.rangegeo, use)(*arguments)
    assert list(tmp_path.iterdir()) == []
    assert said.partition(";")[0] in repr(cube.rangegeo)


def test_an_empty_cube_has_no_clusters(cube):
    with pytest.raises(UsageError, match="the cube has no pixels; y runs from north to south"):
        cube.sel(y=slice(44, 45)).rangegeo.cluster(3)


@pytest.mark.parametrize(("use", "name"), [("to_zarr", "a.tif"), ("to_geotiff", "a.zarr")])
def test_the_name_of_another_format_is_refused(cube, tmp_path, use, name):
    with pytest.raises(UsageError, match=f"{name} is the name of another format; write it with "):
        getattr(cube.rangegeo, use)(tmp_path / name)


def test_to_geotiff(cube, tmp_path):
    paths = cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    assert paths == [tmp_path / "a_beta0.tif", tmp_path / "a_beta1.tif"]
    with rasterio.open(paths[1]) as file:
        np.testing.assert_array_equal(file.read(), cube.values[1])
    with pytest.raises(OutputError, match="add overwrite=True to replace it, or give another path"):
        cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    cube.rangegeo.to_geotiff(str(tmp_path / "a.tif"), overwrite=True)


@pytest.mark.parametrize("beta", [[0, 1], (0.5,), np.array([0.5])])
def test_at_takes_one_beta(mini, beta):
    cube = rg.raster((6, 45, 7, 46), 0.1, model=mini)
    with pytest.raises(UsageError, match=r"at takes one beta"):
        cube.rangegeo.at(beta)


# ------------------------------------------------------------------------------------------------ pictures


def test_plot_is_a_map_of_all_betas(cube):
    figure = cube.rangegeo.plot(note="a note")
    assert [axes.get_title() for axes in figure.axes] == ["beta = 0", "beta = 1"]
    texts = [text.get_text() for text in figure.texts]
    assert texts == ["a note", "RANGE+"]
    alone = cube.isel(beta=1).rangegeo.plot(title="A title", method="ica", seed=3)
    assert "A title" in [text.get_text() for text in alone.texts]
    assert any("ICA" in text.get_text() or "independent" in text.get_text() for text in alone.texts)


def test_a_virtual_cube_is_drawn_at_the_size_of_a_picture(mini, monkeypatch):
    from rangegeo.picture import figure as module

    monkeypatch.setattr(module.decimated, "__defaults__", (30,))
    world = rg.raster((-180, -60, 180, 60), 0.001, model=mini, chunks=None)
    figure = world.rangegeo.plot()
    assert figure.axes[0].get_images()[0].get_array().shape[:2] == (10, 30)
    assert any("0.001°" in text.get_text() for text in figure.texts)  # of the cube, not of the picture


def test_colours_of_a_virtual_cube_are_lazy(mini):
    world = rg.raster((-180, -60, 180, 60), 0.001, model=mini, chunks=None)
    painted = world.isel(x=slice(0, 360_000, 9000), y=slice(0, 120_000, 9000)).rangegeo.rgb()
    assert dask.is_dask_collection(painted)
    assert painted.sizes == {"beta": 1, "y": 14, "x": 40, "rgb": 3}
    assert np.ptp(painted.values) > 200


def test_without_matplotlib_plot_says_what_to_install(cube, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackage, match=r"^plot needs matplotlib: pip install matplotlib$"):
        cube.rangegeo.plot()


# ---------------------------------------------------------------------------------------- search and samples


def test_similarity_takes_numbers_and_arrays(mini, cube):
    one = cube.rangegeo.similarity(5.52, 44.31)
    xr.testing.assert_identical(one.compute(), rg.similarity(cube, (5.52, 44.31)).compute())
    many = cube.rangegeo.similarity([5.52, 5.9], 44.31)
    assert many.sizes["place"] == 2
    np.testing.assert_array_equal(many[0], one)
    far = cube.rangegeo.similarity(100, -20, model=mini)
    xr.testing.assert_identical(far.compute(), rg.similarity(cube, (100, -20), model=mini).compute())
    with pytest.raises(UsageError, match="is outside the cube"):
        cube.rangegeo.similarity(100, -20)
