"""`python -m tests.support.files.hanging_put KIND ADDRESS NAME`: a put without an end."""

import asyncio
import sys
from collections.abc import AsyncIterator

from tests.support.files.stores import MEGABYTE, open_store


async def _endless_content() -> AsyncIterator[bytes]:
    for _ in range(9):
        yield b"x" * MEGABYTE
    await asyncio.Event().wait()


async def main() -> None:
    kind, address, name = sys.argv[1:]
    await open_store(kind, address).put(name, _endless_content())


if __name__ == "__main__":
    asyncio.run(main())
