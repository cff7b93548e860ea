"""Pictures: the cube's colours in the cube's place, labels that can be read, and no more memory than needed."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import weakref

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer

import rangegeo as rg
from rangegeo.colours.paint import fit_cube, paint_cube
from rangegeo.errors import UsageError
from rangegeo.grid.coords import grid_coords
from rangegeo.picture import draw
from rangegeo.picture import panel as panel_module
from rangegeo.picture.placing import TOWN
from rangegeo.picture.shown import PIXELS, decimated

GROUND_NAMES = (
    "degrees", "antimeridian", "antimeridian in Mercator", "globe", "high latitude", "Svalbard", "Arctic",
    "zone of UTM", "Lambert", "Mollweide", "feet", "one pixel", "a thin row", "some metres",
)  # fmt: skip


def saved(figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight", dpi=60)
    return file.getvalue()


def lines_of(axes, kind: str) -> list[np.ndarray]:
    """The lines of a kind, as they are drawn on top."""
    (found,) = (lines for lines in axes.collections if lines.get_gid() == f"{kind} above")
    return found.get_segments()


def texts_of(axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text() and text.get_gid() != TOWN]


# ------------------------------------------------------------------------------------------------ the picture


@pytest.mark.parametrize("ground", GROUND_NAMES)
def test_every_ground_is_drawn_in_its_own_place(cube_of, ground):
    cube = cube_of(ground)
    figure = draw(cube)
    (axes,) = figure.axes
    (image,) = axes.images
    box = cube.odc.geobox.boundingbox
    assert image.get_extent() == [box.left, box.right, box.bottom, box.top]
    assert (axes.get_xlim(), axes.get_ylim()) == ((box.left, box.right), (box.bottom, box.top))
    shown = np.asarray(image.get_array())
    expected = paint_cube(cube, fit_cube(cube)).values[0]
    np.testing.assert_array_equal(shown[..., :3], expected)
    np.testing.assert_array_equal(shown[..., 3] == 0, np.isnan(cube.values[0, 0]))
    picture = imread(io.BytesIO(saved(figure)))
    assert picture.shape[0] > 20
    assert max(picture.shape) < 1000


TURNS = {
    "south first": {"y": slice(None, None, -1)},
    "east first": {"x": slice(None, None, -1)},
    "both": {"y": slice(None, None, -1), "x": slice(None, None, -1)},
}


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("ground", ["degrees", "antimeridian", "Arctic", "zone of UTM"])
def test_a_turned_cube_is_drawn_as_it_lies(cube_of, ground, turn):
    """The picture, the coastlines, the graticule, the labels and the scale are those of the cube as it was."""
    cube = cube_of(ground)
    straight, turned = (saved(draw(each, colours=fit_cube(cube))) for each in (cube, cube.isel(TURNS[turn])))
    assert turned == straight


def test_a_sorted_cube_lies_under_its_own_coastlines(cube_of):
    """The colour of a place is found where the axes say that the place is."""
    cube = cube_of("degrees", bands=1)
    for each in (cube.sortby("y"), cube.sortby("x", ascending=False)):
        (image,) = draw(each, colours=fit_cube(cube)).axes[0].images
        left, right, bottom, top = image.get_extent()
        pixels = np.asarray(image.get_array())[..., 0]
        row, col = (top - 47.025) / (top - bottom) * len(pixels), (6.025 - left) / (right - left) * pixels.shape[1]
        place = each.sel(y=47.025, x=6.025, method="nearest")
        assert pixels[int(row), int(col)] == paint_cube(place.expand_dims(("y", "x")), fit_cube(cube)).values.ravel()[0]


@pytest.mark.parametrize(
    ("ground", "height_over_width"),
    [
        ("degrees", 4 / (5 * np.cos(np.radians(46)))),
        ("high latitude", 5 / (24 * np.cos(np.radians(78.5)))),
        ("globe", 0.5),
        ("Arctic", 1.0),
        ("Mollweide", 0.5),
    ],
)
def test_ground_keeps_its_shape(cube_of, ground, height_over_width):
    figure = draw(cube_of(ground))
    _, _, width, height = figure.axes[0].get_position().bounds
    across, down = figure.get_size_inches()
    assert height * down / (width * across) == pytest.approx(height_over_width, rel=0.02)
    assert max(height * down, width * across) == pytest.approx(7)


def test_betas_stand_side_by_side_in_the_same_colours(cube_of):
    cube = cube_of("Lambert", betas=(0.0, 0.5, 1.0))
    figure = draw(cube, title="Three")
    assert [axes.get_title() for axes in figure.axes] == ["beta = 0", "beta = 0.5", "beta = 1"]
    lefts = [axes.get_position().x0 for axes in figure.axes]
    assert lefts == sorted(lefts)
    assert len({axes.get_position().y0 for axes in figure.axes}) == 1
    colours = fit_cube(cube)
    for axes, layer in zip(figure.axes, cube, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array()[..., :3], paint_cube(layer, colours).values)
    assert [text.get_text() for text in figure.texts][-1] == "Three"
    assert figure.texts[0].get_text().replace("\n", " ").endswith("a colour means the same in each")


def test_each_beta_may_have_a_stretch_of_its_own(cube_of):
    """At beta 0 a cube varies six times less than at beta 1: a shared stretch leaves it flat."""
    cube = cube_of("Lambert", betas=(0.0, 1.0))
    spans = {}
    for stretch in ("shared", "each"):
        figure = draw(cube, stretch=stretch)
        spans[stretch] = [axes.images[0].get_array()[..., :3].astype(int).std(axis=(0, 1)) for axes in figure.axes]
    shared, each = spans["shared"], spans["each"]
    assert (shared[0] < 0.35 * shared[1]).all()
    np.testing.assert_allclose(each[0], each[1], rtol=0.05)
    assert (each[1] > 0.9 * shared[1]).all()
    note = figure.texts[0].get_text().replace("\n", " ")
    assert note.endswith("; each beta has its own stretch: compare colours within a beta only")


def test_a_single_beta_says_nothing_of_others(cube_of):
    for stretch in ("shared", "each"):
        for betas in ((0.5,), None):
            figure = draw(cube_of("degrees", betas=betas), stretch=stretch)
            assert figure.texts[0].get_text() == "0.05° pixels, EPSG:4326; colours: principal directions of 4 bands"


def test_one_band_that_is_stretched_for_each_beta_has_a_bar_in_each_panel(cube_of):
    cube = cube_of("degrees", betas=(0.0, 1.0), bands=1)
    for axes, layer in zip(draw(cube, stretch="each").axes[:2], cube.values, strict=True):
        (bar,) = axes.child_axes
        assert bar.get_ylim() == pytest.approx(np.percentile(layer, (2, 98)), abs=0.02)


@pytest.mark.parametrize("ground", ["degrees", "Lambert", "a thin row"])
def test_a_bar_between_two_panels_hides_nothing(cube_of, ground):
    figure = draw(cube_of(ground, betas=(0.0, 0.5, 1.0), bands=1), stretch="each")
    renderer = FigureCanvasAgg(figure).get_renderer()
    for axes, after in zip(figure.axes[:2], figure.axes[1:3], strict=True):
        (bar,) = axes.child_axes
        assert bar.get_tightbbox(renderer).x1 < after.get_window_extent(renderer).x0


def test_a_note_counts_one_band_as_one(cube_of):
    cube = cube_of("degrees", bands=1)
    two = draw(cube_of("degrees", bands=2)).texts[0].get_text()
    assert (two.partition("of ")[2], draw(cube).texts[0].get_text()) == (
        "2 bands",
        "0.05° pixels, EPSG:4326; visual_0",
    )


def test_colours_can_be_given(cube_of):
    cube = cube_of("degrees", betas=(0.0, 1.0))
    colours = fit_cube(cube)
    strip = [axes.images[0].get_array() for axes in draw(cube).axes]
    for index, expected in enumerate(strip):
        (axes,) = draw(cube.isel(beta=index), colours=colours).axes
        np.testing.assert_array_equal(axes.images[0].get_array(), expected)


def test_a_title_says_the_model_the_beta_and_the_pixels(cube_of):
    note, title = (text.get_text() for text in draw(cube_of("degrees")).texts)
    assert title == "RANGE+, beta = 0.5"
    assert note == "0.05° pixels, EPSG:4326; colours: principal directions of 4 bands"
    assert draw(cube_of("degrees", betas=None)).texts[1].get_text() == "RANGE+"
    assert draw(cube_of("degrees", betas=(0, 1))).texts[1].get_text() == "RANGE+"
    assert draw(cube_of("feet")).texts[0].get_text().startswith("5000 US survey foot pixels, EPSG:2263; ")
    assert "histograms equalised" in draw(cube_of("degrees"), method="ica").texts[0].get_text()
    three = draw(cube_of("degrees", bands=3), method="bands").texts[0].get_text()
    assert three.endswith("red, green, blue: visual_0, visual_1, visual_2")


def test_an_unknown_method_is_refused(cube_of):
    with pytest.raises(UsageError, match=r"^method must be one of pca, ica, bands, got 'umap'"):
        draw(cube_of("degrees"), method="umap")
    with pytest.raises(UsageError, match=r"^stretch must be one of shared, each, got 'both'; for example stretch=\"ea"):
        draw(cube_of("degrees"), stretch="both")


def test_one_band_is_grey_with_a_colour_bar(cube_of):
    cube = cube_of("degrees", betas=(0.0, 1.0), bands=1)
    figure = draw(cube)
    first, last = figure.axes[:2]
    for axes in (first, last):
        shown = axes.images[0].get_array()
        assert (shown[..., 0] == shown[..., 1]).all()
        assert (shown[..., 0] == shown[..., 2]).all()
    (bar,) = last.child_axes
    assert first.child_axes == []
    assert bar.get_ylabel() == "visual_0"
    low, high = np.percentile(cube.values, (2, 98))
    assert bar.get_ylim() == pytest.approx((low, high), abs=0.02)
    shades = last.images[0].get_array()[..., 0]
    np.testing.assert_allclose(
        shades, np.clip((cube.values[1, 0] - low) / (high - low), 0, 1) * 254 + 1, rtol=0, atol=3
    )
    assert len(draw(cube_of("degrees", bands=2)).axes[0].child_axes) == 0


def test_nothing_but_holes_is_drawn_too(cube_of):
    cube = cube_of("degrees") * np.float32(np.nan)
    (axes,) = draw(cube).axes
    assert (axes.images[0].get_array()[..., 3] == 0).all()


def test_pixels_without_data_show_the_neutral_ground(cube_of):
    cube = cube_of("degrees").where(cube_of("degrees")["x"] > 7.5)
    figure = draw(cube)
    (axes,) = figure.axes
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    row, col = (int(part) for part in axes.transData.transform((5.23, 46.51))[::-1])
    red, green, blue, _ = pixels[pixels.shape[0] - row, col]
    assert red == green == blue == 0xE6


def test_a_picture_is_the_same_every_time(cube_of):
    cube = cube_of("Lambert", betas=(0.0, 1.0))
    with dask.config.set(scheduler="threads", num_workers=4):
        many = saved(draw(cube))
    with dask.config.set(scheduler="synchronous"):
        assert saved(draw(cube)) == many
    for method in ("pca", "ica"):
        assert saved(draw(cube, method=method, seed=4)) == saved(draw(cube.chunk(x=13, y=50), method=method, seed=4))
    assert saved(draw(cube, method="ica", seed=4)) != saved(draw(cube, method="ica", seed=5))


# --------------------------------------------------------------------------------------------- what is around it


@pytest.mark.parametrize("ground", GROUND_NAMES)
@pytest.mark.parametrize("betas", [(0.5,), (0.0, 0.5, 1.0)])
def test_no_label_stands_on_another(cube_of, ground, betas):
    figure = draw(cube_of(ground, betas=betas))
    renderer = FigureCanvasAgg(figure).get_renderer()
    labels = [text for axes in figure.axes for text in [*axes.texts, axes.title] if text.get_text()]
    boxes = [label.get_window_extent(renderer) for label in [*labels, *figure.texts]]
    for index, box in enumerate(boxes):
        for other in boxes[:index]:
            assert not box.overlaps(other)


def test_labels_stand_outside_the_frame_or_on_their_line(cube_of):
    figure = draw(cube_of("Lambert"))
    (axes,) = figure.axes
    assert {"5°E", "0°", "5°W", "45°N", "50°N"} & set(texts_of(axes))
    renderer = FigureCanvasAgg(figure).get_renderer()
    frame = axes.get_window_extent(renderer)
    for text in axes.texts:
        if text.get_gid() == TOWN:
            continue
        box = text.get_window_extent(renderer)
        assert not (frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1)


def test_the_panels_share_the_labels_at_the_left(cube_of):
    first, *others = draw(cube_of("degrees", betas=(0.0, 0.5, 1.0))).axes
    assert {"45°N", "7°E"} <= set(texts_of(first))
    for axes in others:
        assert not [text for text in texts_of(axes) if text.endswith("N")]
        assert [text for text in texts_of(axes) if text.endswith("E")]


@pytest.mark.parametrize(
    ("ground", "where"),
    [
        *((ground, "") for ground in ("degrees", "antimeridian", "Svalbard", "zone of UTM", "feet", "some metres")),
        *((ground, " at the equator") for ground in ("globe", "Mollweide")),
        ("antimeridian in Mercator", ""),
        ("high latitude", " at 78°N"),
    ],
)
def test_the_scale_is_right_in_the_middle(cube_of, ground, where):
    figure = draw(cube_of(ground))
    (bar,) = (artist for artist in figure.axes[0].get_children() if isinstance(artist, AnchoredSizeBar))
    said = re.fullmatch(rf"([\d.]+) (km|m){where}", bar.txt_label.get_text())
    assert said, bar.txt_label.get_text()
    metres = float(said[1]) * (1000 if said[2] == "km" else 1)
    (drawn,) = bar.size_bar.get_children()
    geobox = cube_of(ground).odc.geobox
    box = geobox.boundingbox
    assert 0.02 < drawn.get_width() / (box.right - box.left) <= 0.3
    # a small step in the middle, measured on the spheroid
    x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    step = drawn.get_width() / 100
    lon, lat = Transformer.from_crs(geobox.crs.to_wkt(), "EPSG:4326", always_xy=True).transform([x, x + step], [y, y])
    _, _, measured = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])
    assert measured * 100 == pytest.approx(metres, rel=0.01)


def test_coastlines_are_left_out_where_the_package_is_missing(cube_of, monkeypatch):
    for kind, name in (("coast", "coastlines"), ("lake", "lake_shores"), ("border", "borders")):
        assert len(lines_of(draw(cube_of("Lambert")).axes[0], kind)) > 3
        monkeypatch.setattr(panel_module, name, lambda frame, pixels: [])
        (axes,) = draw(cube_of("Lambert")).axes
        assert lines_of(axes, kind) == []
        assert texts_of(axes)


# --------------------------------------------------------------------------------------------------- large cubes


def test_a_large_cube_is_thinned_out(cube_of):
    cube = cube_of("degrees")
    for size in (PIXELS, PIXELS + 1, 2 * PIXELS, 5 * PIXELS + 3):
        large = xr.DataArray(np.arange(7 * size).reshape(7, size), dims=("y", "x"))
        thin = decimated(large)
        assert 0.45 * PIXELS < thin.sizes["x"] <= PIXELS
        assert thin.sizes["y"] >= 1
        middle = (thin.values[0] % size + 0.5).mean() / size
        assert middle == pytest.approx(0.5, abs=2e-3)
    assert decimated(cube).identical(cube)


def test_memory_does_not_grow_with_the_cube(cube_of):
    """However large a cube, the blocks alive at once are those in flight."""
    alive, most, made = 0, 0, 0

    def died() -> None:
        nonlocal alive
        alive -= 1

    def make(block_info: dict) -> np.ndarray:
        nonlocal alive, most, made
        block = np.random.default_rng(0).random(block_info[None]["chunk-shape"], np.float32)
        weakref.finalize(block, died)
        alive, made = alive + 1, made + 1
        most = max(most, alive)
        return block

    small = cube_of("Lambert", betas=(0.0, 1.0))
    geobox = GeoBox((3000, 3000), small.odc.geobox.affine, small.odc.geobox.crs)
    chunks = ((1, 1), (4,), (300,) * 10, (300,) * 10)
    data = da.map_blocks(make, chunks=chunks, dtype=np.float32, meta=np.empty((0,) * 4, np.float32))
    kept = {name: small[name] for name in ("beta", "band", "band_name")}
    large = xr.DataArray(data, grid_coords(geobox) | kept, small.dims, small.name, small.attrs)
    with dask.config.set(scheduler="threads", num_workers=2):
        figure = draw(large)
    assert figure.axes[0].images[0].get_array().shape[:2] == (1000, 1000)
    assert made == 400  # once for the sample and once for the picture
    assert most <= 8


# ---------------------------------------------------------------------------------------------- without matplotlib


def test_it_says_what_is_missing():
    code = (
        "import sys; sys.modules.update({'matplotlib': None, 'sklearn': None});"
        "import rangegeo as rg; from rangegeo.picture import draw;"
        "from rangegeo.errors import MissingPackage\n"
        "try: draw(rg.raster((5, 44, 6, 45), res=0.5))\n"
        "except MissingPackage as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "drawing a picture needs matplotlib: pip install matplotlib\n"


# ---------------------------------------------------------------------------------------------- the embedded model


def test_the_embedded_model_grows_sharper_with_beta():
    """The strip of South America: smooth at 0, sharp at 1, and sharper at every step between."""
    cube = rg.raster((-82, -40, -34, 8), res=1, model="RANGE+", layout="components").compute()
    betas = (0, 0.25, 0.5, 0.75, 1)
    layers = [cube.rangegeo.at(beta).isel(band=slice(256)) for beta in betas]
    strip = xr.concat(layers, "beta", coords="minimal", compat="override", combine_attrs="override")
    for method in ("pca", "ica"):
        panels = [axes.images[0].get_array()[..., :3].astype(float) for axes in draw(strip, method=method).axes]
        # of 3 x 3 pixels, as a share of the variance of the whole picture
        local = [
            np.lib.stride_tricks.sliding_window_view(panel, (3, 3), axis=(0, 1)).var(axis=(-2, -1)).mean()
            / panel.var(axis=(0, 1)).mean()
            for panel in panels
        ]
        assert (np.diff(local) > 0).all(), local
        assert local[-1] > 4 * local[0], local
