"""Stores in buckets are verified and repaired there."""

from __future__ import annotations

import json

import pytest
from helpers.verifying import MINI

import rangegeo as rg
import rangegeo.accessor  # registers .rangegeo
from rangegeo.errors import CubeError
from rangegeo.support.address import Address


@pytest.fixture(params=["memory", "s3"])
def place(request) -> tuple[str, dict[str, str]]:
    """An empty place, and what is needed to use it."""
    if request.param == "memory":
        return f"memory://{request.node.name}", {}
    return request.getfixturevalue("bucket"), request.getfixturevalue("s3").options


def test_a_store_in_a_bucket(cube, place):
    url, access = place
    cube.rangegeo.to_zarr(f"{url}/deep/a.zarr", storage_options=access)
    options = {"pixels": 50, "storage_options": access, **MINI}
    report = rg.verify(f"{url}/deep/a.zarr", **options)
    assert report.sound, list(report.lines())
    assert report.pixels == 50
    before = {key: Address.of(f"{url}/{key}", access).read_bytes() for key in Address.of(url, access).all_keys()}
    lost, changed = sorted(key for key in before if "/embedding/c/" in key)[:2]
    Address.of(f"{url}/{changed}", access).write_text("no chunk")
    Address.of(url, access).delete([lost])
    Address.of(f"{url}/deep/a.zarr/x/zarr.json", access).write_text("{")
    report = rg.verify(f"{url}/deep/a.zarr", **options)
    assert (len(report.missing), len(report.corrupt)) == (1, 1)
    assert report.changed == ("x/zarr.json is changed",)
    assert str(access.get("secret_access_key", "no secret")) not in json.dumps(report.facts) + repr(report)
    assert rg.verify(f"{url}/deep/a.zarr", repair=True, **options).sound
    after = {key: Address.of(f"{url}/{key}", access).read_bytes() for key in Address.of(url, access).all_keys()}
    assert after == before


def test_what_is_not_there(cube, place):
    url, access = place
    with pytest.raises(CubeError, match="there is no Zarr store at"):
        rg.verify(f"{url}/a.zarr", storage_options=access)
    cube.rangegeo.to_geotiff(f"{url}/a.tif", storage_options=access)
    with pytest.raises(CubeError, match=r"give a \.zarr, or a \.tif of this machine"):
        rg.verify(f"{url}/a_beta0.tif", storage_options=access)
