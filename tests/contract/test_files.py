"""What every store of files promises of objects; one suite for all implementations."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from conveyor.extensions.files import (
    FileStore,
    LinkMethod,
    ObjectMismatch,
    ObjectMissing,
    ObjectRefused,
    Span,
)
from tests.support.files.stores import (
    MEGABYTE,
    Place,
    chunks_of,
    names_in,
    noise,
    put,
    read,
    sha256_of,
)

NAME = "job/task/1/out.bin"
STRANGE_NAMES = [
    *("a", "a b/c+d%20&?#=;:@", "ünï/日本/🙂.txt", "e\u0301", "\u00e9", "x" * 255),
    *(".hidden/..data/...", "back\\slash", "quote'\"<>|*$", "~/-rf", "deep/" * 200 + "x"),
]
METHODS: tuple[LinkMethod, ...] = ("GET", "PUT")
SIZES = [0, 1, 100_000, 8 * MEGABYTE - 1, 8 * MEGABYTE, 17 * MEGABYTE]


@pytest.mark.parametrize("size", SIZES)
async def test_an_object_comes_back_as_it_was_put(store: FileStore, size: int) -> None:
    data = noise(size)

    version = await put(store, NAME, data)

    info = await store.stat(NAME)
    assert (info.name, info.size, info.version) == (NAME, size, version)
    assert info.sha256 in ("", sha256_of(data))
    assert await read(store, NAME, sha256=sha256_of(data), version=version) == data


async def test_an_empty_object_is_an_object(store: FileStore) -> None:
    await put(store, NAME, b"")

    assert await names_in(store) == [NAME]
    for span in (Span(), Span(0, 0), Span(0, 10), Span(0)):
        assert await read(store, NAME, span) == b""


@pytest.mark.parametrize("size", [10, 9 * MEGABYTE])
async def test_a_span_ends_with_the_object_at_the_latest(store: FileStore, size: int) -> None:
    data = noise(size)
    await put(store, NAME, data)

    spans = [(0, 1), (0, 0), (3, 4), (size - 1, 1), (size - 1, 99), (size, 0), (size, 5), (5, None)]
    for start, length in [*spans, (size, None), (0, size), (0, size + 1), (size // 2, size)]:
        expected = data[start:] if length is None else data[start : start + length]
        async with store.get(NAME, Span(start, length)) as content:
            assert content.info.size == size
            assert b"".join([chunk async for chunk in content]) == expected


@pytest.mark.parametrize("span", [Span(11), Span(11, 0), Span(99, 5)])
async def test_a_span_outside_the_object_is_refused(store: FileStore, span: Span) -> None:
    await put(store, NAME, b"0123456789")

    with pytest.raises(ObjectRefused, match="has 10 bytes, so none starts at"):
        await read(store, NAME, span)


async def test_names_are_kept_to_the_letter(store: FileStore) -> None:
    for name in STRANGE_NAMES:
        await put(store, name, name.encode())

    assert await names_in(store) == sorted(STRANGE_NAMES, key=str.encode)
    for name in STRANGE_NAMES:
        assert await read(store, name) == name.encode()
        await store.delete(name)
    assert await names_in(store) == []


@pytest.mark.parametrize(
    "name", ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a\nb", "a\0", "x" * 256]
)
async def test_a_bad_name_is_refused_in_every_call(store: FileStore, name: str) -> None:
    with pytest.raises(ObjectRefused, match="is not a name of an object"):
        await store.put(name, chunks_of(b"data"))
    with pytest.raises(ObjectRefused, match="is not a name of an object"):
        await read(store, name)
    for call in (store.stat(name), store.delete(name), store.link(name, "GET", 60)):
        with pytest.raises(ObjectRefused):
            await call


async def test_a_list_has_what_begins_with_its_prefix_in_order(store: FileStore) -> None:
    names = ["a-b", "a/1", "a/10", "a/2/x", "a/2/y", "a0", "b/z", "b/é"]
    for name in reversed(names):
        await put(store, name, name.encode())

    prefixes = {"": names, "a": names[:6], "a/": names[1:5], "a/1": names[1:3], "a/2/": names[3:5]}
    for prefix, expected in {**prefixes, "c": [], "a/2/x/": [], "b/": ["b/z", "b/é"]}.items():
        assert await names_in(store, prefix) == expected
    assert [found.size async for found in store.list_objects("a/2/")] == [5, 5]


async def test_a_list_is_longer_than_a_page(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("directory", "s3"):
        monkeypatch.setattr(f"shared.files.{module}.store._PAGE_SIZE", 10)
    names = [f"many/{number:02}" for number in range(31)]
    await asyncio.gather(*(put(store, name, b"x") for name in names))

    assert await names_in(store, "many/") == names


@pytest.mark.parametrize("prefix", ["/", "../", "a//", "a/../"])
async def test_a_bad_prefix_is_refused(store: FileStore, prefix: str) -> None:
    with pytest.raises(ObjectRefused):
        await names_in(store, prefix)


async def test_what_is_deleted_or_never_was_is_missing(store: FileStore) -> None:
    await put(store, NAME, b"data")

    await store.delete(NAME)
    await store.delete(NAME)
    await store.delete("never/was")

    for name in (NAME, "never", f"{NAME}/below", "job", "job/task"):
        with pytest.raises(ObjectMissing, match="does not exist"):
            await store.stat(name)
        with pytest.raises(ObjectMissing, match="does not exist"):
            await read(store, name)


async def test_another_put_replaces_the_object(store: FileStore) -> None:
    before = await put(store, NAME, b"before")

    after = await put(store, NAME, b"afterwards")

    assert before != after
    assert await read(store, NAME, version=after) == b"afterwards"
    assert await names_in(store) == [NAME]
    with pytest.raises(ObjectMismatch):
        await read(store, NAME, version=before)
    with pytest.raises(ObjectMismatch):
        await read(store, NAME, Span(2), version=before)


async def test_a_reader_gets_one_version_though_it_is_replaced_meanwhile(store: FileStore) -> None:
    first = noise(3 * MEGABYTE, 1)
    await put(store, NAME, first)

    async with store.get(NAME) as content:
        chunks = aiter(content)
        begin = await anext(chunks)
        await put(store, NAME, b"another")
        rest = [chunk async for chunk in chunks]

    assert begin + b"".join(rest) == first


@pytest.mark.parametrize("size", [10, 20 * MEGABYTE])
async def test_of_puts_at_the_same_time_one_wins_whole(
    store: FileStore, place: Place, size: int
) -> None:
    contents = [noise(size, seed) for seed in range(4)]

    await asyncio.gather(*(put(store, NAME, data) for data in contents))

    info = await store.stat(NAME)
    won = await read(store, NAME, sha256=info.sha256)
    assert won in contents
    assert await names_in(store) == [NAME]
    await place.until_clean()


@pytest.mark.parametrize("size", [10, 9 * MEGABYTE])
async def test_content_with_another_checksum_is_not_kept(
    store: FileStore, place: Place, size: int
) -> None:
    await put(store, NAME, b"before")

    with pytest.raises(ObjectMismatch, match=r"has the SHA-256 [0-9a-f]{64}, expected 0000"):
        await store.put(NAME, chunks_of(noise(size)), sha256="0" * 64)

    assert await read(store, NAME) == b"before"
    await place.until_clean()


async def test_a_checksum_that_is_given_is_known_afterwards(store: FileStore, place: Place) -> None:
    data = noise(9 * MEGABYTE)

    await store.put(NAME, chunks_of(data), sha256=sha256_of(data).upper())

    known = (await store.stat(NAME)).sha256
    assert known == ("" if place.kind in ("ipfs", "plain") else sha256_of(data))


@pytest.mark.parametrize("size", [0, 10, 9 * MEGABYTE])
async def test_a_wrong_checksum_shows_when_all_is_read(store: FileStore, size: int) -> None:
    await put(store, NAME, noise(size))

    with pytest.raises(ObjectMismatch, match="expected 0000"):
        await read(store, NAME, sha256="0" * 64)
    assert await read(store, NAME, Span(0, 5), sha256="0" * 64) == noise(size)[:5]


@pytest.mark.parametrize("size", [10, 20 * MEGABYTE])
async def test_content_that_breaks_off_leaves_nothing(
    store: FileStore, place: Place, size: int
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for chunk in chunks_of(noise(size)):
            yield chunk
        raise ConnectionError("the client went away")

    await put(store, NAME, b"before")

    with pytest.raises(ConnectionError, match="the client went away"):
        await store.put(NAME, broken())

    assert await read(store, NAME) == b"before"
    await place.until_clean()


async def test_a_put_that_is_cancelled_leaves_nothing(store: FileStore, place: Place) -> None:
    waits = asyncio.Event()

    async def stopping() -> AsyncIterator[bytes]:
        yield noise(20 * MEGABYTE)
        waits.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(store.put(NAME, stopping()))
    await waits.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting

    await place.until_clean()
    assert await names_in(store) == []
    with pytest.raises(ObjectMissing):
        await store.stat(NAME)


async def test_a_sweep_leaves_objects_and_what_is_young(store: FileStore) -> None:
    await put(store, NAME, b"data")

    assert await store.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert await store.sweep(datetime.now(UTC) + timedelta(hours=1)) == 0

    assert await read(store, NAME) == b"data"


async def test_a_link_names_its_object_or_is_refused(store: FileStore, place: Place) -> None:
    if place.kind in ("ipfs", "plain"):
        with pytest.raises(ObjectRefused, match="no links"):
            await store.link("a b/c?d", "GET", 60)
        return
    for method in METHODS:
        assert "/a%20b/c%3Fd?" in await store.link("a b/c?d", method, 60)
