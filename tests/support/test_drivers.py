"""Text tables are told from what GDAL may read."""

from __future__ import annotations

import geopandas as gpd
import pytest
from shapely.geometry import Point

from rangegeo.support.drivers import is_text_table

VRT = '<OGRVRTDataSource><OGRVRTLayer name="{0}"><SrcDataSource>{1}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.psv", "CSV:t.txt"])
def test_text_is_told_by_gdal_itself_and_through_a_vrt(tmp_path, name):
    path = tmp_path / name.removeprefix("CSV:")
    path.write_text("a,b\n1,2\n")
    source = f"CSV:{path}" if name.startswith("CSV:") else str(path)
    (tmp_path / "v.vrt").write_text(VRT.format("t", source))
    assert is_text_table(source)
    assert is_text_table(tmp_path / "v.vrt")


def test_vector_files_are_no_text(tmp_path):
    gpd.GeoDataFrame({"a": [1]}, geometry=[Point(1, 2)], crs=4326).to_file(tmp_path / "t.gpkg", layer="t")
    (tmp_path / "v.vrt").write_text(VRT.format("t", tmp_path / "t.gpkg"))
    assert not is_text_table(tmp_path / "t.gpkg")
    assert not is_text_table(tmp_path / "v.vrt")


def test_a_file_of_very_many_columns_is_refused(tmp_path, monkeypatch):
    from pyogrio.errors import DataSourceError

    from rangegeo.support import drivers

    point = '{"type": "Point", "coordinates": [5, 44]}'
    (tmp_path / "a.geojson").write_text(f'{{"type": "Feature", "properties": {{"a": 1, "b": 2}}, "geometry": {point}}}')
    assert not drivers.is_text_table(tmp_path / "a.geojson")
    monkeypatch.setattr(drivers, "MOST_COLUMNS", 1)
    with pytest.raises(DataSourceError, match="it has 2 columns, and at most 1 are read"):
        drivers.is_text_table(tmp_path / "a.geojson")
