"""A container's output is passed on whole, and read on while its log takes none."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.worker.runtimes import output
from services.worker.runtimes.output import Piece, pass_on

PIECE = b"x" * 1024
COUNT = 100


class Source:
    """COUNT numbered pieces; `read` is how many were asked for, and `fails` ends them."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.read = 0
        self._fails = fails
        self._moved = asyncio.Condition()

    async def pieces(self) -> AsyncIterator[Piece]:
        for number in range(COUNT):
            await asyncio.sleep(0)  # as a socket would
            async with self._moved:
                self.read += 1
                self._moved.notify_all()
            yield 1, b"%d " % number + PIECE
        if self._fails:
            raise self._fails

    async def has_read(self, count: int) -> None:
        async with asyncio.timeout(60), self._moved:
            await self._moved.wait_for(lambda: self.read >= count)


class Log:
    """Takes nothing until `opened`."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.numbers: list[int] = []

    async def take(self, data: bytes, stream: int = 1) -> None:
        await self.opened.wait()
        number, _, rest = data.partition(b" ")
        assert rest == PIECE
        self.numbers.append(int(number))


@pytest.fixture
def log() -> Log:
    return Log()


async def test_all_of_it_is_passed_on_in_order(log: Log) -> None:
    log.opened.set()
    await pass_on(Source().pieces(), log.take)
    assert log.numbers == list(range(COUNT))


async def test_it_is_read_to_its_end_while_the_log_takes_nothing(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_FREELY_BYTES", 3 * len(PIECE))
    source = Source()
    passing = asyncio.create_task(pass_on(source.pieces(), log.take))
    await source.has_read(COUNT)
    assert log.numbers == []
    log.opened.set()
    await passing
    assert log.numbers == list(range(COUNT))


async def test_no_more_is_held_than_the_limit(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_FREELY_BYTES", 0)
    monkeypatch.setattr(output, "_LEAST_BYTES_PER_SECOND", 1 << 30)
    monkeypatch.setattr(output, "_MOST_BYTES", 10 * len(PIECE))
    source = Source()
    passing = asyncio.create_task(pass_on(source.pieces(), log.take))
    # One is with the log, ten are held, of which the last made it too much
    await source.has_read(11)
    for _ in range(1000):
        await asyncio.sleep(0)
    assert source.read == 11
    log.opened.set()
    await passing
    assert log.numbers == list(range(COUNT))


async def test_a_log_that_fails_ends_the_reading() -> None:
    async def fail(data: bytes, stream: int = 1) -> None:
        raise ZeroDivisionError

    source = Source()
    with pytest.raises(ZeroDivisionError):
        await pass_on(source.pieces(), fail)
    assert source.read < COUNT


async def test_what_was_read_before_an_error_is_passed_on(log: Log) -> None:
    log.opened.set()
    with pytest.raises(ZeroDivisionError):
        await pass_on(Source(ZeroDivisionError()).pieces(), log.take)
    assert log.numbers == list(range(COUNT))
