"""Databases of a user's own: what they hold, how a run goes on, and that upstream's formula reads them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import torch
from oracles import golden
from PIL import Image
from rasterio.transform import from_origin
from safetensors.numpy import load_file

import rangegeo as rg
from rangegeo.errors import ImageryError, OutputError, PlaceWarning, UsageError
from rangegeo.field.places import Places
from rangegeo.weights.written import row_order

PLACES = pd.DataFrame({"lon": [5.25, 6.25, 7.25, 8.75], "lat": [45.25, 46.25, 44.75, 47.25]})
CHECKPOINT = golden.GOLDEN / "satclip-mini.ckpt"
MINI = {"weights": str(CHECKPOINT)}


@pytest.fixture
def variables(tmp_path: Path) -> Path:
    """A raster of two variables: the longitude and the latitude of each pixel of half a degree."""
    lon, lat = 5.25 + 0.5 * np.arange(10), 49.75 - 0.5 * np.arange(12)
    values = np.stack([np.broadcast_to(lon, (12, 10)), np.broadcast_to(lat[:, None], (12, 10))]).astype(np.float32)
    path = tmp_path / "variables.tif"
    shape = {"width": 10, "height": 12, "count": 2, "dtype": "float32", "crs": "EPSG:4326", "nodata": -1}
    with rasterio.open(path, "w", driver="GTiff", transform=from_origin(5, 50, 0.5, 0.5), **shape) as file:
        file.write(values)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of six pictures of one grey each, and its index; one file is damaged and one is missing."""
    folder = tmp_path / "pictures"
    (folder / "images").mkdir(parents=True)
    lines = ["fn,lon,lat"]
    for number in range(6):
        name = f"p{number}.png"
        lines.append(f"{name},{number},{10 + number}")
        if number < 5:
            Image.fromarray(np.full((9, 9, 3), 51 * number, np.uint8)).save(folder / "images" / name)
    (folder / "images" / "p3.png").write_bytes(b"no picture")
    (folder / "index.csv").write_text("\n".join(lines) + "\n")
    return folder


def stored(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a database, in the order of its places."""
    before = np.argsort(row_order(len(load_file(path)["locs"])))
    return {name: array[before] for name, array in load_file(path).items()}


def test_values_straight_from_rasters(variables, tmp_path):
    """The bands at each place, and keys of the location encoder there."""
    path = rg.build_database(tmp_path / "own.safetensors", PLACES, values=variables, npz=True, **MINI)
    found = stored(path)
    np.testing.assert_array_equal(found["locs"], PLACES.to_numpy(np.float32))
    np.testing.assert_allclose(found["values"], PLACES.to_numpy(), atol=1e-5)
    encoder = golden.encoder("satclip-mini.ckpt", 40)
    expected = encoder(Places.scattered(torch.tensor(PLACES.to_numpy()))).numpy()
    np.testing.assert_allclose(found["keys"], golden.normalised(expected), atol=1e-6)
    model = rg.load_model("RANGE+", db=path, **MINI)
    assert model.encode([[6, 46]], beta=0).shape == (1, 18)
    np.testing.assert_allclose(model.encode([[6, 46]], beta=0)[0, :2], PLACES.mean(), atol=1.5)


def test_upstreams_formula_gives_the_same_embeddings_from_the_published_form(variables, tmp_path):
    """The loop is that of the PyPI package, with its casts, on its arrays."""
    path = rg.build_database(tmp_path / "own.safetensors", PLACES, values=variables, npz=True, **MINI)
    model = rg.load_model("RANGE+", db=path, **MINI)
    places = np.array([[6.0, 46.0], [8.5, 47.0], [-60.0, -3.0]])
    with np.load(tmp_path / "own.npz", allow_pickle=False) as file:
        locs, keys, values = (file[name] for name in ("locs", "satclip_embeddings", "image_embeddings"))
    location = model.encode(places, beta=0.5)[:, 2:]
    for row, place in enumerate(places):
        near = np.array([np.sin(place[1] * np.pi / 180) * np.sin(lat * np.pi / 180)
                         + np.cos(place[1] * np.pi / 180) * np.cos(lat * np.pi / 180)
                         * np.cos((place[0] - lon) * np.pi / 180) for lon, lat in locs])  # fmt: skip
        alike = keys @ location[row]
        weights = [np.exp(t * (a - a.max())) / np.exp(t * (a - a.max())).sum() for t, a in ((12, alike), (40, near))]
        expected = 0.5 * (weights[0] + weights[1]) @ values
        np.testing.assert_allclose(model.encode(places, beta=0.5)[row, :2], expected, rtol=2e-5)
    again = rg.load_model("RANGE+", db=tmp_path / "own.npz", **MINI)
    np.testing.assert_allclose(again.encode(places), model.encode(places), atol=1e-6)


def test_means_of_windows_and_principal_components(variables, tmp_path):
    options = {"values": variables, "size_km": 100, "pixels": 8, **MINI}
    means = stored(rg.build_database(tmp_path / "means.safetensors", PLACES, **options))["values"]
    inner = (means[1:], PLACES.to_numpy()[1:])  # the window of the first one reaches beyond the raster
    np.testing.assert_allclose(*inner, atol=0.05)  # the variables are linear
    one = stored(rg.build_database(tmp_path / "one.safetensors", PLACES, pca=1, half=True, **options))
    assert (one["values"].shape, one["values"].dtype, one["keys"].dtype) == ((4, 1), np.float16, np.float16)
    standard = (means - means.mean(axis=0)) / means.std(axis=0)
    expected = standard @ np.linalg.svd(standard)[2][0]
    assert abs(np.corrcoef(one["values"][:, 0], expected)[0, 1]) == pytest.approx(1, abs=1e-5)
    assert np.sqrt((one["values"].astype(float) ** 2).mean()) == pytest.approx(1, abs=1e-2)
    with pytest.raises(UsageError, match=r"pca must be from 1 to 2, got 3; for example pca=2"):
        rg.build_database(tmp_path / "three.safetensors", PLACES, pca=3, **options)


def test_too_many_components_are_refused_before_anything_is_read(variables, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr("rangegeo.jobs.database.gather", lambda *_: pytest.fail("it was read"))
    for places, seen, most in (
        (PLACES, {"values": variables}, 2),  # bands
        (PLACES.iloc[:2], {"values": variables}, 1),  # places
        (None, {"imagery": pictures, "encoder": lambda batch: batch[:, 0, 0, :2]}, 2),
    ):
        with pytest.raises(UsageError, match=rf"pca must be from 1 to {most}, got 90"):
            rg.build_database(tmp_path / "a.safetensors", places, pca=90, **seen, **MINI)


def test_a_folder_of_pictures_gives_places_and_tells_what_is_left_out(pictures, tmp_path):
    """Greys of 0 to 255 become 0 to 1; a damaged file and a missing one are left out and named."""
    with pytest.warns(PlaceWarning, match=r"2 of 6 places are left out; the first, at 3, 13: .*p3\.png cannot be read"):
        path = rg.build_database(
            tmp_path / "p.safetensors", imagery=pictures, encoder=lambda p: p.mean(dim=(2, 3)), pixels=4, **MINI
        )
    found = stored(path)
    np.testing.assert_array_equal(found["locs"][:, 0], [0, 1, 2, 4])
    np.testing.assert_allclose(found["values"], np.repeat([[0, 0.2, 0.4, 0.8]], 3, axis=0).T, atol=1e-6)
    with pytest.raises(UsageError, match=r"the index of .* has the places; leave out others"):
        rg.build_database(tmp_path / "q.npz", PLACES, imagery=pictures, **MINI)
    (pictures / "index.csv").write_text("picture,lon,lat\np0.png,0,0\n")
    with pytest.raises(UsageError, match=r"index\.csv must name the pictures in a column fn, file, .*; it has picture"):
        rg.build_database(tmp_path / "q.npz", imagery=pictures, encoder="colours", **MINI)
    (pictures / "index.csv").unlink()
    with pytest.raises(UsageError, match=r"the folder .* has no index\.csv; it needs one with a row for each picture"):
        rg.build_database(tmp_path / "q.npz", imagery=pictures, encoder="colours", **MINI)


def test_pictures_around_places_are_encoded_at_each_size(variables, tmp_path):
    seen = []

    def encoder(pictures: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(pictures.shape))
        return pictures.mean(dim=(2, 3))

    path = rg.build_database(
        tmp_path / "own.safetensors", PLACES, imagery=variables, size_km=(60, 120), value_range=(0, 10), bands=(2,),
        pixels=6, encoder=encoder, **MINI,
    )  # fmt: skip
    assert seen == [(4, 1, 6, 6)] * 2
    np.testing.assert_allclose(stored(path)["values"], np.repeat(PLACES[["lat"]].to_numpy() / 10, 2, axis=1), atol=5e-3)


def test_places_without_data_are_left_out_and_places_elsewhere_refused(variables, tmp_path):
    """Places at sea have no data where a raster has none there."""
    more = pd.concat([PLACES, pd.DataFrame({"lon": [100.0, 5.25], "lat": [0.0, 45.25]})])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        path = rg.build_database(tmp_path / "own.safetensors", more, values=variables, **MINI)
    assert [str(one.message) for one in told] == [
        "1 place repeats another and is left out",
        f"1 of 5 places is left out; the first, at 100, 0: {variables} has no data there",
    ]
    assert len(stored(path)["locs"]) == 4
    with pytest.raises(ImageryError, match=r"covers 5,44,10,50, and no place lies there; they lie in 100,0,100,0"):
        rg.build_database(tmp_path / "none.npz", more.iloc[4:5], values=variables, **MINI)


def test_an_interrupted_build_goes_on_and_gives_the_same_bytes(variables, tmp_path):
    options = {"imagery": variables, "size_km": 50, "value_range": (0, 50), "pixels": 4, "batch": 1, **MINI}
    calls: list[int] = []

    def encoder(pictures: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return pictures.mean(dim=(2, 3))

    path = tmp_path / "own.safetensors"
    with pytest.raises(KeyboardInterrupt) as caught:
        rg.build_database(path, PLACES, encoder=encoder, **options)
    assert caught.value.__notes__ == ["2 parts are kept; add resume=True to continue"]
    assert not path.exists()
    with pytest.raises(OutputError, match=r"an interrupted run left 2 parts of .*; add resume=True to continue it, or"):
        rg.build_database(path, PLACES, encoder=encoder, **options)
    with pytest.raises(OutputError, match="is of another request; repeat the same one, or give overwrite=True"):
        rg.build_database(path, PLACES, encoder=encoder, **options | {"size_km": 60}, resume=True)
    rg.build_database(path, PLACES, encoder=encoder, **options, resume=True)
    assert len(calls) == 5
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []
    rg.build_database(tmp_path / "whole.safetensors", PLACES, encoder=encoder, **options)
    assert path.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "say what is known of the places: imagery or values"),
        ({"sample": 3, "values": "V"}, "places come from a table or from sample; leave one out"),
        ({"sea": True, "values": "V"}, "sea is for sample; add it, or leave this out"),
        ({"imagery": "V"}, "say how large windows are on the ground, in km: size_km=10"),
        ({"imagery": "V", "size_km": 9}, r"holds float32; say which values .*, for example value_range=\(0, 10000\)"),
        ({"imagery": "V", "size_km": 0}, "size_km must be above 0 and at most 5000 km, got 0; for example size_km=10"),
        ({"imagery": "V", "size_km": 9, "pixels": 0}, "pixels must be from 1 to 1024, got 0; for example pixels=64"),
        (
            {"imagery": "V", "size_km": 9, "value_range": (9, 1)},
            "value_range must be black, and white above it, got 9,1",
        ),
        ({"values": "V", "batch": 0}, "batch must be at least 1, got 0; for example batch=256"),
        ({"values": "V", "bands": (3,)}, "bands must be numbers from 1 to 2, the bands of"),
        ({"imagery": ("V", "."), "size_km": 9}, r"\. is a folder of pictures; give it as the only imagery"),
    ],
)
def test_bad_requests_are_named(options, told, variables, tmp_path):
    given = {name: str(variables) if value == "V" else value for name, value in options.items()}
    given = {k: tuple(str(variables) if v == "V" else v for v in x) if k == "imagery" and isinstance(x, tuple) else x
             for k, x in given.items()}  # fmt: skip
    with pytest.raises(UsageError, match=told):
        rg.build_database(tmp_path / "own.npz", PLACES, encoder=given.pop("encoder", "colours"), **given, **MINI)


def test_bad_outputs_are_named(variables, tmp_path):
    with pytest.raises(UsageError, match=r"must be a name that ends in \.safetensors or \.npz, got"):
        rg.build_database(tmp_path / "own.csv", PLACES, values=variables, **MINI)
    with pytest.raises(UsageError, match=r"would replace .*variables\.npz, which values reads"):
        rg.build_database(tmp_path / "variables.npz", PLACES, values=tmp_path / "variables.npz", **MINI)
    (tmp_path / "own.npz").touch()
    with pytest.raises(OutputError, match=r"own\.npz exists and was left as it is; add overwrite=True"):
        rg.build_database(tmp_path / "own.safetensors", PLACES, values=variables, npz=True, **MINI)
    with pytest.raises(UsageError, match=r"say where: give a table of places, or sample=1000"):
        rg.build_database(tmp_path / "other.npz", values=variables, **MINI)
