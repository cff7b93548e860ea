"""Stored cubes to pictures: every kind of store, every kind of picture, and nothing half made."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp
from rio_cogeo.cogeo import cog_validate

import rangegeo as rg
from rangegeo.colours.paint import fit_cube, paint_cube
from rangegeo.errors import CubeError, MissingPackage, OutputError, UsageError
from rangegeo.picture import preview as module
from rangegeo.picture.preview import Look, check_picture, preview

BOX, RES = (5, 44, 6, 45), 0.02


@pytest.fixture(scope="module")
def stores(mini, tmp_path_factory) -> Path:
    """One raster in every kind of store."""
    folder = tmp_path_factory.mktemp("stores")
    cube = rg.raster(BOX, RES, model=mini, betas=(0, 0.5, 1), exact=True).compute()
    cube.rangegeo.to_zarr(folder / "a.zarr")
    cube.rangegeo.to_zarr(folder / "two.zarr", zarr_format=2)
    cube.rangegeo.to_geotiff(folder / "a.tif")
    rg.raster(BOX, RES, model=mini, layout="components", exact=True).rangegeo.to_zarr(folder / "sgq.zarr")
    rg.raster(BOX, 0.01, model=mini, betas=(0, 1), exact=True).rangegeo.to_geotiff(folder / "finer.tif")
    cube.isel(band=[0, 1]).rangegeo.to_zarr(folder / "pair.zarr")
    cube.isel(band=[5]).rangegeo.to_geotiff(folder / "single.tif")
    cube.isel(beta=0, drop=True).rangegeo.to_zarr(folder / "plain.zarr")
    projected = rg.raster(BOX, 4000, crs="ESRI:54009", model=mini, betas=0.5, exact=True, bands="visual")
    projected.rangegeo.to_geotiff(folder / "projected.tif")
    rg.raster((-179, 80, 179, 90), 2e5, crs="ESRI:54009", model=mini, exact=True).rangegeo.to_geotiff(
        folder / "rim.tif"
    )
    return folder


def sizes(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return picture.size


# ------------------------------------------------------------------------------------------------------- maps


@pytest.mark.parametrize(
    "names",
    [["a.zarr"], ["two.zarr"], ["a_beta0.tif", "a_beta0.5.tif", "a_beta1.tif"]],
)
def test_every_store_of_a_raster_gives_the_same_strip(stores, tmp_path, names):
    assert preview([stores / name for name in names], tmp_path / "a.png", Look(strip=True)) == [tmp_path / "a.png"]
    preview([stores / "a.zarr"], tmp_path / "expected.png", Look(strip=True))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "expected.png").read_bytes()
    width, height = sizes(tmp_path / "a.png")
    assert width > 1.5 * height
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "expected.png"}


def test_one_map_a_beta_in_the_same_colours(stores, tmp_path, monkeypatch):
    drawn = []
    draw = module.draw
    monkeypatch.setattr(module, "draw", lambda cube, **more: drawn.append((cube, more)) or draw(cube, **more))
    paths = preview([stores / "a.zarr"], tmp_path / "a.png")
    assert [path.name for path in paths] == ["a_beta0.png", "a_beta0.5.png", "a_beta1.png"]
    assert [cube["beta"].item() for cube, _ in drawn] == [0, 0.5, 1]
    assert len({id(more["colours"][0]) for _, more in drawn}) == 1
    assert [more["title"] for _, more in drawn] == ["RANGE+, beta = 0", "RANGE+, beta = 0.5", "RANGE+, beta = 1"]
    assert len({path.read_bytes() for path in paths}) == 3
    monkeypatch.undo()
    preview([stores / "a.zarr"], tmp_path / "b.png", Look(betas=(0.5,)))
    assert (tmp_path / "b.png").exists()
    with Image.open(paths[1]) as picture:
        assert picture.info["Title"] == "RANGE+, beta = 0.5"
        assert picture.info["Description"].startswith("0.02° pixels, EPSG:4326")


@pytest.mark.parametrize(
    ("look", "betas"),
    [
        (Look(strip=True), [0, 0.25, 0.5, 0.75, 1]),
        (Look(), [0.5]),
        (Look(betas=(0.1, 0.9), strip=True), [0.1, 0.9]),
    ],
)
def test_components_give_any_beta(stores, tmp_path, monkeypatch, look, betas):
    drawn = []
    draw = module.draw
    monkeypatch.setattr(module, "draw", lambda cube, **more: drawn.append(cube) or draw(cube, **more))
    (path,) = preview([stores / "sgq.zarr"], tmp_path / "a.png", look)
    assert drawn[0]["beta"].values.ravel().tolist() == betas
    components = rg.open_cube(stores / "sgq.zarr")
    expected = components.rangegeo.at(betas[-1])
    np.testing.assert_array_equal(drawn[0].isel(beta=-1) if "beta" in drawn[0].dims else drawn[0], expected)
    assert path.exists()


@pytest.mark.parametrize("name", ["pair.zarr", "single_beta0.5.tif", "plain.zarr", "projected.tif", "rim.tif"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_small_and_odd_cubes_have_pictures(stores, tmp_path, name, suffix):
    paths = preview([stores / name], tmp_path / f"a{suffix}")
    assert paths
    assert all(path.stat().st_size > 200 for path in paths)


@pytest.mark.parametrize(
    ("bands", "method", "names", "way"),
    [
        ("all", None, 40, "pca"),
        ("visual", None, 24, "pca"),
        ("location", "ica", 16, "ica"),
        ((3,), None, 1, "pca"),
        ((4, 30, 1), None, 3, "bands"),
        ((4, 30, 1), "pca", 3, "pca"),
        ((4, 30), None, 2, "pca"),
        (("location", 4, 5), None, 18, "pca"),
        (("visual_03", 30, "visual_00"), None, 3, "bands"),
    ],
)
def test_bands_and_methods(stores, tmp_path, monkeypatch, bands, method, names, way):
    seen = []
    fit = module.fit_cube
    monkeypatch.setattr(module, "fit_cube", lambda cube, *how: seen.append((cube, how)) or fit(cube, *how))
    preview([stores / "a.zarr"], tmp_path / "a.png", Look(bands=bands, method=method, strip=True, seed=7))
    ((cube, how),) = seen
    assert (cube.sizes["band"], how) == (names, (way, 7, "shared"))
    if all(isinstance(band, int) for band in bands):
        assert cube["band"].values.tolist() == list(bands)


def test_a_seed_reproduces_the_bytes(stores, tmp_path):
    for suffix in (".png", ".tif"):
        made = []
        for number, seed in enumerate((1, 1, 2)):
            look = Look(method="ica", seed=seed, betas=(0.5,))
            (path,) = preview([stores / "a.zarr"], tmp_path / f"{number}{suffix}", look)
            made.append(path.read_bytes())
        assert made[0] == made[1]
        assert made[0] != made[2]


def test_a_map_reads_the_overview(stores, tmp_path, monkeypatch):
    with rasterio.open(stores / "a_beta0.tif") as file:
        assert file.overviews(1) == []
    large = tmp_path / "large.tif"
    cube = rg.open_cube(stores / "pair.zarr").isel(beta=0, drop=True)
    row = np.resize(np.arange(50), 2600)
    wide = cube.isel(x=row).assign_coords(x=5 + 0.02 * (np.arange(2600) + 0.5))
    wide["x"].attrs.update(cube["x"].attrs)
    wide.rangegeo.to_geotiff(large)
    with rasterio.open(large) as file:
        assert file.overviews(1) == [2, 4, 8, 16]
        half = file.read(out_shape=(2, 25, 1300))
    assert rg.open_cube(large).sizes["x"] == 2600
    assert rg.open_cube(large, pixels=3000).sizes["x"] == 2600
    assert rg.open_cube(large, pixels=2000).sizes["x"] == 2600
    coarse = rg.open_cube(large, pixels=1000)
    np.testing.assert_array_equal(coarse, half)
    assert rg.open_cube(large, pixels=300).sizes["x"] == 325
    assert tuple(coarse.odc.geobox.boundingbox) == pytest.approx(tuple(wide.odc.geobox.boundingbox))
    drawn = []
    draw = module.draw
    monkeypatch.setattr(module, "draw", lambda cube, **more: drawn.append((cube, more)) or draw(cube, **more))
    preview([large], tmp_path / "a.png")
    ((shown, more),) = drawn
    assert shown.sizes["x"] == 1300
    assert more["note"].startswith("0.02° pixels")  # those of the file, not of its overview


# --------------------------------------------------------------------------------------------------- GeoTIFFs


def test_a_geotiff_has_the_cubes_grid_and_colours(stores, tmp_path):
    paths = preview([stores / "a.zarr"], tmp_path / "c.tif")
    assert [path.name for path in paths] == ["c_beta0.tif", "c_beta0.5.tif", "c_beta1.tif"]
    cube = rg.open_cube(stores / "a.zarr")
    expected = paint_cube(cube, fit_cube(cube)).transpose("beta", "rgb", "y", "x").values
    for path, colours in zip(paths, expected, strict=True):
        assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
        with rasterio.open(path) as file:
            assert (file.count, file.dtypes, file.nodata) == (3, ("uint8",) * 3, 0)
            assert file.colorinterp == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)  # and no alpha
            assert file.transform == cube.odc.geobox.affine
            assert file.crs.to_epsg() == 4326
            assert file.tags()["TIFFTAG_SOFTWARE"].startswith("rangegeo 0.")
            np.testing.assert_array_equal(file.read(), colours)


@pytest.mark.parametrize("turned", ["y", "x"])
def test_a_turned_store_has_the_same_pictures(stores, tmp_path, turned):
    cube = rg.open_cube(stores / "two.zarr")
    cube.isel({turned: slice(None, None, -1)}).rangegeo.to_zarr(tmp_path / "turned.zarr")
    for suffix in (".png", ".tif"):
        for name, source in (("expected", stores / "two.zarr"), ("found", tmp_path / "turned.zarr")):
            preview([source], tmp_path / f"{name}{suffix}", Look(betas=(0.5,)))
    assert sizes(tmp_path / "found.png") == sizes(tmp_path / "expected.png")
    with rasterio.open(tmp_path / "expected.tif") as expected, rasterio.open(tmp_path / "found.tif") as found:
        assert found.transform == expected.transform
        difference = np.abs(found.read().astype(int) - expected.read())  # colours are fitted on other pixels
    assert np.median(difference) <= 3


def test_the_writer_of_cubes_paints_the_same_picture(stores, tmp_path):
    """One way to make colours: what lies beside a GeoTIFF, `.rgb()` and `rangegeo preview`."""
    paths = preview([stores / f"a_beta{beta}.tif" for beta in ("0", "0.5", "1")], tmp_path / "c.tif")
    painted = rg.open_cube(stores / "a.zarr").rangegeo.rgb().transpose("beta", "rgb", "y", "x")
    for path, beta, colours in zip(paths, ("0", "0.5", "1"), painted.values, strict=True):
        with rasterio.open(path) as file, rasterio.open(stores / f"a_beta{beta}_rgb.tif") as beside:
            np.testing.assert_array_equal(file.read(), beside.read())
            np.testing.assert_array_equal(file.read(), colours)
            assert file.transform == beside.transform


def test_pixels_outside_a_projection_are_nodata(stores, tmp_path):
    (path,) = preview([stores / "rim.tif"], tmp_path / "a.tif")
    holes = np.isnan(rg.open_cube(stores / "rim.tif").values[0])
    assert 0 < holes.sum() < holes.size
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.dataset_mask() == 0, holes)
        assert (file.read()[:, holes] == 0).all()


def test_a_picture_is_no_cube(stores, tmp_path):
    (path,) = preview([stores / "projected.tif"], tmp_path / "a.tif")
    with pytest.raises(CubeError, match="was not written by rangegeo"):
        rg.open_cube(path)


# ----------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("sources", "look", "error", "said"),
    [
        (["none.zarr"], Look(), CubeError, r"none\.zarr does not exist; expected a cube"),
        (["a_beta0.tif", "finer_beta1.tif"], Look(), UsageError, r"differ in grid or bands; give the betas of one"),
        (["a_beta0.tif", "single_beta1.tif"], Look(), UsageError, r"differ in grid or bands"),
        (["a_beta0.tif", "a_beta0.tif"], Look(), UsageError, r"the same beta twice; give each once"),
        (["a.zarr", "a_beta0.tif"], Look(), UsageError, r"a\.zarr holds several betas; draw it alone"),
        (["a_beta0.tif", "plain.zarr"], Look(), UsageError, r"plain\.zarr holds no beta; draw it alone"),
        (["a.zarr"], Look(betas=(0.3,)), UsageError, r"beta 0\.3 can be read from a cube that holds it"),
        (["a.zarr"], Look(betas=(2,)), UsageError, r"beta must be in \[0, 1\], got 2"),
        (["sgq.zarr"], Look(betas=(0.3, 0.3)), UsageError, r"every beta must be given once, got 0\.3,0\.3"),
        (["plain.zarr"], Look(betas=(0.5,)), UsageError, r"this one holds none"),
        (["a.zarr"], Look(bands=(0,)), UsageError, r"^bands must be numbers from 1 to 40, got 0"),
        (["a.zarr"], Look(bands=(3, 41)), UsageError, r"^bands must be numbers from 1 to 40, got 41"),
        (
            ["a.zarr"],
            Look(bands="red"),
            UsageError,
            r"^bands must be all, visual, location, a name such as visual_\d+ or a number",
        ),
        (["pair.zarr"], Look(bands="location"), UsageError, r"^bands must be all, visual"),
        (["a.zarr"], Look(method="umap"), UsageError, r"^method must be one of pca, ica"),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_what_cannot_be_drawn_is_refused(stores, tmp_path, sources, look, error, said, suffix):
    with pytest.raises(error, match=said):
        preview([stores / source for source in sources], tmp_path / f"out{suffix}", look)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "look", "said"),
    [
        ("a.jpg", Look(), r"a picture must end in \.png, \.tif, \.tiff, got 'a\.jpg'; for example path=\".*a\.png\""),
        ("a", Look(), r"a picture must end in \.png"),
        ("a.tif", Look(strip=True), r"betas side by side must be a \.png, got 'a\.tif'; for example path=\".*a\.png\""),
    ],
)
def test_what_is_no_picture_is_refused(stores, tmp_path, name, look, said):
    with pytest.raises(UsageError, match=said):
        preview([stores / "a.zarr"], tmp_path / name, look)


def test_a_suffix_is_asked_for_in_the_words_of_the_shell_too(tmp_path):
    with pytest.raises(UsageError) as caught:
        check_picture(tmp_path / "a.jpg", Look())
    said = "a picture must end in .png, .tif, .tiff, got 'a.jpg'; for example "
    assert str(caught.value) == f'{said}path="{tmp_path / "a.png"}"'
    assert caught.value.for_shell() == f"{said}-o {tmp_path / 'a.png'}"
    with pytest.raises(UsageError, match=r'got \'\'; for example path="alps\.png"$'):
        check_picture(Path("."), Look())


@pytest.mark.parametrize(
    ("package", "look", "python", "shell"),
    [
        ("matplotlib", Look(), "drawing a .png needs matplotlib: ", "drawing a .png needs matplotlib: "),
        ("sklearn", Look(method="ica"), 'method="ica" needs scikit-learn: ', "--method ica needs scikit-learn: "),
    ],
)
def test_a_missing_package_is_named_before_any_work(tmp_path, monkeypatch, package, look, python, shell):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackage) as caught:
        preview(["none.zarr"], tmp_path / "a.png", look)
    distribution = {"sklearn": "scikit-learn"}.get(package, package)
    assert str(caught.value) == f"{python}pip install {distribution}"
    assert caught.value.for_shell() == f"{shell}pip install {distribution}"


def test_an_existing_picture_is_left_alone(stores, tmp_path):
    (tmp_path / "a_beta0.5.png").write_text("precious")
    with pytest.raises(OutputError, match="add overwrite=True to replace it"):
        preview([stores / "a.zarr"], tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a_beta0.5.png"]
    assert (tmp_path / "a_beta0.5.png").read_text() == "precious"
    preview([stores / "a.zarr"], tmp_path / "a.png", overwrite=True)
    assert sizes(tmp_path / "a_beta0.5.png")
    with pytest.raises(OutputError, match=r"make it first: os\.makedirs"):
        preview([stores / "a.zarr"], tmp_path / "none" / "a.png")


def test_a_picture_never_replaces_its_cube(stores, tmp_path):
    names = ["a_beta0.tif", "a_beta1.tif"]
    for name in names:
        (tmp_path / name).write_bytes((stores / name).read_bytes())
    for sources, out in ((names, "a.tif"), (names[:1], "a_beta0.tif")):
        with pytest.raises(UsageError) as caught:
            preview([tmp_path / name for name in sources], tmp_path / out, overwrite=True)
        said = f"the picture {tmp_path / out} would replace its own cube; give another "
        assert (str(caught.value), caught.value.for_shell()) == (f"{said}path", f"{said}-o")
    for name in names:
        assert (tmp_path / name).read_bytes() == (stores / name).read_bytes()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_failure_leaves_nothing(stores, tmp_path, monkeypatch, suffix):
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "draw", fail)
    monkeypatch.setattr("rangegeo.stores.geotiff.rasterio.shutil.copy", fail)
    (tmp_path / f"a_beta1{suffix}").write_text("precious")
    with pytest.raises(OSError, match="No space"):
        preview([stores / "a.zarr"], tmp_path / f"a{suffix}", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == [f"a_beta1{suffix}"]
    assert (tmp_path / f"a_beta1{suffix}").read_text() == "precious"
