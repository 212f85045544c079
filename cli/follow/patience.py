"""How long an API that is away is waited for, so that its restart doesn't end a `--wait`."""

import asyncio
import time

from cli.api.session import ApiUnavailable

_PATIENCE_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 3.0
_APART_SECONDS = 90.0  # no try lasts so long: what fails after that had worked in between


class Patience:
    def __init__(self, seconds: float = _PATIENCE_SECONDS) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """The API has answered."""
        self._began: float | None = None
        self._last = 0.0
        self._pause = _FIRST_PAUSE_SECONDS

    async def bear(self, error: ApiUnavailable) -> None:
        """Pause before the next try. Raises `error` when there shall be none."""
        now = time.monotonic()
        if now - self._last > _APART_SECONDS:
            self.renew()
        self._last = now
        if self._began is None:
            self._began = now
        if now - self._began >= self._seconds:
            raise error
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
