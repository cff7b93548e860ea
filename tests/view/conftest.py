"""A planet of functions, a cube of it, and what looks at them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.planets import write_planet
from starlette.testclient import TestClient

import rangegeo as rg
from rangegeo.view.opening import open_source
from rangegeo.view.server import make_app
from rangegeo.view.serving import Listening
from rangegeo.view.sources import Source
from rangegeo.view.viewer import Viewer


@pytest.fixture(scope="session")
def planet_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_planet(tmp_path_factory.mktemp("view") / "small.zarr", step=1e-5)


@pytest.fixture(scope="session")
def planet(planet_path: Path) -> Source:
    return open_source(planet_path)


@pytest.fixture(scope="session")
def cube_path(planet_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("view") / "cube.zarr"
    model = rg.load_model(str(planet_path))
    cube = rg.raster((5, 44, 9, 47), res=0.05, model=model, betas=(0, 0.5, 1))
    cube.rangegeo.to_zarr(path)
    return path


@pytest.fixture(scope="session")
def viewer(planet: Source) -> Viewer:
    return Viewer(planet)


@pytest.fixture(scope="session")
def client(viewer: Viewer) -> Iterator[TestClient]:
    with TestClient(make_app(viewer, Listening().names), base_url="http://127.0.0.1:8321") as client:
        yield client
