"""How long an API that is away is waited for, so that its restart doesn't end a `--wait`."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from conveyor import Unavailable

_PATIENCE_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 3.0
_APART_SECONDS = 90.0  # no try lasts so long: what fails after that had worked in between

_SUBMISSION_SECONDS = 30.0
Post = Callable[[str], Awaitable[Any]]


class Patience:
    def __init__(self, seconds: float = _PATIENCE_SECONDS) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """The API has answered."""
        self._began: float | None = None
        self._last = 0.0
        self._pause = _FIRST_PAUSE_SECONDS

    async def bear(self, error: Unavailable) -> None:
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


async def submit_with_retry(post: Post, key: str | None = None) -> Any:  # noqa: ANN401 - JSON
    """The response. When the connection breaks it is sent again, and created once: `post` is given
    `key`, or a new idempotency key.

    Raises Rejected; Unavailable at once when the API was not reached or says so itself, and
    after some time when connections break.
    """
    key = key or uuid.uuid4().hex
    patience = Patience(_SUBMISSION_SECONDS)
    may_exist = False
    while True:
        try:
            return await post(key)
        except Unavailable as error:
            # Once it may exist, only a response tells: also while the API restarts.
            may_exist |= error.may_have_happened
            if not may_exist:
                raise
            await patience.bear(error)
