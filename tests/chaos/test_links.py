"""The links themselves: a fault that breaks nothing would prove nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.chaos.links import Link

_BODY = b"x" * 5_000


@asynccontextmanager
async def echoed() -> AsyncIterator[Link]:
    """A link to a server that sends back what it hears."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        link = Link(server.sockets[0].getsockname()[1])
        await link.open()
        try:
            yield link
        finally:
            await link.close()


async def there_and_back(link: Link) -> float:
    """How many seconds it took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    began = time.monotonic()
    writer.write(_BODY)
    try:
        assert await reader.readexactly(len(_BODY)) == _BODY
    finally:
        writer.close()
    return time.monotonic() - began


async def test_a_choked_link_passes_so_many_bytes_a_second_and_loses_none() -> None:
    async with echoed() as link:
        link.choke(10_000)
        assert await there_and_back(link) >= len(_BODY) / 10_000


async def test_a_slow_link_takes_its_time_each_way() -> None:
    async with echoed() as link:
        link.slow_down(0.1)
        assert await there_and_back(link) >= 0.2


async def test_nothing_passes_a_link_that_is_cut_and_all_of_it_once_it_is_mended() -> None:
    async with echoed() as link:
        link.cut()
        passing = asyncio.create_task(there_and_back(link))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(passing), 0.1)
        link.mend()
        await passing
