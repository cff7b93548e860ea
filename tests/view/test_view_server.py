"""The server answers what it should, and refuses all else in a sentence."""

from __future__ import annotations

import io
import json
import tomllib
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from rangegeo.errors import UsageError
from rangegeo.view.assets import ASSETS, LEAFLET, OWN
from rangegeo.view.server import LARGEST_BODY, LONGEST_ADDRESS
from rangegeo.view.serving import Listening
from rangegeo.view.tile import SIDE

JSON = {"Content-Type": "application/json"}
OWS = "{http://www.opengis.net/ows/1.1}"
WMTS_TILE = "/wmts?request=GetTile&tilematrix=3&tilecol=4&tilerow=2"
POINTS = [{"lon": 7, "lat": 46, "label": "a"}, {"lon": 7, "lat": -46, "label": "b"}]


def pixels(answer) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


def test_the_page_and_its_files(client):
    page = client.get("/")
    assert "<title>rangegeo</title>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name in ASSETS:
        answer = client.get(f"/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == ASSETS[name]
    assert {path.name for path in OWN.iterdir()} == set(ASSETS) - set(LEAFLET)


def test_wheels_hold_the_page():
    project = tomllib.loads((OWN.parents[2] / "pyproject.toml").read_text())
    globs = project["tool"]["setuptools"]["package-data"]["rangegeo"]
    assert all(path.is_file() for path in OWN.iterdir())  # a folder would need a glob of its own
    assert "view/page/*" in globs


def test_the_page_asks_nobody_else():
    """It works offline: every address in its own files is relative, or names a namespace."""
    for path in OWN.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "").replace("python -m http.server", "")
        assert "http" not in text, path.name


def test_what_is_looked_at(client):
    about = client.get("/view.json").json()
    assert about["name"] == "small.zarr"
    assert about["betas"] == [0, 1]
    assert about["bands"] == 76
    assert about["bounds"] == [-180, -90, 180, 90]


def test_a_tile_changes_with_beta_and_colours(client):
    tiles = [
        client.get(f"/tiles/5/16/11.png{query}") for query in ("?beta=0", "?beta=1", "?beta=1&colours=bands-4", "")
    ]
    pictures = [pixels(tile) for tile in tiles]
    assert pictures[0].shape == (SIDE, SIDE, 4)
    for one, other in ((0, 1), (1, 2), (0, 3)):
        assert (pictures[one] != pictures[other]).any()


def test_numbers_of_a_tile_are_those_of_its_picture(client):
    numbers = np.frombuffer(client.get("/tiles/5/16/11.bin").content, "<u2").reshape(2, 3, SIDE, SIDE)
    (curve, *_) = client.get("/colours.json").json()["curves"]
    share = (numbers[1, 0] - curve[0]) / (curve[-1] - curve[0])
    red = pixels(client.get("/tiles/5/16/11.png?beta=1"))[..., 0]
    assert np.abs(1 + 254 * np.clip(share, 0, 1) - red).max() < 1


def test_neighbouring_tiles_have_no_seam(client):
    """Values go on over the edges of tiles as they do within: at every zoom, and over the edges of the planet's own."""
    for zoom in (1, 3, 5, 8, 14):
        x, y = int(2**zoom * 0.5), int(2**zoom * 0.4)
        west, east = (
            np.frombuffer(client.get(f"/tiles/{zoom}/{column}/{y}.bin").content, "<u2").reshape(6, SIDE, SIDE)
            for column in (x - 1, x)
        )
        joined = np.concatenate([west, east], axis=2).astype(float)
        steps = np.abs(np.diff(joined, axis=2))
        assert steps[..., SIDE - 1].max() <= 1.5 * steps.max() + 2


def test_a_place(client):
    place = client.get("/place.json?lon=367&lat=46&beta=0.25").json()
    assert len(place["bands"]) == 76
    assert len(place["names"]) == len(place["values"]) == 8
    assert -1 <= place["low"] < 1
    assert place["neighbours"] == []


def test_likeness_is_one_at_the_place_itself(client):
    answer = client.get("/likeness/6/33/22.bin?lon=7&lat=46&beta=0.5")
    values = np.frombuffer(answer.content, "<f4")
    assert 0.999 < values.max() <= 1.00001
    picture = pixels(client.get("/likeness/6/33/22.png?lon=7&lat=46&beta=0.5&low=0.5"))
    assert picture.reshape(-1, 4)[values.argmax(), 0] > 200


def test_labels_become_a_map(client):
    learned = client.post("/labels", content=json.dumps(POINTS), headers=JSON).json()
    assert learned["labels"] == ["a", "b"]
    assert pixels(client.get(f"/labels/{learned['name']}/2/2/1.png"))[..., 3].min() >= 90


def test_tilejson_names_addresses_that_answer(client):
    told = client.get("/tilejson.json?beta=0.25").json()
    assert told["tilejson"] == "3.0.0"
    address = told["tiles"][0].format(z=3, x=4, y=2)
    assert address == "http://127.0.0.1:8321/tiles/3/4/2.png?beta=0.25"
    assert (pixels(client.get(address)) == pixels(client.get("/tiles/3/4/2.png?beta=0.25"))).all()


def test_wmts(client):
    for address in ("/wmts?SERVICE=WMTS&REQUEST=GetCapabilities", "/wmts/1.0.0/WMTSCapabilities.xml"):
        root = ET.fromstring(client.get(address).text)
        assert root.tag == "{http://www.opengis.net/wmts/1.0}Capabilities"
    template = root.find(".//{*}ResourceURL").get("template")
    rest = template.format(TileMatrix=3, TileCol=4, TileRow=2, beta=0.25)
    by_names = "/wmts?service=WMTS&Request=GetTile&Layer=embedding&Style=default&Format=image/png&"
    by_names += "TileMatrixSet=GoogleMapsCompatible&TileMatrix=3&TileCol=4&TileRow=2&beta=0.25"
    assert (pixels(client.get(rest)) == pixels(client.get(by_names))).all()


def test_coastlines_are_there_offline(client):
    points = np.frombuffer(client.get("/lines/coarse.bin").content, "<i2").reshape(-1, 2)
    known = points[points[:, 0] != -32768] / 180
    assert len(known) > 1000
    assert np.abs(known).max(axis=0).tolist() <= [180, 90]


@pytest.mark.parametrize(
    ("address", "status", "why"),
    [
        ("/tiles/99/0/0.png", 400, "zoom of a tile must be from 0 to 24"),
        ("/tiles/2/4/0.png", 400, "x and y must be from 0 to 3"),
        (f"/tiles/{'9' * 1500}/0/0.png", 400, "zoom of a tile"),
        ("/tiles/2/-1/0.png", 404, "nothing at this address"),
        ("/tiles/2/1/1.png?beta=7", 400, "beta must be from 0 to 1, got 7; for example beta=0"),
        ("/tilejson.json?beta=7", 400, "beta must be from 0 to 1, got 7; for example beta=0"),
        ("/tilejson.json?beta=abc", 400, "beta must be a number, got 'abc'"),
        ("/tilejson.json?colours=rainbow", 400, "there are no colours 'rainbow'"),
        ("/tiles/2/1/1.png?beta=nan", 400, "beta must be a number"),
        ("/tiles/2/1/1.png?beta=" + "1" * 50, 400, "beta must be a number"),
        ("/tiles/2/1/1.png?colours=red", 400, "there are no colours 'red'"),
        ("/tiles/2/1/1.png?x=" + "1" * LONGEST_ADDRESS, 414, "an address must have at most"),
        ("/place.json?lon=7", 400, "lat must be a number, got nothing"),
        ("/tiles/2/1/1.png?colors=ica", 400, "an address has no 'colors'; the names are beta, colours, "),
        ("/tilejson.json?bet=1", 400, "an address has no 'bet'"),
        ("/tiles/2/1/1.png?beta=0&beta=1", 400, "an address must name beta once"),
        ("/place.json?lon=7&lat=99", 400, "a latitude from -90 to 90"),
        ("/likeness/2/1/1.bin?lon=a&lat=1", 400, "lon must be a number"),
        ("/labels/none/2/1/1.png", 400, "are not here any more"),
        ("/lines/finest.bin", 404, "nothing at this address"),
        ("/server.py", 404, "nothing at this address"),
        ("/..%2f..%2fserver.py", 404, "nothing at this address"),
        ("/%2e%2e/server.py", 404, "nothing at this address"),
        ("/page/../../server.py", 404, "nothing at this address"),
        ("/etc/passwd", 404, "nothing at this address"),
    ],
)
def test_refusals_are_sentences(client, address, status, why):
    answer = client.get(address)
    assert answer.status_code == status
    assert why in answer.json()["error"]


@pytest.mark.parametrize(
    ("address", "code", "why"),
    [
        ("/wmts?request=GetTile&tilematrix=x", "MissingParameterValue", "GetTile needs the whole numbers"),
        (f"{WMTS_TILE}&beta=7", "InvalidParameterValue", "beta must be from 0 to 1, got 7"),
        (f"{WMTS_TILE}&LAYER=other", "InvalidParameterValue", "layer must be embedding, got 'other'"),
        (f"{WMTS_TILE}&style=dark", "InvalidParameterValue", "style must be default, got 'dark'"),
        (
            f"{WMTS_TILE}&tilematrixset=WGS84",
            "InvalidParameterValue",
            "tilematrixset must be GoogleMapsCompatible, got 'WGS84'",
        ),
        (f"{WMTS_TILE}&format=image/jpeg", "InvalidParameterValue", "format must be image/png, got 'image/jpeg'"),
        (f"{WMTS_TILE}&service=WMS", "InvalidParameterValue", "service must be WMTS, got 'WMS'"),
        (
            "/wmts?service=WMTS&request=GetMap",
            "InvalidParameterValue",
            "request must be GetCapabilities or GetTile, got 'GetMap'",
        ),
        (f"{WMTS_TILE}&layer=%00%3Cb%3E", "InvalidParameterValue", "layer must be embedding, got '\\x00<b>'"),
    ],
)
def test_refusals_of_wmts_are_reports_of_its_standard(client, address, code, why):
    """OGC 06-121r3, section 8."""
    answer = client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/xml")
    report = ET.fromstring(answer.text)
    assert (report.tag, report.get("version")) == (f"{OWS}ExceptionReport", "1.1.0")
    (exception,) = report
    assert (exception.tag, exception.get("exceptionCode")) == (f"{OWS}Exception", code)
    (text,) = exception
    assert text.tag == f"{OWS}ExceptionText"
    assert why in text.text


@pytest.mark.parametrize(
    ("content", "headers", "status", "why"),
    [
        ("[", JSON, 400, "labels must be JSON"),
        ("[]", JSON, 400, "labels must be a list"),
        ("[" * 100_000, JSON, 400, "labels must be JSON"),
        ("x" * (LARGEST_BODY + 1), JSON, 413, "at most 200,000 bytes"),
        (json.dumps(POINTS), {"Content-Type": "text/plain"}, 415, "must come as application/json"),
    ],
)
def test_labels_are_checked(client, content, headers, status, why):
    answer = client.post("/labels", content=content, headers=headers)
    assert answer.status_code == status
    assert why in answer.json()["error"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", ""])
def test_a_page_of_a_stranger_cannot_call_by_another_name(client, host):
    answer = client.get("/view.json", headers={"Host": host})
    assert answer.status_code == 400
    given = repr(host) if host else "no name"
    assert answer.json()["error"] == f"this server answers to the names 127.0.0.1, localhost, [::1], got {given}"


@pytest.mark.parametrize("host", ["LOCALHOST:1", "[::1]:8321", "[::1]", "127.0.0.1"])
def test_its_own_names_are_answered(client, host):
    assert client.get("/view.json", headers={"Host": host}).status_code == 200


def test_only_get_is_answered(client):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        answer = client.request(method, "/view.json")
        assert answer.status_code == 405


def test_where_it_listens():
    assert Listening().host == "127.0.0.1"
    assert Listening(host="192.168.1.5").names == ["127.0.0.1", "localhost", "[::1]", "192.168.1.5"]
    assert Listening(host="0.0.0.0").names == ["*"]
    with pytest.raises(UsageError, match="port must be from 0 to 65535, got 70000; for example port=8321"):
        Listening(port=70000)


TEXT = st.text(max_size=40)
NUMBERS = st.one_of(st.integers(-3, 30), st.integers(), st.floats(), TEXT)
PATHS = st.one_of(
    st.builds("tiles/{}/{}/{}.{}".format, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["png", "bin", "x"])),
    st.builds("likeness/1/1/1.bin?lon={}&lat={}&beta={}".format, NUMBERS, NUMBERS, NUMBERS),
    st.builds("tiles/1/1/1.png?beta={}&colours={}".format, NUMBERS, TEXT),
    st.builds("place.json?lon={}&lat={}&beta={}".format, NUMBERS, NUMBERS, NUMBERS),
    st.builds("wmts?request=GetTile&tilematrix={}&tilecol={}&tilerow={}".format, NUMBERS, NUMBERS, NUMBERS),
    st.builds("labels/{}/1/1/1.png".format, TEXT),
    TEXT,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(path=PATHS)
def test_no_address_breaks_the_server(client, path):
    try:
        answer = client.get("/" + path.lstrip("/"))
    except (client_error, UnicodeError):
        return  # the client itself refuses it
    assert answer.status_code in (200, 307, 400, 404, 405, 414), answer.text
    if answer.status_code >= 400:
        assert "ExceptionText>" in answer.text if "xml" in answer.headers["content-type"] else answer.json()["error"]


def _invalid_url() -> type[Exception]:
    import httpx2

    return httpx2.InvalidURL


client_error = _invalid_url()
