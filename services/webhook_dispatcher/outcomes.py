"""What came of calls, written to their deliveries."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta

import structlog

from services.webhook_dispatcher.store import deliveries
from shared.broker.backoff import Backoff
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Pool, acquired

log = structlog.get_logger(__name__)

ACCOUNT_SECONDS = 20.0
"""How long it is tried while the database is away: else calls would be made again, and only when
their hold is over."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of the delivery `id`: it is due again after `retry_in`, or never (None)."""

    id: str
    retry_in: timedelta | None = None


class OutcomeWriter:
    """Writes what came of calls together: what ends while a statement runs goes with the next."""

    def __init__(self, pool: Pool, owed: asyncio.Event) -> None:
        """`owed` is set when a call is to be made again."""
        self._pool = pool
        self._owed = owed
        self._line: list[Outcome] = []
        self._writing: asyncio.Task[None] | None = None

    def write(self, outcome: Outcome) -> None:
        """In the background."""
        self._line.append(outcome)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())

    async def finish(self) -> None:
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        while self._line:
            outcomes, self._line = self._line, []
            try:
                await self._write_surely(outcomes)
            except Exception as error:  # noqa: BLE001 - they are due again when their hold is over
                ids = [outcome.id for outcome in outcomes]
                log.warning("webhook_outcomes_unrecorded", deliveries=ids, error=str(error))

    async def _write_surely(self, outcomes: list[Outcome]) -> None:
        give_up_at = time.monotonic() + ACCOUNT_SECONDS
        backoff = Backoff()
        while True:
            try:
                return await self._write(outcomes)
            except DatabaseUnavailable:
                if time.monotonic() > give_up_at:
                    raise
                await backoff.wait()

    async def _write(self, outcomes: list[Outcome]) -> None:
        done = [outcome.id for outcome in outcomes if outcome.retry_in is None]
        later = [(o.id, o.retry_in) for o in outcomes if o.retry_in is not None]
        async with acquired(self._pool) as connection:
            if done:
                await deliveries.done(connection, done)
            if later:
                await deliveries.later(connection, later)
                self._owed.set()
