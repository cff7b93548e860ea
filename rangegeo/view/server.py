"""The server: addresses, what they may hold, and answers. What is computed is in `rangegeo.view.viewer`."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from rangegeo.errors import RangegeoError, UsageError
from rangegeo.support.numbers import real
from rangegeo.view import lines, pictures, services
from rangegeo.view.assets import ASSETS, read_asset
from rangegeo.view.colouring import METHODS
from rangegeo.view.download import Wanted, as_cog, drawn, embeddings
from rangegeo.view.sources import parse_bounds
from rangegeo.view.tile import MOST_ZOOM, Tile
from rangegeo.view.viewer import Viewer

WITHOUT_PORT = re.compile(r":\d*$")
LARGEST_BODY = 200_000  # bytes; 500 labels with long names
LONGEST_ADDRESS = 2_000
AT_ONCE = (os.cpu_count() or 1) + 1  # answers that are computed at a time, which bounds the memory
NAMES = ("beta", "colours", "lon", "lat", "low", "bbox", "zoom", "pca", "format", "name")  # what an address may say
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "cross-origin",  # tiles are pictures for any web map
}
Answer = Callable[[Request], Response]


def make_app(viewer: Viewer, hosts: list[str]) -> Starlette:
    """The application.

    Args:
        viewer: what it shows.
        hosts: names by which browsers may call this machine; "*" for any. A page of somebody else, whose name was
            turned to this machine, has another one.
    """
    site, busy = Site(viewer), threading.BoundedSemaphore(AT_ONCE)
    number = "{z:int}/{x:int}/{y:int}"
    routes: list[tuple[str, Answer]] = [
        ("/view.json", site.about),
        ("/colours.json", site.colours),
        ("/place.json", site.place),
        ("/tilejson.json", site.tilejson),
        ("/lines/{detail}.bin", site.lines),
        (f"/tiles/{number}.png", site.picture),
        (f"/tiles/{number}.bin", site.numbers),
        (f"/likeness/{number}.png", site.likeness_picture),
        (f"/likeness/{number}.bin", site.likeness),
        (f"/labels/{{name}}/{number}.png", site.classes),
        ("/command.json", site.command),
        ("/download/embeddings", site.embeddings),
        ("/download/{map}.tif", site.drawn),
    ]
    for_anybody: list[tuple[str, Answer]] = [
        ("/", site.page),
        ("/wmts", site.wmts),
        ("/wmts/1.0.0/WMTSCapabilities.xml", site.capabilities),
        ("/{asset}", site.asset),
    ]
    return Starlette(
        routes=[
            *(Route(path, _answering(_checked(answer), busy), methods=["GET"]) for path, answer in routes),
            *(Route(path, _answering(answer, busy), methods=["GET"]) for path, answer in for_anybody),
            Route("/labels", site.learn, methods=["POST"]),
        ],
        middleware=[
            Middleware(KnownHosts, names=hosts),
            Middleware(ShortAddresses),
        ],
        exception_handlers={HTTPException: _failed, RangegeoError: _refused, Exception: _broken},
    )


def _answering(answer: Answer, busy: threading.BoundedSemaphore) -> Answer:
    """An endpoint, which runs in a thread of its own; `busy` bounds how many compute at a time."""

    def endpoint(request: Request) -> Response:
        with busy:
            response = answer(request)
        response.headers.update(HEADERS)
        return response

    return endpoint


def _checked(answer: Answer) -> Answer:
    """An answer to addresses whose names are known: one that was misspelt would give another map, silently."""

    def endpoint(request: Request) -> Response:
        names = [name for name, _ in request.query_params.multi_items()]
        for name in names:
            if name not in NAMES:
                raise UsageError(f"an address has no {name[:40]!r}; the names are {', '.join(NAMES)}")
            if names.count(name) > 1:
                raise UsageError(f"an address must name {name} once")
        return answer(request)

    return endpoint


class KnownHosts:
    """Answers only those who call this machine by one of its names."""

    def __init__(self, app: ASGIApp, names: list[str]) -> None:
        self.app, self.names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self.app
        if scope["type"] == "http" and "*" not in self.names:
            host = Headers(scope=scope).get("host", "")
            if WITHOUT_PORT.sub("", host).lower() not in self.names:
                given = repr(host[:60]) if host else "no name"
                answer = _told(400, f"this server answers to the names {', '.join(self.names)}, got {given}")
        await answer(scope, receive, send)


class ShortAddresses:
    """Refuses addresses that are longer than any of ours, before anything is read from them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        long = scope["type"] == "http" and len(scope["path"]) + len(scope["query_string"]) > LONGEST_ADDRESS
        answer: ASGIApp = _told(414, f"an address must have at most {LONGEST_ADDRESS} letters") if long else self.app
        await answer(scope, receive, send)


def _told(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, headers=HEADERS)


async def _failed(request: Request, error: Exception) -> Response:
    """What there is no answer for."""
    assert isinstance(error, HTTPException)
    sentence = "there is nothing at this address" if error.status_code == 404 else str(error.detail)
    return _told(error.status_code, sentence)


async def _refused(request: Request, error: Exception) -> Response:
    """An error of rangegeo, in its own words."""
    return _told(_status(error), str(error))


def _status(error: Exception) -> int:
    return 400 if isinstance(error, UsageError) else 500


async def _broken(request: Request, error: Exception) -> Response:
    """An error that should not be: the page says so, and the traceback stays here."""
    return _told(500, f"the server failed: {type(error).__name__}; its window says more")


def _number(request: Request, name: str, otherwise: float | None = None) -> float:
    """A number of the query.

    Raises:
        UsageError: it is missing or no number.
    """
    text = request.query_params.get(name)
    if text is None and otherwise is not None:
        return otherwise
    try:
        value = real(float(text)) if text is not None and len(text) <= 40 else float("nan")
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e6:
        raise UsageError(f"{name} must be a number, got {repr(text[:40]) if text else 'nothing'}")
    return value


def _tile(request: Request) -> Tile:
    """The tile of an address."""
    told = request.path_params
    return Tile(told["z"], told["x"], told["y"])


@dataclass(frozen=True, eq=False)
class Site:
    """The answers.

    Attributes:
        viewer: computes what they hold.
    """

    viewer: Viewer

    def page(self, request: Request) -> Response:
        """The page itself."""
        return self._file("index.html")

    def asset(self, request: Request) -> Response:
        """A file of the page, by its name; there are no others."""
        name = request.path_params["asset"]
        if name not in ASSETS:
            raise HTTPException(404)
        return self._file(name)

    @staticmethod
    def _file(name: str) -> Response:
        content, kind = read_asset(name)
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    @cached_property
    def _about(self) -> dict[str, object]:
        source = self.viewer.source
        return {
            "name": source.about.name,
            "told": source.about.told,
            "citation": source.about.citation,
            "given": source.about.given,
            "bounds": source.bounds,
            "zoom": source.about.zoom,
            "betas": source.layers.betas,
            "bands": source.layers.bands,
            "names": source.layers.names,
            "methods": METHODS,
            "most_zoom": MOST_ZOOM,
            "alike": pictures.ALIKE,
            "classes": pictures.CLASSES,
            "static": False,
        }

    def about(self, request: Request) -> Response:
        """What is looked at."""
        return JSONResponse(self._about)

    def colours(self, request: Request) -> Response:
        """The curves of colours, which the page makes shades with."""
        colouring = self.viewer.colouring(self._colours(request))
        return JSONResponse({"name": colouring.name, "curves": colouring.curves()})

    @staticmethod
    def _colours(request: Request) -> str:
        return request.query_params.get("colours", METHODS[0])

    def _beta(self, request: Request) -> float:
        given = "beta" in request.query_params
        return self.viewer.check_beta(_number(request, "beta") if given else None)

    def _where(self, request: Request) -> tuple[float, float, float]:
        return _number(request, "lon"), _number(request, "lat"), self._beta(request)

    def place(self, request: Request) -> Response:
        """What is known of a place."""
        return JSONResponse(self.viewer.place(*self._where(request)))

    def numbers(self, request: Request) -> Response:
        """The numbers of a tile, which the page blends."""
        found = self.viewer.numbers(_tile(request), self._colours(request))
        return _bytes(found.astype("<u2").tobytes())

    def picture(self, request: Request) -> Response:
        """A tile as a picture."""
        found = self.viewer.picture(_tile(request), self._colours(request), self._beta(request))
        return _picture(found)

    def likeness(self, request: Request) -> Response:
        """How alike the pixels of a tile are to a place."""
        found = self.viewer.likeness(_tile(request), *self._where(request))
        return _bytes(found.astype("<f4").tobytes())

    def likeness_picture(self, request: Request) -> Response:
        """The same as a picture."""
        found = self.viewer.likeness(_tile(request), *self._where(request))
        return _picture(pictures.painted_likeness(found, _number(request, "low", 0.0)))

    def classes(self, request: Request) -> Response:
        """What was learned from labels."""
        return _picture(pictures.painted_classes(self.viewer.classes(_tile(request), request.path_params["name"])))

    def _wanted(self, request: Request) -> Wanted:
        bounds = parse_bounds(request.query_params.get("bbox", ""))
        pca, kind = int(_number(request, "pca", 3)), request.query_params.get("format", "cog")
        return Wanted(bounds=bounds, beta=self._beta(request), pca=pca, format=kind)

    def command(self, request: Request) -> Response:
        """The command line that makes a download."""
        return JSONResponse({"command": self._wanted(request).command(self.viewer.source)})

    def embeddings(self, request: Request) -> Response:
        """Embeddings of what is in view."""
        content, name = embeddings(self.viewer.source, self._wanted(request))
        return _download(content, name)

    def drawn(self, request: Request) -> Response:
        """A map of what is in view, as it is drawn."""
        viewer, kind, asked = self.viewer, request.path_params["map"], request.query_params
        bounds, zoom = parse_bounds(asked.get("bbox", "")), Tile(int(_number(request, "zoom")), 0, 0).z
        classes: tuple[str, ...] = ()
        if kind == "labels":
            name = asked.get("name", "")
            classes = viewer.learned(name).labels
            values, transform = drawn(bounds, zoom, lambda tile: viewer.classes(tile, name)[:1])
            names = ["class"]
        elif kind == "likeness":
            where = self._where(request)
            values, transform = drawn(bounds, zoom, lambda tile: viewer.likeness(tile, *where)[None])
            names = ["cosine similarity"]
        elif kind == "colours":
            colours, beta = self._colours(request), self._beta(request)
            values, transform = drawn(
                bounds, zoom, lambda tile: viewer.picture(tile, colours, beta)[..., :3].transpose(2, 0, 1)
            )
            names = ["red", "green", "blue"]
        else:
            raise HTTPException(404)
        return _download(as_cog(values, transform, names, classes), f"{kind}.tif")

    async def learn(self, request: Request) -> Response:
        """Learn from labels."""
        kind = request.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() != "application/json":  # pages of others cannot send this unasked
            raise HTTPException(415, "labels must come as application/json")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_BODY:
                raise HTTPException(413, f"labels must have at most {LARGEST_BODY:,} bytes")
        try:
            points = json.loads(body)
        except (ValueError, RecursionError):
            raise UsageError("labels must be JSON") from None
        learned = await run_in_threadpool(self.viewer.learn, points)
        return JSONResponse({"name": learned.name, "labels": learned.labels}, headers=HEADERS)

    def lines(self, request: Request) -> Response:
        """Coastlines."""
        detail = request.path_params["detail"]
        if detail not in lines.DETAILS:
            raise HTTPException(404)
        return _bytes(lines.coastlines(detail))

    def tilejson(self, request: Request) -> Response:
        """The tiles as TileJSON."""
        self._beta(request)
        self.viewer.colouring(self._colours(request))  # what the tiles would refuse is refused here
        query = f"?{request.url.query}" if request.url.query else ""
        return JSONResponse(services.tilejson(self.viewer.source, str(request.base_url), query))

    def capabilities(self, request: Request) -> Response:
        """The tiles as WMTS."""
        found = services.capabilities(self.viewer.source, str(request.base_url))
        return Response(found, media_type="application/xml")

    def wmts(self, request: Request) -> Response:
        """WMTS by names and values, whose names may be in any case."""
        asked = {name.lower(): value for name, value in request.query_params.items()}
        try:
            return self._wmts(request, asked)
        except RangegeoError as error:
            report = services.exception_report(error, asked)
            return Response(report, _status(error), media_type="application/xml")

    def _wmts(self, request: Request, asked: dict[str, str]) -> Response:
        if services.wmts_request(asked) != "GetTile":
            return self.capabilities(request)
        try:
            tile = Tile(*(int(asked[name][:12]) for name in services.OF_TILE))
            beta = float(asked["beta"][:40]) if "beta" in asked else None
        except (KeyError, ValueError) as error:
            if isinstance(error, UsageError):
                raise
            raise UsageError("GetTile needs the whole numbers TileMatrix, TileCol and TileRow") from None
        return _picture(self.viewer.picture(tile, METHODS[0], self.viewer.check_beta(beta)))


def _bytes(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _download(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/octet-stream", headers=headers)


def _picture(rgba: Any) -> Response:
    return Response(pictures.png(rgba), media_type="image/png", headers={"Cache-Control": "max-age=60"})
