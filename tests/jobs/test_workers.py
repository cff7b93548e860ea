"""Rasters that workers write: the same values, small messages, one model a process, and what lost workers change."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cloudpickle
import dask
import numpy as np
import pytest
import torch
import xarray as xr
from distributed import Client, LocalCluster
from distributed.comm import CommClosedError
from oracles import golden

import rangegeo as rg
from rangegeo.errors import ClusterError
from rangegeo.jobs import workers
from rangegeo.jobs.planet import PlanetJob
from rangegeo.jobs.planet_options import PlanetArea, PlanetOutput
from rangegeo.jobs.workers import check_versions, check_workers
from rangegeo.models.parts import ModelParts
from rangegeo.spectral.layout import root_bounds, root_columns
from rangegeo.stores import computing

MINI = {"weights": str(golden.GOLDEN / "satclip-mini.ckpt"), "db": str(golden.GOLDEN / "range_db_mini.npz")}
AREA = {"type": "Polygon", "coordinates": [[[5, 44], [6, 44], [6, 45], [5, 44]]]}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    folder = tmp_path_factory.mktemp("workers")
    options = {"dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "local_directory": folder, "silence_logs": 50}
    with LocalCluster(n_workers=1, threads_per_worker=1, **options) as cluster:
        yield cluster


@pytest.fixture
def client(cluster) -> Iterator[Client]:
    with Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def made():
    """A cube of 16 blocks, of which some lie outside its area, interpolated from several patches."""
    model = rg.load_model("RANGE+", **MINI, device="cpu")
    return rg.raster(aoi=AREA, res=0.0125, model=model, betas=(0, 1), chunks=32, exact=True)


def of_workers(cluster: LocalCluster, client: Client, count: int) -> None:
    cluster.scale(count)
    while len(client.nthreads()) != count:
        time.sleep(0.05)


def written(path: Path) -> xr.Dataset:
    return xr.open_dataset(path, engine="zarr", mask_and_scale=False).load()


def one_thread() -> None:
    torch.set_num_threads(1)


def test_the_number_of_workers_changes_no_value(cluster, made, folder):
    """One torch thread each, so that the bytes are the same too."""
    before = torch.get_num_threads()
    one_thread()
    made.rangegeo.to_zarr("threads.zarr")
    torch.set_num_threads(before)
    expected = written(folder / "threads.zarr")
    for count in (1, 2, 4):
        with Client(cluster) as client:
            of_workers(cluster, client, count)
            client.run(one_thread)
            made.rangegeo.to_zarr(f"{count}.zarr")
        xr.testing.assert_identical(written(folder / f"{count}.zarr"), expected)


def test_the_number_of_threads_changes_values_by_round_off_alone(made, folder):
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(made.compute(scheduler="synchronous"))
    one, two = found
    np.testing.assert_array_equal(np.isnan(one), np.isnan(two))
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-6 * float(np.abs(one).max()))


def test_geotiffs_are_computed_by_the_workers_too(client, made, folder, monkeypatch):
    """No block is evaluated in this process."""
    expected = made.compute(scheduler="threads")
    monkeypatch.setattr("rangegeo.cubes.graph.evaluate_pixels", None)
    made.rangegeo.to_geotiff("a.tif")
    for beta in (0, 1):
        found = rg.open_cube(f"a_beta{beta}.tif")
        np.testing.assert_allclose(found.values, expected.sel(beta=beta).values, rtol=0, atol=1e-6)


def test_planets_are_computed_by_the_workers_too(client, mini, folder, monkeypatch):
    """No tile is fitted in this process."""
    monkeypatch.setattr("rangegeo.jobs.planet.fit_block", None)
    output = PlanetOutput(out=folder / "a.zarr")
    bbox = (6.0, 46.0, 7.0, 47.0)
    roots, _ = PlanetArea(bbox=bbox).roots(root_bounds(root_columns()))
    job = PlanetJob(parts=ModelParts(mini), roots=roots, bbox=bbox, tolerance=3e-2, output=output)
    assert job.write() == folder / "a.zarr"
    assert 0 < job.facts["measured_error"] <= 3e-2


def test_only_measurements_pass_through_the_client(client, made, folder, monkeypatch):
    """A task is a spec and a window, and an answer is what was measured. Each worker maps the model once."""
    sent, answered = [], []
    compute, gather = client.compute, client.gather

    def computed(tasks: list, **options: object) -> list:
        sent.extend(len(cloudpickle.dumps(dict(task.dask))) for task in tasks[:1])
        sent.append(len(cloudpickle.dumps([dict(task.dask) for task in tasks])) / len(tasks))
        return compute(tasks, **options)

    def gathered(futures: list) -> list:
        results = gather(futures)
        answered.extend(len(pickle.dumps(result)) for result in results)
        return results

    monkeypatch.setattr(client, "compute", computed)
    monkeypatch.setattr(client, "gather", gathered)
    made.rangegeo.to_zarr("a.zarr")
    assert len(answered) == made.data.npartitions
    assert max(answered) < 1000
    assert sent[1] < 20_000
    block = made.data.nbytes / made.data.npartitions
    assert max(answered) < block / 50
    models = client.run(lambda: len(__import__("rangegeo.models.load").models.load._LOADED))
    assert set(models.values()) == {1}


def test_a_killed_worker_costs_nothing_but_time(cluster, client, made, folder):
    of_workers(cluster, client, 2)
    slow = made.copy(data=made.data.map_blocks(slowly, dtype=made.dtype))
    journal = folder / ".a.zarr-unfinished" / "journal" / "cube"
    pids = list(client.run(os.getpid).values())

    def kill() -> None:
        while not list(journal.glob("*.json")):
            time.sleep(0.01)
        os.kill(pids[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    slow.rangegeo.to_zarr("a.zarr")
    killer.join()
    made.rangegeo.to_zarr("b.zarr")
    np.testing.assert_array_equal(written(folder / "a.zarr").embedding, written(folder / "b.zarr").embedding)
    left = [str(path) for path in (folder / "a.zarr").rglob("*.partial")]
    assert not left


def ends(group: int) -> bool:
    """Whether all processes of a group end within half a minute; Python's own tracker of semaphores is the last."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_process_and_one_line(folder, tmp_path, how):
    """Ctrl-C in a terminal goes to all processes of the command, also to the workers."""
    (tmp_path / "t").mkdir()
    arguments = ["raster", "--bbox", "5,44,35,48", "--res", "0.01", "--weights", MINI["weights"], "--db", MINI["db"]]
    process = subprocess.Popen(
        [sys.executable, "-m", "rangegeo", *arguments, "--exact", "--workers", "2", "-o", "a.zarr"],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path / "t")},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    started = time.monotonic()
    while not list((folder / ".a.zarr-unfinished" / "journal" / "cube").glob("*.json")):
        assert time.monotonic() - started < 90
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, how)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(
        r"rangegeo: interrupted; \d+ blocks? (is|are) kept; add --resume to continue", err.splitlines()[-1]
    )
    assert "Traceback" not in err
    assert list((tmp_path / "t").iterdir()) == []
    assert [path.name for path in folder.iterdir()] == [".a.zarr-unfinished"]
    assert ends(process.pid)


def slowly(block: np.ndarray) -> np.ndarray:
    time.sleep(0.1)
    return block


def test_what_a_dead_cluster_wrote_is_kept_and_continued(made, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(computing, "LOOK_EVERY", 0.1)
    options = {"dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "local_directory": tmp_path, "silence_logs": 60}
    journal = folder / ".a.zarr-unfinished" / "journal" / "cube"
    slow = made.copy(data=made.data.map_blocks(slowly, dtype=made.dtype))
    with LocalCluster(n_workers=1, threads_per_worker=1, protocol="tcp", processes=False, **options) as dying:

        def close() -> None:
            while not list(journal.glob("*.json")):
                time.sleep(0.01)
            dying.close()

        closer = threading.Thread(target=close)
        with Client(dying):
            closer.start()
            with pytest.raises(ClusterError, match="the scheduler of the cluster is gone") as caught:
                slow.rangegeo.to_zarr("a.zarr")
        closer.join()
    kept = len(list(journal.glob("*.json")))
    assert 0 < kept < made.data.npartitions
    assert "add resume=True to continue" in caught.value.__notes__[0]
    slow.rangegeo.to_zarr("a.zarr", resume=True)
    np.testing.assert_array_equal(rg.open_cube("a.zarr").values, made.compute(scheduler="threads").values)


# ------------------------------------------------------------------------------------------- refused before any work


def told(**packages: str) -> dict:
    own = dict.fromkeys(workers.PACKAGES, "1.0")
    return {"host": {"python": packages.pop("python", "3.11.7.final.0")}, "packages": own | packages}


def test_other_versions_are_refused():
    check_versions({"client": told(), "scheduler": told(python="3.11.2.final.0"), "workers": {"tcp://b:1": told()}})
    with pytest.raises(ClusterError) as caught:
        check_versions({"client": told(), "scheduler": told(), "workers": {"tcp://b:1": told(torch="0.9")}})
    said = "the worker tcp://b:1 has torch 0.9, and this program has 1.0; install the same versions everywhere"
    assert str(caught.value) == said
    with pytest.raises(ClusterError, match=r"the scheduler has python 3\.12, and this program has 3\.11"):
        check_versions({"client": told(), "scheduler": told(python="3.12.0.final.0"), "workers": {}})
    with pytest.raises(ClusterError, match=r"has rangegeo \(none\)"):
        check_versions({"client": told(), "scheduler": told(), "workers": {"b": told(rangegeo=None)}})


def test_versions_of_real_workers_are_asked(client, made, folder, monkeypatch):
    monkeypatch.setattr(workers, "PACKAGES", (*workers.PACKAGES, "tornado"))
    check_workers(made, folder / "a.zarr")
    versions = client.get_versions

    def other(**options: list) -> dict:
        found = versions(**options)
        next(iter(found["workers"].values()))["packages"]["tornado"] = "0.1"
        return found

    monkeypatch.setattr(client, "get_versions", other)
    with pytest.raises(ClusterError, match=r"has tornado 0\.1, and this program has"):
        made.rangegeo.to_zarr("a.zarr")
    assert list(folder.iterdir()) == []


def test_other_model_files_are_refused(client, folder):
    """The file is another one for workers that load it later."""
    weights = folder / "w.ckpt"
    weights.write_bytes(Path(MINI["weights"]).read_bytes())
    model = rg.load_model("RANGE+", weights=str(weights), db=MINI["db"], device="cpu")
    cube = rg.raster((5, 44, 6, 45), 0.25, model=model)
    weights.unlink()
    with pytest.raises(
        ClusterError, match=r"the worker tcp://\S+ cannot use the model \(.*w\.ckpt does not exist"
    ) as caught:
        cube.rangegeo.to_zarr("a.zarr")
    assert str(caught.value).endswith("; put the same files at the same paths of all workers")
    assert list(folder.iterdir()) == []


class Elsewhere:
    """A client of a worker that sees another folder."""

    def __init__(self, folder: Path, seen: str | None) -> None:
        self.folder, self.seen = folder, seen

    def run(self, function, folder: Path, word: str, on_error: str) -> dict:
        if self.seen is not None:
            (self.folder / f"token-{word}").write_text(word if self.seen == "own" else self.seen)
        return {"tcp://b:1": function(self.folder, word, SimpleNamespace(address="tcp://b:1"))}


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (None, "No such file or directory"),
        ("another token", "it reads another folder of that name"),
        ("own", "it writes elsewhere"),
    ],
)
def test_a_worker_that_does_not_see_the_output_is_refused(folder, tmp_path, seen, problem):
    (tmp_path / "there").mkdir()
    with pytest.raises(ClusterError) as caught:
        workers._check_folder(Elsewhere(tmp_path / "there", seen), folder / "a.zarr")
    said = f"the worker tcp://b:1 cannot write beside {folder / 'a.zarr'} ({problem}); give another -o"
    assert caught.value.for_shell() == f"{said}, which all workers can write"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("dies_at", ["get_versions", "_load", "_answer"])
@pytest.mark.parametrize("error", [CommClosedError("in <TCP (closed)>"), OSError("Timed out"), TimeoutError()])
def test_a_scheduler_that_dies_while_workers_are_checked_is_told_in_a_line(
    client, made, folder, monkeypatch, dies_at, error
):
    run = client.run

    def dying(function=None, *given, **options: object):
        if function is None or function.__name__ == dies_at:
            raise error
        return run(function, *given, **options)

    name = dies_at if dies_at == "get_versions" else "run"
    monkeypatch.setattr(client, name, (lambda **_: dying()) if name == dies_at else dying)
    with pytest.raises(ClusterError) as caught:
        made.rangegeo.to_zarr("a.zarr")
    said = "the scheduler of the cluster is gone; start the cluster again, and run the same again"
    assert str(caught.value) == said
    assert list(folder.iterdir()) == []


def test_a_scheduler_that_is_gone_before_workers_are_checked(made, folder, tmp_path):
    options = {"dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "local_directory": tmp_path, "silence_logs": 60}
    limits = {"distributed.comm.timeouts.connect": "1s"}
    with (
        dask.config.set(limits),
        LocalCluster(n_workers=1, threads_per_worker=1, protocol="tcp", processes=False, **options) as dying,
        Client(dying, timeout=1),
    ):
        dying.close()
        with pytest.raises(ClusterError, match="the scheduler of the cluster is gone"):
            made.rangegeo.to_zarr("a.zarr")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (CommClosedError("in <TCP (closed)>"), ClusterError, "the worker tcp://b:1 is gone; run the same again"),
        (ValueError("a fault of ours"), ValueError, "a fault of ours"),
    ],
)
def test_what_a_worker_raises_is_not_said_of_the_scheduler(folder, answer, kind, said):
    client = SimpleNamespace(run=lambda *given, on_error: {"tcp://b:1": answer})
    with pytest.raises(kind) as caught:
        workers._check_folder(client, folder / "a.zarr")
    assert str(caught.value) == said
    assert list(folder.iterdir()) == []


def test_without_a_cluster_nothing_is_checked(made, folder):
    with dask.config.set(scheduler="threads"):
        check_workers(made, folder / "nowhere" / "a.zarr")
