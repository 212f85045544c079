"""An S3 server, with a bucket of each test's own."""

import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

ACCESS_KEY, SECRET_KEY = "files", "files-secret"


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


def resolve_localhost(patch: pytest.MonkeyPatch) -> None:
    """Each name below `localhost` leads to this machine: not every resolver does that."""
    resolve: Any = socket.getaddrinfo

    def resolve_ours(host: Any, *arguments: Any, **named: Any) -> Any:
        ours = isinstance(host, str) and host.endswith(".localhost")
        return resolve("127.0.0.1" if ours else host, *arguments, **named)

    patch.setattr(socket, "getaddrinfo", resolve_ours)
