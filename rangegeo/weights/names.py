"""What a user may say for weights and databases, and the files that stand behind it."""

from __future__ import annotations

from pathlib import Path

from rangegeo.errors import UsageError
from rangegeo.weights.demo import DATABASE, ENCODER, demo_file
from rangegeo.weights.hub import OFFICIAL_DATABASES, OFFICIAL_ENCODER, fetch

DATABASE_OF = {"demo": "demo", "official": "large"}  # the database that was made with named weights


def encoder_file(weights: str) -> Path:
    """`demo`, `official` or the path of a SatCLIP checkpoint."""
    if weights == "demo":
        return demo_file(ENCODER)
    if weights == "official":
        return fetch(OFFICIAL_ENCODER)
    return _existing(weights, "--weights", "demo, official or the path of a SatCLIP checkpoint (.ckpt)")


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
            encoder_file(weights)  # a misspelt name is said first
            raise UsageError(
                f"a database must be given with --weights {weights}, because the two are made together: "
                "type --db large for the published one, or --db PATH"
            )
        return DATABASE_OF[weights]
    if (weights == "demo" and db in OFFICIAL_DATABASES) or (weights == "official" and db == "demo"):
        raise UsageError(
            f"weights and database must be made together, got --weights {weights} --db {db}; "
            "type --weights demo --db demo, or --weights official --db large"
        )
    return db


def _existing(path: str, flag: str, expected: str) -> Path:
    file = Path(path).expanduser()
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise UsageError(f"{flag} must be {expected}; the file {path} {what}")
    return file
