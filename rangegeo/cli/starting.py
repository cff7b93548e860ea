"""A quick start: Python does not look for rubbish while a command loads what it needs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[None]:
    """A context in which packages, files and models are loaded.

    They are hundreds of thousands of objects that stay. To look through them for rubbish, again and again as they grow
    in number, took 0.5 of 3.5 seconds of processor time for a raster of the embedded model, and 0.2 of 1.9 for one from
    a planet.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
