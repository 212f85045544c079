"""Since when the output of a container may have ended."""

import asyncio
import time

_LOOK_SECONDS = 0.1
_SOON_SECONDS = 0.3
"""No engine has gone and another come within that."""


class Hearing:
    """The last time when we would have heard of the end. Not when it was read: of a worker that was
    frozen, or whose log took nothing, an engine may have gone and another come before that; the new
    one answers at once. `is_reading`: nothing else keeps us from it."""

    def __init__(self) -> None:
        self.is_reading = False
        self._heard_at = time.monotonic()

    @property
    def is_late(self) -> bool:
        return time.monotonic() - self._heard_at > _SOON_SECONDS

    async def note(self) -> None:
        """For as long as it is read."""
        while True:
            now = time.monotonic()
            for _ in range(2):  # what has come while we slept is read before this counts
                await asyncio.sleep(0)
            if self.is_reading:
                self._heard_at = now
            await asyncio.sleep(_LOOK_SECONDS)
