"""Fixtures for the suites of stores of files."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from conveyor.extensions.files import FileStore
from tests.support.files.coordinator import serving_objects
from tests.support.files.kubo import kubo_server
from tests.support.files.s3_server import S3Server, s3_server, signed_s3_server
from tests.support.files.stores import (
    LINKS,
    STORES,
    Place,
    directory_place,
    ipfs_place,
    plain_place,
    s3_place,
)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
    with s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def signed_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with signed_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=STORES)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """An empty place of each kind in turn."""
    if request.param == "directory":
        yield directory_place(tmp_path / "store")
    elif request.param == "links":
        async with serving_objects(tmp_path / "store", LINKS) as port:
            yield directory_place(tmp_path / "store", port)
    elif request.param == "plain":
        yield plain_place(tmp_path / "store")
    elif request.param == "ipfs":
        async with kubo_server() as (kubo, port):
            yield ipfs_place(kubo, port)
    else:
        yield s3_place(request.getfixturevalue("s3"))


@pytest.fixture
async def store(place: Place) -> AsyncIterator[FileStore]:
    opened = place.open()
    yield opened
    await opened.close()
