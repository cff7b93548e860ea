"""The pictures of the page of `rangegeo view`, by headless Chromium: at three betas, and with a map of labels.

rangegeo planet build -o planet.zarr
python workflows/pictures/view.py planet.zarr
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Page, expect, sync_playwright

BETAS = (0, 0.5, 1)
STRIP, PANEL, HEIGHT = 320, 324, 560  # pixels: of the map at each beta, of the controls beside the last one
ASIA = "#3/29/{}&beta={}"
CENTRE = 86.0  # degrees of longitude, in the middle of each strip
PIXEL = 360 / (256 * 2**3)  # degrees
LABELS = "#4/10/15&beta=0.75"
PLACES = (((420, 80), (500, 110), (560, 60)), ((480, 330), (560, 370), (420, 300)))  # of two classes, in pixels
WAIT = 240_000  # milliseconds


@contextmanager
def server(planet: str) -> Iterator[str]:
    """The address of the page of a planet."""
    command = [sys.executable, "-m", "rangegeo", "view", planet, "--port", "0", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def settled(page: Page) -> Image.Image:
    """The page when all of it is drawn and nothing is said any more."""
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector(".leaflet-tile-loaded", state="attached")
    expect(page.locator(".leaflet-tile:not(.leaflet-tile-loaded)")).to_have_count(0, timeout=WAIT)
    page.wait_for_selector("#status:empty", state="attached")
    page.wait_for_timeout(500)  # tiles fade in
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def at_betas(page: Page, address: str) -> Image.Image:
    """The same map at several betas side by side, the last one with the controls."""
    page.set_viewport_size({"width": STRIP + PANEL, "height": HEIGHT})
    picture = Image.new("RGB", (len(BETAS) * STRIP + PANEL, HEIGHT))
    drawing = ImageDraw.Draw(picture)
    for number, beta in enumerate(BETAS):
        page.goto("about:blank")
        page.goto(address + ASIA.format(CENTRE + PANEL / 2 * PIXEL, beta))
        left = number * STRIP
        picture.paste(settled(page), (left, 0))  # the next one covers its controls
        drawing.line((left - 1, 0, left - 1, HEIGHT), "white", 3)
        drawing.rounded_rectangle((left + 54, 12, left + 160, 44), 6, "white")
        drawing.text((left + 107, 28), f"beta {beta}", "black", ImageFont.load_default(20), anchor="mm")
    return picture


def with_labels(page: Page, address: str) -> Image.Image:
    """A map of two classes, learned from six places."""
    page.set_viewport_size({"width": 1120, "height": 640})
    page.goto("about:blank")
    page.goto(address + LABELS)
    settled(page)
    page.click("text=sets a label")
    for number, places in enumerate(PLACES, 1):
        page.click(f"#classes label:nth-child({number})")
        for place in places:
            page.mouse.click(*place)
    page.mouse.move(1000, 40)
    page.wait_for_selector("img.leaflet-tile-loaded")
    return settled(page)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("planet")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent)
    given = parser.parse_args()
    with server(given.planet) as root, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        shown = browser.new_page(color_scheme="light")
        shown.set_default_timeout(WAIT)
        for name, draw in {"view": at_betas, "view_labels": with_labels}.items():
            draw(shown, root).save(given.folder / f"{name}.png", optimize=True)
        browser.close()
