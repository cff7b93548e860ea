"""The files that others published: where each one is, its licence and its size. This module opens no file.

Sources: the loaders of mvrl/RANGE, PyPI rangegeo, rshf and geoclip, and the model cards and licence files beside them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rangegeo.encoders import MODELS
from rangegeo.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A published file, which is downloaded once and then used by its name.

    Attributes:
        file: its name in the repository or in the archive.
        size: its approximate size in bytes; None if the publisher does not say.
        licence: its licence, as its publisher states it.
        repo: its repository on the hub; empty if it is not on the hub.
        kind: the kind of the repository, "model" or "dataset".
        form: what the file is converted to: a family of encoders, or "database".
        archive: address of the archive that contains it, if it is not on the hub; it must be downloaded by hand.
    """

    file: str
    size: int | None
    licence: str
    form: str
    repo: str = ""
    kind: str = "model"
    archive: str = ""


def _satclip(image_tower: str, degree: int, megabytes: float) -> PublishedFile:
    return PublishedFile(
        repo=f"microsoft/SatCLIP-{image_tower}-L{degree}",
        file=f"satclip-{image_tower.lower()}-l{degree}.ckpt",
        size=int(megabytes * 1e6),
        licence="MIT",
        form="satclip",
    )


def _database(file: str, size: int) -> PublishedFile:
    return PublishedFile(
        repo="mvrl/RANGE-database", kind="dataset", file=file, size=size, licence="none stated", form="database"
    )


def _safetensors(repo: str, form: str, size: int, licence: str) -> PublishedFile:
    return PublishedFile(repo=repo, file="model.safetensors", size=size, licence=licence, form=form)


def _csp(file: str) -> PublishedFile:
    archive = "https://www.dropbox.com/s/qxr644rj1qxekn2/model_dir.zip?dl=1"  # gengchenmai/csp, README
    return PublishedFile(file=file, size=None, licence="none stated", form="csp", archive=archive)


PUBLISHED = {
    "satclip-vit16-l40": _satclip("ViT16", 40, 121),
    "satclip-vit16-l10": _satclip("ViT16", 10, 103),
    "satclip-resnet50-l40": _satclip("ResNet50", 40, 130),
    "satclip-resnet50-l10": _satclip("ResNet50", 10, 111),
    "satclip-resnet18-l40": _satclip("ResNet18", 40, 75.6),
    "satclip-resnet18-l10": _satclip("ResNet18", 10, 57.2),
    "range_db_large": _database("range_db_large.npz", 900_000_000),
    "range_db_med": _database("range_db_med.npz", 450_000_000),
    "geoclip": _safetensors("VicenteVivanco/geoclip-location-encoder", "geoclip", 37_800_000, "MIT"),
    "sinr": _safetensors("MVRL/sinr-location-encoder-1000-cls", "sinr", 50_900_000, "MIT"),
    "taxabind": _safetensors("MVRL/ecogeo", "geoclip", 37_800_000, "none stated"),
    "csp": _csp(
        "model_dir/model_fmow/model_fmow_gridcell_0.0010_32_0.1000000_1_512_gelu_UNSUPER-contsoftmax_"
        "0.000050_1.000_1_0.100_TMP1.0000_1.0000_1.0000.pth.tar"
    ),
    "csp_inat": _csp(
        "model_dir/model_inat_2018/model_inat_2018_gridcell_0.0010_32_0.1000000_1_512_leakyrelu_UNSUPER-contsoftmax_"
        "0.000500_1.000_1_1.000_TMP20.0000_1.0000_1.0000.pth.tar"
    ),
}
OFFICIAL_ENCODERS = {name: file for name, file in PUBLISHED.items() if file.repo and file.form != "database"}
OFFICIAL_DATABASES = {"large": PUBLISHED["range_db_large"], "med": PUBLISHED["range_db_med"]}
# Short names that users may type.
ALIASES = {"official": "satclip-vit16-l40", "large": "range_db_large", "med": "range_db_med"}


def published(name: str) -> PublishedFile:
    """The published file of this name, a key of `PUBLISHED`.

    Raises:
        UsageError: there is no such file.
    """
    if name not in PUBLISHED:
        raise UsageError(
            f"expected a published file or a model with one, got {name!r}; type rangegeo weights list for their names"
        )
    return PUBLISHED[name]


def published_files(words: Iterable[str]) -> dict[str, PublishedFile]:
    """The published files that a user asks for, each once.

    Args:
        words: names of files, short names ("official", "large", "med") or names of models, in any case.
    Raises:
        UsageError: a word is no such name.
    """
    names = [name for word in words for name in _names(word)]
    return {name: published(name) for name in names}


def _names(word: str) -> tuple[str, ...]:
    """The files behind a word. A model stands for its official weights and, if it has a database, for the large one."""
    folded = word.casefold()
    row = _BY_FOLDED_NAME.get(folded)
    if folded in PUBLISHED or row is None or not row.published:
        return (folded if folded in PUBLISHED else ALIASES.get(folded, word),)
    return row.published[:1] + (("range_db_large",) if row.temperature else ())


_BY_FOLDED_NAME = {name.casefold(): row for name, row in MODELS.items()}
