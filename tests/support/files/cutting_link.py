"""A TCP proxy that cuts connections after some bytes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class CuttingLink:
    """Passes on to a port of the loopback. `left_up` and `left_down` are how many bytes pass yet,
    to the server and from it, before every connection is cut; None: any number. `passed_up` counts.
    """

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.left_up: int | None = None
        self.left_down: int | None = None
        self.passed_up = 0
        self._target_port = target_port

    def mend(self) -> None:
        self.left_up = self.left_down = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # the test is over
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_up(reader, there_writer))
                group.create_task(self._pass_down(there_reader, writer))
        except* (ConnectionError, EOFError):  # cut, or one side has ended
            pass
        finally:
            writer.transport.abort()
            there_writer.transport.abort()

    async def _pass_up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            data = await _some(reader)
            allowed = len(data) if self.left_up is None else min(self.left_up, len(data))
            self.left_up = None if self.left_up is None else self.left_up - allowed
            self.passed_up += allowed
            await _write(writer, data, allowed)

    async def _pass_down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            data = await _some(reader)
            allowed = len(data) if self.left_down is None else min(self.left_down, len(data))
            self.left_down = None if self.left_down is None else self.left_down - allowed
            await _write(writer, data, allowed)


@asynccontextmanager
async def cutting_link(target_port: int) -> AsyncIterator[CuttingLink]:
    link = CuttingLink(target_port)
    async with await asyncio.start_server(link.serve, "127.0.0.1", 0) as server:
        link.port = server.sockets[0].getsockname()[1]
        yield link


async def _some(reader: asyncio.StreamReader) -> bytes:
    if data := await reader.read(65536):
        return data
    raise EOFError


async def _write(writer: asyncio.StreamWriter, data: bytes, allowed: int) -> None:
    writer.write(data[:allowed])
    await writer.drain()
    if allowed < len(data):
        raise ConnectionResetError("cut")
