"""`rangegeo raster --stac`."""

from __future__ import annotations

import json
import sys

import pystac
import pytest


@pytest.mark.parametrize(
    ("options", "written"),
    [
        (["-o", "a.zarr"], ["a.zarr", "a.stac.json"]),
        (
            ["--beta", "0,1", "-o", "a.tif"],
            ["a_beta0.tif", "a_beta0.stac.json", "a_beta1.tif", "a_beta1.stac.json"],
        ),
        (["--format", "gtiff", "-o", "a.dat"], ["a.dat", "a.stac.json"]),
        (["--dtype", "int8", "-o", "a.zarr"], ["a.zarr", "a.stac.json"]),
        (["--dtype", "float16", "-o", "a.tif"], ["a.tif", "a.stac.json"]),
    ],
)
def test_an_item_is_written_beside_each_output(raster, folder, options, written):
    done = raster("-q", "--stac", *options)
    assert (done.code, done.err) == (0, "")
    assert done.out.split() == written
    for cube, item in zip(written[::2], written[1::2], strict=True):
        assert pystac.Item.from_file(item).assets["embeddings"].get_absolute_href() == str(folder / cube)


def test_without_it_there_is_none(raster, folder):
    assert raster("-o", "a.zarr").code == 0
    assert not list(folder.glob("*.json"))


def test_an_existing_item_is_left_alone_and_replaced_with_overwrite(raster, folder):
    (folder / "a.stac.json").write_text("precious")
    refused = raster("--stac", "-o", "a.zarr")
    assert refused.code == 1
    assert "a.stac.json exists and was left as it is; add --overwrite to replace it" in refused.err
    assert [path.name for path in folder.iterdir()] == ["a.stac.json"]
    assert raster("--stac", "--overwrite", "-o", "a.zarr").code == 0
    assert json.loads((folder / "a.stac.json").read_text())["id"] == "a"


def test_a_missing_package_is_said_before_any_work(raster, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pystac", None)
    done = raster("--stac", "-o", "a.zarr")
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("rangegeo: --stac needs pystac: pip install pystac; in the clone")
    assert list(folder.iterdir()) == []
