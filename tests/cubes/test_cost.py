"""What a raster is expected to cost."""

from __future__ import annotations

import math

import pytest
from helpers.rasters import raster_spec

from rangegeo.cubes import cost
from rangegeo.cubes.cost import A_BLOCK, ALONE, ALWAYS, INTERPOLATED_A_SECOND, plan
from rangegeo.grid.box import make_geobox
from rangegeo.stores.formats import FORMATS
from rangegeo.support.machine import slowness


@pytest.mark.parametrize(("side", "nodes"), [(0.2, 121), (0.64, 441), (2.56, 441), (5.12, 1681), (10.24, 4 * 1681)])
def test_small_patches_take_fewer_places(mini, side, nodes):
    geobox = make_geobox((5, 0, 5 + side, side), side / 1024)
    assert plan(raster_spec(geobox, mini, mini.recipe(0.5)), None).evaluations == nodes


def test_points_that_share_their_sums_are_probed_on_a_patch_of_their_size(mini, monkeypatch):
    asked: list[float | None] = []
    monkeypatch.setattr(cost, "seconds_per_place", lambda evaluator, recipe, patch: asked.append(patch) or 1.0)
    spec = raster_spec(make_geobox((5, 0, 5.64, 0.64), 0.01), mini, mini.recipe(0.5))
    assert plan(spec, mini.evaluator).evaluations == 441
    monkeypatch.setattr("rangegeo.field.supports.SMALLEST_SUM", 0)
    assert plan(spec, mini.evaluator).evaluations == 1681
    assert asked == [None, pytest.approx(0.64)]


def test_what_is_compressed_takes_longer_on_a_slow_machine(mini, monkeypatch):
    monkeypatch.setattr(cost, "seconds_per_place", lambda *_: 0.001)
    spec = raster_spec(make_geobox((5, 0, 5.64, 0.64), 0.01), mini, mini.recipe((0, 1)))
    seconds = {}
    for slow in (1, 3):
        monkeypatch.setattr(cost, "slowness", lambda slow=slow: slow)
        seconds[slow] = plan(spec, mini.evaluator, "int8", 1e6, 1e5).seconds
    values = math.prod(spec.shape)
    writing = values / 1e6 + 2 * 4096 / 1e5 + len(spec.rows) * len(spec.cols) * A_BLOCK
    assert seconds[1] == pytest.approx(ALWAYS + ALONE * 0.441 + values / INTERPOLATED_A_SECOND + writing)
    assert seconds[3] - seconds[1] == pytest.approx(2 * (seconds[1] - ALWAYS - ALONE * 0.441))


def test_the_speed_of_the_machine_is_measured_once():
    assert 0 < slowness() == slowness()
    assert FORMATS["zarr"].rates > FORMATS["cog"].rates
