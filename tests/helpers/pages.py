"""A server of `rangegeo view` in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from rangegeo.view.server import make_app
from rangegeo.view.serving import Listening
from rangegeo.view.viewer import Viewer


@contextmanager
def served(viewer: Viewer) -> Iterator[str]:
    """The address of the page, as long as the context lasts."""
    config = uvicorn.Config(make_app(viewer, Listening().names), port=0, log_level="error")
    listener = config.bind_socket()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
