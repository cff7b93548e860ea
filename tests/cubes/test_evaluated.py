"""What was evaluated is kept for the next use, within bounds, and never changed by those who use it."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

import rangegeo as rg
from rangegeo.cubes import evaluated, graph
from rangegeo.cubes.evaluated import KEPT, Kept, nothing_kept
from rangegeo.engine import patches

BOX = (5, 44, 6.5, 45.5)


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """One entry for each patch and each block that is evaluated from now on."""
    seen: list[str] = []
    for module, name in ((patches, "evaluate_patches"), (graph, "evaluate_pixels")):
        compute = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, _c=compute, _n=name: (seen.append(_n), _c(*given))[1])
    return seen


@pytest.mark.parametrize(("res", "what"), [(0.02, "evaluate_patches"), (0.1, "evaluate_pixels")])
def test_the_second_use_evaluates_nothing(mini, calls, res, what):
    cube = rg.raster(BOX, res, model=mini, betas=(0, 1))
    first = cube.values
    assert set(calls) == {what}
    calls.clear()
    np.testing.assert_array_equal(cube.compute().values, first)
    np.testing.assert_array_equal(rg.raster(BOX, res, model=mini, betas=(0, 1)).sel(beta=1).values, first[1])
    cube.rangegeo.plot()
    cube.rangegeo.rgb().compute()
    cube.rangegeo.similarity(5.5, 45).compute()
    cube.rangegeo.cluster(3).compute()
    assert calls == []
    evaluated.clear()
    assert (len(KEPT), KEPT.nbytes) == (0, 0)
    cube.compute()
    assert set(calls) == {what}


def test_slices_of_a_virtual_cube_are_kept_too(mini, calls):
    for _ in range(2):
        world = rg.raster((-180, -90, 180, 90), 0.01, model=mini, chunks=None)
        world.sel(x=slice(5, 6), y=slice(45, 44)).load()
    assert calls == ["evaluate_patches"]


def test_other_models_grids_betas_bands_and_tolerances_share_nothing(mini, calls):
    plain = {"bbox": BOX, "res": 0.02, "model": mini, "betas": 1}
    others = ({}, {"bbox": (5, 44, 6.5, 45.52)}, {"betas": 0}, {"bands": [1, 2]}, {"tolerance": 1e-4}, {"exact": True})
    for number, other in enumerate(others):
        rg.raster(**plain | other).compute()
        assert len(calls) == number + 1, other


def test_values_can_be_changed_by_their_owner(mini):
    cube = rg.raster(BOX, 0.1, model=mini)
    first = cube.compute()
    expected = first.values.copy()
    first.values[:] = 0
    second = cube.compute()
    np.testing.assert_array_equal(second.values, expected)
    second.values[:] = 1
    np.testing.assert_array_equal(cube.values, expected)


def test_the_oldest_values_give_way():
    kept = Kept(most_bytes=400)
    made: list[str] = []

    def get(key: str, count: int = 25) -> np.ndarray:
        return kept.get(key, lambda: (made.append(key), np.zeros(count, np.float32))[1])

    for key in "abcdaeb":
        get(key)
        assert kept.nbytes <= 400
    assert made == ["a", "b", "c", "d", "e", "b"]
    get("large", 26)
    get("large", 26)
    assert made[-2:] == ["large", "large"]
    assert kept.nbytes == 400


def test_nothing_is_kept_where_nothing_should_be(mini, calls, monkeypatch):
    cube = rg.raster(BOX, 0.1, model=mini)
    with nothing_kept():
        cube.compute()
        cube.compute()
    assert (len(calls), len(KEPT)) == (2, 0)
    monkeypatch.setitem(sys.modules, "distributed.worker", SimpleNamespace(get_worker=lambda: "a worker"))
    cube.compute()
    assert (len(calls), len(KEPT)) == (3, 0)


def test_threads_share_it():
    kept = Kept(most_bytes=4000)
    barrier = threading.Barrier(8)

    def work(seed: int) -> bool:
        barrier.wait()
        random = np.random.default_rng(seed)
        numbers = random.integers(0, 30, 500)
        return all((kept.get(str(n), lambda n=n: np.full(100, n, np.float32)) == n).all() for n in numbers)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert kept.nbytes == 400 * len(kept) <= 4000


def test_the_command_line_keeps_nothing(mini, tmp_path, monkeypatch):
    from oracles import golden

    from rangegeo.cli.main import run

    monkeypatch.chdir(tmp_path)
    files = ["--weights", str(golden.GOLDEN / "satclip-mini.ckpt"), "--db", str(golden.GOLDEN / "range_db_mini.npz")]
    assert run(["raster", "--bbox", "5,44,6,45", "--res", "0.02", *files, "-q", "-o", "a.zarr"]) == 0
    assert len(KEPT) == 0
