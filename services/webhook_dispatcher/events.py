"""State changes become owed calls.

Each change of a job with webhooks is a row, written in the transaction that decided it: what
RabbitMQ loses loses no webhook. A message on `events` says that there are rows; without it they are
found a little later.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from services.webhook_dispatcher.calls import Calls
from services.webhook_dispatcher.places import Places
from services.webhook_dispatcher.receivers import Limits, Receivers
from services.webhook_dispatcher.requests import deliveries_for
from services.webhook_dispatcher.store import deliveries
from services.webhook_dispatcher.store import events as stored_events
from services.webhook_dispatcher.store.deliveries import Delivery
from services.webhook_dispatcher.store.events import StoredEvent
from shared.broker.consuming import Failures
from shared.expressions import Allowance
from shared.messages import Change, WebhooksDue
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.sealing import Sealer, SealingError

log = structlog.get_logger(__name__)

_PAGE_ROWS = 100
_MOST_STEPS = 3_000_000
"""Of the expressions of one row. Its transaction must not be idle for long, nor the loop of this
service: the calls of all others wait meanwhile."""
_STEPS_OF_CHANGE = 250_000
"""Of the expressions of one change, on average: as many as one expression may take."""
_ENOUGH_STEPS = 1_000_000
"""Of the expressions of a page: the rest of it is left to the next round."""
_AT_ONCE = 0.0
_UNREADABLE_DELAY = timedelta(minutes=1)

_NOBODY = Receivers(Limits(total=0, per_receiver=0))
_Jobs = Mapping[str, Mapping[str, Any]]


class Events:
    def __init__(self, pool: Pool, sealer: Sealer, calls: Calls | None = None) -> None:
        """Calls begin at once as far as `calls` has places; the others are left to its rounds."""
        self._pool = pool
        self._sealer = sealer
        self._calls = calls
        self._hold = calls.hold if calls else timedelta()
        self._taking = asyncio.Lock()

    async def on_webhooks_due(self, messages: Sequence[WebhooksDue]) -> Failures:
        """The messages door for `events`: all that is stored by now is taken up before the ack."""
        while await self.take_stored() is not None:
            pass
        return [None] * len(messages)

    async def take_stored(self) -> float | None:
        """One round: due changes become deliveries; 0 when there may be more.

        Raises DatabaseUnavailable.
        """
        async with self._taking:
            with Places(self._calls.receivers if self._calls else _NOBODY) as places:
                async with acquired(self._pool) as connection, connection.transaction():
                    events = await stored_events.take_due(connection, _PAGE_ROWS)
                    owed, is_all = await self._take_up(connection, events)
                    picked = self._calls.pick_new(owed, places) if self._calls else ()
                    new = await deliveries.add(connection, owed, self._hold, picked) if owed else ()
                if self._calls:  # not before they are committed
                    self._calls.begin(new, places)
            if self._calls and len(picked) < len(owed):
                self._calls.owed.set()
        return _AT_ONCE if len(events) == _PAGE_ROWS or not is_all else None

    async def stop(self) -> None:
        """Take up nothing more. What was taken up has begun: nobody else would call it for long."""
        await self._taking.acquire()

    async def _take_up(
        self, connection: Connection, events: Sequence[StoredEvent]
    ) -> tuple[list[Delivery], bool]:
        """The calls that the first of these events owe, which are done with; and whether they are
        all."""
        if not events:
            return [], True
        jobs = await deliveries.jobs_with_webhooks(connection, {event.job_id for event in events})
        owed: list[Delivery] = []
        unreadable: list[int] = []
        seen: set[int] = set()
        steps = 0
        for event in events:
            allowance = Allowance(min(len(event.changes) * _STEPS_OF_CHANGE, _MOST_STEPS))
            try:
                changes = [Change.model_validate(change) for change in event.changes]
                owed += self._owed(changes, jobs, event.only_submission, allowance)
            except SealingError as error:
                # What is secret in the summary can't be known before the operator gives the key.
                log.error("webhooks_postponed", job=event.job_id, error=str(error))
                unreadable.append(event.id)
            except Exception:  # whatever it is, it must not hold up the webhooks of all others
                log.exception("webhooks_postponed", job=event.job_id)
                unreadable.append(event.id)
            seen.add(event.id)
            steps += allowance.used
            if steps > _ENOUGH_STEPS:
                break
            await asyncio.sleep(0)
        if unreadable:
            await stored_events.later(connection, unreadable, _UNREADABLE_DELAY)
        await stored_events.done(connection, seen - set(unreadable))
        return owed, len(seen) == len(events)

    def _owed(
        self,
        changes: Sequence[Change],
        jobs: _Jobs,
        only_submission: Mapping[str, Any] | None,
        allowance: Allowance,
    ) -> list[Delivery]:
        """Raises SealingError. A job that was deleted meanwhile owes nothing."""
        return [
            delivery
            for change in changes
            if (job := jobs.get(change.job_id)) is not None
            for delivery in deliveries_for(change, job, self._sealer, allowance, only_submission)
        ]
