"""DataFrames and GeoDataFrames: places out of them, embeddings into them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import torch
import xarray as xr
from shapely.geometry import LineString, Point

import rangegeo as rg
from rangegeo.errors import RangegeoError, UsageError

LON, LAT = [5.72, 2.35, 190.0, -68.3], [45.19, 48.86, 10.0, -54.8]
ROUND_OFF = 3e-6


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"name": list("abcd"), "Latitude": LAT, "Longitude": LON}, index=[7, 3, 9, 1])


@pytest.fixture
def geoframe(frame) -> gpd.GeoDataFrame:
    points = [Point(lon - 360 * (lon > 180), lat) for lon, lat in zip(LON, LAT, strict=True)]
    return gpd.GeoDataFrame({"name": frame["name"]}, geometry=points, crs=4326, index=frame.index)


def test_a_frame_gives_a_frame_with_its_index_that_joins(mini, frame):
    found = mini.encode(frame)
    np.testing.assert_allclose(found, mini.encode(np.column_stack([LON, LAT])), rtol=0, atol=5e-6)
    assert found.index.tolist() == [7, 3, 9, 1]
    assert (found.columns[0], found.columns[-1], found.shape) == ("b0001", "b0040", (4, 40))
    assert (found.dtypes == np.float32).all()
    assert frame.join(found).loc[9, "name"] == "c"
    assert frame.columns.tolist() == ["name", "Latitude", "Longitude"]  # and the frame is left alone


def test_several_betas_have_long_names(mini, frame):
    found = mini.encode(frame, beta=(0, 0.5))
    expected = mini.encode(np.column_stack([LON, LAT]), beta=(0, 0.5))
    assert found.columns[[0, 40]].tolist() == ["beta0_b0001", "beta0.5_b0001"]
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), rtol=0, atol=5e-6)


@pytest.mark.parametrize("crs", [4326, 3857, 32719, 4267])
def test_points_of_a_geodataframe_in_any_crs(mini, frame, geoframe, crs):
    row = geoframe.iloc[[3]].to_crs(crs)
    found = mini.encode(row)
    np.testing.assert_allclose(found, mini.encode([[LON[3], LAT[3]]]), atol=1e-5)
    assert type(found) is pd.DataFrame
    assert found.index.tolist() == [1]
    pd.testing.assert_frame_equal(mini.encode(row.geometry), found)


def test_geometry_wins_over_columns(mini, geoframe):
    geoframe["lon"], geoframe["lat"] = 0.0, 0.0
    np.testing.assert_allclose(mini.encode(geoframe), mini.encode(np.column_stack([LON, LAT])), atol=1e-5)


def test_rows_without_a_place_are_nan(mini, frame, geoframe):
    frame["Latitude"] = [45.19, None, 10.0, np.nan]
    found = mini.encode(frame)
    assert found.isna().all(axis=1).tolist() == [False, True, False, True]
    np.testing.assert_allclose(found.loc[9], mini.encode([[190.0, 10.0]])[0], atol=ROUND_OFF)
    geoframe.loc[3, "geometry"] = None
    geoframe.loc[9, "geometry"] = Point()
    assert mini.encode(geoframe).isna().all(axis=1).tolist() == [False, True, True, False]


def test_numbers_in_any_dtype(mini, frame):
    expected = mini.encode(frame)
    pd.testing.assert_frame_equal(mini.encode(frame.astype({"Latitude": "Float64", "Longitude": str})), expected)


def test_an_empty_frame(mini, frame):
    assert mini.encode(frame.iloc[:0]).shape == (0, 40)
    assert mini.encode(frame.iloc[:0], beta=(0, 1)).shape == (0, 80)


def refusals() -> dict[str, tuple[pd.DataFrame, str]]:
    line = gpd.GeoDataFrame(geometry=[Point(0, 0), LineString([(0, 0), (1, 1)])], crs=4326)
    points = gpd.GeoDataFrame(geometry=[Point(0, 0)])
    return {
        "two longitudes": (pd.DataFrame({"x": [0], "lon": [0], "lat": [0]}), "longitude may be in x, lon; pass the"),
        "no names": (pd.DataFrame([[0, 0]]), "no column of 0, 1 has a usual name of longitude; pass the two columns"),
        "text": (pd.DataFrame({"lon": ["east"], "lat": [0]}), "the column 'lon' must hold numbers; Unable to parse"),
        "beyond a pole": (pd.DataFrame({"lon": [None, 0], "lat": [0, 95]}), "got 0, 95 in row 1; the order is longit"),
        "no crs": (points, "the GeoDataFrame does not say its CRS; set it first: frame.set_crs(4326)"),
        "lines": (line, "row 1 of the GeoDataFrame is a LineString, not a point; take frame.representative_point()"),
        "no geometry": (gpd.GeoDataFrame({"lon": [0], "lat": [0]}), "has no geometry yet; set it first: frame.set_ge"),
    }  # fmt: skip


@pytest.mark.parametrize("case", refusals())
def test_what_is_refused(mini, case):
    frame, said = refusals()[case]
    with pytest.raises(UsageError) as caught:
        mini.encode(frame)
    assert said in str(caught.value)


def test_the_drop_in_goes_by_the_order_of_the_columns_as_upstream(mini, frame):
    spec = mini.spec
    model = rg.RANGE("RANGE+", device="cpu", pretrained_path=spec.weights, db_path=spec.db)
    found = model.encode(frame[["Longitude", "Latitude"]].set_axis(["a", "b"], axis=1))
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, model.encode(torch.tensor([LON, LAT], dtype=torch.float64).T), rtol=0, atol=5e-6)


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (pd.Series([True, False, True, True]), "true or false"),
        (pd.Series([True, False, True, None], dtype="boolean"), "true or false"),
        (pd.Series([True, False, True, True], dtype=object), "true or false"),
        (pd.Series([1j, 2, 3, 4]), "complex numbers"),
        (pd.Series(pd.to_datetime([0, 1, 2, 3], unit="ns")), "dates"),
        (pd.Series(pd.to_datetime([0, 1, 2, 3], unit="ns", utc=True)), "dates"),
        (pd.Series(pd.to_timedelta([0, 1, 2, 3], unit="ns")), "durations"),
    ],
)
def test_columns_that_could_be_read_as_numbers_are_no_coordinates(mini, column, what):
    with pytest.raises(UsageError, match=f"the column 'lon' must hold numbers; its values are {what}"):
        mini.encode(pd.DataFrame({"lon": column, "lat": LAT}))


def test_a_merge_that_made_a_plain_frame_is_told_how_to_get_back(mini, geoframe):
    plain = pd.DataFrame(geoframe.rename_geometry("where"))
    with pytest.raises(UsageError) as caught:
        mini.encode(plain)
    typed = str(caught.value).rpartition("make it a GeoDataFrame: ")[2]
    frame = eval(typed, {"geopandas": gpd, "frame": plain})
    pd.testing.assert_frame_equal(mini.encode(frame), mini.encode(geoframe))


# -------------------------------------------------------------------------------------- points and dictionaries


def test_points_and_columns_of_other_kinds_are_places(mini):
    lonlat = np.array([[5.7, 45.2], [6.0, 44.5]])
    expected = mini.encode(lonlat)
    points = [shapely.Point(*place) for place in lonlat]
    metres = gpd.GeoSeries(points, crs=4326).to_crs(32632)
    for places in (points, tuple(points), np.array(points, dtype=object)):
        np.testing.assert_array_equal(mini.encode(places), expected)
    np.testing.assert_allclose(mini.encode(metres.values), expected, atol=1e-5)
    for one in (points[0], gpd.GeoDataFrame({"name": ["a", "b"]}, geometry=points, crs=4326).iloc[0]):
        np.testing.assert_allclose(mini.encode(one), expected[:1], atol=ROUND_OFF)
    columns = {"lon": lonlat[:, 0], "lat": lonlat[:, 1].tolist()}
    np.testing.assert_array_equal(mini.encode(columns), expected)
    np.testing.assert_array_equal(mini.encode({"latitude": 45.2, "longitude": 5.7}), mini.encode(lonlat[:1]))
    along = xr.Dataset({name: ("site", np.asarray(column)) for name, column in columns.items()}, {"site": ["a", "b"]})
    np.testing.assert_array_equal(mini.encode(along), expected)
    np.testing.assert_array_equal(mini.encode(along.isel(site=0)), mini.encode(lonlat[:1]))


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (shapely.box(5, 44, 6, 45), "places must be numbers"),
        ([shapely.Point(5, 45), None], "places must be numbers"),
        (shapely.Point(), "places must be numbers"),
        (shapely.Point(179294, 4876250), "longitude must be in"),
        ({"a": [1.0], "b": [2.0]}, "no column of a, b has a usual name of longitude"),
        ({"lon": [1.0], "lat": [1.0, 2.0]}, "places must be columns of the same length"),
        (xr.Dataset(coords={"lon": [1.0, 2.0], "lat": [3.0, 4.0]}), "places must be numbers"),
    ],
)
def test_other_objects_are_refused(mini, places, said):
    with pytest.raises(RangegeoError, match=said):
        mini.encode(places)
