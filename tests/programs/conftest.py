"""Every kind of GeoTIFF that the program writes, and what real QGIS sees of them, asked once for all."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from helpers.programs import need, version
from kinds import KINDS, Seen, change, preview, raster

WORKFLOWS = Path(__file__).parents[2] / "workflows"
LOOK = WORKFLOWS / "qgis" / "look.py"
SYSTEM_PYTHON = Path("/usr/bin/python3")  # the one that Debian's python3-qgis belongs to
POINTS = 4  # of each raster, compared with rasterio


@pytest.fixture(scope="session")
def published_sizes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Options that name a model of 1024 + 256 bands, as the published one has."""
    folder = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(WORKFLOWS / "benchmark"))
        official = importlib.import_module("official")
    encoder = official.make_encoder()
    official.write_checkpoint(folder / "satclip.ckpt", encoder)
    official.write_database(folder / "database.npz", encoder, rows=200)
    return f"--weights {folder / 'satclip.ckpt'} --db {folder / 'database.npz'}"


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What LIKE and AREA stand for: a raster of uneven pixels in UTM, and a triangle in the Alps."""
    folder = tmp_path_factory.mktemp("stand-ins")
    like, area = folder / "like.tif", folder / "area.geojson"
    grid = {"width": 41, "height": 23, "count": 1, "dtype": "uint8", "crs": "EPSG:32632"}
    with rasterio.open(like, "w", **grid, transform=rasterio.Affine(1500, 0, 312345.6, 0, -3000, 5101234.5)) as file:
        file.write(np.ones((1, 23, 41), np.uint8))
    corners = [[5.25, 44], [9, 45], [6.5, 46.5], [5.25, 44]]
    area.write_text(json.dumps({"type": "Polygon", "coordinates": [corners]}))
    return {"LIKE": like, "AREA": area}


@pytest.fixture(scope="session")
def written(
    tmp_path_factory: pytest.TempPathFactory, published_sizes: str, stand_ins: dict[str, Path]
) -> dict[str, list[Path]]:
    """The GeoTIFFs of each kind, each with its preview after it."""
    files = {}
    for name, kind in KINDS.items():
        folder = tmp_path_factory.mktemp("kind")
        model = published_sizes if kind.published_sizes else kind.weights
        options = kind.options
        for word, path in stand_ins.items():
            options = options.replace(word, str(path))
        made = raster(f"{options} {model}", folder / "a.tif")
        if kind.change:
            made = change(made, kind.change)
        beside = [file for path in made for file in (path, path.with_name(f"{path.stem}_rgb.tif"))]
        files[name] = preview(made, folder / "colours_rgb.tif") if kind.preview else beside
    return files


@pytest.fixture(scope="session")
def ask_qgis(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[dict]], dict]:
    """A function of jobs to what QGIS says; without QGIS tests are skipped, and in CI they fail."""
    home = tmp_path_factory.mktemp("qgis")
    known = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GDAL", "PROJ"))}
    settings = {"QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(home), "QGIS_CUSTOM_CONFIG_PATH": str(home)}

    def python(*arguments: object, **more: object) -> subprocess.CompletedProcess:
        command = [str(SYSTEM_PYTHON), *map(str, arguments)]
        return subprocess.run(command, env=known | settings, capture_output=True, text=True, timeout=300, **more)

    there = SYSTEM_PYTHON.exists() and python("-c", "import qgis.core").returncode == 0
    need(there, f"QGIS for {SYSTEM_PYTHON}", "apt-get install python3-qgis qgis-providers")

    def ask(jobs: list[dict]) -> dict:
        answer = python(LOOK, input=json.dumps(jobs))
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return ask


@pytest.fixture(scope="session")
def seen(ask_qgis, written: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Seen]]:
    """What QGIS sees of every file of each kind, drawn pixel by pixel."""
    pictures = tmp_path_factory.mktemp("pictures")
    paths = [path for files in written.values() for path in files]
    jobs = []
    for number, path in enumerate(paths):
        with rasterio.open(path) as file:
            random = np.random.default_rng(number)
            rows, cols = (random.integers(0, side, POINTS) for side in file.shape)
            points = [file.xy(row, col) for row, col in zip(rows, cols, strict=True)]
            size = [round(side / min(file.res)) for side in (file.width * file.res[0], file.height * file.res[1])]
        picture = pictures / f"{number}.png"
        jobs.append({"path": str(path), "picture": str(picture), "size": size, "points": points})
    answer = ask_qgis(jobs)
    gdal = version(answer["gdal"])
    found = iter([Seen(*row, gdal) for row in zip(paths, answer["rasters"], jobs, strict=True)])
    return {name: [next(found) for _ in files] for name, files in written.items()}
