"""Repositories of Icechunk: a run is one transaction, and earlier states are kept."""

from __future__ import annotations

import pickle
import re
import signal
import subprocess
import sys
from pathlib import Path

import dask
import icechunk
import numpy as np
import pytest
import xarray as xr

import rangegeo as rg
import rangegeo.accessor
from rangegeo.cli.main import run
from rangegeo.errors import CubeError, MissingPackage, OutputError, RemoteError, UsageError
from rangegeo.grid.bucket import BucketStore
from rangegeo.stores import transaction
from rangegeo.support.location import located
from rangegeo.support.repository import Repository, _opened
from rangegeo.support.unfinished import claimed, hidden_folder

# Run a command line that is killed when it is about to commit.
PROGRAM = """
import os, signal, sys
import icechunk
from rangegeo.cli.main import run
def die(self, *given, **more):
    os.kill(os.getpid(), signal.SIGKILL)
icechunk.Session.commit = die
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path) -> tuple[str, dict[str, str]]:
    """The address of a repository that is not there yet, and what is needed to use it."""
    if request.param == "folder":
        return f"icechunk://{tmp_path}/alps", {}
    return f"icechunk+{request.getfixturevalue('bucket')}/deep/alps", request.getfixturevalue("s3").options


def repository(folder: Path) -> icechunk.Repository:
    return icechunk.Repository.open(icechunk.local_filesystem_storage(str(folder)))


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("options", [{}, {"dtype": "int16", "creation_options": {"SHARDS": "YES"}}])
def test_a_cube_comes_back_as_from_a_plain_store(cube, place, tmp_path, options):
    url, access = place
    (path,) = cube.rangegeo.to_zarr(url, storage_options=access, **options)
    assert str(path) == url
    cube.rangegeo.to_zarr(tmp_path / "plain.zarr", **options)
    opened = rg.open_cube(url, storage_options=access)
    xr.testing.assert_identical(opened.compute(), rg.open_cube(tmp_path / "plain.zarr").compute())
    xr.testing.assert_identical(rg.open_cube(path).compute(), opened.compute())
    assert all(not name.startswith(".") for name in names(tmp_path))


def test_a_repository_that_shows_a_cube_is_kept_or_replaced_as_asked(cube, place):
    url, access = place
    cube.rangegeo.to_zarr(url, storage_options=access)
    before = rg.open_cube(url, storage_options=access)
    with pytest.raises(OutputError, match="exists and was left as it is; add overwrite=True to replace it"):
        cube.rangegeo.to_zarr(url, storage_options=access)
    half = cube.isel(x=slice(16), beta=[1])
    half.rangegeo.to_zarr(url, storage_options=access, overwrite=True)
    np.testing.assert_array_equal(rg.open_cube(url, storage_options=access).values, half.values)
    np.testing.assert_array_equal(before.values, cube.values)  # it stays what it was when it was opened


def test_earlier_states_are_kept_and_can_be_read(cube, tmp_path):
    url = f"icechunk://{tmp_path}/alps"
    cube.rangegeo.to_zarr(url)
    cube.isel(beta=[1]).rangegeo.to_zarr(url, overwrite=True)
    latest, first, _ = repository(tmp_path / "alps").ancestry(branch="main")
    session = repository(tmp_path / "alps").readonly_session(snapshot_id=first.id)
    by_icechunk = xr.open_zarr(session.store, consolidated=False)["embedding"]
    np.testing.assert_array_equal(by_icechunk.values, cube.values)
    earlier = rg.open_cube(url, storage_options={"snapshot": first.id})
    np.testing.assert_array_equal(earlier.values, cube.values)
    assert rg.open_cube(url, storage_options={"snapshot": latest.id}).sizes["beta"] == 1
    with pytest.raises(UsageError, match=r"has no earlier state NONE; leave out storage_options=\{'snapshot': 'NONE'"):
        rg.open_cube(url, storage_options={"snapshot": "NONE"})
    with pytest.raises(UsageError, match=r"an earlier state of .* is only read; leave out storage_options"):
        cube.rangegeo.to_zarr(url, overwrite=True, storage_options={"snapshot": first.id})


def test_a_lazy_cube_travels_with_the_state_that_it_was_opened_in(cube, tmp_path):
    url = f"icechunk://{tmp_path}/alps"
    cube.rangegeo.to_zarr(url)
    opened = rg.open_cube(url)
    sent = pickle.dumps(opened)
    cube.isel(beta=[1]).rangegeo.to_zarr(url, overwrite=True)
    np.testing.assert_array_equal(pickle.loads(sent).values, cube.values)
    store, newer = pickle.loads(pickle.dumps(BucketStore(located(url)))), BucketStore(located(url))
    assert store == newer
    assert dask.base.tokenize(store) == dask.base.tokenize(newer)
    assert dask.base.tokenize(opened.data) != dask.base.tokenize(rg.open_cube(url).data)


def test_a_run_that_fails_shows_nothing_and_is_continued(broken, cube, tmp_path):
    url = f"icechunk://{tmp_path}/alps"
    with dask.config.set(scheduler="synchronous"), pytest.raises(Exception, match="cannot be computed"):
        broken.rangegeo.to_zarr(url)
    assert names(tmp_path) == [".alps-unfinished"]
    with pytest.raises(CubeError):
        rg.open_cube(url)
    with pytest.raises(OutputError, match=r"an interrupted run left .* add resume=True to continue"):
        broken.rangegeo.to_zarr(url)


def test_a_killed_run_shows_nothing_and_is_continued(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ["raster", "--bbox", "5,44,6,45", "--res", "0.1", "--bands", "1-3", "-q", "-o", "icechunk://alps"]
    killed = subprocess.run([sys.executable, "-c", PROGRAM, *asked], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert names(tmp_path) == [".alps-unfinished", "alps"]
    with pytest.raises(CubeError, match="is unfinished, an interrupted run has kept 1 block"):
        rg.open_cube("icechunk://alps")
    assert run([*asked, "--resume"]) == 0
    assert names(tmp_path) == ["alps"]
    assert len(list(repository(tmp_path / "alps").ancestry(branch="main"))) == 2
    # A process of its own, as the killed one was: what a process did before changes the last digits.
    subprocess.run([sys.executable, "-m", "rangegeo", *asked[:-1], "plain.zarr"], check=True)
    xr.testing.assert_identical(rg.open_cube("icechunk://alps").compute(), rg.open_cube("plain.zarr").compute())


def test_what_a_run_left_that_ended_right_after_its_transaction_is_removed(cube, place, monkeypatch):
    url, access = place
    commit = icechunk.Session.commit

    def commit_and_fail(self, *given, **more):
        commit(self, *given, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(icechunk.Session, "commit", commit_and_fail)
    with pytest.raises(KeyboardInterrupt):
        cube.rangegeo.to_zarr(url, storage_options=access)
    folder = hidden_folder(located(url, access))
    assert folder.exists()
    np.testing.assert_array_equal(rg.open_cube(url, storage_options=access).values, cube.values)
    with claimed(located(url, access)):
        pass
    assert not folder.exists()


def test_another_program_that_commits_meanwhile_wins(cube, tmp_path, monkeypatch, place):
    url, access = place
    cube.rangegeo.to_zarr(url, storage_options=access)
    copy = transaction._copy

    async def commit_meanwhile(finished, store):
        await copy(finished, store)
        monkeypatch.undo()
        with located(url, access).transaction("another") as other:
            await other.delete("embedding/c/0/0/0/0")

    monkeypatch.setattr(transaction, "_copy", commit_meanwhile)
    with pytest.raises(OutputError, match="nothing of this run is visible") as caught:
        cube.isel(beta=[1]).rangegeo.to_zarr(url, overwrite=True, storage_options=access)
    assert "add resume=True to continue" in "".join(caught.value.__notes__)
    opened = rg.open_cube(url, storage_options=access)
    assert opened.sizes["beta"] == 2
    assert np.isnan(opened.values).any()
    again = {"overwrite": True, "resume": True, "storage_options": access}
    cube.isel(beta=[1]).rangegeo.to_zarr(url, **again)
    np.testing.assert_array_equal(rg.open_cube(url, storage_options=access).values, cube.isel(beta=[1]).values)


def test_what_is_no_repository_is_left_as_it_is(cube, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="is no repository of Icechunk and was left as it is; give another path"):
        cube.rangegeo.to_zarr(f"icechunk://{tmp_path}/mine", overwrite=True)
    assert names(tmp_path / "mine") == ["notes.txt"]
    with pytest.raises(CubeError, match="there is no Zarr store at icechunk:"):
        rg.open_cube(f"icechunk://{tmp_path}/none")
    assert names(tmp_path) == ["mine"]
    with pytest.raises(OutputError, match=r"the folder .* does not exist; make it first"):
        cube.rangegeo.to_zarr(f"icechunk://{tmp_path}/none/alps")


def test_a_repository_that_holds_something_else_is_left_as_it_is(cube, tmp_path):
    made = icechunk.Repository.create(icechunk.local_filesystem_storage(str(tmp_path / "alps")))
    session = made.writable_session("main")
    xr.Dataset({"mine": ("x", [1.0])}).to_zarr(session.store, consolidated=False)
    session.commit("mine")
    with pytest.raises(OutputError, match=r"is a Zarr store but no cube .* and was left as it is; give another path"):
        cube.rangegeo.to_zarr(f"icechunk://{tmp_path}/alps", overwrite=True)


def test_a_repository_that_is_empty_is_filled(cube, tmp_path):
    icechunk.Repository.create(icechunk.local_filesystem_storage(str(tmp_path / "alps")))
    cube.rangegeo.to_zarr(f"icechunk://{tmp_path}/alps")
    np.testing.assert_array_equal(rg.open_cube(f"icechunk://{tmp_path}/alps").values, cube.values)


def test_the_shell_describes_verifies_and_draws_it_and_takes_its_grid(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    asked = ["raster", "--bbox", "5,44,7.6,45", "--res", "0.01", "--bands", "1-3", "--overviews", "-q"]
    assert run([*asked, "--preview", "-o", "icechunk://alps"]) == 0
    assert rg.open_cube("icechunk://alps", level=1).shape == (1, 3, 50, 130)
    assert names(tmp_path) == ["alps", "alps_preview.png"]
    assert run(["info", "icechunk://alps"]) == 0
    assert run(["verify", "icechunk://alps"]) == 0
    assert run(["preview", "icechunk://alps", "-o", "a.png"]) == 0
    assert run(["raster", "--like", "icechunk://alps", "--pca", "1", "-q", "-o", "like.tif"]) == 0
    assert "sound" in capfd.readouterr().out
    assert rg.open_cube("like.tif").shape == (1, 100, 260)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--zarr-format", "2"], "Icechunk stores Zarr format 3 alone; leave out --zarr-format"),
        (["--stac"], "a STAC item links to files, and .* is none; leave out --stac"),
        (["--extend"], "--extend is for stores of this machine"),
        (["--format", "cog"], "--format cog does not go with"),
        (["--storage", "region=a"], "icechunk:// takes no --storage region; leave it out"),
    ],
)
def test_what_does_not_go_with_it_is_refused_in_a_line(tmp_path, monkeypatch, capfd, argv, said):
    monkeypatch.chdir(tmp_path)
    assert run(["raster", "--bbox", "5,44,6,45", "--res", "0.1", "-o", "icechunk://alps", *argv]) == 2
    message = capfd.readouterr().err
    assert re.search(said, message), message
    assert names(tmp_path) == []


def test_blocks_are_not_repaired_one_by_one(cube, tmp_path):
    cube.rangegeo.to_zarr(f"icechunk://{tmp_path}/alps")
    with pytest.raises(UsageError, match=r"changes as a whole, .*; make .* again with overwrite=True"):
        rg.verify(f"icechunk://{tmp_path}/alps", repair=True, pixels=0)


@pytest.mark.parametrize(
    ("url", "access", "said"),
    [
        ("icechunk://", {}, "names no folder; an address is such as icechunk:///data/alps"),
        ("icechunk+s3://bucket", {}, r"is a whole bucket; give a prefix too, such as icechunk\+s3://bucket/alps"),
        ("icechunk+s3://a:b@bucket/alps", {}, "holds a name or a password"),
        ("icechunk+gs://bucket/alps", {}, "is no address that rangegeo knows; expected .*icechunk://"),
        ("icechunk+s3://bucket/alps", {"colour": "red"}, r"colour is not for icechunk\+s3://; expected region, "),
    ],
)
def test_other_addresses_are_refused(url, access, said):
    with pytest.raises(UsageError, match=said):
        rg.open_cube(url, storage_options=access)


def test_faults_of_a_server_are_told_in_a_line_without_secrets(s3):
    with pytest.raises(RemoteError, match="there is no bucket s3://no-such-bucket") as caught:
        rg.open_cube("icechunk+s3://no-such-bucket/alps", storage_options=s3.options)
    assert s3.options["secret_access_key"] not in str(caught.value) + repr(located("icechunk+s3://a/b", s3.options))


def test_a_damaged_repository_is_told_in_a_line(cube, tmp_path):
    cube.rangegeo.to_zarr(f"icechunk://{tmp_path}/alps")
    for file in (tmp_path / "alps" / "snapshots").iterdir():
        file.write_bytes(b"damaged")
    _opened.cache_clear()
    with pytest.raises((RemoteError, UsageError), match=r"^icechunk://.*/alps ") as caught:
        rg.open_cube(f"icechunk://{tmp_path}/alps")
    assert "\n" not in str(caught.value)


def test_without_the_package_its_name_is_said(cube, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "icechunk", None)
    for call in (cube.rangegeo.to_zarr, rg.open_cube):
        (tmp_path / "alps").mkdir(exist_ok=True)
        with pytest.raises(MissingPackage, match="icechunk:// needs icechunk: pip install icechunk"):
            call(f"icechunk://{tmp_path}/alps")


def test_an_address_keeps_its_kind(tmp_path):
    address = Repository.of(f"icechunk://{tmp_path}/alps", {"snapshot": "A"})
    assert pickle.loads(pickle.dumps(address / "x")) == address / "x"
    assert type(address / "x") is Repository
    assert str(address / "x" / "zarr.json") == f"icechunk://{tmp_path}/alps/x/zarr.json"
    assert address.with_name("a.png") == tmp_path / "a.png"
    assert (address.name, address.stem, address.suffix) == ("alps", "alps", ".zarr")
