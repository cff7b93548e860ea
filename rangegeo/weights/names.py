"""What a user may say for weights and databases, and the files that stand behind it."""

from __future__ import annotations

from pathlib import Path

from rangegeo.encoders import FAMILIES, MODELS, ModelInfo, model_info
from rangegeo.errors import UsageError
from rangegeo.weights.demo import DATABASE, ENCODER, demo_file
from rangegeo.weights.hub import fetch
from rangegeo.weights.inventory import installed_geoclip
from rangegeo.weights.published import OFFICIAL_DATABASES, OFFICIAL_ENCODERS

DATABASE_OF = {"demo": "demo", "official": "large", "satclip-vit16-l40": "large"}  # made with these weights
IN_A_FOLDER = ("model.safetensors", "pytorch_model.bin")  # of the hub, the weights in a folder beside its config.json


def encoder_file(weights: str, model: str = "SatCLIP") -> Path:
    """The file of a model's weights: one of its names (see `rangegeo models`), or a path.

    Raises:
        UsageError: it is none of them. DownloadError: a published file cannot be had.
    """
    row = model_info(model)
    if weights == "demo" and row.default == "demo":
        return demo_file(ENCODER)
    if weights == "installed" and row.default == "installed":
        return _installed(model)
    if weights == "official" and row.published:
        return fetch(OFFICIAL_ENCODERS[row.published[0]])
    if weights in row.published:
        return fetch(OFFICIAL_ENCODERS[weights])
    if weights in OFFICIAL_ENCODERS:
        theirs = ", ".join(name for name, other in MODELS.items() if weights in other.published)
        raise UsageError(f"--weights {weights} belongs to --model {theirs}; {model} needs {_choices(row)}")
    if row.family != "satclip":
        weights = in_folder(weights)
    return _existing(weights, "--weights", _choices(row))


def in_folder(path: str) -> str:
    """The path of the weights in a folder of the hub; what was given if it is no such folder."""
    files = (Path(path).expanduser() / name for name in IN_A_FOLDER)
    return next((str(file) for file in files if file.is_file()), path)


def default_weights(model: str) -> str | None:
    """What is taken where no weights are given; None for a model that has none.

    Raises:
        UsageError: they must be given.
    """
    row = model_info(model)
    if row.has_weights and row.default is None:
        raise UsageError(f"{model} needs weights: --weights must be {_choices(row)}")
    return row.default


def database_file(db: str) -> Path:
    """`demo`, `large`, `med` or the path of a RANGE database."""
    if db == "demo":
        return demo_file(DATABASE)
    if db in OFFICIAL_DATABASES:
        return fetch(OFFICIAL_DATABASES[db])
    return _existing(db, "--db", "demo, large, med or the path of a RANGE database (.npz)")


def database_for(weights: str, db: str | None) -> str:
    """The database to use with these weights: the one given, or the one that belongs to them.

    Raises:
        UsageError: none was given for weights from a file, or the two cannot belong together.
    """
    if db is None:
        if weights not in DATABASE_OF:
            encoder_file(weights, "RANGE+")  # a misspelt name is said first
            raise UsageError(
                f"a database must be given with --weights {weights}, because the two are made together: "
                "type --db large for the published one, or --db PATH"
            )
        return DATABASE_OF[weights]
    named = DATABASE_OF.get(weights)
    if (named == "demo" and db in OFFICIAL_DATABASES) or (named == "large" and db == "demo"):
        raise UsageError(
            f"weights and database must be made together, got --weights {weights} --db {db}; "
            "type --weights demo --db demo, or --weights official --db large"
        )
    return db


def _choices(row: ModelInfo) -> str:
    """What may be said for --weights."""
    title, example = FAMILIES[row.family]
    names = [row.default, "official" if row.published else None, *(row.published if len(row.published) > 1 else ())]
    file = f"the path of a {title} checkpoint ({''.join(Path(example).suffixes)})"
    return " or ".join(filter(None, (", ".join(filter(None, names)), file)))


def _installed(model: str) -> Path:
    path = installed_geoclip()
    if path is None:
        raise UsageError(
            f"{model}'s weights come with the package geoclip, which is not installed: pip install --no-deps geoclip; "
            "or --weights official to download them, or --weights PATH"
        )
    return path


def _existing(path: str, flag: str, expected: str) -> Path:
    file = Path(path).expanduser()
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise UsageError(f"{flag} must be {expected}; the file {path} {what}")
    return file
