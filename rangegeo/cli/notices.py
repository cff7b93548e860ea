"""Lines that several verbs print."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rangegeo.cli.options import Verbosity
from rangegeo.encoders import model_info
from rangegeo.jobs.options import Content, Engine, Extent, RasterOutput
from rangegeo.support.location import Location
from rangegeo.support.planets import names_planet
from rangegeo.support.text import counted

DEMO_NOTICE = (
    "using the embedded demo model (regional landscape only); for the published one: --weights official --db large"
)


def announce_model(
    model: str | Location, weights: str | Location | None, db: str | None, device: str, verbosity: Verbosity
) -> None:
    """Print on stderr that the embedded model is used, if nobody chose it, and what `--device auto` took.

    Args:
        model: the name of the model.
        weights: as the user gives them; None for the default of the model.
        db, device: as the user gives them.
    """
    if names_planet(model) or names_planet(weights):
        return
    info = model_info(str(model))
    if weights is None and db is None and info.default == "demo":
        verbosity.say(DEMO_NOTICE if info.has_database else DEMO_NOTICE.removesuffix(" --db large"))
    announce_device(device, verbosity)


def announce_device(device: str, verbosity: Verbosity, doing: str = "evaluating") -> None:
    """Print one line on stderr that says what `--device auto` took, and what for."""
    if device == "auto" and not verbosity.quiet:
        from rangegeo.models.device import described, resolve_device  # imports torch

        verbosity.say(f"{doing} on {described(resolve_device(device))}")


def say_what_exists(outputs: Iterable[Location], verbosity: Verbosity, *, overwrite: bool) -> None:
    """Print one line on stderr for each output of a dry run that is there already."""
    for path in outputs:
        if path.exists():
            verbosity.say(f"{path} exists; {'it will be replaced' if overwrite else 'add --overwrite to replace it'}")


def say_kept_blocks(path: Location, verbosity: Verbosity) -> None:
    """Print one line on stderr if an interrupted run has left blocks of an output."""
    from rangegeo.stores.drafts import kept_blocks

    kept = kept_blocks(path)
    if kept:
        verbosity.say(f"an interrupted run left {counted(kept, 'block')} of {path}; add --resume to continue it")


def tell_plan(extent: Extent, content: Content, engine: Engine, output: RasterOutput, verbosity: Verbosity) -> bool:
    """Print the plan of a raster whose model would have to be downloaded, and whether it is one."""
    from rangegeo.jobs.plan import absent_model, plan_request

    if absent_model(content) is None:
        return False
    plan = plan_request(extent, content, engine, replace(output, overwrite=True))
    for line in (f"{output.out}: {plan}", *plan.details()):
        verbosity.say(line)
    say_kept_blocks(output.out, verbosity)
    say_what_exists([output.out], verbosity, overwrite=output.overwrite)
    return True
