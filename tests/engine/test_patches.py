"""The spectral engine against the exact one: places, projections, tolerances, and what it says of itself."""

from __future__ import annotations

import pickle

import dask
import numpy as np
import pytest
from helpers.evaluators import FakeEvaluator
from helpers.rasters import lazy_cube

import rangegeo as rg
from rangegeo.cubes.graph import patch_layers
from rangegeo.cubes.proof import proof
from rangegeo.engine.evaluator import evaluate_pixels
from rangegeo.engine.patches import evaluate_patch, fill_window
from rangegeo.errors import UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.field.retrieval import softmax_sums
from rangegeo.grid import make_geobox, pixel_places
from rangegeo.models.load import loaded

PLACES = {  # bbox, resolution, CRS: all small enough to be compared pixel by pixel
    "high mountains": ((86, 27, 87.3, 28.3), 0.02, "EPSG:4326"),
    "coast": ((-9.5, 38, -8.2, 39.3), 0.02, "EPSG:4326"),
    "islands": ((-156, 19, -154.7, 20.3), 0.02, "EPSG:4326"),
    "80° north": ((15, 79.5, 17, 80.5), 0.02, "EPSG:4326"),
    "the antimeridian": ((179.3, -17.5, -179.4, -16.2), 0.02, "EPSG:4326"),
    "a pole": ((-180, 89.3, 180, 90), 2500, "EPSG:3995"),
    "a UTM zone": ((5.9, 45, 7.2, 46), 2000, "EPSG:32632"),
    "web mercator": ((10, 60, 11, 60.6), 2000, "EPSG:3857"),
    "equal area": ((5, 46, 7, 47), 2000, "EPSG:3035"),
    "the south pole": ((-180, -90, 180, -89.3), 2500, "EPSG:3031"),
}


@pytest.fixture(scope="module")
def demo():
    return rg.load_model("RANGE+", device="cpu")


def relative_error(found: np.ndarray, exact: np.ndarray, visual: int) -> float:
    """Largest difference in the visual and in the location bands, each relative to its largest value."""
    parts = (slice(0, visual), slice(visual, None))
    return max(
        float(np.nanmax(np.abs(found[:, part] - exact[:, part])) / np.nanmax(np.abs(exact[:, part]))) for part in parts
    )


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 4e-6])
def test_error_is_within_the_tolerance(demo, place: str, tolerance: float):
    bbox, res, crs = PLACES[place]
    options = {"model": demo, "betas": (0, 0.5, 1), "crs": crs}
    cube = rg.raster(bbox, res, tolerance=tolerance, **options)
    assert cube.rangegeo.facts["evaluation"] == "interpolated"
    found, facts = dask.compute(cube.data, proof(cube))
    exact = rg.raster(bbox, res, exact=True, **options).values
    assert relative_error(found, exact, demo.visual) <= tolerance
    assert facts["measured_error"] <= tolerance
    assert facts["proof_pixels"] >= 16
    assert facts["evaluations"] < cube.sizes["y"] * cube.sizes["x"]


def test_nothing_outside_a_projection_is_filled(mini):
    bbox, crs = (-180, -90, 180, 90), "ESRI:54009"
    geobox = make_geobox(bbox, 40_000, crs)
    recipe = mini.recipe(0.5)
    rows, cols = slice(0, 200), slice(0, 200)
    patch = evaluate_patch(mini.evaluator, geobox, (rows, cols), 64, 1e-3, recipe)
    found = fill_window(mini.evaluator, geobox, (rows, cols), patch, recipe)
    exact = evaluate_pixels(mini.evaluator, pixel_places(geobox, rows, cols), recipe)
    assert 0.05 < np.isnan(exact[0, 0]).mean() < 0.9
    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
    np.testing.assert_allclose(found, exact, atol=2e-3 * np.nanmax(np.abs(exact)))


def test_a_seam_of_an_interrupted_projection_is_not_bridged(mini):
    geobox = make_geobox((-60, 20, -20, 60), 30_000, "+proj=igh +type=crs")
    recipe = mini.recipe(0.5)
    window = slice(0, geobox.shape[0]), slice(0, geobox.shape[1])
    patch = evaluate_patch(mini.evaluator, geobox, window, 128, 1e-4, recipe)
    found = fill_window(mini.evaluator, geobox, window, patch, recipe)
    exact = evaluate_pixels(mini.evaluator, pixel_places(geobox, *window), recipe)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
    np.testing.assert_allclose(found, exact, atol=2e-4 * np.nanmax(np.abs(exact)))


def jump(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """A jump at 10.13° east."""
    return np.stack([np.where(lon > 10.13, 1.0, -1.0), np.sin(lat)], axis=1)


def test_a_jump_is_found_and_evaluated_exactly():
    evaluator, recipe = FakeEvaluator(jump, 2), Recipe(betas=(1.0,), visual=0, location=2)
    geobox = make_geobox((9, 45, 11.56, 47.56), 0.01)
    window = slice(0, 256), slice(0, 256)
    patch = evaluate_patch(evaluator, geobox, window, 256, 1e-5, recipe)
    found = fill_window(evaluator, geobox, window, patch, recipe)
    exact = evaluate_pixels(FakeEvaluator(jump, 2), pixel_places(geobox, *window), recipe)
    np.testing.assert_allclose(found, exact, atol=1e-5)
    assert evaluator.asked < 0.5 * 256 * 256


def test_a_missed_tolerance_is_refined_and_said(demo, monkeypatch: pytest.MonkeyPatch):
    """Where the decay of the coefficients promises too much, the exact pixels catch it."""
    monkeypatch.setattr("rangegeo.engine.fit.estimated_error", lambda values: 0.0)
    geobox, recipe = make_geobox((86, 27, 88.56, 29.56), 0.01), demo.recipe((0, 1))
    window = slice(0, 256), slice(0, 256)
    patch = evaluate_patch(demo.evaluator, geobox, window, 256, 1e-5, recipe)
    assert patch.missed_tolerance >= 1
    assert patch.error <= 1e-5
    exact = evaluate_pixels(demo.evaluator, pixel_places(geobox, slice(0, 20), slice(0, 256)), recipe)
    found = fill_window(demo.evaluator, geobox, (slice(0, 20), slice(0, 256)), patch, recipe)
    assert relative_error(found, exact, demo.visual) < 1e-4


def test_a_coarse_grid_is_evaluated_exactly(mini):
    cube = rg.raster((-180, -90, 180, 90), 5, model=mini)
    assert cube.rangegeo.facts["evaluation"] == "exact"
    assert "tolerance" not in cube.rangegeo.facts
    assert proof(cube) is None


@pytest.mark.parametrize("chunks", [16, 32, 64, 256])
def test_chunking_changes_values_only_within_the_tolerance(demo, chunks: int):
    options = {"model": demo, "betas": (0, 1)}
    found = rg.raster((6, 45, 7.5, 46.2), 0.02, chunks=chunks, **options).values
    exact = rg.raster((6, 45, 7.5, 46.2), 0.02, exact=True, **options).values
    assert relative_error(found, exact, demo.visual) <= 1e-5


def test_patches_are_evaluated_once_and_named_deterministically(mini):
    first, second = (rg.raster((6, 45, 8, 47), 0.01, model=mini, chunks=64) for _ in range(2))
    assert first.data.name == second.data.name
    assert set(first.data.dask.to_dict()) == set(second.data.dask.to_dict())
    (patches,) = patch_layers(first.data)
    assert 1 <= len(patches) < first.data.npartitions
    assert patch_layers(second.data[..., :9, :9] * 2)[0].spec.token == patches.spec.token


def test_a_slice_computes_and_proves_only_its_own_patches(mini):
    cube = rg.raster((0, 40, 8, 48), 0.02, model=mini)
    corner = cube[..., :10, :10]
    assert proof(corner).compute()["proof_pixels"] < proof(cube).compute()["proof_pixels"]


def test_the_graph_carries_no_weights(mini):
    cube = rg.raster((6, 45, 8, 47), 0.01, model=mini, chunks=64)
    assert len(pickle.dumps(dict(cube.data.dask.to_dict()))) < 200_000


def test_workers_do_not_change_values(mini):
    cube = rg.raster((6, 45, 8, 47), 0.01, model=mini, chunks=64)
    with dask.config.set(scheduler="synchronous"):
        alone = cube.values
    with dask.config.set(scheduler="threads", num_workers=4):
        np.testing.assert_array_equal(cube.values, alone)


@pytest.mark.parametrize("tolerance", [0, -1, 1e-7, 1, float("nan")])
def test_impossible_tolerances_are_refused(mini, tolerance: float):
    with pytest.raises(UsageError, match=r"tolerance must be in \[4e-06, 0.1\]"):
        rg.raster((6, 45, 8, 47), 0.01, model=mini, tolerance=tolerance)


class TestReducing:
    """Bands, principal components and betas act on nodes; the result is that of acting on pixels."""

    BOX = ((6, 45, 7.28, 46.28), 0.02)

    def test_bands(self, demo):
        whole = rg.raster(*self.BOX, model=demo, exact=True).values
        some = rg.raster(*self.BOX, model=demo, bands=(3, 1, 300))
        assert some["band_name"].values.tolist() == ["visual_002", "visual_000", "location_043"]
        np.testing.assert_allclose(some.values, whole[:, [2, 0, 299]], atol=2e-5 * np.abs(whole).max())

    @pytest.mark.parametrize("bands", ["visual", "location"])
    def test_named_bands(self, demo, bands: str):
        whole = rg.raster(*self.BOX, model=demo, exact=True).compute()
        kept = whole.isel(band=[name.startswith(bands) for name in whole["band_name"].values])
        found = rg.raster(*self.BOX, model=demo, bands=bands)
        assert found["band_name"].values.tolist() == kept["band_name"].values.tolist()
        np.testing.assert_allclose(found.values, kept.values, atol=1e-5 * np.abs(kept).max().item())

    def test_location_bands_need_no_retrieval(self, demo, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("rangegeo.field.range.softmax_average", None)
        assert rg.raster(*self.BOX, model=demo, bands="location").values.shape[1] == demo.location

    def test_points_that_share_their_sums(self, demo, monkeypatch: pytest.MonkeyPatch):
        """The values are those of every pixel by itself, and so are the components and what is proved."""
        exact = rg.raster(*self.BOX, model=demo, betas=(0.5, 1), exact=True).values
        alone = rg.raster(*self.BOX, model=demo, betas=(0.5, 1), pca=3)
        monkeypatch.setattr("rangegeo.field.supports.SMALLEST_SUM", 0)
        assert demo.evaluator.shares
        sums: list[int] = []
        monkeypatch.setattr(
            "rangegeo.field.supports.softmax_sums", lambda *a: sums.append(len(a[0])) or softmax_sums(*a)
        )
        found = rg.raster(*self.BOX, model=demo, betas=(0.5, 1))
        np.testing.assert_allclose(found.values, exact, atol=1e-5 * np.abs(exact).max())
        assert 0 < sum(sums) < 800  # of 1,681 points and 32 places
        shared = rg.raster(*self.BOX, model=demo, betas=(0.5, 1), pca=3)
        directions = [np.array(cube.rangegeo.facts["pca_components"]) for cube in (alone, shared)]
        np.testing.assert_allclose(*directions, atol=1e-4)

    def test_pca(self, demo):
        whole = rg.raster(*self.BOX, model=demo, betas=(0, 1), exact=True)
        cube = rg.raster(*self.BOX, model=demo, betas=(0, 1), pca=3)
        directions, mean = np.array(cube.rangegeo.facts["pca_components"]), np.array(cube.rangegeo.facts["pca_mean"])
        assert directions.shape == (3, demo.dim)
        np.testing.assert_allclose(directions @ directions.T, np.eye(3), atol=1e-5)
        expected = np.einsum("cn,bnyx->bcyx", directions, whole.values - mean[None, :, None, None])
        np.testing.assert_allclose(cube.values, expected, atol=2e-4 * np.abs(expected).max())
        explained = cube.rangegeo.facts["pca_explained_variance"]
        assert explained == sorted(explained, reverse=True)
        assert 0.5 < sum(explained) <= 1 + 1e-6

    def test_pca_is_reproducible(self, demo):
        first, second = (rg.raster(*self.BOX, model=demo, pca=2).rangegeo.facts["pca_components"] for _ in range(2))
        assert first == second

    @pytest.mark.parametrize("count", [0, -1, 600])
    def test_impossible_pca(self, demo, count: int):
        with pytest.raises(UsageError, match="pca must be from 1"):
            rg.raster(*self.BOX, model=demo, pca=count)

    @pytest.mark.parametrize("bands", ["red", (), (0,), (1, 1), (513,)])
    def test_impossible_bands(self, demo, bands: object):
        with pytest.raises(UsageError, match="bands must"):
            rg.raster(*self.BOX, model=demo, bands=bands)


class TestComponents:
    """S, G and q stored once give any beta."""

    @pytest.mark.parametrize("beta", [0, 0.37, 1])
    def test_any_beta_after_a_round_trip(self, demo, tmp_path, beta: float):
        cube = rg.raster((6, 45, 7.28, 46.28), 0.02, model=demo, layout="components")
        assert cube.sizes["band"] == 2 * demo.visual + demo.location
        cube.rangegeo.to_zarr(tmp_path / "c.zarr")
        stored = rg.open_cube(tmp_path / "c.zarr")
        found = stored.rangegeo.at(beta)
        assert dask.is_dask_collection(found.data)
        visual = 0 if beta == 0 else None
        semantic, geographic = cube.values[: demo.visual], cube.values[demo.visual : 2 * demo.visual]
        blended = np.float32(1 - beta) * geographic + np.float32(beta) * semantic
        np.testing.assert_array_equal(found.values[: demo.visual][:visual], blended[:visual])
        direct = rg.raster((6, 45, 7.28, 46.28), 0.02, model=demo, betas=beta)
        assert found["band_name"].values.tolist() == direct["band_name"].values.tolist()
        assert relative_error(found.values[None], direct.values, demo.visual) <= 1e-5

    def test_a_cube_of_betas_gives_those_it_holds(self, mini):
        cube = rg.raster((6, 45, 7, 46), 0.02, model=mini, betas=(0, 0.5))
        assert cube.rangegeo.at(0.5).compute().identical(cube.sel(beta=0.5).compute())
        with pytest.raises(UsageError, match='layout="components"'):
            cube.rangegeo.at(0.4)

    def test_models_without_betas_have_no_components(self, golden):
        model = rg.load_model("SatCLIP", weights=str(golden / "satclip-mini.ckpt"))
        with pytest.raises(UsageError, match='layout="components" needs a model with betas'):
            model.recipe(0.5, layout="components")


@pytest.mark.parametrize("chunks", [64, 128])
def test_writing_and_proving_evaluate_each_patch_once(mini, tmp_path, monkeypatch: pytest.MonkeyPatch, chunks: int):
    """Also where a patch is one chunk, which dask would fuse with it."""
    seen = []

    def counted(spec, geobox, window, *rest):
        seen.append(window)
        return evaluate_patch(loaded(spec).evaluator, geobox, window, *rest)

    monkeypatch.setattr("rangegeo.cubes.graph.patch_block", counted)
    cube = rg.raster((6, 45, 8.56, 47.56), 0.02, model=mini, chunks=chunks)
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    assert len(seen) == len({(rows.start, cols.start) for rows, cols in seen}) >= 1


def test_measured_error_is_in_the_files(mini, tmp_path):
    cube = rg.raster((6, 45, 7.28, 46.28), 0.02, model=mini)
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    for path in (tmp_path / "a.zarr", tmp_path / "a.tif"):
        attrs = rg.open_cube(path).rangegeo.facts
        assert 0 < float(attrs["measured_error"]) <= 1e-5
        assert int(attrs["evaluations"]) > 0
        assert attrs["evaluation"] == "interpolated"


def test_an_exact_cube_says_so(mini):
    geobox = make_geobox((6, 45, 7.28, 46.28), 0.02)
    assert lazy_cube(geobox, mini, mini.recipe(), tolerance=None).rangegeo.facts["evaluation"] == "exact"
