"""No file makes the program fetch an address; a server that the files name hears of nobody."""

from __future__ import annotations

import pytest
from helpers import links
from typed import MINI

OUT = ("-o", "o.tif")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with links.listening(tmp_path_factory.mktemp("server") / "log") as listening:
        yield listening


@pytest.mark.parametrize("name", links.VECTORS)
def test_no_vector_file_sends_a_request(rangegeo, folder, server, name):
    links.VECTORS[name](folder / name, f"{server.address}/{name}")
    for line in (
        ("raster", "--aoi", name, "--res", "0.1", "--bands", "1", "-q", *MINI, *OUT),
        ("points", name, *MINI, "--representative-point", "-o", "o.parquet"),
    ):
        done = rangegeo(*line)
        assert (done.code in (1, 2), len(done.err.splitlines())) == (True, 1), done.err
    assert not server.requests


@pytest.mark.parametrize("name", links.RASTERS)
def test_no_raster_sends_a_request(rangegeo, folder, server, name):
    links.RASTERS[name](folder / name, f"{server.address}/{name}")
    for line in (
        ("raster", "--like", name, "--bands", "1", "-q", *MINI, *OUT),
        ("preview", name, "-q", "-o", "o.png"),
        ("info", name),
    ):
        done = rangegeo(*line)
        assert (done.code in (1, 2), len(done.err.splitlines())) == (True, 1), done.err
    assert not server.requests


def test_overviews_in_another_file_send_no_request(rangegeo, folder, server):
    links.tif(folder / "a.tif", OVERVIEW_FILE=f"/vsicurl/{server.address}/a.tif")
    assert rangegeo("preview", "a.tif", "-o", "o.png").code == 1
    assert not server.requests


@pytest.mark.parametrize("grid", ["{}/grid.tif", "/vsicurl/{}/grid.tif"])
def test_a_crs_sends_no_request(rangegeo, folder, server, grid):
    crs = f"+proj=longlat +ellps=GRS80 +nadgrids={grid.format(server.address)} +type=crs"
    rangegeo("raster", "--bbox", "5,44,6,45", "--bbox-crs", crs, "--res", "0.5", "--bands", "1", *MINI, *OUT)
    assert not server.requests
