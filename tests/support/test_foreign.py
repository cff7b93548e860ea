"""Files that name addresses are refused before GDAL opens them; files that name files of this machine are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rasterio
from helpers import links

from rangegeo.errors import UsageError
from rangegeo.support import foreign
from rangegeo.support.foreign import check_foreign

ADDRESS = "http://127.0.0.1:9"


@pytest.mark.parametrize("name", [*links.VECTORS, *links.RASTERS])
def test_a_file_that_names_an_address_is_refused(tmp_path, name):
    path = tmp_path / name
    (links.VECTORS | links.RASTERS)[name](path, ADDRESS)
    with pytest.raises(UsageError, match=r"; give a file that holds its data itself$") as caught:
        check_foreign(path, "it", UsageError, raster=name in links.RASTERS)
    assert "\n" not in str(caught.value)


FINE = {
    "GeoJSON": links.collection(),
    "a CRS by its name": links.collection(crs={"type": "name", "properties": {"name": "EPSG:3035"}}),
    "links that are no CRS": links.collection(crs={"type": "name"}, link={"type": "link"}, url="a"),
    "other JSON": json.dumps({"crs": "EPSG:4326", "link": ADDRESS}),
    "text": "lon,lat\n1,2\n",
    "nothing": "",
    "KML": "<kml><Document><href>http://a.b</href></Document></kml>",
}


@pytest.mark.parametrize("content", FINE.values(), ids=FINE)
def test_files_that_name_no_address_are_let_through(tmp_path, content):
    (tmp_path / "a").write_text(content)
    check_foreign(tmp_path / "a", "it", UsageError)
    check_foreign(content.encode(), "it", UsageError)


@pytest.mark.parametrize("relative", [True, False])
def test_a_vrt_of_files_of_this_machine_is_let_through(tmp_path, relative):
    links.tif(tmp_path / "a.tif")
    path = tmp_path / "a.vrt"
    path.write_text(
        links.raster_vrt("a.tif" if relative else str(tmp_path / "a.tif")).replace(
            "<SRS>", f"<Metadata><MDI key='source'>{ADDRESS}</MDI></Metadata><SRS>"
        )
    )
    check_foreign(path, "it", UsageError, raster=True)
    (tmp_path / "b.vrt").write_text(links.vector_vrt("a.geojson"))
    (tmp_path / "a.geojson").write_text(links.collection())
    check_foreign(tmp_path / "b.vrt", "it", UsageError)


def test_what_is_typed_is_let_through():
    for name in (f"/vsicurl/{ADDRESS}/a.tif", "https://a.b/c.tif", 'NETCDF:"a.nc":v', "none.tif"):
        check_foreign(name, "it", UsageError, raster=True)


def test_a_vrt_that_names_itself_is_refused(tmp_path):
    (tmp_path / "a.vrt").write_text(links.raster_vrt("a.vrt"))
    with pytest.raises(UsageError, match="names VRTs that name VRTs, more than 8 times"):
        check_foreign(tmp_path / "a.vrt", "it", UsageError)


def test_a_link_is_found_wherever_it_stands_in_a_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "_BLOCK", 1000)
    for gap in range(66_000, 66_100, 7):
        (tmp_path / "a.geojson").write_text(
            links.linked(ADDRESS).replace('{"type": "link"', " " * gap + '{"type": "link"')
        )
        with pytest.raises(UsageError, match="names its CRS by a link"):
            check_foreign(tmp_path / "a.geojson", "it", UsageError)


def test_a_deep_or_broken_file_with_a_link_is_refused(tmp_path):
    for content in ('{"crs": {"type": "link"' + "[" * 100_000, links.linked(ADDRESS).replace('"', "'")):
        with pytest.raises(UsageError, match="names its CRS by a link"):
            check_foreign(content.encode(), "it", UsageError)


def test_the_files_of_this_test_do_send_requests(tmp_path):
    """Else the tests of refusals would show nothing."""
    with links.listening(tmp_path / "log") as server:
        path = tmp_path / "a.vrt"
        path.write_text(links.warped_vrt(f"/vsicurl/{server.address}/a.tif"))
        with pytest.raises(rasterio.errors.RasterioIOError):
            rasterio.open(path)
        assert "/a.tif" in server.requests


def test_paths_are_taken_in_any_form(tmp_path):
    Path(tmp_path / "a.geojson").write_text(links.linked(ADDRESS))
    for source in (tmp_path / "a.geojson", str(tmp_path / "a.geojson")):
        with pytest.raises(UsageError):
            check_foreign(source, "it", UsageError)
