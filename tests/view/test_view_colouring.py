"""The colours of tiles are those of previews, at every beta."""

from __future__ import annotations

import numpy as np
import pytest

from rangegeo.errors import UsageError
from rangegeo.view.colouring import LEVELS, Colouring
from rangegeo.view.opening import open_source
from rangegeo.view.tile import SIDE, Tile
from rangegeo.view.viewer import Viewer

TILE = Tile(6, 33, 22)


@pytest.mark.parametrize("beta", [0, 0.3, 1])
@pytest.mark.parametrize("name", ["pca", "ica", "bands-1-2-3", "bands-4", "pca@5,44,10,48"])
def test_a_picture_is_the_embedding_painted(viewer, name, beta):
    found = viewer.picture(TILE, name, beta)
    places = TILE.pixels().lonlat_deg[::997]
    values = viewer.source.layers.embedding(viewer.source.at(places), beta)
    painted = viewer.colouring(name).colours.paint(values.T)
    rgba = found.reshape(-1, 4)[::997]
    assert np.abs(rgba[:, :3].T.astype(int) - painted.astype(int)).max() <= 1
    assert (rgba[:, 3] == 255).all()


def test_numbers_are_cut_off_far_beyond_the_colours(viewer):
    colouring = viewer.colouring("pca")
    scores = np.array([[-1e9] * 3, [1e9] * 3]).reshape(6, 1)
    assert colouring.numbers(scores).ravel().tolist() == [1, 1, 1, LEVELS, LEVELS, LEVELS]
    assert not colouring.numbers(np.full((6, 1), np.nan)).any()
    curves = np.array(colouring.curves())
    assert (curves[:, 0] > 1).all()
    assert (curves[:, -1] < LEVELS).all()


def test_shades_follow_the_curves(viewer):
    colouring = viewer.colouring("ica")
    assert colouring.shades[:, 0].tolist() == [0, 0, 0]
    for table, curve in zip(colouring.shades, colouring.curves(), strict=True):
        middle = round(curve[50])
        assert abs(int(table[middle]) - 128) <= 1


def test_without_data_a_picture_is_clear(cube_path):
    viewer = Viewer(open_source(cube_path))
    assert not viewer.picture(Tile(6, 0, 0), "pca", 0.5).any()
    part = viewer.picture(Tile(6, 33, 22), "pca", 0.5)
    assert 0 < (part[..., 3] == 255).sum() < SIDE**2


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "there are no colours ''"),
        ("pca@1,2", "there are no colours"),
        ("bands-1-2", "there are no colours"),
        ("bands-0", "bands are numbered from 1 to 76"),
        ("bands-99", "bands are numbered from 1 to 76, got 99"),
        ("pca@9,44,5,48", "bbox must be"),
    ],
)
def test_colours_that_do_not_exist(planet, name, why):
    with pytest.raises(UsageError, match=why):
        Colouring.of(name, planet)


def test_colours_of_a_view_beside_the_cube(cube_path):
    with pytest.raises(UsageError, match="nothing of the cube lies in view"):
        Colouring.of("pca@100,0,110,10", open_source(cube_path))


def test_tiles_are_made_once(viewer):
    before = viewer.source.layers
    first = viewer.numbers(Tile(9, 265, 181), "pca")
    assert viewer.numbers(Tile(9, 265, 181), "pca") is first
    assert viewer.source.layers is before
