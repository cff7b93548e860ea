"""Maps: values equal the probe applied to the model's own embeddings, in any CRS, and survive a file."""

from __future__ import annotations

import warnings

import dask
import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer
from scipy.special import softmax

import rangegeo as rg
from rangegeo.errors import GridWarning, OutputError, UsageError
from rangegeo.evaluation.features import bands_at, feature_recipe
from rangegeo.evaluation.maps import MAP_TOLERANCE

GRIDS = {  # bbox, resolution, CRS
    "degrees": ((5, 44, 8, 46), 0.01, "EPSG:4326"),
    "metres": ((5, 44, 7, 46), 1000, "EPSG:3035"),
    "web mercator": ((5, 44, 8, 46), 1500, "EPSG:3857"),
    "the north pole": ((-180, 88, 180, 90), 2500, "EPSG:3995"),
}


def at_pixels(cube, count: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of random pixel centres, and the values (bands, n) there."""
    random = np.random.default_rng(0)
    rows, cols = (random.integers(0, cube.sizes[axis], count) for axis in ("y", "x"))
    values = cube.values[:, rows, cols]
    known = np.isfinite(values[0])
    crs = cube["spatial_ref"].attrs["crs_wkt"]
    lonlat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(cube.x.values[cols], cube.y.values[rows])
    return np.stack(lonlat, axis=1)[known], values[:, known]


def answers_by_hand(fitted, lonlat: np.ndarray) -> list[np.ndarray]:
    """(n, k) for the probe and for each member, from `model.encode` alone: S, G and q side by side."""
    model, answer = fitted.model, fitted.fit.answers[0]
    blends = model.encode(lonlat, beta=[0, 1]).astype(float)
    visual = model.visual
    bands = np.hstack([blends[1][:, :visual], blends[0][:, :visual], blends[0][:, visual:]])
    features = (bands - fitted.fit.scaling.mean) / fitted.fit.scaling.scale
    return [features @ probe.coef.T + probe.intercept for probe in (answer.probe, *answer.members)]


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_values_are_those_of_the_probe_at_pixel_centres(heights, grid):
    bbox, res, crs = grid
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridWarning)  # the pole lies far from all labels
        cube = heights.raster(bbox, res, crs=crs)
    lonlat, values = at_pixels(cube)
    assert len(lonlat) > 700
    answer = heights.fit.answers[0]
    probe, *members = (found[:, 0] for found in answers_by_hand(heights, lonlat))
    probe = np.clip(probe, *heights.labels.targets[0].limits)
    assert np.abs(values[0] - probe).max() < 2 * MAP_TOLERANCE * answer.unit
    spread = answer.scale.factor * np.std(members, axis=0, ddof=1)
    assert np.abs(values[1] - spread).max() < 4 * answer.scale.factor * MAP_TOLERANCE * answer.unit


def test_a_map_is_interpolated_and_proved(heights):
    from rangegeo.cubes.proof import proof

    cube = heights.raster((5, 44, 8, 46), 0.01)
    measured = proof(cube).compute()
    assert 0 < measured["measured_error"] < MAP_TOLERANCE
    assert measured["evaluations"] < cube.sizes["x"] * cube.sizes["y"] / 10


def test_a_stricter_tolerance_is_kept(heights):
    cube = heights.raster((5, 44, 8, 46), 0.02, tolerance=2e-5)
    lonlat, values = at_pixels(cube)
    error = np.abs(values[0] - answers_by_hand(heights, lonlat)[0][:, 0]).max()
    assert error < 5e-5 * heights.fit.answers[0].unit


def test_exact_pixels_are_those_of_the_probe(heights):
    cube = heights.raster((5, 44, 6, 45), 0.1, exact=True)
    lonlat, values = at_pixels(cube, 50)
    assert values[0] == pytest.approx(answers_by_hand(heights, lonlat)[0][:, 0], rel=1e-4)


def test_classes_are_the_likeliest_ones(covers):
    cube = covers.raster((5, 44, 8, 46), 0.02, probabilities=True)
    assert cube.attrs["classes"] == ["high", "low", "middle"]
    assert cube["band_name"].values.tolist() == [
        "cover",
        "cover_probability",
        "cover_spread",
        "cover: high",
        "cover: low",
        "cover: middle",
    ]
    lonlat, values = at_pixels(cube)
    probe, *members = (softmax(found, axis=1) for found in answers_by_hand(covers, lonlat))
    assert np.abs(values[3:].T - probe).max() < 2 * MAP_TOLERANCE
    assert (values[0] == values[3:].argmax(axis=0)).all()
    assert (values[1] == values[3:].max(axis=0)).all()
    which = values[0].astype(int)
    jackknife = 2 * np.std([member[np.arange(len(which)), which] for member in members], axis=0, ddof=1)
    assert np.abs(values[2] - jackknife).max() < 8 * MAP_TOLERANCE
    assert (cube.sum("band").values[0] > 0).all()


def test_a_map_is_lazy_and_the_same_on_every_scheduler(heights):
    cube = heights.raster((5, 44, 6, 45), 0.01, chunks=48)
    assert cube.dims == ("band", "y", "x")
    assert cube.chunks is not None
    with dask.config.set(scheduler="synchronous"):
        alone = cube.values
    assert np.array_equal(alone, cube.values)
    other = heights.raster((5, 44, 6, 45), 0.01, chunks=32)
    assert np.abs(alone - other.values).max() < MAP_TOLERANCE * 10 * heights.fit.answers[0].unit


def test_several_targets_lie_side_by_side(mini, frame):
    fitted = rg.fit_map(frame, ["height", "rain", "cover"], model=mini, block="5deg", seeds=1, baselines=False)
    cube = fitted.raster((5, 44, 6, 45), 0.05, spread=False)
    assert cube["band_name"].values.tolist() == ["height", "rain", "cover", "cover_probability"]
    alone = rg.fit_map(frame, "rain", model=mini, block="5deg", seeds=1, baselines=False)
    expected = alone.raster((5, 44, 6, 45), 0.05, spread=False).values[0]
    assert np.abs(cube.values[1] - expected).max() < 3 * MAP_TOLERANCE * alone.fit.answers[0].unit


def test_one_beta_is_learned_from_if_it_is_given(mini, frame):
    fitted = rg.fit_map(frame, "height", model=mini, beta=0.5, block="5deg", seeds=1, baselines=False)
    assert len(fitted.fit.scaling.mean) == mini.dim
    cube = fitted.raster((5, 44, 6, 45), 0.05)
    lonlat, values = at_pixels(cube, 200)
    features = (mini.encode(lonlat, beta=0.5) - fitted.fit.scaling.mean) / fitted.fit.scaling.scale
    answer = fitted.fit.answers[0]
    expected = answer.probe.intercept[0] + features @ answer.probe.coef[0]
    assert np.abs(values[0] - expected).max() < 2 * MAP_TOLERANCE * answer.unit
    assert cube.attrs["learned_from"] == "the embedding at beta 0.5"


def test_a_model_without_betas_maps_too(frame):
    fitted = rg.fit_map(frame, "height", model="Theory", block="5deg", seeds=1, baselines=False)
    assert np.isfinite(fitted.raster((5, 44, 6, 45), 0.1).values).all()
    with pytest.raises(UsageError, match="Theory has none; leave it out"):
        rg.fit_map(frame, "height", model="Theory", beta=0.5)


def test_several_betas_are_refused(mini, frame):
    with pytest.raises(UsageError, match=r"betas must be one number, got \(0, 1\)"):
        rg.fit_map(frame, "height", model=mini, beta=(0, 1))


def test_the_map_says_what_it_is(heights):
    cube = heights.raster((5, 44, 6, 45), 0.1)
    assert cube.attrs["long_name"] == "height, predicted from RANGE+"
    assert cube.attrs["labels"] == 200
    assert cube.attrs["blocks"] == "5 degrees"
    assert cube.attrs["limited_height"] == list(heights.labels.targets[0].limits)
    assert cube.attrs["score_height"] == heights.scores.value("height", "block", "embedding")[0]
    assert "encoder_sha256" in cube.attrs
    assert cube.name == "map"


def test_an_area_leaves_pixels_out(heights):
    import shapely

    area = shapely.Point(6, 45).buffer(0.5)
    values = heights.raster(aoi=area, res=0.02).values
    assert np.isnan(values[:, 0, 0]).all()
    assert np.isfinite(values[:, 25, 25]).all()


def test_what_was_learned_survives_a_file(heights, covers, mini, tmp_path):
    for name, fitted in (("heights", heights), ("covers", covers)):
        path = fitted.save(tmp_path / f"{name}.npz")
        with pytest.raises(OutputError, match="exists"):
            fitted.save(path)
        again = rg.FittedMap.load(path, model=mini)
        assert str(again.scores) == str(fitted.scores)
        pd.testing.assert_frame_equal(again.scores.folds, fitted.scores.folds)
        box = (5, 44, 6, 45), 0.05
        assert np.array_equal(again.raster(*box).values, fitted.raster(*box).values)
        assert again.raster(*box).attrs == fitted.raster(*box).attrs
    assert rg.FittedMap.load(path).model.spec.weights == mini.spec.weights


def test_other_files_are_no_maps(heights, tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.npz"):
        heights.save(tmp_path / "map.pickle")
    with pytest.raises(UsageError, match="does not exist"):
        rg.FittedMap.load(tmp_path / "map.npz")
    np.savez(tmp_path / "map.npz", a=[1])
    with pytest.raises(UsageError, match="is no file that the save of a map wrote"):
        rg.FittedMap.load(tmp_path / "map.npz")
    path = heights.save(tmp_path / "heights.npz")
    with pytest.raises(UsageError, match="was learned from RANGE\\+ with other files; leave out model"):
        rg.FittedMap.load(path, model=rg.load_model("Theory"))


def test_features_are_evaluated_one_by_one(mini, frame):
    recipe = feature_recipe(mini, None)
    lonlat = frame[["lon", "lat"]].to_numpy()[:5]
    assert bands_at(mini, recipe, lonlat).shape == (5, 2 * mini.visual + mini.location)


@pytest.fixture(scope="module")
def narrow(frame):
    """Labels of middling heights alone, so that others are beyond their range."""
    return frame[frame.height.between(*frame.height.quantile([0.3, 0.7]))]


def test_numbers_keep_to_the_range_of_the_labels_unless_they_may_not(mini, narrow, tmp_path):
    options = {"model": mini, "block": "5deg", "folds": 3, "seeds": 1, "baselines": False}
    clipped = rg.fit_map(narrow, "height", **options)
    free = rg.fit_map(narrow, "height", **options, clip=False)
    low, high = narrow.height.min(), narrow.height.max()
    box = (-20, 30, 40, 65), 1
    limited, unlimited = clipped.raster(*box).values, free.raster(*box).values
    assert limited[0].min() == np.float32(low)
    assert limited[0].max() == np.float32(high)
    assert unlimited[0].max() > high + 10
    assert np.array_equal(limited[0], np.clip(unlimited[0], np.float32(low), np.float32(high)))
    assert limited[1][unlimited[0] > high].min() > 0  # the spread still tells of extrapolation
    assert "limited_height" not in free.raster(*box).attrs
    again = rg.FittedMap.load(clipped.save(tmp_path / "m.npz"), model=mini)
    assert np.array_equal(again.raster(*box).values, limited)


def test_places_have_the_values_of_their_pixels(heights, covers):
    cube = covers.raster((5, 44, 6, 45), 0.1, exact=True, probabilities=True)
    lon, lat = (part.ravel() for part in np.meshgrid(cube.x, cube.y))
    table = pd.DataFrame({"lon": lon, "lat": lat, "more": "a"}, index=range(7, 7 + len(lon)))
    found = covers.predict(table, probabilities=True)
    assert found.index.equals(table.index)
    assert found.columns.tolist() == cube["band_name"].values.tolist()
    names = np.array(covers.labels.targets[0].classes)
    assert found["cover"].tolist() == names[cube.values[0].astype(int).ravel()].tolist()
    assert found.iloc[:, 1:].to_numpy(float) == pytest.approx(cube.values[1:].reshape(5, -1).T, abs=1e-5)
    number = heights.predict([[5.3, 44.2], [6, 45]], spread=False)
    by_hand = np.clip(answers_by_hand(heights, np.array([[5.3, 44.2], [6, 45]]))[0], *heights.fit.answers[0].clip)
    assert number.to_numpy() == pytest.approx(by_hand, rel=1e-4)


def test_rows_without_a_place_have_no_values(covers):
    found = covers.predict(pd.DataFrame({"lon": [5, np.nan], "lat": [45, 45]}))
    assert found.isna().all(axis=1).tolist() == [False, True]


def test_probabilities_are_for_classes(heights):
    with pytest.raises(UsageError, match="probabilities is for classes, and 'height' holds numbers; leave it out"):
        heights.raster((5, 44, 6, 45), 0.1, probabilities=True)


def test_a_map_far_from_all_labels_is_told(heights):
    """The labels reach to 40 degrees east, and blocks are 5 degrees wide."""
    far = "the map lies more than 556 km from every label, up to [78],... km, .*mask_unlike=True leaves out"
    with pytest.warns(GridWarning, match=far):
        heights.raster((100, -10, 110, 0), 1)
    with pytest.warns(GridWarning, match=r"\d\d% of the map lie more than"):
        heights.raster((-20, 30, 140, 65), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heights.raster((100, -10, 110, 0), 1, mask_unlike=True)
        heights.raster((-24, 28, 44, 67), 1)


def test_only_the_area_counts_as_far(heights):
    import shapely

    parts = shapely.MultiPolygon([shapely.box(5, 44, 9, 48), shapely.box(100, -10, 100.5, -9.5)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heights.raster(aoi=parts, res=0.5)
