"""What a worker keeps of the files it has fetched."""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from conveyor.extensions.files import ObjectMismatch
from services.worker.files.cache import CachedFile, Content, FileCache

KILOBYTE = 1000


@pytest.fixture
def cache(tmp_path: Path) -> FileCache:
    return opened(tmp_path)


def opened(folder: Path, most_bytes: int = 10 * KILOBYTE) -> FileCache:
    cache = FileCache(folder / "cache", most_bytes)
    cache.open()
    return cache


class Source:
    """Gives its data when it may; counts how often it was asked."""

    def __init__(self, data: bytes = b"data", error: Exception | None = None) -> None:
        self.asked = 0
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.may_end.set()
        self._data, self._error = data, error

    async def __call__(self) -> AsyncGenerator[bytes, None]:
        self.asked += 1
        self.begun.set()
        yield self._data
        await self.may_end.wait()
        if self._error is not None:
            raise self._error


async def read_released(file: CachedFile) -> bytes:
    with file.open() as opened:
        data = opened.read()
    await file.release()
    return data


async def fetched(cache: FileCache, key: str, content: Content | None = None) -> bytes:
    return await read_released(await cache.acquire(key, content or Source()))


def names_in(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache").glob("*/*"))


async def test_what_two_tasks_want_at_once_is_fetched_once(
    cache: FileCache, tmp_path: Path
) -> None:
    # Given another worker with the same cache, which finds it being fetched
    source, other = Source(), opened(tmp_path)
    source.may_end.clear()
    wanted = [asyncio.create_task(fetched(each, "k", source)) for each in (cache, cache, other)]
    await source.begun.wait()
    source.may_end.set()

    assert await asyncio.gather(*wanted) == [b"data"] * 3
    assert source.asked == 1


async def test_what_fails_is_not_kept_and_fetched_by_the_next(
    cache: FileCache, tmp_path: Path
) -> None:
    failing, source = Source(error=ObjectMismatch("wrong")), Source()
    failing.may_end.clear()
    first = asyncio.create_task(fetched(cache, "k", failing))
    await failing.begun.wait()
    second = asyncio.create_task(fetched(cache, "k", source))
    failing.may_end.set()

    with pytest.raises(ObjectMismatch):
        await first
    assert await second == b"data"
    assert names_in(tmp_path) == ["k"]


async def test_a_cancelled_fetch_leaves_nothing(cache: FileCache, tmp_path: Path) -> None:
    source = Source()
    source.may_end.clear()
    fetching = asyncio.create_task(fetched(cache, "k", source))
    await source.begun.wait()

    fetching.cancel()
    await asyncio.wait([fetching])

    assert fetching.cancelled()
    assert names_in(tmp_path) == []


async def test_the_longest_unused_goes_first_and_what_is_used_stays(
    cache: FileCache, tmp_path: Path
) -> None:
    used = await cache.acquire("used", Source(bytes(4 * KILOBYTE)))
    for number, name in enumerate(("old", "new")):
        await fetched(cache, name, Source(bytes(3 * KILOBYTE)))
        os.utime(tmp_path / "cache/files" / name, (number, number))
    os.utime(tmp_path / "cache/files/used", (0, 0))

    await fetched(cache, "more", Source(bytes(2 * KILOBYTE)))

    assert names_in(tmp_path) == ["more", "new", "used"]
    assert await read_released(used) == bytes(4 * KILOBYTE)


async def test_a_full_cache_makes_room_for_more_than_the_next_file(
    cache: FileCache, tmp_path: Path
) -> None:
    for number in range(11):
        await fetched(cache, f"{number}", Source(bytes(KILOBYTE)))

    assert len(names_in(tmp_path)) == 9


async def test_what_is_larger_than_the_cache_is_gone_after_its_use(tmp_path: Path) -> None:
    cache = opened(tmp_path, most_bytes=0)

    assert await fetched(cache, "k") == b"data"

    assert names_in(tmp_path) == []


async def test_what_has_no_key_is_nobody_elses(cache: FileCache, tmp_path: Path) -> None:
    source = Source()
    files = [await cache.acquire(None, source) for _ in range(2)]

    assert [await read_released(file) for file in files] == [b"data"] * 2
    assert source.asked == 2
    assert names_in(tmp_path) == []


async def test_a_cache_outlives_its_worker_but_not_a_crash_of_the_machine(tmp_path: Path) -> None:
    await fetched(opened(tmp_path), "k")
    (tmp_path / "cache/partial/left").write_bytes(b"by a worker that was killed")

    source = Source()
    assert await fetched(opened(tmp_path), "k", source) == b"data"
    assert source.asked == 0
    assert names_in(tmp_path) == ["k"]

    (tmp_path / "cache/boot").write_bytes(b"another")
    opened(tmp_path)
    assert names_in(tmp_path) == []


def test_a_directory_of_somebody_else_is_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: -1)
    with pytest.raises(PermissionError, match="is not a directory of this worker's user"):
        opened(tmp_path)
