"""S3 servers, with a bucket of each test's own: moto's has all calls and checks no signature,
rclone's checks signatures."""

import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.support.ports import free_port

ACCESS_KEY, SECRET_KEY = "files", "files-secret"
_RCLONE = Path(sys.executable).with_name("rclone")
_START_SECONDS = 60.0


class S3Server:
    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        self._numbers = itertools.count(1)

    def new_bucket(self) -> str:
        name = f"files-{next(self._numbers)}"
        self.client.create_bucket(Bucket=name)
        return name

    def unfinished(self, bucket: str) -> int:
        """How many uploads in parts are under way."""
        return len(self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", []))


@contextmanager
def s3_server() -> Iterator[S3Server]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        yield S3Server(port)
    finally:
        server.stop()


@contextmanager
def signed_s3_server(folder: Path, *options: str) -> Iterator[S3Server]:
    port = free_port()
    command: list[str | Path] = [
        _RCLONE,
        "serve",
        "s3",
        f"--addr=127.0.0.1:{port}",
        *options,
        folder,
    ]
    keys = f"--auth-key={ACCESS_KEY},{SECRET_KEY}"
    with subprocess.Popen([*command, keys, "--config=", "--log-level=ERROR"]) as process:
        try:
            _wait_until_up(port)
            yield S3Server(port)
        finally:
            process.kill()


def _wait_until_up(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def resolve_localhost(patch: pytest.MonkeyPatch) -> None:
    """Each name below `localhost` leads to this machine: not every resolver does that."""
    resolve: Any = socket.getaddrinfo

    def resolve_ours(host: Any, *arguments: Any, **named: Any) -> Any:
        ours = isinstance(host, str) and host.endswith(".localhost")
        return resolve("127.0.0.1" if ours else host, *arguments, **named)

    patch.setattr(socket, "getaddrinfo", resolve_ours)
