"""Location encoders, one file per family, and the table `MODELS` of the models that users can name.

This package owns the networks and the facts about the models. It does not open or download files; `weights` does.
`coordinates`, `space2vec` and `sphere2vec` have no weights; such a module has `build(variant)`, which returns the
encoder. `satclip`, `geoclip`, `sinr` and `csp` have weights. Such a module has `network(settings)`, which returns the
network without its weights; a published file must have the same names and shapes. If the network is not the whole
encoder, the module also has `from_network(settings, network)`, which returns the encoder. `wrapped` is the encoder of a
user's own function or module, and `installed` finds models that other packages install.

To add an encoder, add a file here and a row to `MODELS`. If it has weights, also add a row to `FAMILIES`, a layout to
`rangegeo.weights.families`, and its published files to `rangegeo.weights.published`. This file does not import torch.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from rangegeo.encoders.installed import installed_names
from rangegeo.errors import UsageError

# The families with weights: their titles, and the name of a published file for messages.
FAMILIES = {
    "satclip": ("SatCLIP", "satclip-vit16-l40.ckpt"),
    "geoclip": ("GeoCLIP", "location_encoder_weights.pth"),
    "sinr": ("SINR", "model.safetensors"),
    "csp": ("CSP", "model_fmow_gridcell_….pth.tar"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """One model. Users give every model longitude, latitude in degrees.

    Attributes:
        family: name of the module in rangegeo.encoders.
        variant: key of the family's `VARIANTS`; None for a model that has weights.
        dim: number of bands that the published weights give.
        order: the order of coordinates that the network itself takes, "lon,lat" or "lat,lon".
        published: names of its published files (rangegeo.weights.published); the first is also called "official".
        default: name of the weights that are used when none are given; None if they must be given.
        temperature: inverse temperature of the semantic retrieval; None for a location encoder without a database.
        has_beta: whether a geographic average is blended with the semantic one.
        returns_array: whether the research repository's module returns a NumPy array instead of a tensor.
        licence: the licence of the weights, as their publisher states it.
        citation: the paper to cite.
        source: the code from which the constants come.
        tested: what the tests compare this implementation with.
        notes: what a user should know.
    """

    family: str
    dim: int
    citation: str
    source: str
    tested: str
    licence: str = "no weights"
    variant: str | None = None
    order: str = "lon,lat"
    published: tuple[str, ...] = ()
    default: str | None = None
    temperature: float | None = None
    has_beta: bool = False
    returns_array: bool = False
    notes: str = ""

    @property
    def has_weights(self) -> bool:
        """Whether the model has weights at all."""
        return self.variant is None

    @property
    def has_database(self) -> bool:
        """Whether the model retrieves from a database."""
        return self.temperature is not None


# Arguments that several rows share.
_RANGE: dict[str, Any] = {
    "family": "satclip",
    "dim": 1280,
    "citation": "arXiv:2502.19781",
    "source": "mvrl/RANGE, range.py",
    "tested": "mvrl/RANGE and PyPI rangegeo 0.1.0, miniature files",
    "licence": "MIT; database: none stated",
    "published": ("satclip-vit16-l40",),
    "default": "demo",
    "returns_array": True,
}
_TOWERS = ("vit16", "resnet18", "resnet50")
_GEOCLIP: dict[str, Any] = {
    "family": "geoclip",
    "dim": 512,
    "order": "lat,lon",
    "source": "geoclip 1.3.0, location_encoder.py",
    "notes": "discontinuous at the antimeridian; every pixel is evaluated (ReLU)",
}
_CSP: dict[str, Any] = {
    "family": "csp",
    "dim": 256,
    "citation": "arXiv:2305.01118",
    "source": "gengchenmai/csp, module.py and SpatialRelationEncoder.py",
    "tested": "mvrl/RANGE, miniature files",
    "licence": "none stated",
}
_FREE: dict[str, Any] = {"source": "mvrl/RANGE", "tested": "mvrl/RANGE"}
_SPHERE: dict[str, Any] = _FREE | {
    "family": "sphere2vec",
    "citation": "arXiv:2306.17624",
    "notes": "upstream's radii: wavelengths down to 0.06 degrees alias on coarser rasters; degrees count as radians",
}

MODELS = {
    "RANGE+": ModelInfo(**_RANGE, temperature=12.0, has_beta=True),
    "RANGE": ModelInfo(**_RANGE, temperature=15.0),
    "SatCLIP": ModelInfo(
        family="satclip",
        dim=256,
        citation="arXiv:2311.17179",
        source="microsoft/satclip",
        tested="mvrl/RANGE and exact arithmetic, miniature files",
        licence="MIT",
        published=tuple(f"satclip-{tower}-l{degree}" for tower in _TOWERS for degree in (40, 10)),
        default="demo",
    ),
    "GeoCLIP": ModelInfo(
        **_GEOCLIP,
        citation="arXiv:2309.16020",
        tested="geoclip 1.3.0 with its published weights",
        licence="MIT",
        published=("geoclip",),
        default="installed",
    ),
    "TaxaBind": ModelInfo(
        **_GEOCLIP,
        citation="arXiv:2411.00683",
        tested="rshf 0.2.2, miniature files",
        licence="none stated",
        published=("taxabind",),
    ),
    "CSP": ModelInfo(**_CSP, notes="pre-trained on fMoW; the activation is the file's"),
    "CSP_INat": ModelInfo(**_CSP, notes="pre-trained on iNaturalist 2018; the activation is the file's"),
    "SINR": ModelInfo(
        family="sinr",
        dim=256,
        citation="arXiv:2306.02564",
        source="rshf 0.2.2, sinr; elijahcole/sinr",
        tested="rshf 0.2.2, miniature files",
        licence="MIT",
        published=("sinr",),
        notes="every pixel is evaluated (ReLU)",
    ),
    "Direct": ModelInfo(
        **_FREE, family="coordinates", variant="Direct", dim=2, citation="arXiv:2502.19781", notes="radians"
    ),
    "Cartesian_3D": ModelInfo(
        **_FREE,
        family="coordinates",
        variant="Cartesian_3D",
        dim=3,
        citation="arXiv:2502.19781",
        returns_array=True,
    ),
    "Wrap": ModelInfo(**_FREE, family="coordinates", variant="Wrap", dim=4, citation="arXiv:1906.05272"),
    "Theory": ModelInfo(
        **_FREE,
        family="space2vec",
        variant="theory",
        dim=192,
        citation="arXiv:2003.00824",
        notes="degrees count as radians; discontinuous at the antimeridian",
    ),
    "s2vec_grid": ModelInfo(
        **_FREE,
        family="space2vec",
        variant="grid",
        dim=192,
        citation="arXiv:2003.00824",
        notes="degrees count as radians; discontinuous at the antimeridian",
    ),
    "s2vec_spherec": ModelInfo(**_SPHERE, variant="spherec", dim=288),
    "s2vec_spherecplus": ModelInfo(**_SPHERE, variant="spherecplus", dim=192),
    "s2vec_spherem": ModelInfo(**_SPHERE, variant="spherem", dim=480),
    "s2vec_spheremplus": ModelInfo(**_SPHERE, variant="spheremplus", dim=512),
}


def installed_info(dim: int = 0, citation: str = "") -> ModelInfo:
    """The row of a model that a user has wrapped or installed; without a number of bands until it is loaded."""
    told = "the user's own"
    return ModelInfo(
        family="wrapped", variant="wrapped", dim=dim, citation=citation, source=told, tested="not", licence=told
    )


def model_info(name: str) -> ModelInfo:
    """The row of a model in `MODELS`, or of one that another package installs.

    Raises:
        UsageError: there is no model of this name; the message lists the names, or suggests the nearest one.
    """
    if name in MODELS:
        return MODELS[name]
    if name in installed_names():
        return installed_info()
    folded = {known.casefold(): known for known in MODELS}
    near = difflib.get_close_matches(str(name).casefold(), folded, n=1)
    hint: dict[str, str] = {"remedy": f"did you mean {folded[near[0]]}?"} if near else {"example": "RANGE+"}
    raise UsageError(
        argument="model", expected=f"one of {', '.join([*MODELS, *installed_names()])}", got=repr(name), **hint
    )
