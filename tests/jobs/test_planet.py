"""Planets: within the tolerance everywhere, readable with zarr and NumPy alone, continued after interrupts, refused."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import dask
import numpy as np
import pytest
import shapely
import torch
import zarr

import rangegeo as rg
from rangegeo.errors import OutputError, UsageError
from rangegeo.field.places import Places
from rangegeo.grid.zarr_store import store_of
from rangegeo.jobs import planet as module
from rangegeo.jobs.options import Content, Engine
from rangegeo.jobs.planet import PlanetJob
from rangegeo.jobs.planet_options import PlanetArea, PlanetOutput
from rangegeo.models.parts import ModelParts
from rangegeo.spectral.layout import root_bounds, root_columns
from rangegeo.support.address import Address
from rangegeo.support.progress import Progress

TOLERANCE = 3e-2
ROOTS = root_bounds(root_columns())


# --------------------------------------------------- a reader that knows nothing but workflows/guide/planet.md


def opened(path: Path) -> Callable[[str, float, float], np.ndarray]:
    """A function of the name of a part, a longitude and a latitude to the values there."""
    group = zarr.open_group(path, mode="r")
    columns, parts, s = (group.attrs[name] for name in ("columns", "parts", "stretch"))
    child, tiles = group["tree/child"][:], group["tree/tile"][:]

    def value(part: str, lon: float, lat: float) -> np.ndarray:
        up = (lat + 90) / 180 * len(columns)
        row = min(int(up), len(columns) - 1)
        across = (lon + 180) / 360 * columns[row]
        column = min(int(across), columns[row] - 1)
        node, up, across = sum(columns[:row]) + column, up - row, across - column
        while child[node] >= 0:
            north, east = up >= 0.5, across >= 0.5
            node, up, across = child[node] + 2 * north + east, 2 * up - north, 2 * across - east
        tile, number = tiles[node], parts.index(part)
        west, south, east, north = group["tiles/bounds"][tile]
        n, step = int(group["tiles/count"][number, tile]), group["tiles/step"][number, tile]
        c = group[f"parts/{part}"][tile]
        x, y = 2 * (lon - west) / (east - west) - 1, 2 * (lat - south) / (north - south) - 1
        u, w = (math.acos(max(-1, min(1, math.sin(at * math.asin(s)) / s))) for at in (x, y))
        total = 0
        for i in range(n):
            for j in range(n):
                total += c[i * i + j if j <= i else j * j + 2 * j - i] * math.cos(i * w) * math.cos(j * u)
        return step * total

    return value


# ------------------------------------------------------------------------------------------------------ planets


def job_of(model, path: Path, roots=(), **given) -> PlanetJob:
    """A job for some root tiles."""
    box = {"bbox": (-180, -90, 180, 90), "tolerance": TOLERANCE} | given
    how = {name: box.pop(name) for name in ("overwrite", "resume") if name in box}
    output = PlanetOutput(out=path, **how)
    return PlanetJob(parts=ModelParts(model), roots=np.array(roots), output=output, **box)


@pytest.fixture(scope="module")
def pole(mini, tmp_path_factory) -> Path:
    """The four root tiles around the antimeridian north of 80 degrees, some of them cut."""
    path = tmp_path_factory.mktemp("planets") / "pole.zarr"
    roots, bbox = PlanetArea(bbox=(178, 82, -178, 90)).roots(ROOTS)
    job = job_of(mini, path, roots, bbox=bbox, command="rangegeo planet build -o pole.zarr")
    assert job.write() == path
    assert list(job.measured())
    return path


def waves(lonlat_deg: np.ndarray) -> np.ndarray:
    lon, lat = np.radians(lonlat_deg).T
    return np.stack([np.sin(5 * lon) * np.cos(lat), np.cos(3 * lat), np.sin(lat)], axis=1)


@pytest.fixture(scope="module")
def smooth():
    return rg.wrap(waves, name="waves", smooth_deg=10)


def places(count: int) -> np.ndarray:
    """Places of the fixture `pole`: random ones, on the antimeridian, at the pole, on borders and in corners."""
    random = np.random.default_rng(0)
    lon, lat = random.uniform(152.4, 207.6, count), random.uniform(80, 90, count)
    lon[: count // 4] = random.choice([180.0, -180.0 + 360], count // 4)
    lat[count // 8 : count // 3] = random.choice([80.0, 82.5, 85.0, 87.5, 90.0], count // 3 - count // 8)
    return np.stack([np.where(lon > 180, lon - 360, lon), lat], axis=1)


def test_every_part_keeps_the_tolerance_everywhere(pole, mini):
    value, at = opened(pole), places(24)
    exact = ModelParts(mini).values(Places.scattered(torch.from_numpy(at)), ModelParts(mini).bands)
    for part, values in exact.items():
        found = np.array([value(part, *place) for place in at])
        scale = float(values.abs().max())
        assert np.abs(found - values.double().numpy()).max() <= TOLERANCE * scale, part


def test_both_sides_of_a_border_agree_within_the_tolerance(pole):
    value, near = opened(pole), 1e-9
    scales = zarr.open_group(pole, mode="r")["tiles/scale"][:].max(axis=1)
    for part, scale in zip(("semantic", "location"), scales, strict=False):
        allowed = TOLERANCE * scale
        for lat in (80.0, 83.7, 85.0 + 1e-6, 89.999, 90.0):
            one, other = value(part, 180 - near, lat), value(part, -180, lat)
            assert np.abs(one - other).max() <= allowed
        for lon in (180.0, -180.0, 170.3, -160.1):
            below, above = value(part, lon, 85 - near), value(part, lon, 85)
            assert np.abs(below - above).max() <= allowed
        at_pole = np.array([value(part, lon, 90.0) for lon in (129.0, 160.0, 180.0, -130.0)])
        assert np.ptp(at_pole, axis=0).max() <= allowed


def test_the_overview_shows_the_components_of_the_semantic_part(pole, mini):
    group, value = zarr.open_group(pole, mode="r"), opened(pole)
    attrs = group["parts/overview"].attrs
    mean, directions, explained = (group[f"basis/{name}"][:] for name in ("mean", "directions", "explained"))
    assert attrs["of"] == "semantic"
    np.testing.assert_allclose(directions @ directions.T, np.eye(16), atol=1e-9)
    assert (np.diff(explained) <= 0).all()
    for lon, lat in places(12):
        exact = ModelParts(mini).values(Places.scattered(torch.tensor([[lon, lat]])), ["semantic"])["semantic"][0]
        expected = directions @ (exact.double().numpy() - mean)
        assert np.abs(value("overview", lon, lat) - expected).max() <= attrs["tolerance"] * attrs["scale"]


def test_the_store_has_the_shapes_and_types_of_the_guide(pole):
    group = zarr.open_group(pole, mode="r")
    count = group["tiles/bounds"].shape[0]
    parts = ["semantic", "location", "norm", "geographic", "semantic_range", "overview"]
    assert group.attrs["parts"] == parts
    assert count > 4  # some were cut
    for name, bands in zip(parts, (24, 16, 1, 24, 24, 16), strict=True):
        array = group[f"parts/{name}"]
        assert array.shape == (count, int(group["tiles/count"][parts.index(name)].max()) ** 2, bands)
        assert array.dtype == "int16"
        assert array.metadata.dimension_names[:2] == ("tile", "coefficient")
        first, size = (128, min(bands, 4)) if name == "overview" else (1, bands)
        assert array.chunks == (first, array.shape[1], size)
        assert array.shards == (None if name == "overview" else (32, *array.chunks[1:]))
    for name, kind in (("count", "uint8"), ("step", "float64"), ("scale", "float32"), ("error", "float32")):
        table = group[f"tiles/{name}"]
        assert (table.shape, table.dtype, table.chunks) == ((6, count), kind, (6, count))
    assert (group["tree/child"].dtype, group["tree/tile"].dtype) == ("int32", "int32")
    stored = group["tree/tile"][:]
    assert sorted(stored[stored >= 0].tolist()) == list(range(count))
    codecs = {codec["name"] for codec in json.loads((pole / "parts/semantic/zarr.json").read_text())["codecs"]}
    assert codecs == {"sharding_indexed"}


def test_every_chunk_has_a_checksum(pole, tmp_path):
    target = tmp_path / "damaged.zarr"
    shutil.copytree(pole, target)
    chunk = target / "parts/overview/c/0/0/0"
    body = bytearray(chunk.read_bytes())
    body[len(body) // 2] ^= 1
    chunk.write_bytes(body)
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_group(target, mode="r")["parts/overview"][:]


def test_attributes_say_what_the_planet_is(pole, mini):
    attrs = dict(zarr.open_group(pole, mode="r").attrs)
    assert (attrs["rangegeo_planet"], attrs["rangegeo_complete"]) == (1, 1)
    assert attrs["models"] == ModelParts(mini).models
    assert attrs["bbox"] == [178, 82, -178, 90]
    assert attrs["columns"] == list(root_columns())
    assert 0 < attrs["measured_error"] <= attrs["tolerance"] == TOLERANCE
    errors = zarr.open_group(pole, mode="r")["tiles/error"][:]
    assert attrs["measured_error"] == pytest.approx(errors[:5].max())
    assert attrs["proof_places"] == 32 * errors.shape[1]
    assert attrs["evaluations"] > 4 * 121
    assert attrs["encoder_sha256"] == mini.facts["encoder"]["sha256"]
    assert attrs["database_file"] == "range_db_mini.npz"
    assert attrs["command"] == "rangegeo planet build -o pole.zarr"
    assert attrs["citation"] == "arXiv:2502.19781"


def objects(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def test_a_planet_of_an_encoder_has_one_part(smooth, tmp_path):
    job_of(smooth, tmp_path / "waves.zarr", range(800, 820), tolerance=1e-4).write()
    group = zarr.open_group(tmp_path / "waves.zarr", mode="r")
    assert group.attrs["parts"] == ["location", "overview"]
    assert group.attrs["models"]["waves"]["parts"] == {"location": "location"}
    assert group["parts/location"].dtype == "int32"
    west, south, east, north = ROOTS[805]
    place = np.array([[(west + east) / 2, (south + 3 * north) / 4]])
    np.testing.assert_allclose(opened(tmp_path / "waves.zarr")("location", *place[0]), waves(place)[0], atol=1e-4)


class Told(Progress):
    """Remembers the stages, with how much there was to do and how much had been done before."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int, int]] = []

    def stage(self, doing: str, total: int, unit: str, before: int = 0) -> None:
        self.stages.append((doing, total, before))


def test_python_builds_planets_of_own_encoders(smooth, tmp_path):
    path = rg.build_planet(tmp_path / "own.zarr", smooth, bbox=(11, 1, 12, 2), tolerance=1e-4)
    place = [[11.5, 1.5]]
    np.testing.assert_allclose(rg.load_model(path).encode(place), waves(np.array(place)), atol=1e-4)
    with pytest.raises(OutputError, match="exists and was left as it is; add overwrite=True"):
        rg.build_planet(path, smooth, bbox=(11, 1, 12, 2))
    with pytest.raises(UsageError, match="tolerance must be at least 1e-5"):
        rg.build_planet(tmp_path / "b.zarr", smooth, tolerance=5e-6)


def test_an_interrupted_run_is_continued_and_gives_the_same_bytes(smooth, tmp_path, monkeypatch):
    roots = range(800, 840)
    job_of(smooth, tmp_path / "whole.zarr", roots).write()
    fit, seen = module.fit_block, []

    def interrupted(*given):
        seen.append(given)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return fit(*given)

    path = tmp_path / "part.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(module, "fit_block", interrupted)
        with dask.config.set(scheduler="synchronous"), pytest.raises(KeyboardInterrupt) as caught:
            job_of(smooth, path, roots).write()
    assert "resume" in caught.value.__notes__[0]
    assert not path.exists()
    (journal,) = tmp_path.glob(".part.zarr-unfinished/journal/cube")
    kept = sorted(journal.iterdir())
    assert len(kept) == 2
    (tmp_path / ".part.zarr-unfinished" / "pieces" / kept[0].stem.split("-")[0]).write_bytes(b"the disk was full")
    with pytest.raises(OutputError, match=r"interrupted run left \d+ blocks of .*resume"):
        job_of(smooth, path, roots).write()
    with pytest.raises(OutputError, match=r"tolerance 0\.03 there, 0\.001 here"):
        job_of(smooth, path, roots, tolerance=1e-3, resume=True).write()
    told = Told()
    job_of(smooth, path, roots, resume=True).write(told)
    assert told.stages[0] == ("evaluating", 5 - len(kept) + 1, len(kept) - 1)  # the damaged one is made again
    assert objects(path) == objects(tmp_path / "whole.zarr")
    assert not list(tmp_path.glob(".*unfinished"))


def test_only_planets_and_cubes_are_replaced(smooth, tmp_path):
    path = tmp_path / "a.zarr"
    job_of(smooth, path, [800]).write()
    before = objects(path)
    with pytest.raises(OutputError, match="exists and was left as it is"):
        PlanetOutput(out=path).check()
    job_of(smooth, path, [801], overwrite=True).write()
    assert objects(path) != before
    (path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds files that are no part of its store"):
        PlanetOutput(out=path, overwrite=True).check()
    other = tmp_path / "b.zarr"
    zarr.create_group(other)
    with pytest.raises(OutputError, match="no cube"):
        PlanetOutput(out=other, overwrite=True).check()


# ------------------------------------------------------------------------------------------------- what is asked


def test_the_area_chooses_root_tiles():
    def bounds(area: PlanetArea) -> list[list[float]]:
        return ROOTS[area.roots(ROOTS)[0]].tolist()

    assert len(bounds(PlanetArea())) == len(ROOTS)
    assert all(one[0] <= 12 and one[2] > 11 for one in bounds(PlanetArea(bbox=(11, 1, 12, 2))))
    assert bounds(PlanetArea(bbox=(11, 1, 12, 2))) == [[10, 0, 15, 5]]
    assert bounds(PlanetArea(bbox=(10, 1, 15, 2))) == [[10, 0, 15, 5], [15, 0, 20, 5]]  # 15 belongs to the second one
    crossing = bounds(PlanetArea(bbox=(179, 1, -179, 2)))
    assert crossing == bounds(PlanetArea(bbox=(179, 1, 181, 2))) == [[-180, 0, -175, 5], [175, 0, 180, 5]]
    assert {one[3] for one in bounds(PlanetArea(bbox=(0, 90 - 1e-9, 180, 90)))} == {90}
    triangle = shapely.Polygon([(1, 1), (14, 1), (1, 14)])
    assert len(bounds(PlanetArea(aoi=triangle))) == 8  # of nine
    assert PlanetArea(aoi=triangle).roots(ROOTS)[1] == (1, 1, 14, 14)


def test_land_leaves_out_the_sea():
    roots, bbox = PlanetArea(land=True).roots(ROOTS)
    assert bbox == (-180, -90, 180, 90)
    assert 0.4 * len(ROOTS) < len(roots) < 0.75 * len(ROOTS)
    wanted = {tuple(box) for box in ROOTS[roots].tolist()}
    assert (10, 0, 15, 5) in wanted  # in Africa, far from any coast
    assert (-130, 0, -125, 5) not in wanted  # in the Pacific
    with pytest.raises(UsageError, match="no tile of the area touches land"):
        PlanetArea(bbox=(-130, 1, -129, 2), land=True).roots(ROOTS)


def test_blocks_are_neighbours_in_a_row(smooth, tmp_path):
    job = job_of(smooth, tmp_path / "a.zarr", [*range(20), 900, 902])
    blocks = job.blocks()
    assert [root for block in blocks for root in block] == job.roots.tolist()
    for block in blocks:
        assert len(block) <= 8
        assert block == list(range(block[0], block[-1] + 1))
        assert len({ROOTS[root, 1] for root in block}) == 1


def prepared(tmp_path: Path, **given) -> PlanetJob:
    """A job as the shell prepares it."""
    fields = {"model": "Cartesian_3D", "tolerance": None, "out": tmp_path / "a.zarr", "bbox": (11, 1, 12, 2)} | given
    return PlanetJob.prepare(
        PlanetArea(bbox=fields["bbox"]),
        Content(model=fields["model"]),
        Engine(tolerance=fields["tolerance"], device="cpu"),
        PlanetOutput(out=fields["out"]),
    )


def test_a_request_is_described_before_it_is_carried_out(tmp_path):
    job = prepared(tmp_path)
    (line,) = job.describe()
    assert line.startswith(f"{tmp_path / 'a.zarr'}: a planet of Cartesian_3D, 1 root tile, about ")
    assert job.tolerance == 1e-3
    assert not list(tmp_path.glob("*.zarr"))


def test_models_with_kinks_are_refused(tmp_path, golden):
    def folded(lonlat_deg: np.ndarray) -> np.ndarray:
        return np.abs(lonlat_deg)

    with pytest.raises(UsageError, match="GeoCLIP has kinks, so no polynomial follows it; evaluate it instead"):
        prepared(tmp_path, model="GeoCLIP")
    module.model_parts(rg.wrap(folded, name="folded", smooth_deg=0.1))
    with pytest.raises(UsageError, match=r"folded changes within 0\.05 degrees"):
        module.model_parts(rg.wrap(folded, name="folded", smooth_deg=0.05))


def test_bad_requests_are_refused(tmp_path):
    with pytest.raises(UsageError, match="tolerance must be at least 1e-5 for a planet, got 5e-6"):
        prepared(tmp_path, tolerance=5e-6)
    with pytest.raises(UsageError, match=r"path must be a name that ends in .zarr, got .*a.tif"):
        prepared(tmp_path, out=tmp_path / "a.tif")
    with pytest.raises(UsageError, match="give bbox or aoi, not both"):
        PlanetArea(bbox=(1, 2, 3, 4), aoi="a.gpkg").roots(ROOTS)
    with pytest.raises(UsageError, match="aoi_layer belongs to aoi"):
        PlanetArea(aoi_layer="a").roots(ROOTS)
    with pytest.raises(UsageError, match="latitudes"):
        PlanetArea(bbox=(0, 0, 10, 100)).roots(ROOTS)
    with pytest.raises(OutputError, match="does not exist"):
        prepared(tmp_path, out=tmp_path / "no" / "a.zarr")


# ------------------------------------------------------------------------------------------------- other places


def test_a_planet_goes_to_a_bucket(smooth, s3, bucket):
    place = Address.of(f"{bucket}/waves.zarr", s3.options)
    roots, bbox = PlanetArea(bbox=(11, 1, 12, 2)).roots(ROOTS)
    job_of(smooth, place, roots, bbox=bbox).write()
    with pytest.raises(OutputError, match="exists and was left as it is"):
        PlanetOutput(out=place).check()
    job_of(smooth, place, roots, bbox=bbox, overwrite=True).write()
    keys = set(Address.of(bucket, s3.options).all_keys())
    assert {"waves.zarr/zarr.json", "waves.zarr/tree/tile/c/0", "waves.zarr/parts/location/c/0/0/0"} <= keys
    assert not any("unfinished" in key for key in keys)
    assert zarr.open_group(store_of(place), mode="r").attrs["rangegeo_complete"] == 1


def test_a_planet_is_not_made_from_a_planet(pole, tmp_path):
    with pytest.raises(UsageError, match="comes from a planet already"):
        prepared(tmp_path, model=str(pole))
