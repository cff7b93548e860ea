"""Rows of messages about workers, clusters and large rasters, see `helpers.hints`."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from helpers.hint_files import BOX
from helpers.hints import Row, Way

REAL, NONE = "tcp://127.0.0.1:9", "tcp://127.0.0.1:10"  # of two schedulers that are not there


def threads_instead(patch: pytest.MonkeyPatch) -> None:
    """What would start workers, or look for those of `NONE`, computes with threads."""
    from rangegeo.jobs import scheduler

    connected = scheduler._connection

    @contextmanager
    def none(*given: object):
        yield

    patch.setattr(scheduler, "CONNECTS_WITHIN", 0.1)
    patch.setattr(scheduler, "_local_cluster", none)
    patch.setattr(scheduler, "_connection", lambda given: none(given) if given == NONE else connected(given))


def one_device(patch: pytest.MonkeyPatch) -> None:
    from rangegeo.jobs import scheduler

    patch.setattr(scheduler, "cuda_devices", lambda: ["0"])


def no_start(patch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no port is free")

    patch.setattr("distributed.SpecCluster", fail)


def few_pixels(patch: pytest.MonkeyPatch) -> None:
    from rangegeo.cubes import size

    patch.setattr(size, "MOST_PIXELS", 10)


SHELL = (
    Row(
        "too many pixels for one raster",
        f"{BOX} -o o.zarr",
        (
            Way(r"give (?P<type>--res [\d.]+), or"),
            Way("or several smaller boxes", give={}, swap={"5,44,6,45": "5,44,5.5,44.5"}),
        ),
        patch=few_pixels,
    ),
    Row(
        "too few workers",
        f"{BOX} --workers 0 -o o.zarr",
        (Way("for example (?P<type>--workers 2)"),),
        always=threads_instead,
    ),
    Row(
        "two kinds of workers",
        f"{BOX} --workers 2 --scheduler {NONE} -o o.zarr",
        (Way("of that cluster; leave out (?P<drop>--workers)"),),
        always=threads_instead,
    ),
    Row(
        "threads of a cluster",
        f"{BOX} --threads 2 --scheduler {NONE} -o o.zarr",
        (Way("started with; leave out (?P<drop>--threads)"),),
        always=threads_instead,
    ),
    Row(
        "no number of bytes",
        f"{BOX} --memory lots -o o.zarr",
        (Way("for example (?P<type>--memory 4GB)"),),
    ),
    Row(
        "too little memory",
        f"{BOX} --memory 1MB -o o.zarr",
        (Way(r"give (?P<type>--memory \d+MB)$"),),
    ),
    Row(
        "too little memory for a block",
        f"{BOX} --memory 610MB -o o.zarr",
        (
            Way(r"give (?P<type>--memory \d+MB)"),
            Way("fewer --bands", give={"--bands": "1"}),
            Way("or smaller --chunks", give={"--chunks": "16"}),
        ),
    ),
    Row(
        "memory of a cluster",
        f"{BOX} --memory 2GB --scheduler {NONE} -o o.zarr",
        (Way("started with; leave out (?P<drop>--memory)"),),
        always=threads_instead,
    ),
    Row(
        "more workers than devices",
        f"{BOX} --workers 2 -o o.zarr",
        (Way("one for each CUDA device, got 2; or give (?P<type>--device cpu)", give={"--workers": "1"}),),
        patch=one_device,
    ),
    Row(
        "workers that do not start",
        f"{BOX} --workers 2 -o o.zarr",
        (
            Way("give fewer --workers", give={"--workers": "1"}),
            Way("give fewer (?P<drop>--workers), or leave it out to compute with threads"),
        ),
        patch=no_start,
    ),
    Row(
        "no address",
        f"{BOX} --scheduler here -o o.zarr",
        (Way("for example --scheduler tcp", give={"--scheduler": NONE}),),
        always=threads_instead,
    ),
    Row(
        "nobody at an address",
        f"{BOX} --scheduler {REAL} -o o.zarr",
        (Way("or correct --scheduler", give={"--scheduler": NONE}),),
        always=threads_instead,
    ),
)
