"""Reading files, for both clients: `async_read` is drawn as `read`."""

import asyncio
from typing import BinaryIO

CHUNK_BYTES = 1 << 20


async def async_read(file: BinaryIO) -> bytes:
    """In a thread: a disk may take long."""
    return await asyncio.to_thread(file.read, CHUNK_BYTES)


def read(file: BinaryIO) -> bytes:
    return file.read(CHUNK_BYTES)
