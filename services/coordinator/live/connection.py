"""One client's open answer: its headers, writes that don't wait for ever, its end."""

import asyncio
import time

from aiohttp import web

_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class ClientGone(Exception):
    """The client has closed the connection, or has stopped reading."""


class Connection:
    """`stalled_seconds`: a client that takes nothing for so long is disconnected; None: never."""

    def __init__(
        self, request: web.Request, content_type: str, *, stalled_seconds: float | None
    ) -> None:
        self._request = request
        self._stalled_seconds = stalled_seconds
        self._written_at = time.monotonic()
        self.response = web.StreamResponse(headers={"Content-Type": content_type, **_HEADERS})

    @property
    def quiet_seconds(self) -> float:
        """Since the last write."""
        return time.monotonic() - self._written_at

    async def write(self, data: bytes) -> None:
        """The headers go with the first. Without `data` it only looks whether the client is there.

        Raises ClientGone.
        """
        if self._request.transport is None:
            raise ClientGone
        try:
            async with asyncio.timeout(self._stalled_seconds):
                if not self.response.prepared:
                    await self.response.prepare(self._request)
                if data:
                    await self.response.write(data)
        except ConnectionError as error:  # it left
            raise ClientGone from error
        except TimeoutError as error:
            self.abort()
            raise ClientGone from error
        self._written_at = time.monotonic()

    def abort(self) -> None:
        """Cut it: a client must not take what it has for the whole."""
        if self._request.transport is not None:
            self._request.transport.abort()
