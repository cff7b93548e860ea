"""From the names that users give for weights and databases to files."""

from __future__ import annotations

from pathlib import Path

from rangegeo.encoders import FAMILIES, MODELS, ModelInfo, model_info
from rangegeo.errors import UsageError, argument, arguments
from rangegeo.support.paths import local_path
from rangegeo.weights.demo import DATABASE, ENCODER, demo_file
from rangegeo.weights.hub import fetch
from rangegeo.weights.inventory import installed_geoclip
from rangegeo.weights.published import OFFICIAL_DATABASES, OFFICIAL_ENCODERS

DATABASE_OF = {"demo": "demo", "official": "large", "satclip-vit16-l40": "large"}  # weights: database made with them
IN_A_FOLDER = ("model.safetensors", "pytorch_model.bin")  # names that weights have in a folder from the hub


def encoder_file(weights: str, model: str = "SatCLIP") -> Path:
    """The file of a model's weights, which is downloaded if need be.

    Args:
        weights: a path, or a name that `rangegeo models` lists: "demo", "installed", "official" or a published file.
        model: name of the model.
    Raises:
        UsageError: the name or the path does not exist, or it belongs to another model.
        DownloadError: a published file cannot be downloaded.
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
        raise UsageError(
            f"{argument('weights', weights)} belongs to {argument('model')} {theirs}; {model} needs {_choices(row)}"
        )
    if row.family != "satclip":
        weights = in_folder(weights)
    return _existing_file(weights, "weights", _choices(row))


def in_folder(path: str) -> str:
    """The path of the weights in a folder from the hub; any other path is returned as it is."""
    files = (local_path(path) / name for name in IN_A_FOLDER)
    return next((str(file) for file in files if file.is_file()), path)


def default_weights(model: str) -> str | None:
    """The weights that are used if none are given; None for a model without weights.

    Raises:
        UsageError: there is no default, so weights must be given.
    """
    row = model_info(model)
    if row.has_weights and row.default is None:
        raise UsageError(f"{model} needs weights: {argument('weights')} must be {_choices(row)}")
    return row.default


def database_file(db: str, named: str = "db") -> Path:
    """The file of a database, which is downloaded if need be.

    Args:
        db: "demo", "large", "med" or the path of a RANGE database.
        named: the argument, for messages: "db", or "database" for verbs whose first word it is.
    Raises:
        UsageError: the path does not exist. DownloadError: a published file cannot be downloaded.
    """
    if db == "demo":
        return demo_file(DATABASE)
    if db in OFFICIAL_DATABASES:
        return fetch(OFFICIAL_DATABASES[db])
    return _existing_file(db, named, "demo, large, med or the path of a RANGE database (.safetensors or .npz)")


def database_for(weights: str, db: str | None) -> str:
    """The name or path of the database for these weights: `db` if it is given, else the one made with them.

    Args:
        weights: a name or a path, as for `encoder_file`.
        db: a name or a path, as for `database_file`, or None.
    Raises:
        UsageError: no database is given for weights from a file, or the two were not made together.
    """
    if db is None:
        if weights not in DATABASE_OF:
            encoder_file(weights, "RANGE+")  # so that a misspelt name of weights is reported first
            raise UsageError(
                f"a database must be given with {argument('weights', weights)}, because the two are made together: "
                f"type {argument('db', 'large')} for the published one, or {argument('db', 'PATH')}"
            )
        return DATABASE_OF[weights]
    named = DATABASE_OF.get(weights)
    if (named == "demo" and db in OFFICIAL_DATABASES) or (named == "large" and db == "demo"):
        raise UsageError(
            f"weights and database must be made together, got {_pair(weights, db)}; "
            f"type {_pair('demo', 'demo')}, or {_pair('official', 'large')}"
        )
    return db


def _pair(weights: str, db: str) -> str:
    """Weights and their database, for messages."""
    return arguments(weights=weights, db=db)


def _choices(row: ModelInfo) -> str:
    """The weights that a model may have, for messages."""
    title, example = FAMILIES[row.family]
    names = [] if row.default is None else [row.default]
    if row.published:
        names.append("official")
    if len(row.published) > 1:
        names.extend(row.published)
    file = f"the path of a {title} checkpoint ({''.join(Path(example).suffixes)})"
    return f"{', '.join(names)} or {file}" if names else file


def _installed(model: str) -> Path:
    """The file of the installed package geoclip."""
    path = installed_geoclip()
    if path is None:
        raise UsageError(
            f"{model}'s weights come with the package geoclip, which is not installed: pip install --no-deps geoclip; "
            f"or {argument('weights', 'official')} to download them, or {argument('weights', 'PATH')}"
        )
    return path


def _existing_file(path: str, name: str, expected: str) -> Path:
    """The file at a path that a user gave for the argument `name`. Raises UsageError if there is none."""
    file = local_path(path)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "is a device" if file.exists() else "does not exist"
        raise UsageError(argument=name, expected=expected, remedy=f"the file {path} {what}")
    return file
