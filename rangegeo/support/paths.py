"""Paths as users type them: a leading `~` is the home folder, and names are those that every system can hold."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path, PurePath, PureWindowsPath
from typing import Protocol

from rangegeo.errors import OutputError, argument

# Names of devices, which Windows keeps for itself with any suffix, and characters that its names cannot have.
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{kind}{digit}" for kind in ("COM", "LPT") for digit in "123456789¹²³")}
FORBIDDEN = '<>:"|?*'
_UNSAFE = re.compile(r"[^\w.-]+")  # what parts of names should not hold
_ENDS_IN_BETA = re.compile(r"_beta\d\.[\d.e-]+$")


class Named(Protocol):
    """Whatever has a name with a suffix, as a path has."""

    @property
    def name(self) -> str: ...
    @property
    def stem(self) -> str: ...
    @property
    def suffix(self) -> str: ...


def local_path(path: str | os.PathLike[str]) -> Path:
    """A path in which a leading `~` or `~user` is replaced by a home folder; unknown users stay as they are."""
    return Path(os.path.expanduser(path))


def split_suffix(path: Named) -> tuple[str, str]:
    """The name of an output without its suffix, and the suffix. The digits of a beta, as of `a_beta0.5`, are none."""
    return (path.name, "") if _ENDS_IN_BETA.search(path.name) else (path.stem, path.suffix)


def unparsed(name: str) -> str:
    """The name under which other packages open a file, or what else GDAL opens.

    Packages take `file:a.tif` or `http:a.tif` for addresses, also if a file of that name is there. The whole path of
    such a file is no address.
    """
    path = local_path(name)
    return str(path.absolute()) if path.exists() else name


def not_opened(name: str, error: Exception) -> tuple[str, str]:
    """The name of a file that GDAL does not open with what GDAL says of it, and what to do about it."""
    said = str(error).splitlines()[0].partition(";")[0]
    for path in (name, unparsed(name)):
        said = said.removeprefix(f"{path}: ").removeprefix(f"'{path}' ")
    remedy = "give another file, or get this one again" if local_path(name).exists() else "check its name"
    return f"{name!r} ({said.rstrip('.')})", remedy


def shell_name(name: str) -> str:
    """A path as the shell takes it, quoted if need be, and never as an option."""
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


def file_names(names: Sequence[str]) -> list[str]:
    """Parts of names of files for names of anything, all different."""
    found: list[str] = []
    for name in names:
        safe = _UNSAFE.sub("_", name)
        taken = {one.casefold() for one in found}
        free = (safe, *(f"{safe}_{number}" for number in range(2, len(names) + 2)))
        found.append(next(one for one in free if one.casefold() not in taken))
    return found


def name_beside(name: str, ending: str) -> str:
    """A free name beside a file, for what is made of it: `a.tif` and "_north_up.tif" give `a_north_up.tif`.

    Args:
        name: of the file; without its suffix this is the beginning of the new name.
        ending: of the new name, with its suffix.
    """
    path = PurePath(name)
    stem, suffix = str(path.with_name(path.stem + PurePath(ending).stem)), PurePath(ending).suffix
    free = (f"{stem}{number}{suffix}" for number in ("", *range(2, 1000)))
    return next((one for one in free if not local_path(one).exists()), f"{stem}{suffix}")


def check_name(path: PurePath, *, other: str | None = None) -> None:
    """Refuse the name of an output that the system, or the programs which read the output, cannot take.

    Args:
        path: the output; a Windows path is checked by the rules of Windows.
        other: the argument that names another path, for the message.
    Raises:
        OutputError: the name is no text in UTF-8, or it is one that Windows refuses or keeps for itself.
    """
    remedy = f"give {other or argument('out')} another name"
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        shown = str(path).encode("utf-8", "backslashreplace").decode()
        raise OutputError(f"the name {shown} is no text in UTF-8, which other programs need; {remedy}") from None
    if isinstance(path, PureWindowsPath):
        for part in path.parts[1:] if path.anchor else path.parts:
            _check_windows(part, remedy)


def _check_windows(part: str, remedy: str) -> None:
    """Refuse a part of a path that Windows cannot hold under this name."""
    if part.split(".")[0].rstrip(" ").upper() in DEVICES:
        raise OutputError(f"Windows keeps the name {part} for a device; {remedy}")
    if part not in (".", "..") and part[-1] in ". ":
        raise OutputError(f"Windows drops the last character of the name {part!r}; {remedy}")
    wrong = " ".join(sorted(set(part) & set(FORBIDDEN)))
    if wrong or not part.isprintable():
        raise OutputError(f"a name on Windows cannot have {wrong or 'control characters'}, got {part!r}; {remedy}")
