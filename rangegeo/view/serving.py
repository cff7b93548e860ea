"""Running the server until it is interrupted."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from rangegeo.errors import UsageError, argument, first_line
from rangegeo.support.blas import one_thread
from rangegeo.support.optional import import_optional
from rangegeo.view.models import ModelSource
from rangegeo.view.sources import Source
from rangegeo.view.viewer import Viewer

HOST, PORT = "127.0.0.1", 8321
OWN_NAMES = ["127.0.0.1", "localhost", "[::1]"]
ANYWHERE = ("0.0.0.0", "::")  # hosts by which a server listens on all networks, under names that nobody knows here
MOST_CONNECTIONS = 256
SECONDS_IDLE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the server listens.

    Attributes:
        host: 127.0.0.1 for this machine alone.
        port: 0 for any that is free.
    """

    host: str = HOST
    port: int = PORT

    def __post_init__(self) -> None:
        if not 0 <= self.port < 2**16:
            raise UsageError(argument="port", expected="from 0 to 65535", got=self.port, example=PORT)

    @property
    def names(self) -> list[str]:
        """Names by which browsers may call the server."""
        return ["*"] if self.host in ANYWHERE else list(dict.fromkeys([*OWN_NAMES, self.host]))


def _why(error: OSError) -> str:
    """Why a server cannot listen, in a few words."""
    if error.errno == errno.EADDRINUSE:
        return "another program listens there"
    if error.errno == errno.EADDRNOTAVAIL:
        return "that is no address of this machine"
    return os.strerror(error.errno) if error.errno and error.errno > 0 else first_line(error)


def serve(source: Source, where: Listening, ready: Callable[[str], None]) -> None:
    """Serve a source until the process is interrupted.

    Args:
        ready: is called with the address of the page when the server listens.
    Raises:
        UsageError: it cannot listen there. MissingPackage: the server is not installed.
    """
    uvicorn = import_optional("uvicorn", "rangegeo view")
    import_optional("starlette", "rangegeo view")
    from rangegeo.view.server import make_app

    config = uvicorn.Config(
        make_app(Viewer(source), where.names),
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=SECONDS_IDLE,
    )
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    try:
        listener = socket.create_server((where.host, where.port), family=family)
        # asyncio does not do so for a socket that it has not made; without it half of the tiles take 40 ms longer
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        told = f"cannot listen at {argument('host', where.host)} {argument('port', where.port)}: {_why(error)}"
        if error.errno == errno.EADDRNOTAVAIL or (error.errno or 0) < 0:  # names that nobody knows have numbers below 0
            raise UsageError(f"{told}; give {argument('host', HOST)} for this machine alone") from error
        raise UsageError(f"{told}; give another port, or {argument('port', 0)} for any that is free") from error
    shown = where.host if where.host not in ANYWHERE else "localhost"
    port = listener.getsockname()[1]
    ready(f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/")
    # Tiles of planets are evaluated by threads, and to change the number for each tile takes as long as the tile.
    is_planet = isinstance(source, ModelSource) and source.planet is not None
    with one_thread() if is_planet else nullcontext():  # a network needs all threads
        uvicorn.Server(config).run(sockets=[listener])
