"""Files of others that GDAL opens: those that would make it fetch an address are refused before it opens them.

A file can name another one: a VRT its sources, GeoJSON its CRS, a picture of tiles its server. GDAL goes there by
itself. So a file may name files of this machine alone. Only what a user types can be an address.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

from rangegeo.errors import RangegeoError, first_line
from rangegeo.support.location import SUBDATASETS

HEAD = 2**16  # bytes in which GDAL looks for what a file is
VIRTUAL = (b"<OGRVRTDataSource", b"<VRTDataset")  # files that name other files
# Files that name a server, or the commands of a program.
SERVERS = (
    *(b"OGRWFSDataSource", b"WFS_Capabilities", b"GDAL_WMS", b"WMS_Capabilities", b"<Capabilities", b"WMT_MS"),
    *(b"WCS_GDAL", b"GDAL_WMTS", b"GDALTileIndexDataset", b"gdal_streamed_alg", b"OGRCSWDataSource", b"<TileMap"),
)
# Elements of a VRT whose text is not opened.
TEXTS = {"MDI", "SRS", "Description", "LayerSRS", "GeometryType", "Category", "WKT", "SrcRegion", "ExtentXMin"}
PREFIX = re.compile(r"[A-Za-z][\w+.-]+:")  # how names begin that only one driver of GDAL understands
TILES = re.compile(r"\.gti(\.\w+)?$", re.IGNORECASE)  # names of indices of tiles, which may lie anywhere
DEEPEST = 8  # VRTs that name each other
# Names in JSON, in each spelling that GDAL's reader takes: with either quotation mark, and letters as \uXXXX.
_BLOCK, _OVERLAP = 2**20, 64  # bytes of a file that are searched at a time, and how many of these twice
LARGEST_JSON = 2**26  # bytes that are parsed to see what a link says
ELSEWHERE = "which rangegeo does not open unless it is typed"


def check_foreign(source: str | Path | bytes, name: str, kind: type[RangegeoError], *, raster: bool = False) -> None:
    """Refuse a file that would make GDAL open anything but files of this machine.

    Args:
        source: the path of a file, or the content of one. Any other name that GDAL opens was typed, and is let through.
        name: what it is called in messages.
        kind: the class of the error.
        raster: whether a raster is wanted. Then nothing but a VRT is text, for the others name tiles of servers.
    Raises:
        RangegeoError: of this kind; the file names an address, or data that cannot be checked.
    """
    reason = _reason(source, 0) if isinstance(source, bytes) or Path(source).is_file() else None
    if reason is None and raster and Path(str(source)).is_file():
        reason = _reason_of_text(Path(str(source)))
    if reason is not None:
        raise kind(f"{name} {reason}; give a file that holds its data itself")


def _reason_of_text(path: Path) -> str | None:
    """Why a file is refused as a raster; None if it is a VRT or no text."""
    with path.open("rb") as file:
        start = file.read(HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    if TILES.search(path.name) or start.startswith(b"{") or (start.startswith(b"<") and VIRTUAL[1] not in start):
        return "is no raster but describes one"
    return None


def _reason(source: str | Path | bytes, depth: int) -> str | None:
    """Why a file is refused; None if it is not."""
    if isinstance(source, bytes):
        return _reason_of(BytesIO(source), Path(), depth)
    path = Path(source)
    for beside in (path.with_name(f"{path.name}.ovr"), path.with_name(f"{path.name}.msk")):
        if beside.is_file() and beside.read_bytes()[:64].lstrip().startswith(b"<"):
            return f"has overviews or a mask that are no pixels but a description of others, in {beside.name}"
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            file.seek(0)
            return _reason_of(file, path.parent, depth)
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as part:
                    reason = _reason_of(part, None, depth)
                if reason is not None:
                    return f"holds {member.filename}, which {reason}"
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError):
        return None  # GDAL says itself what is wrong with the archive
    return None


def _reason_of(file: IO[bytes], folder: Path | None, depth: int) -> str | None:
    """Why a file that is open is refused; `folder` is where it lies, None if that is an archive."""
    head = file.read(HEAD)
    server = next((marker for marker in SERVERS if marker in head), None)
    if server is not None:
        return f"describes a service or commands ({server.decode().strip('<')}), {ELSEWHERE}"
    if any(marker in head for marker in VIRTUAL):
        if folder is None:
            return "is a VRT within an archive, whose sources cannot be checked"
        return _reason_of_vrt(head + file.read(), folder, depth)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n\x1e").startswith((b"{", b"[")) and _links_crs(head, file):
        return f"names its CRS by a link, {ELSEWHERE}"
    return None


def _reason_of_vrt(content: bytes, folder: Path, depth: int) -> str | None:
    """Why a VRT is refused: its sources must be files of this machine, which name no others themselves."""
    if depth == DEEPEST:
        return f"names VRTs that name VRTs, more than {DEEPEST} times"
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        return f"is a damaged VRT ({first_line(error)})"
    for part in root.iter():
        if part.tag == "SrcSQL":
            return "is a VRT with SQL in it, which may read other files"
        for text in () if part.tag in TEXTS else (part.text, *part.attrib.values()):
            name = (text or "").strip()
            reason = _reason_of_name(name, folder, depth) if part.tag.startswith(("Source", "Src")) else None
            if reason is None and ("://" in name or name.startswith(("/vsi", "<"))):
                reason = f"names {name[:80]}, {ELSEWHERE}"
            if reason is not None:
                return reason
    return None


def _reason_of_name(name: str, folder: Path, depth: int) -> str | None:
    """Why the source of a VRT is refused."""
    for path in (folder / name, Path(name)):
        if name and path.is_file():
            reason = _reason(path, depth + 1)
            return None if reason is None else f"names {name}, which {reason}"
    if PREFIX.match(name) and not name.upper().startswith(SUBDATASETS):
        return f"names {name[:80]}, {ELSEWHERE}"
    return None


def _spelled(word: str) -> bytes:
    """A pattern of a word at the beginning of a text in JSON, also with escapes instead of letters."""
    letters = (rf"(?:{letter}|{letter.upper()}|\\u00(?:{ord(letter):x}|{ord(letter.upper()):x}))" for letter in word)
    return rf"""["']{"".join(letters)}""".encode()


_CRS = re.compile(_spelled("crs"), re.IGNORECASE)
_LINK = re.compile(_spelled("link") + b"|" + _spelled("url"), re.IGNORECASE)


def _links_crs(head: bytes, rest: IO[bytes]) -> bool:
    """Whether JSON may name a CRS by an address. Only small files are parsed to be sure."""
    wanted, before = {_CRS, _LINK}, b""
    for block in _blocks(head, rest):
        wanted -= {pattern for pattern in wanted if pattern.search(before + block)}
        if not wanted:
            break
        before = block[-_OVERLAP:]
    if wanted:
        return False
    rest.seek(0)
    content = rest.read(LARGEST_JSON + 1)
    try:
        return len(content) > LARGEST_JSON or any(map(_is_link, _values(json.loads(content))))
    except (ValueError, RecursionError):  # GDAL reads some JSON that Python does not, such as a feature a line
        return True


def _blocks(head: bytes, rest: IO[bytes]) -> Iterator[bytes]:
    """A file in blocks."""
    yield head
    while block := rest.read(_BLOCK):
        yield block


def _values(told: Any) -> Iterator[tuple[str, Any]]:
    """All names of a JSON document and their values."""
    waiting = [told]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
        waiting.extend(one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())


def _is_link(named: tuple[str, Any]) -> bool:
    """Whether a name and its value say a CRS by an address."""
    name, value = named
    kind = str(value.get("type", "")).lower() if isinstance(value, dict) else ""
    return name.lower() == "crs" and kind.startswith(("link", "url"))
