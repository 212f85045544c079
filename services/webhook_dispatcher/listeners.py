"""Event listeners of other packages: told of every change of every job, in order, at least once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import structlog

from conveyor.extensions import listeners as protocol
from conveyor.extensions.listeners import Listener
from services.webhook_dispatcher.store import listener_cursors
from services.webhook_dispatcher.store.listener_cursors import Claim, News
from shared.messages import Change
from shared.planning.disclosure import redacting
from shared.postgres.pool import Pool, acquired
from shared.process.extensions import Group, load
from shared.process.sealing import Sealer

log = structlog.get_logger(__name__)

CALL_SECONDS = 30.0
_HOLD = timedelta(seconds=CALL_SECONDS + 30)
_PAGE_ROWS = 100
_LONGEST_DELAY_SECONDS = 60.0
_AT_ONCE = 0.0
_TEXTS = ("task_name", "description", "var", "tags", "result", "error")


def added_listeners(names: Sequence[str]) -> dict[str, Listener]:
    """By name. Raises ExtensionRejected."""
    return {name: cast(Listener, load(Group.EVENT_LISTENERS, name)) for name in names}


class Listening:
    """One listener, served by one dispatcher at a time."""

    def __init__(self, pool: Pool, sealer: Sealer, name: str, listener: Listener) -> None:
        self._pool = pool
        self._sealer = sealer
        self._name = name
        self._listener = listener
        self._is_known = False

    async def tell_news(self) -> float | None:
        """One round; 0 when there may be more. Raises DatabaseUnavailable."""
        async with acquired(self._pool) as connection:
            if not self._is_known:
                await listener_cursors.add(connection, self._name)
                self._is_known = True
            claim = await listener_cursors.claim(connection, self._name, _HOLD)
            news = await listener_cursors.news(connection, claim, _PAGE_ROWS) if claim else []
        if claim is None or not news:
            return None
        told = await self._tell(claim, [c for item in news for c in self._changes(item)])
        async with acquired(self._pool) as connection:
            if not told:
                delay = _delay(claim.failures)
                await listener_cursors.failed(connection, claim, delay)
                return None
            await listener_cursors.heard(connection, claim, news[-1])
        return _AT_ONCE

    async def _tell(self, claim: Claim, changes: list[protocol.Change]) -> bool:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await self._listener(changes)
        except Exception:  # another package's code; what it raises is its author's to read
            log.exception("listener_failed", listener=self._name, failures=claim.failures + 1)
            return False
        return True

    def _changes(self, news: News) -> Sequence[protocol.Change]:
        changes = [Change.model_validate(change).model_dump(mode="json") for change in news.changes]
        # What was secret of a job that is gone, nobody knows.
        sealer = Sealer() if news.is_gone else self._sealer
        redact = redacting(sealer, news.sealed)
        redacted = [
            change | {name: redact.value(change[name]) for name in _TEXTS} for change in changes
        ]
        return cast(list[protocol.Change], redacted)


def _delay(failures: int) -> timedelta:
    """1 s, doubled for each failure before."""
    return timedelta(seconds=min(2.0 ** min(failures, 10), _LONGEST_DELAY_SECONDS))
