"""Servers that refuse, stall or break: one line each, soon, and no secrets in it. And web servers, which are read."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import xarray as xr
from helpers.buckets import CREDENTIALS

import rangegeo as rg
import rangegeo.accessor
from rangegeo.errors import CubeError, OutputError, RangegeoError, RemoteError, UsageError
from rangegeo.grid.like import geobox_like
from rangegeo.support import address as addresses
from rangegeo.support.location import located

KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
SKIP = "for a public bucket storage_options={'skip_signature': 'true'}"
# What a server answers, and what of it is told.
ANSWERS = {
    "403 AccessDenied": f"refused the access; check the credentials and what they allow: set {KEYS}, or {SKIP}",
    "403 SignatureDoesNotMatch": "refused the access; check the credentials",
    "403 InvalidAccessKeyId": "refused the access; check the credentials",
    "401 Unauthorized": "refused the access; check the credentials",
    "404 NoSuchBucket": "there is no bucket s3://bucket, or not for these credentials; make it first",
    "301 PermanentRedirect": "lies in another region; give it, for example storage_options={'region': 'eu-central-1'}",
    "503 SlowDown": "gets more requests than it takes; try again later",
    "500 InternalError": "answered with an error of its own; try again later",
    "400 ExpiredToken": "refused the session token, which has expired or is wrong; get new credentials and set AWS_SES",
    "400 AuthorizationHeaderMalformed": "lies in another region; give it, for example storage_options={'region': 'eu-c",
    "400 BadRequest": "; get new credentials if they have expired and set AWS_SESSION_TOKEN to theirs, and if it lies "
    "in another region give that, for example storage_options={'region': 'eu-central-1'}",
    "404 NotFound": "there is no bucket s3://bucket, or not for these credentials; make it first",
    "418 Teapot": "; check the address, the options and the credentials, and try again",
}


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch) -> None:
    monkeypatch.setattr(addresses, "RETRIES", 0)


@pytest.fixture
def serve() -> Iterator:
    """A function that starts a server with a handler and returns its port."""
    servers = []

    def start(handler) -> int:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def access(port: int, **more: str) -> dict[str, str]:
    return CREDENTIALS | {"endpoint": f"http://127.0.0.1:{port}"} | more


def said(call) -> str:
    """The message of an error; it is one line and shows no secret."""
    with pytest.raises(RangegeoError) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert CREDENTIALS["secret_access_key"] not in text
    return text


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_a_server_answers_is_told_in_a_line(cube, serve, answer):
    status, code = answer.split()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(int(status))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if self.command != "HEAD" else b"")

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer

        def log_message(self, *words: object) -> None:
            pass

    options = access(serve(Handler))
    reading = said(lambda: rg.open_cube("s3://bucket/a.zarr", storage_options=options))
    writing = said(lambda: cube.rangegeo.to_zarr("s3://bucket/a.zarr", storage_options=options))
    assert ANSWERS[answer] in writing
    told = ANSWERS["400 BadRequest"] if status == "400" else ANSWERS[answer]  # a HEAD has no body that says more
    assert told in reading


def test_a_server_that_does_not_answer_is_not_waited_for(cube):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = access(silent.getsockname()[1], timeout="300ms")
        for call in (rg.open_cube, cube.rangegeo.to_zarr):
            text = said(lambda call=call: call("s3://bucket/a.zarr", storage_options=options))
            assert text.startswith("s3://bucket did not answer in time; try again, or wait longer: storage_options={")


def test_a_server_that_is_not_there(cube):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for call in (rg.open_cube, cube.rangegeo.to_zarr, cube.rangegeo.to_geotiff):
        name = "a.tif" if call == cube.rangegeo.to_geotiff else "a.zarr"
        text = said(lambda call=call, name=name: call(f"s3://bucket/{name}", storage_options=access(port)))
        assert text.startswith("s3://bucket cannot be reached; check the address, its endpoint and the network")


def test_a_bucket_that_is_not_there(cube, s3):
    for call in (
        lambda: cube.rangegeo.to_zarr("s3://nowhere/a.zarr", storage_options=s3.options),
        lambda: rg.open_cube("s3://nowhere/a.zarr", storage_options=s3.options),
        lambda: rg.open_cube("s3://nowhere/a.tif", storage_options=s3.options),
        lambda: geobox_like(located("s3://nowhere/a.zarr", s3.options)),
        lambda: geobox_like(located("s3://nowhere/a.tif", s3.options)),
        lambda: rg.verify("s3://nowhere/a.zarr", storage_options=s3.options),
    ):
        text = said(call)
        assert text == "there is no bucket s3://nowhere, or not for these credentials; make it first, or check its name"


def test_a_store_that_is_not_there(s3, bucket):
    with pytest.raises(
        CubeError, match=f"^there is no Zarr store at {bucket}/a.zarr, neither a cube nor a planet; check the"
    ):
        rg.open_cube(f"{bucket}/a.zarr", storage_options=s3.options)
    with pytest.raises(UsageError, match=f"there is no Zarr store at {bucket}/a.zarr; check its name$"):
        geobox_like(located(f"{bucket}/a.zarr", s3.options))


@pytest.mark.parametrize(
    ("scheme", "options", "message"),
    [
        (
            "s3",
            {"colour": "hidden"},
            "storage_options has an unknown name colour for s3://; names are those of obstore",
        ),
        (
            "s3",
            {"timeout": "hidden", "region": "b"},
            "the value of storage_options timeout is impossible; for example storage_options={'timeout': '300s'}",
        ),
        (
            "s3",
            {"skip_signature": "hidden"},
            "skip_signature is impossible; for example storage_options={'skip_signature",
        ),
        ("s3", {"conditional_put": "hidden"}, "storage_options conditional_put is impossible; leave it out"),
        ("gs", {"region": "hidden"}, "storage_options has an unknown name region for gs://"),
        ("az", {}, "az://bucket needs credentials and none were found; set AZURE_STORAGE_ACCOUNT_NAME"),
        ("https", {"region": "hidden"}, "https://bucket takes no storage_options region; leave it out"),
    ],
)
def test_options_that_do_not_fit(scheme, options, message):
    with pytest.raises((UsageError, RemoteError)) as caught:
        rg.open_cube(f"{scheme}://bucket/a.zarr", storage_options=options)
    assert message in str(caught.value)
    assert "hidden" not in str(caught.value)


# ------------------------------------------------------------------------------------------------ web servers


def part_of_a_file(self: SimpleHTTPRequestHandler) -> io.BytesIO:
    """Answer as servers do that give parts of a file."""
    file = Path(self.translate_path(self.path))
    if not file.is_file():
        self.send_error(404)
        return io.BytesIO()
    content = file.read_bytes()
    start, end = 0, len(content) - 1
    if "Range" in self.headers:
        start, end = (int(one) for one in self.headers["Range"].removeprefix("bytes=").split("-"))
        end = min(end, len(content) - 1)
    self.send_response(206 if "Range" in self.headers else 200)
    self.send_header("Content-Length", str(end + 1 - start))
    self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
    self.end_headers()
    return io.BytesIO(content[start : end + 1])


@pytest.fixture
def website(serve, tmp_path) -> str:
    """The address of a folder on a web server."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

        def list_directory(self, path: object) -> None:
            self.send_error(404)

    return f"http://127.0.0.1:{serve(partial(Handler, directory=str(tmp_path)))}"


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_store_on_a_web_server_is_read(cube, website, tmp_path, zarr_format):
    (path,) = cube.rangegeo.to_zarr(tmp_path / "a.zarr", zarr_format=zarr_format)
    xr.testing.assert_identical(rg.open_cube(f"{website}/a.zarr").compute(), rg.open_cube(path).compute())
    like = rg.raster(like=f"{website}/a.zarr", model="Direct")
    assert like.odc.geobox == cube.odc.geobox


def test_geotiffs_on_a_web_server_are_read(cube, website, tmp_path, monkeypatch):
    paths = cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    with pytest.raises(CubeError, match=f"^{website} gives files only whole; copy .* here first, and open the copy$"):
        rg.open_cube(f"{website}/{paths[0].name}")
    with pytest.raises(UsageError, match=f"^{website} gives files only whole; copy .* here first, for like$"):
        rg.raster(like=f"{website}/{paths[0].name}", model="Direct")
    monkeypatch.setattr(SimpleHTTPRequestHandler, "send_head", part_of_a_file)
    assert rg.raster(like=f"{website}/{paths[0].name}", model="Direct").odc.geobox == cube.odc.geobox
    opened = rg.open_cube([f"{website}/{path.name}" for path in paths])
    xr.testing.assert_identical(opened.compute(), rg.open_cube(paths).compute())


def test_nothing_is_written_to_a_web_server(cube, website, tmp_path):
    before = list(tmp_path.iterdir())
    with pytest.raises(OutputError, match="is a web server, which is only read; write to s3://, gs:// or az"):
        cube.rangegeo.to_zarr(f"{website}/a.zarr")
    with pytest.raises(CubeError, match="there is no Zarr store at"):
        rg.open_cube(f"{website}/b.zarr")
    assert list(tmp_path.iterdir()) == before


def test_a_store_without_a_copy_of_its_metadata_is_told(cube, website, tmp_path):
    Path(tmp_path / "a.zarr").mkdir()
    cube.to_zarr(tmp_path / "a.zarr", mode="w", zarr_format=2, consolidated=False)
    with pytest.raises(CubeError, match="is not a readable Zarr store"):
        rg.open_cube(f"{website}/a.zarr")
