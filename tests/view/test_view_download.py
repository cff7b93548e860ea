"""Downloads are files that other programs read, with the values that are in view."""

from __future__ import annotations

import io
import json
import shlex
import zipfile

import numpy as np
import pytest
import rasterio
import rasterio.warp
import zarr
from starlette.testclient import TestClient

from rangegeo.cli.main import run
from rangegeo.view.opening import open_source
from rangegeo.view.server import make_app
from rangegeo.view.serving import Listening
from rangegeo.view.viewer import Viewer

BOX = "bbox=6,46,7,46.5"


def opened(answer):
    assert answer.status_code == 200, answer.text
    return rasterio.open(io.BytesIO(answer.content))


def test_embeddings_are_what_the_command_line_makes(client, planet_path, tmp_path, monkeypatch):
    query = f"{BOX}&beta=0.3&pca=0&format=cog"
    command = client.get(f"/command.json?{query}").json()["command"]
    assert command == f"rangegeo raster --model {planet_path} --bbox 6,46,7,46.5 --res 0.002 --beta 0.3 -o view.tif"
    small = command.replace("--res 0.002", "--res 0.1")
    monkeypatch.setattr("rangegeo.view.download.PIXELS", 10)
    monkeypatch.chdir(tmp_path)
    assert run([*shlex.split(small)[1:], "-q"]) == 0
    with opened(client.get(f"/download/embeddings?{query}")) as file, rasterio.open("view.tif") as own:
        assert file.shape == own.shape == (5, 10)
        assert file.descriptions == own.descriptions
        np.testing.assert_array_equal(file.read(), own.read())


def test_a_zarr_store_in_a_zip(client, tmp_path, monkeypatch):
    monkeypatch.setattr("rangegeo.view.download.PIXELS", 10)
    answer = client.get(f"/download/embeddings?{BOX}&beta=0.3&pca=3&format=zarr")
    assert "view.zarr.zip" in answer.headers["content-disposition"]
    (tmp_path / "view.zarr.zip").write_bytes(answer.content)
    assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None
    group = zarr.open_group(zarr.storage.ZipStore(tmp_path / "view.zarr.zip", mode="r"), mode="r")
    assert group["embedding"].shape == (1, 3, 5, 10)


def test_a_part_of_a_cube(cube_path):
    with TestClient(make_app(Viewer(open_source(cube_path)), Listening().names), base_url="http://127.0.0.1") as client:
        command = client.get(f"/command.json?{BOX}&format=zarr").json()["command"]
        assert command.startswith(f'rg.open_cube("{cube_path}").isel(y=slice(')
        assert client.get(f"/download/embeddings?{BOX}&format=zarr").status_code == 200
        assert "take Zarr" in client.get(f"/download/embeddings?{BOX}&format=cog").json()["error"]


def test_what_looks_alike_as_a_geotiff(client, viewer):
    with opened(client.get(f"/download/likeness.tif?{BOX}&zoom=8&lon=6.5&lat=46.2&beta=0.5")) as file:
        assert file.crs.to_epsg() == 3857
        values = file.read(1)
        x, y = rasterio.warp.transform("EPSG:4326", file.crs, [6.5], [46.2])
        row, col = file.index(x[0], y[0])
        assert values[row, col] == pytest.approx(1, abs=1e-3)
        bounds = rasterio.warp.transform_bounds(file.crs, "EPSG:4326", *file.bounds)
    np.testing.assert_allclose(bounds, (6, 46, 7, 46.5), atol=0.006)


def test_colours_as_a_geotiff(client):
    with opened(client.get(f"/download/colours.tif?{BOX}&zoom=8&beta=0.5")) as file:
        assert [one.name for one in file.colorinterp] == ["red", "green", "blue"]
        assert file.read().min() >= 1


def test_a_map_of_labels_has_names_and_colours(client):
    points = [{"lon": 7, "lat": 60, "label": "north"}, {"lon": 7, "lat": -60, "label": "south"}]
    headers = {"Content-Type": "application/json"}
    name = client.post("/labels", content=json.dumps(points), headers=headers).json()["name"]
    with opened(client.get(f"/download/labels.tif?bbox=0,-70,20,70&zoom=3&name={name}")) as file:
        assert file.tags(1)["class_1"] == "north"
        assert file.colormap(1)[1][:3] == (0xE6, 0x9F, 0)
        values = file.read(1)
        assert set(np.unique(values)) == {1, 2}
        assert values[0, 0] == 1


def test_maps_over_the_antimeridian(client):
    with opened(client.get("/download/colours.tif?bbox=170,-10,190,10&zoom=4&beta=1")) as file:
        assert file.read().min() >= 1


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("embeddings?bbox=1,2", "bbox must be"),
        (f"embeddings?{BOX}&format=exe", "a download is cog or zarr"),
        (f"embeddings?{BOX}&pca=900", "from 0 to 64"),
        ("colours.tif?bbox=0,-60,180,60&zoom=20", "and a download at most 64; zoom out"),
        (f"colours.tif?{BOX}&zoom=99", "zoom of a tile"),
        (f"labels.tif?{BOX}&zoom=3&name=x", "set a label again"),
        (f"other.tif?{BOX}&zoom=3", "nothing at this address"),
    ],
)
def test_downloads_that_are_refused(client, address, why):
    assert why in client.get(f"/download/{address}").json()["error"]


def test_too_much_is_refused_with_what_to_do(client, monkeypatch):
    monkeypatch.setattr("rangegeo.view.download.MOST_VALUES", 1000)
    answer = client.get(f"/download/embeddings?{BOX}&pca=0")
    assert "zoom in, take principal components, or run the command line" in answer.json()["error"]
