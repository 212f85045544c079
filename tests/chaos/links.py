"""A link: a TCP proxy between one service and one server, that can be cut, slowed and choked."""

import asyncio
import contextlib
from collections.abc import Coroutine

_CHUNK = 65536
_SMALL_CHUNK = 1024


class Link:
    """Passes on to `target_port` of the loopback. `port` is where it listens, always the same."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._delay_seconds = 0.0
        self._bytes_a_second = 0.0
        self._open = asyncio.Event()
        self._open.set()
        self._left_bytes: int | None = None
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._on_connection, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def lead_to(self, target_port: int) -> None:
        """Connections go there from now on, as a load balancer does it."""
        self._target_port = target_port

    def cut(self) -> None:
        """Nothing passes any more, and nobody is told: as when a cable is pulled."""
        self._open.clear()

    def cut_after(self, passing_bytes: int) -> None:
        """As soon as so many more have passed, in both directions together: in a transfer."""
        self._left_bytes = passing_bytes

    @property
    def is_cut(self) -> bool:
        return not self._open.is_set()

    def slow_down(self, seconds: float) -> None:
        """Every piece of data takes that long, in each direction."""
        self._delay_seconds = seconds

    def choke(self, bytes_a_second: float) -> None:
        """Every connection passes on that much, in each direction."""
        self._bytes_a_second = bytes_a_second

    def mend(self) -> None:
        self._delay_seconds = 0.0
        self._bytes_a_second = 0.0
        self._left_bytes = None
        self._open.set()

    async def _on_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self._kept(self._serve(reader, writer))

    async def _kept(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        with contextlib.suppress(asyncio.CancelledError):  # the link is closed
            await task

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._open.wait()
            there_reader, there_writer = await asyncio.open_connection(
                "127.0.0.1", self._target_port
            )
        except OSError:  # the server is away: to the service it is as if it had refused
            writer.transport.abort()
            return
        try:
            ways = (self._pass_on(reader, there_writer), self._pass_on(there_reader, writer))
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            writer.transport.abort()
            there_writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # one side is gone: so is the connection
            while data := await reader.read(self._chunk):
                if seconds := self._seconds_for(data):
                    await asyncio.sleep(seconds)
                self._count(data)
                await self._open.wait()
                writer.write(data)
                await writer.drain()

    def _count(self, data: bytes) -> None:
        if self._left_bytes is not None:
            self._left_bytes -= len(data)
            if self._left_bytes < 0:
                self.cut()

    @property
    def _chunk(self) -> int:
        """Small pieces where little passes: once mended, nobody waits for a big one."""
        return _SMALL_CHUNK if self._bytes_a_second else _CHUNK

    def _seconds_for(self, data: bytes) -> float:
        passing = len(data) / self._bytes_a_second if self._bytes_a_second else 0.0
        return self._delay_seconds + passing
