"""Published files by name, through huggingface_hub and its cache. The only module that uses the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rangegeo.errors import DownloadError


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A file on the hub: which repository, its name there, and of which kind the repository is."""

    repo: str
    file: str
    kind: str = "model"


OFFICIAL_ENCODERS = {
    "satclip-vit16-l40": PublishedFile(repo="microsoft/SatCLIP-ViT16-L40", file="satclip-vit16-l40.ckpt"),
    "satclip-vit16-l10": PublishedFile(repo="microsoft/SatCLIP-ViT16-L10", file="satclip-vit16-l10.ckpt"),
    "satclip-resnet18-l40": PublishedFile(repo="microsoft/SatCLIP-ResNet18-L40", file="satclip-resnet18-l40.ckpt"),
    "satclip-resnet18-l10": PublishedFile(repo="microsoft/SatCLIP-ResNet18-L10", file="satclip-resnet18-l10.ckpt"),
    "satclip-resnet50-l40": PublishedFile(repo="microsoft/SatCLIP-ResNet50-L40", file="satclip-resnet50-l40.ckpt"),
    "satclip-resnet50-l10": PublishedFile(repo="microsoft/SatCLIP-ResNet50-L10", file="satclip-resnet50-l10.ckpt"),
    "geoclip": PublishedFile(repo="VicenteVivanco/geoclip-location-encoder", file="model.safetensors"),
    "taxabind": PublishedFile(repo="MVRL/ecogeo", file="model.safetensors"),
    "sinr": PublishedFile(repo="MVRL/sinr-location-encoder-1000-cls", file="model.safetensors"),
}
OFFICIAL_ENCODER = OFFICIAL_ENCODERS["satclip-vit16-l40"]
OFFICIAL_DATABASES = {
    "large": PublishedFile(repo="mvrl/RANGE-database", file="range_db_large.npz", kind="dataset"),
    "med": PublishedFile(repo="mvrl/RANGE-database", file="range_db_med.npz", kind="dataset"),
}


def fetch(wanted: PublishedFile) -> Path:
    """The local path of a published file, downloaded if the cache does not hold it.

    HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE are honoured.

    Raises:
        DownloadError: the hub cannot be reached, or does not have or give the file.
    """
    from huggingface_hub import hf_hub_download  # takes 0.2 s to import, and only downloads need it
    from huggingface_hub.errors import LocalEntryNotFoundError
    from huggingface_hub.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it reports each attempt; what came of them is said below
    try:
        return Path(hf_hub_download(wanted.repo, wanted.file, repo_type=wanted.kind))
    except Exception as error:  # the HTTP library below differs between versions, each with errors of its own
        reason = _reason(error, unreachable=isinstance(error, LocalEntryNotFoundError))
        raise DownloadError(
            f"could not download {wanted.file} of {wanted.repo}: {reason}; download it elsewhere and give its "
            "path (--weights PATH --db PATH), or use the embedded model (--weights demo --db demo)"
        ) from error
    finally:
        logging.set_verbosity(verbosity)


def cached(wanted: PublishedFile) -> Path | None:
    """The local path of a published file if it was downloaded before; nothing is asked of the network."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(wanted.repo, wanted.file, repo_type=wanted.kind)
    return Path(found) if isinstance(found, str) else None


def _reason(error: Exception, *, unreachable: bool) -> str:
    """The hub's own answer where it gave one, which huggingface_hub may have wrapped."""
    for cause in (error, error.__cause__):
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status:
            return f"HTTP status {status}"
    return "the hub cannot be reached" if unreachable else (str(error).strip() or type(error).__name__).splitlines()[0]
