"""`rangegeo view`: a page to look at a planet, a cube or a model."""

from __future__ import annotations

from pathlib import Path

import click

from rangegeo.cli.arguments import LocalPath, Place, storage_option
from rangegeo.cli.options import Verbosity, model_options, temperature_options, verbosity_options
from rangegeo.cli.streams import print_written, tell
from rangegeo.support.location import Location

HOST, PORT = "127.0.0.1", 8321


@click.command("view")
@click.argument("source", metavar="PLANET|CUBE|MODEL", type=Place(named=True), default="RANGE+")
@click.option("--host", default=HOST, show_default=True, help="Where to listen; 0.0.0.0 is for all machines around.")
@click.option("--port", type=int, default=PORT, show_default=True, help="Port; 0 for any that is free.")
@click.option("--open/--no-open", "opening", default=None, help="Open the page in a browser. [default: on a terminal]")
@click.option(
    "--export", "site", type=LocalPath(), metavar="FOLDER", help="Write the page of a planet as files instead."
)
@click.option("--overwrite", is_flag=True, help="Replace a folder that --export has written.")
@model_options
@temperature_options
@click.option("--device", metavar="auto|cpu|cuda[:i]", help="Where to evaluate a model. [default: auto]")
@storage_option
@verbosity_options
def command(
    source: str | Location,
    host: str,
    port: int,
    opening: bool | None,
    site: Path | None,
    overwrite: bool,
    weights: str | None,
    db: str | None,
    temperature: float | None,
    geographic_temperature: float | None,
    device: str | None,
    verbosity: Verbosity,
) -> None:
    """Look at a planet, a cube or a model: a page in your browser, and tiles for QGIS and web maps.

    \b
    rangegeo view planet.zarr
    rangegeo view alps.zarr --port 8000
    rangegeo view planet.zarr --export site
    rangegeo view RANGE+ --weights official --db large
    """
    import sys
    import webbrowser

    from rangegeo.cli.notices import announce_device
    from rangegeo.view.models import ModelSource
    from rangegeo.view.opening import open_source
    from rangegeo.view.serving import Listening, serve

    where = Listening(host=host, port=port)
    found = open_source(
        source,
        weights=weights,
        db=db,
        temperature=temperature,
        geographic_temperature=geographic_temperature,
        device=device,
    )
    if isinstance(found, ModelSource) and found.planet is None:
        announce_device(device or "auto", verbosity)

    if site is not None:
        from rangegeo.view.export import export

        print_written(export(found, site, overwrite=overwrite, told=verbosity.say))
        return

    def ready(address: str) -> None:
        tell(address)
        verbosity.say(f"showing {found.about.name}; stop with Ctrl+C")
        if opening or (opening is None and sys.stdout.isatty() and host == HOST):
            webbrowser.open(address)

    try:
        serve(found, where, ready)
    except KeyboardInterrupt:  # by Ctrl+C or by TERM; there is no other way to end it
        verbosity.say("stopped")
