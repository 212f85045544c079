"""A client that misbehaves: it speaks bytes."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.http.api import Api

PATIENCE_SECONDS = 60.0


@dataclass
class RawClient:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def answer(self) -> bytes:
        """Head and body, whose length the head says."""
        head = await self.head()
        length = re.search(rb"Content-Length: (\d+)", head)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return head + await self.reader.readexactly(int(length[1]) if length else 0)

    async def rest(self) -> bytes:
        """All until the connection ends, in whatever way."""
        got = bytearray()
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while data := await self.reader.read(65536):
                    got += data
            except ConnectionError:  # cut
                pass
        return bytes(got)


@asynccontextmanager
async def raw_client(api: Api) -> AsyncIterator[RawClient]:
    """Its socket takes little, so that a reader who stops is noticed soon."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", api.client.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=65536)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()
