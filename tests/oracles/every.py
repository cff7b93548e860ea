"""Every model of the table with the weights that tests use, and how far its output may be from upstream's vectors."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from helpers.programs import in_ci
from oracles.golden import GOLDEN

from rangegeo.encoders import MODELS
from rangegeo.weights.inventory import installed_geoclip

RANGE = {"pretrained_path": str(GOLDEN / "satclip-mini.ckpt"), "db_path": str(GOLDEN / "range_db_mini.npz")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """Upstream's output of one model.

    Attributes:
        file: name of the file in tests/golden, without .npz.
        arguments: of `load_model`, besides the name of the model.
        output: name of the array in the file.
        tolerance: largest absolute difference; None if it depends on the latitude (oracles.golden).
    """

    file: str
    arguments: dict = field(default_factory=dict)
    output: str = "output"
    tolerance: float | None = None


VECTORS = {
    "RANGE+": Vector(file="range", arguments=RANGE | {"beta": 0.3}, output="output_RANGE+_beta0.3"),
    "RANGE": Vector(file="range", arguments=RANGE, output="output_RANGE"),
    "SatCLIP": Vector(file="satclip_l40", arguments={"pretrained_path": RANGE["pretrained_path"]}),
    "GeoCLIP": Vector(file="geoclip_real", tolerance=1e-7),
    "TaxaBind": Vector(
        file="geoclip_taxabind_mini",
        arguments={"pretrained_path": str(GOLDEN / "patched_location_encoder_mini.pt")},
        tolerance=1e-7,
    ),
    "CSP": Vector(
        file="csp_fmow", arguments={"pretrained_path": str(GOLDEN / "csp_fmow_mini.pth.tar")}, tolerance=5e-6
    ),
    "CSP_INat": Vector(
        file="csp_inat_2018", arguments={"pretrained_path": str(GOLDEN / "csp_inat_2018_mini.pth.tar")}, tolerance=5e-6
    ),
    "SINR": Vector(file="sinr", arguments={"pretrained_path": str(GOLDEN / "sinr_mini")}, tolerance=1e-12),
    "Direct": Vector(file="free_Direct", tolerance=1e-13),
    "Cartesian_3D": Vector(file="free_Cartesian_3D", tolerance=1e-13),
    "Wrap": Vector(file="free_Wrap", tolerance=1e-13),
    "Theory": Vector(file="free_Theory", tolerance=1e-12),
    "s2vec_grid": Vector(file="free_s2vec_grid", tolerance=1e-13),
    "s2vec_spherec": Vector(file="free_s2vec_spherec", tolerance=1e-13),
    "s2vec_spherecplus": Vector(file="free_s2vec_spherecplus", tolerance=1e-13),
    "s2vec_spherem": Vector(file="free_s2vec_spherem", tolerance=1e-13),
    "s2vec_spheremplus": Vector(file="free_s2vec_spheremplus", tolerance=1e-13),
}

# The same, with small files in place of published weights that may not be installed.
SMALL = VECTORS | {
    "GeoCLIP": Vector(file="geoclip_taxabind_mini", arguments=VECTORS["TaxaBind"].arguments, tolerance=1e-7)
}

NEEDS_GEOCLIP = pytest.mark.skipif(
    installed_geoclip() is None and not in_ci(),
    reason="needs GeoCLIP's published weights: pip install --no-deps geoclip",
)


def each_model(*, published: bool = False) -> list:
    """The names of all models, for parametrize.

    Args:
        published: whether the test needs the published weights of GeoCLIP, which come with a package.
    """
    assert set(VECTORS) == set(MODELS)
    return [pytest.param(name, marks=NEEDS_GEOCLIP if published and name == "GeoCLIP" else ()) for name in MODELS]
