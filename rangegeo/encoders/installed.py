"""Models that other packages install: entry points of the group `rangegeo.models`. Nothing of them is imported here."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from rangegeo.errors import UsageError

GROUP = "rangegeo.models"


def installed_names() -> list[str]:
    """The names of installed models, sorted."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def entry_of(name: str) -> EntryPoint | None:
    """The entry point of a name; None if there is none.

    Raises:
        UsageError: two packages have one of this name.
    """
    found = list(dict.fromkeys(entry_points(group=GROUP, name=name)))
    if len({entry.value for entry in found}) > 1:
        values = " and ".join(sorted(entry.value for entry in found))
        raise UsageError(f"two packages install a model {name!r}: {values}; uninstall one of them")
    return found[0] if found else None
