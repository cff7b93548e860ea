"""Groups of options: defaults, and what does not go together, spelled for Python and for the shell."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from rangegeo.engine.tolerance import TOLERANCE
from rangegeo.errors import UsageError
from rangegeo.grid.extent import choose_extent
from rangegeo.jobs import options
from rangegeo.jobs.options import Content, Engine, Extent, RasterOutput, TableInput, TableOutput

ALLOWED = "must be in [4e-06, 0.1]"
GROUPS = (Extent, Content, Engine, RasterOutput, TableInput, TableOutput)


@pytest.mark.parametrize("group", GROUPS)
def test_groups_are_frozen_and_take_keywords_alone(group):
    needed = (
        {"source": "a.csv"} if group is TableInput else {"out": Path("a.tif")} if "Output" in group.__name__ else {}
    )
    made = group(**needed)
    assert made == group(**needed)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, dataclasses.fields(group)[0].name, None)
    with pytest.raises(TypeError):
        group(1)


@pytest.mark.parametrize("group", GROUPS)
def test_every_field_is_described(group):
    text = group.__doc__
    if group is Extent:
        text = choose_extent.__doc__  # which it names
    for field in dataclasses.fields(group):
        assert field.name in text


def test_nothing_heavy_is_imported():
    program = f"import sys, {options.__name__}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "torch", "xarray", "dask", "rasterio"} & set(done.stdout.split())


# -------------------------------------------------------------------------------------------------- content


@pytest.mark.parametrize(("given", "betas"), [((), (0.5,)), ((0.25,), (0.25,)), ((1, 0), (1.0, 0.0))])
def test_betas_of_a_request(given, betas):
    assert Content(betas=given).check() == betas


@pytest.mark.parametrize(
    ("content", "python", "shell"),
    [
        (
            {"model": "SatCLIP", "betas": (0.5,)},
            "betas needs a model with betas, and SatCLIP has none; leave it out",
            "--beta needs a model with betas, and SatCLIP has none; leave it out",
        ),
        *(
            (
                {"layout": "components"} | more,
                f'layout="components" holds all of S, G and q; leave out {python}',
                f"--layout components holds all of S, G and q; leave out {shell}",
            )
            for more, python, shell in (
                ({"betas": (0.5,)}, "betas", "--beta"),
                ({"pca": 3}, "pca", "--pca"),
                ({"pca_from": "a.tif"}, "pca_from", "--pca-from"),
                ({"bands": "visual"}, "bands", "--bands"),
                ({"bands": (1, 2), "betas": (0,)}, "betas and bands", "--beta and --bands"),
            )
        ),
        (
            {"betas": (0.5, 2)},
            "beta must be in [0, 1], got 2; for example betas=(0, 0.5, 1)",
            "beta must be in [0, 1], got 2; for example --beta 0,0.5,1",
        ),
    ],
)
def test_content_that_does_not_go_together_is_refused(content, python, shell):
    with pytest.raises(UsageError) as caught:
        Content(**content).check()
    assert str(caught.value) == python
    assert caught.value.for_shell() == shell


@pytest.mark.parametrize("bands", options.COMPONENT_BANDS)
def test_components_go_with_all_bands(bands):
    assert Content(layout="components", bands=bands).check() == (0.5,)


def test_the_name_of_an_unknown_model_is_refused():
    with pytest.raises(UsageError, match=r"must be one of RANGE\+, RANGE, SatCLIP"):
        Content(model="CLIP").check()


@pytest.mark.parametrize(
    ("content", "demo"),
    [
        ({}, True),
        ({"weights": "demo"}, True),
        ({"weights": "official", "db": "large"}, False),
        ({"model": "SatCLIP"}, True),
        ({"model": "GeoCLIP"}, False),
        ({"model": "Wrap"}, False),
    ],
)
def test_whether_the_embedded_weights_are_used(content, demo):
    assert Content(**content).uses_demo is demo


# --------------------------------------------------------------------------------------------------- engine


@pytest.mark.parametrize(
    ("engine", "tolerance"), [({}, TOLERANCE), ({"tolerance": 1e-3}, 1e-3), ({"exact": True}, None)]
)
def test_the_tolerance_of_a_request(engine, tolerance):
    assert Engine(**engine).chosen_tolerance == tolerance


@pytest.mark.parametrize(
    ("engine", "python", "shell"),
    [
        (
            {"exact": True, "tolerance": 1e-4},
            "exact evaluates everything; leave out tolerance",
            "--exact evaluates everything; leave out --tolerance",
        ),
        (
            {"tolerance": 1.0},
            f"tolerance {ALLOWED}, got 1; for example tolerance=1e-5, or exact=True to evaluate every pixel",
            f"--tolerance {ALLOWED}, got 1; for example --tolerance 1e-5, or --exact to evaluate every pixel",
        ),
    ],
)
def test_tolerances_that_cannot_be_are_refused(engine, python, shell):
    with pytest.raises(UsageError) as caught:
        _ = Engine(**engine).chosen_tolerance
    assert str(caught.value) == python
    assert caught.value.for_shell() == shell


# --------------------------------------------------------------------------------------------------- extent


def test_an_extent_is_a_grid_and_an_area():
    geobox, area = Extent(bbox=(5, 44, 6, 45), res=(0.1, 0.25), crs="EPSG:4326").choose()
    assert (geobox.shape, area) == ((4, 10), None)


@pytest.mark.parametrize(
    ("extent", "python", "shell"),
    [
        ({}, "give one of bbox W,S,E,N, like FILE or aoi FILE, got none of them",
         "give one of --bbox W,S,E,N, --like FILE or --aoi FILE, got none of them"),
        ({"bbox": (5, 44, 6, 45), "res": 0.1, "all_touched": True},
         "all_touched belongs to aoi; leave it out with bbox",
         "--all-touched belongs to --aoi; leave it out with --bbox"),
    ],
)  # fmt: skip
def test_extents_that_cannot_be_are_refused(extent, python, shell):
    with pytest.raises(UsageError) as caught:
        Extent(**extent).choose()
    assert str(caught.value) == python
    assert caught.value.for_shell() == shell


# --------------------------------------------------------------------------------------------------- output


@pytest.mark.parametrize(("preview", "path"), [(None, None), ("", "maps/a_preview.png"), ("other.png", "other.png")])
def test_where_the_picture_goes(preview, path):
    output = RasterOutput(out=Path("maps/a.zarr"), preview=preview)
    assert output.picture == (None if path is None else Path(path))
