"""The engine's stream formats: multiplexed output, and the tar that carries one file."""

import asyncio
import base64
import json
import struct
import tarfile
from collections.abc import AsyncIterator, Mapping

import aiohttp

_FRAME = struct.Struct(">BxxxL")
_READ = 65536


async def frames(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Output as it was written, the 8-byte headers taken out. Ends with the stream."""
    content = response.content
    while True:
        try:
            _, left = _FRAME.unpack(await content.readexactly(_FRAME.size))
        except (asyncio.IncompleteReadError, aiohttp.ClientError):
            return  # the end of the stream, or of the engine: `wait` tells which
        while left:
            try:
                data = await content.read(min(left, _READ))
            except aiohttp.ClientError:  # as above
                return
            if not data:
                return
            left -= len(data)
            yield data


def size_of(headers: Mapping[str, str]) -> int:
    """The size of the file that an archive answer's headers describe."""
    return int(json.loads(base64.b64decode(headers["X-Docker-Container-Path-Stat"]))["size"])


async def first_member(content: aiohttp.StreamReader, limit: int) -> tuple[bytes, int]:
    """The first file of a tar, at most `limit` bytes of it, and its whole size."""
    while True:
        block = await content.readexactly(tarfile.BLOCKSIZE)
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if header.isreg():
            return await content.readexactly(min(header.size, limit)), header.size
        if header.type != tarfile.XHDTYPE:  # the task made a link or a directory of it
            return b"", 0
        # Extended attributes of the member that follows.
        await content.readexactly(-(-header.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
