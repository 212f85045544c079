"""What every store of files promises when something fails; one suite for all implementations."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conveyor.extensions.files import (
    FileStore,
    ObjectMismatch,
    ObjectMissing,
    ObjectRefused,
    StoreUnavailable,
)
from shared.files.directory.store import DirectoryStore
from shared.files.transfers import Patience, whole
from tests.support.eventually import eventually
from tests.support.files.cutting_link import CuttingLink, cutting_link
from tests.support.files.stores import (
    MEGABYTE,
    WITH_CONNECTION,
    Place,
    chunks_of,
    in_an_hour,
    names_in,
    noise,
    put,
    read,
    sha256_of,
)
from tests.support.files.tars import joined
from tests.support.ports import free_port

NAME = "job/task/1/out.bin"
DATA = noise(10 * MEGABYTE)
SOON = Patience(tries=3, pause_seconds=0.01)
LONG = Patience(tries=1000, pause_seconds=0.01)


@pytest.fixture(autouse=True)
def one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.files.s3.client._TRIES", 1)


@pytest.fixture
async def link(place: Place) -> AsyncIterator[CuttingLink]:
    async with cutting_link(place.port) as link:
        yield link


@pytest.fixture
async def linked(place: Place, link: CuttingLink) -> AsyncIterator[FileStore]:
    """The store behind that link."""
    store = place.open(link.port)
    yield store
    await store.close()


async def test_a_process_that_is_killed_in_a_put_leaves_no_object_and_a_sweep_the_rest_away(
    store: FileStore, place: Place
) -> None:
    program = [sys.executable, "-m", "tests.support.files.hanging_put"]
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(
        *program, place.kind, place.address, NAME, env=os.environ | path
    )
    await eventually(place.leftovers)
    assert await names_in(store) == []
    process.kill()
    await process.wait()

    with pytest.raises(ObjectMissing):
        await read(store, NAME)
    await put(store, NAME, b"by another process")
    if place.kind in ("directory", "plain"):  # the S3 server of these tests dates all uploads 2010
        assert await store.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0
    await store.sweep(in_an_hour())

    await place.until_clean()
    assert await read(store, NAME) == b"by another process"


@pytest.mark.parametrize("place", WITH_CONNECTION, indirect=True)
async def test_a_read_that_is_cut_says_so(
    store: FileStore, linked: FileStore, link: CuttingLink
) -> None:
    await put(store, NAME, DATA)
    link.left_down = 3 * MEGABYTE

    with pytest.raises(StoreUnavailable):
        await read(linked, NAME)


@pytest.mark.parametrize("place", WITH_CONNECTION, indirect=True)
async def test_a_read_goes_on_where_it_was_cut(
    store: FileStore, linked: FileStore, link: CuttingLink
) -> None:
    await put(store, NAME, DATA)
    link.left_down = 3 * MEGABYTE
    received = 0
    async for chunk in whole(linked, NAME, sha256=sha256_of(DATA), patience=SOON):
        received += len(chunk)
        if link.left_down == 0:
            link.mend()
    assert received == len(DATA)

    link.left_down = 3 * MEGABYTE
    reading = asyncio.create_task(joined(whole(linked, NAME, patience=LONG)))
    await eventually(lambda: link.left_down == 0)
    link.mend()
    assert await reading == DATA


@pytest.mark.parametrize("place", WITH_CONNECTION, indirect=True)
async def test_a_read_that_goes_on_never_mixes_two_versions(
    store: FileStore, linked: FileStore, link: CuttingLink
) -> None:
    await put(store, NAME, DATA)
    link.left_down = 3 * MEGABYTE
    reading = asyncio.create_task(joined(whole(linked, NAME, patience=LONG)))
    await eventually(lambda: link.left_down == 0)
    await put(store, NAME, noise(len(DATA), 1))
    link.mend()

    with pytest.raises(ObjectMismatch):
        await reading


@pytest.mark.parametrize("place", WITH_CONNECTION, indirect=True)
async def test_a_read_is_given_up_when_nothing_comes_any_more(
    store: FileStore, linked: FileStore, link: CuttingLink
) -> None:
    await put(store, NAME, DATA)
    link.left_down = 3 * MEGABYTE

    with pytest.raises(StoreUnavailable):
        await joined(whole(linked, NAME, patience=SOON))


@pytest.mark.parametrize("place", WITH_CONNECTION, indirect=True)
async def test_a_put_that_is_cut_keeps_what_was_there(
    store: FileStore, linked: FileStore, link: CuttingLink
) -> None:
    await put(store, NAME, b"before")
    link.left_up = 9 * MEGABYTE

    with pytest.raises(StoreUnavailable):
        await linked.put(NAME, chunks_of(DATA))

    assert await read(store, NAME) == b"before"
    link.mend()
    await put(linked, NAME, DATA)
    assert await read(store, NAME) == DATA


@pytest.mark.parametrize("place", WITH_CONNECTION, indirect=True)
async def test_a_store_that_is_away_is_unavailable(place: Place) -> None:
    store = place.open(free_port())
    calls = (store.stat(NAME), store.put(NAME, chunks_of(b"x")), names_in(store), read(store, NAME))
    for call in (*calls, store.delete(NAME), store.sweep(in_an_hour())):
        with pytest.raises(StoreUnavailable):
            await call
    await store.close()


async def test_a_damaged_object_of_a_directory_is_not_passed_off_as_whole(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    await put(store, NAME, b"0123456789")
    [content] = (tmp_path / "contents").iterdir()

    content.write_bytes(b"0123456788")
    with pytest.raises(ObjectMismatch):
        await read(store, NAME)
    content.unlink()
    with pytest.raises(ObjectMissing):
        await read(store, NAME)


async def test_what_cannot_lie_beside_another_object_in_a_directory_is_refused(
    tmp_path: Path,
) -> None:
    store = DirectoryStore(tmp_path)
    await put(store, "a/b", b"file")
    for name in ("a", "a/b/c", "a/b/c/d"):
        with pytest.raises(ObjectRefused, match="cannot be kept in a directory"):
            await store.put(name, chunks_of(b"x"))
    assert await names_in(store) == ["a/b"]
    assert await store.sweep(in_an_hour()) == 0
