"""The key names what the picture shows and nothing else; every kind of line has a style of its own."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba

from rangegeo.grid import make_geobox
from rangegeo.picture import draw
from rangegeo.picture.coastlines import lake_shores
from rangegeo.picture.ground import Frame
from rangegeo.picture.panel import WATER

COAST, LAKE, BORDER, TOWN = "coast", "lake or wide river", "border", "town (GeoNames)"


def key_of(figure) -> list[str]:
    return [text.get_text() for key in figure.legends for text in key.get_texts()]


@pytest.mark.parametrize(
    ("ground", "how", "expected"),
    [
        ("degrees", {}, [COAST, LAKE, BORDER, TOWN]),
        ("degrees", {"borders": False}, [COAST, LAKE, TOWN]),
        ("degrees", {"borders": True, "towns": 0}, [COAST, LAKE, BORDER]),
        ("antimeridian", {}, [COAST, TOWN]),
        ("some metres", {}, []),
    ],
)
def test_the_key_names_what_is_there(cube_of, ground, how, expected):
    assert key_of(draw(cube_of(ground), **how)) == expected


@pytest.mark.parametrize("ground", ["degrees", "globe", "Arctic", "one pixel", "a thin row", "feet"])
@pytest.mark.parametrize("betas", [(0.5,), (0.0, 0.25, 0.5, 0.75, 1.0)])
def test_the_key_hides_nothing(cube_of, ground, betas):
    figure = draw(cube_of(ground, betas=betas))
    renderer = FigureCanvasAgg(figure).get_renderer()
    labels = [text for axes in figure.axes for text in [*axes.texts, axes.title] if text.get_text()]
    boxes = [artist.get_window_extent(renderer) for artist in [*labels, *figure.texts, *figure.axes]]
    for key in figure.legends:
        assert not any(key.get_window_extent(renderer).overlaps(box) for box in boxes)


def test_lines_are_told_apart_by_colour_and_dashes(cube_of):
    (axes,) = draw(cube_of("degrees")).axes
    top = {lines.get_gid().split()[0]: lines for lines in axes.collections if str(lines.get_gid()).endswith("above")}
    assert list(top) == ["border", "lake", "coast"]
    colours = {kind: tuple(lines.get_color()[0][:3]) for kind, lines in top.items()}
    assert colours["lake"] == to_rgba(WATER)[:3] != colours["coast"]
    assert top["lake"].get_linewidth()[0] < top["coast"].get_linewidth()[0]
    assert top["border"].get_linestyle()[0][1] is not None
    assert top["coast"].get_linestyle()[0][1] is None
    samples = {line.get_label(): line for line in draw(cube_of("degrees")).legends[0].legend_handles}
    assert to_rgba(samples[LAKE].get_color())[:3] == colours["lake"]
    assert samples[BORDER].is_dashed()
    assert not samples[COAST].is_dashed()
    frame = Frame(cube_of("degrees").odc.geobox)
    drawn = np.concatenate(top["lake"].get_segments())
    np.testing.assert_array_equal(drawn, np.concatenate(lake_shores(frame, 700)))


def test_a_line_that_is_only_beside_the_picture_is_not_in_the_key():
    """The shore of Lake Constance lies within the margin that is kept around a picture, and not in it."""
    from rangegeo.picture.orientation import Orientation
    from rangegeo.picture.panel import Decorations

    frame = Frame(make_geobox((8.2, 47.75, 8.98, 48.4), 0.01))
    decorations = Decorations.of(frame, (7, 7), Orientation(towns=0))
    left, right, bottom, top = frame.edges
    outside = [
        line
        for line in decorations.ways["lake"]
        if not ((line >= (left, bottom)) & (line <= (right, top))).all(axis=1).any()
    ]
    assert len(outside) == len(decorations.ways["lake"]) > 0
    assert "lake" not in decorations.crossing(frame)
