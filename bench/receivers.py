"""Receivers of webhooks that cost next to nothing: many addresses of this machine, one server."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Call:
    """`at` is in seconds since 1970."""

    host: str
    body: bytes
    at: float


@dataclass(slots=True)
class Receivers:
    """`hanging` hosts take calls and never answer. `expect` sets what `all_called` waits for."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    hanging: Collection[str] = ()
    _expected: int = 0
    _all: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, count: int) -> None:
        self.calls.clear()
        self._all.clear()
        self._expected = count

    async def all_called(self) -> None:
        await self._all.wait()

    def on_call(self, call: Call) -> bool:
        """Whether it is answered."""
        if call.host in self.hanging:
            return False
        self.calls.append(call)
        if len(self.calls) == self._expected:
            self._all.set()
        return True


class _Connection(asyncio.Protocol):
    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is of no such class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if end and len(body) >= int(headers[b"content-length"]):
            self._buffer = b""
            host = headers[b"host"].decode().partition(":")[0]
            if self._receivers.on_call(Call(host, body, time.time())):
                self._transport.write(_ANSWER)


def hosts(count: int) -> list[str]:
    return [f"127.0.1.{n}" for n in range(1, count + 1)]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receivers]:
    receivers = Receivers()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(receivers), "0.0.0.0", 0)
    receivers.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receivers
