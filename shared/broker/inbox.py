"""Deliveries that have arrived at a consumer and wait for its reader."""

import asyncio
from collections.abc import AsyncIterator

from shared.broker.protocol import Delivery


class Inbox(AsyncIterator[Delivery]):
    """A queue with two ways to read it: one by one, or all that is there."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[Delivery] = asyncio.Queue()

    def put(self, delivery: Delivery) -> None:
        self._arrived.put_nowait(delivery)

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self

    async def __anext__(self) -> Delivery:
        return await self._arrived.get()

    async def batch(self, limit: int) -> list[Delivery]:
        """Wait for one, then add what else is there, up to `limit`."""
        taken = [await self._arrived.get()]
        while len(taken) < limit and not self._arrived.empty():
            taken.append(self._arrived.get_nowait())
        return taken

    def drain(self) -> list[Delivery]:
        """Take all that nobody has read."""
        return [self._arrived.get_nowait() for _ in range(self._arrived.qsize())]
