"""A bucket on this machine whose server is stopped while a run writes to it, and started again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from runs import SECONDS, Command, Failed, TooLate, check_one_line, wait_until
from werkzeug.serving import BaseWSGIServer, make_server

BUCKET = "trials"
KEYS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": "us-east-1"}


class LocalS3:
    """A context with an S3 server. What it holds outlives a stop of the server, but not this process."""

    def __init__(self) -> None:
        self.server: BaseWSGIServer | None = None
        self.port = 0

    def __enter__(self) -> LocalS3:
        self.start()
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            region_name=KEYS["AWS_REGION"],
        )
        self.client.create_bucket(Bucket=BUCKET)
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment of programs that use it."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.url, "AWS_ALLOW_HTTP": "true"}

    def start(self) -> None:
        """Listen, at the same port as before."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would print every request
        app = DomainDispatcherApplication(create_backend_app)
        self.server = make_server("127.0.0.1", self.port, app, threaded=True)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()

    def objects(self) -> dict[str, bytes]:
        """The bytes of all objects of the bucket, by their keys."""
        return {key: self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in self._keys()}

    def clear(self) -> None:
        """Remove all objects of the bucket."""
        for key in self._keys():
            self.client.delete_object(Bucket=BUCKET, Key=key)

    def _keys(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [told["Key"] for page in pages for told in page.get("Contents", [])]


def server_stopped(command: Command, usual: Mapping[str, bytes], server: LocalS3, folder: Path, wait: float) -> None:
    """Stop the server of a bucket while a run writes to it: it ends in one line, and goes on when the server is back.

    Args:
        command: writes to the bucket, which is empty.
        usual: the objects that it leaves if nobody disturbs it, by their keys.
        server: of the bucket.
        folder: where the command is called.
        wait: seconds between the first object and the stop.
    """
    process = command.start(folder)
    wait_until(lambda: bool(server.objects()), process)
    time.sleep(wait)
    server.stop()
    _, said = process.communicate(timeout=SECONDS)
    server.start()
    if process.returncode == 0:
        raise TooLate("the run ended before the server was stopped")
    check_one_line(said, "s3://")
    succeed(command.plus("--resume"), folder)
    if server.objects() != usual:
        raise Failed("the objects differ from those of an undisturbed run")


def succeed(command: Command, folder: Path) -> None:
    """Call a command that must succeed."""
    status, said = command.run(folder)
    if status:
        raise Failed(f"{' '.join(command.words)} ended with {status}: {said[-500:]}")
