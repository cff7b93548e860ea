"""The page in headless Chromium. The tests are skipped without it, and in continuous integration they fail."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import rasterio
from helpers.pages import served
from helpers.programs import need
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from rangegeo.view.export import export
from rangegeo.view.tile import Tile
from rangegeo.view.viewer import Viewer

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
WAIT = 60_000  # milliseconds; a busy machine is slow


@pytest.fixture(scope="module")
def address(viewer: Viewer) -> Iterator[str]:
    with served(viewer) as address:
        yield address


@pytest.fixture(scope="module")
def site(planet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(planet, tmp_path_factory.mktemp("export") / "site", told=lambda line: None)


@pytest.fixture(scope="module")
def site_address(site: Path) -> Iterator[str]:
    """The address of an exported page on a server of plain files."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator:
    need(bool(CHROMIUM), "Chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser) -> Iterator:
    """A page that must not complain on its console, nor ask another machine."""
    page = browser.new_page(viewport={"width": 900, "height": 600})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_default_timeout(WAIT)
    yield page
    page.close()
    assert not said
    assert all(url.startswith(("http://127.0.0.1:", "data:", "blob:")) for url in asked)


def opened(page, address: str, hash_: str = "#5/46/9"):
    page.goto(address + hash_)
    page.wait_for_selector("body[data-ready]")
    settled(page)
    return page


def settled(page) -> None:
    """Wait until all tiles are drawn."""
    page.wait_for_selector(".leaflet-tile-loaded", state="attached")
    expect(page.locator(".leaflet-tile:not(.leaflet-tile-loaded)")).to_have_count(0, timeout=WAIT)


def shades(page) -> np.ndarray:
    """(h, w, 4) of the tile of colours in the middle of the map."""
    picture = page.evaluate(
        """() => {
          const tiles = [...document.querySelectorAll(".leaflet-tile-pane canvas")];
          const middle = tiles.find((tile) => { const box = tile.getBoundingClientRect();
            return box.left <= 450 && box.right > 450 && box.top <= 300 && box.bottom > 300; });
          return middle.toDataURL();
        }"""
    )
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))))


def slide(page, beta: float) -> None:
    page.evaluate(
        """(beta) => { const slider = document.getElementById("beta"); slider.value = beta;
          slider.dispatchEvent(new Event("input")); slider.dispatchEvent(new Event("change")); }""",
        beta,
    )


def test_the_slider_recolours_without_a_request(page, address):
    opened(page, address)
    slide(page, 0)
    first, asked = shades(page), []
    assert (first[..., 3] == 255).all()
    page.on("request", lambda request: asked.append(request.url))
    slide(page, 1)
    assert (shades(page) != first).any()
    assert not [url for url in asked if "icon" not in url]
    assert page.locator("#beta-now").inner_text() == "1.00"
    assert "beta=1" in page.url


def test_a_canvas_has_the_colours_of_the_picture(page, address, viewer):
    """The page and the server paint alike, so a map in QGIS is the map of the page."""
    opened(page, address, "#6/46.56/8.4&beta=0.3")
    found = shades(page)
    picture = viewer.picture(Tile(6, 33, 22), "pca", 0.3)
    assert np.abs(found.astype(int) - picture.astype(int)).max() <= 1


def test_a_click_finds_what_looks_alike(page, address):
    opened(page, address)
    page.mouse.click(300, 300)
    page.wait_for_selector("body[data-alike]")
    settled(page)
    assert page.locator("#place").is_visible()
    assert "N" in page.locator("#where").inner_text()
    assert "place=" in page.url
    assert len(page.locator("#vector").input_value().split(",")) == 76
    page.click("#forget")
    assert not page.locator("#place").is_visible()


def test_the_keyboard_chooses_the_middle_and_moves(page, address):
    opened(page, address)
    page.focus("#map")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-alike]")
    assert "46.000° N, 9.000° E" in page.locator("#where").inner_text()
    before = page.url
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(lambda url: url != before)
    expect(page.locator("#status")).to_have_text(re.compile(r"The middle is 46\.0.*° N, .*° E, at zoom 5\."))


def test_two_classes_become_a_map(page, address):
    opened(page, address, "#3/10/9")
    page.click("text=sets a label")
    page.mouse.click(300, 150)
    page.click("#classes label:nth-child(2)")
    page.mouse.click(300, 500)
    page.wait_for_selector("img.leaflet-tile-loaded")
    assert "linear probe of 2 labels" in page.locator("#learned").inner_text()
    with page.expect_download() as saved:
        page.click("#export")
    written = json.loads(Path(saved.value.path()).read_text())
    assert [feature["properties"]["label"] for feature in written["features"]] == ["class A", "class B"]


@pytest.mark.parametrize(("kind", "sentence"), [("likeness", "is bright."), ("labels", "is drawn.")])
def test_what_is_drawn_is_told_when_it_is(page, address, kind, sentence):
    opened(page, address, "#3/46/9")
    held = []
    page.route(f"**/{kind}/*/*/*/*" if kind == "labels" else f"**/{kind}/*/*/*", lambda route: held.append(route))
    if kind == "labels":
        page.click("text=sets a label")
        page.mouse.click(300, 150)
        page.click("#classes label:nth-child(2)")
    page.mouse.click(450, 300)
    expect(page.locator("#status")).to_have_text("Drawing …", timeout=WAIT)
    page.wait_for_timeout(200)  # for what must not be said
    assert held
    assert page.locator("#status").inner_text() == "Drawing …"
    page.unroute_all()  # lets them go
    expect(page.locator("#status")).to_contain_text(sentence, timeout=WAIT)
    settled(page)


def test_a_tile_that_fails_is_told_and_nothing_is_said_to_be_drawn(browser, address):
    page = browser.new_page(viewport={"width": 900, "height": 600})
    page.set_default_timeout(WAIT)
    opened(page, address, "#3/46/9")
    page.route("**/likeness/*/*/*", lambda route: route.fulfill(status=500, json={"error": "the disk is full"}))
    page.mouse.click(450, 300)
    expect(page.locator("#error")).to_have_text("The disk is full.", timeout=WAIT)
    expect(page.locator("#status")).to_have_text("", timeout=WAIT)
    assert "alike" not in page.evaluate("({...document.body.dataset})")
    page.close()


def test_an_address_brings_back_what_was_seen(page, address):
    opened(page, address, "#7/45.5000/6.0000&beta=0.8&colours=bands-3&place=6.1,45.4")
    page.wait_for_selector("body[data-alike]")
    assert page.locator("#beta").input_value() == "0.8"
    assert page.locator("#bands").input_value() == "3"
    assert page.url.endswith("#7/45.5000/6.0000&beta=0.8&colours=bands-3&place=6.1000,45.4000")
    assert page.locator("#xyz").input_value() == f"{address}tiles/{{z}}/{{x}}/{{y}}.png?beta=0.8&colours=bands-3"
    assert page.locator("#tilejson").get_attribute("href") == "tilejson.json?beta=0.8&colours=bands-3"


def test_errors_are_told_in_a_sentence(browser, address):
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    page.goto(address + "#5/46/9&colours=bands-999")
    page.wait_for_selector("#error:visible")
    assert page.locator("#error").inner_text() == "Bands are numbered from 1 to 76, got 999."
    assert page.locator("#colours").input_value() == "pca"  # what is drawn instead
    page.wait_for_selector("body[data-ready]")
    settled(page)
    page.select_option("#colours", "bands")
    page.fill("#bands", "0")
    page.press("#bands", "Enter")
    expect(page.locator("#error")).to_have_text("Bands are numbered from 1 to 76, got 0.")
    expect(page.locator("#status")).to_have_text("")  # it does not work on it any more
    page.fill("#bands", "2")
    page.press("#bands", "Enter")
    expect(page.locator("#error")).to_be_hidden(timeout=2000)
    page.close()


def test_an_answer_that_comes_late_changes_nothing(page, address):
    opened(page, address)
    held = []
    page.route("**/colours.json?colours=ica", lambda route: held.append(route))
    with page.expect_request("**/colours.json?colours=ica"):
        page.select_option("#colours", "ica")
    page.select_option("#colours", "bands")
    page.wait_for_selector("body[data-colours='bands-1-2-3']")
    with page.expect_response("**/colours.json?colours=ica") as late:
        held[0].continue_()
    late.value.finished()
    page.wait_for_timeout(200)  # nothing else would tell that the page has seen the answer
    assert page.evaluate("document.body.dataset.colours") == "bands-1-2-3"
    assert "colours=bands-1-2-3" in page.url


def test_an_address_that_makes_no_sense_shows_the_nearest_view(page, address):
    opened(page, address, "#5/900/9&beta=nan")
    assert page.url.split("&")[0].endswith("#5/85.0000/9.0000")
    assert page.locator("#beta").input_value() == "0.5"


@pytest.mark.parametrize("size", [(375, 667), (1000, 600)], ids=["phone", "desk"])
def test_a_small_planet_is_first_seen_beside_the_controls(browser, address, size):
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.set_default_timeout(WAIT)
    about = {**page.request.get(address + "view.json").json(), "bounds": [5, 44, 10, 48]}
    page.route("**/view.json", lambda route: route.fulfill(json=about))
    opened(page, address, "")
    panel = page.locator("#panel").bounding_box()
    zoom, lat, lon = map(float, page.url.split("#")[1].split("&")[0].split("/"))
    pixels = 256 * 2**zoom / (2 * np.pi)  # in a radian of longitude
    right = size[0] / 2 + np.radians(10 - lon) * pixels
    bottom = size[1] / 2 + (np.arctanh(np.sin(np.radians(lat))) - np.arctanh(np.sin(np.radians(44)))) * pixels
    assert right <= panel["x"] + 1 or bottom <= panel["y"] + 1
    page.close()


def test_on_a_phone_the_earth_is_not_under_the_controls(browser, address):
    page = browser.new_page(viewport={"width": 375, "height": 667})
    page.set_default_timeout(WAIT)
    opened(page, address, "")
    assert float(page.url.split("/")[-2]) < 0  # 25 degrees north lies in the middle of what is left of the map
    page.close()


def test_the_exported_page_draws_as_the_server_does(page, site_address, viewer):
    opened(page, site_address, "#6/46.56/8.4&beta=0.3")
    picture = viewer.picture(Tile(6, 33, 22), "pca", 0.3)
    assert np.abs(shades(page).astype(int) - picture.astype(int)).max() <= 3
    first = shades(page)
    slide(page, 1)
    assert (shades(page) != first).any()
    assert not page.locator("#save").is_visible()


def test_the_exported_page_finds_what_looks_alike_at_any_zoom(page, site_address):
    opened(page, site_address, "#14/46/9")
    page.mouse.click(300, 300)
    page.wait_for_selector("body[data-alike]")
    settled(page)
    assert len(page.locator("#vector").input_value().split(",")) == 15
    assert page.locator("#error").is_hidden()


def test_what_is_in_view_is_downloaded(page, address, tmp_path):
    opened(page, address, "#9/46/9")
    page.click("text=Download what is in view")
    expect(page.locator("#command")).to_have_value(re.compile("rangegeo raster --model .* -o view.tif"))
    page.select_option("#what", "colours")
    with page.expect_download() as saved:
        page.click("#cog")
    with rasterio.open(saved.value.path()) as file:
        assert file.crs.to_epsg() == 3857
        assert file.read().min() >= 1


def test_what_a_screen_reader_gets(page, address):
    """The map takes keys itself, a heading has no button in it, and a slider says its value once."""
    opened(page, address)
    page.focus("#map")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-alike]")
    told = page.locator("body").aria_snapshot()
    assert re.search(r"- main:\n  - application \"Map\. Arrow keys move it", told)
    assert '- heading "Place" [level=2]' in told
    assert 'slider "Beta"' in told
    assert page.locator("#beta").get_attribute("aria-valuetext") == "beta 0.50"
    assert page.locator("#beta-now").get_attribute("aria-live") == "off"
    assert re.search(r"status: What looks like .* is bright\.", told)


def test_tab_reaches_every_control_that_is_seen(page, address):
    opened(page, address)
    seen = page.evaluate(
        """() => [...document.querySelectorAll("#panel button, #panel input, #panel select, #panel summary")]
          .filter((control) => control.offsetParent && !control.closest("details:not([open]) > :not(summary)") &&
            (control.type !== "radio" || control.checked)).length"""
    )
    reached = []
    for _ in range(seen + 4):  # and the link, the map, and its two buttons
        page.keyboard.press("Tab")
        reached.append(page.evaluate("!!document.activeElement.closest('#panel')"))
    assert reached == [False] * 4 + [True] * seen


def test_every_control_has_a_name(page, address):
    opened(page, address)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea")].filter((control) =>
          !control.labels?.length && !control.getAttribute("aria-label") && !control.textContent.trim())
          .map((control) => control.id)"""
    )
    assert nameless == []


@pytest.mark.parametrize("size", [(360, 640), (700, 500), (1280, 800)], ids=["phone", "small", "desk"])
def test_the_controls_stay_on_the_screen(browser, address, size):
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme="dark")
    page.set_default_timeout(WAIT)
    opened(page, address)
    box = page.locator("#panel").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]
    assert box["y"] + box["height"] <= size[1]
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.evaluate("say('What looks like 46.000° N, 9.000° E is bright.', true)")
    for name in ("#status", ".leaflet-control-scale"):  # neither lies under the controls
        other = page.locator(name).bounding_box()
        apart = other["x"] + other["width"] <= box["x"] or other["y"] + other["height"] <= box["y"]
        assert apart, name
        assert other["x"] >= 0
    page.close()


def test_a_page_from_the_disk_says_that_it_needs_a_server(browser, site):
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    expect(page.locator("#error")).to_contain_text("Serve it: type python -m http.server in it.", timeout=WAIT)
    page.close()
