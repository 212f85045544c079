"""Event listeners that installed packages add: each is told the feed, at its own pace.

At least once and in order: a listener's place moves on when it has returned without an error. Of
several dispatchers one at a time tells it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import structlog

from services.webhook_dispatcher.settings import ListenerSettings
from services.webhook_dispatcher.shown_changes import shown_changes
from services.webhook_dispatcher.store import feed_cursors
from services.webhook_dispatcher.store.feed_cursors import News, Place
from shared.postgres.pool import Pool, acquired
from shared.process.extensions import Group, load
from shared.process.loops import backoff_seconds
from shared.process.sealing import Sealer

log = structlog.get_logger(__name__)

EventListener = Callable[[list[dict[str, Any]]], Awaitable[None]]
"""Takes changes in the order they were decided, each with the fields of `shared.messages.Change` in
their JSON form, secrets taken out.

When it raises, or takes longer than the operator allows, it is given the same changes again, and
perhaps further ones, until it returns: (`job_id`, `version`) tells a change that it knows. It must
not block the event loop.
"""

_MOST_ROWS = 100
_MARGIN = timedelta(seconds=5)
"""So that a listener has been interrupted for sure before another dispatcher begins."""


def added_listeners(names: Sequence[str]) -> dict[str, EventListener]:
    """By name. Raises ExtensionRejected."""
    return {name: cast(EventListener, load(Group.EVENT_LISTENERS, name)) for name in names}


class Telling:
    """Tells one listener. `tell_news` is a round for `loops.every`."""

    def __init__(
        self,
        name: str,
        listener: EventListener,
        pool: Pool,
        sealer: Sealer,
        settings: ListenerSettings,
    ) -> None:
        self.name = name
        self._listener = listener
        self._pool = pool
        self._sealer = sealer
        self._patience = timedelta(seconds=settings.timeout_seconds)
        self._failures = 0

    async def tell_news(self) -> float | None:
        """Returns 0 when there may be more, the delay until it is tried again after a failure."""
        async with acquired(self._pool) as connection:
            place = await feed_cursors.place_of(connection, self.name)
            if place is None:
                await feed_cursors.begin(connection, self.name)
                return 0.0
            news = await feed_cursors.news_after(connection, place, _MOST_ROWS)
            if not news:
                return None
            hold = self._patience + _MARGIN
            taken_until = await feed_cursors.take(connection, self.name, place, hold)
        return None if taken_until is None else await self._tell(news, taken_until)

    async def _tell(self, news: Sequence[News], taken_until: datetime) -> float:
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await self._listener(shown_changes(news, self._sealer))
        except Exception as error:  # whatever a package's code raises: it is told again
            delay = self._failed(error)
            async with acquired(self._pool) as connection:
                await feed_cursors.leave(connection, self.name, taken_until)
            return delay
        self._failures = 0
        last = Place(news[-1].txid, news[-1].seq)
        async with acquired(self._pool) as connection:
            if not await feed_cursors.move(connection, self.name, taken_until, last):
                log.warning("listener told too late: others tell it again", listener=self.name)
        return 0.0

    def _failed(self, error: Exception) -> float:
        self._failures += 1
        delay = backoff_seconds(self._failures)
        log.exception(
            "listener failed",
            listener=self.name,
            error=f"{type(error).__name__}: {error}",
            retry_in_seconds=delay,
        )
        return delay
