"""The time door of tasks: one method, one round, for each thing that must happen as time passes."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.scheduler.due_times import DueTimes
from services.scheduler.performer import Performer
from services.scheduler.settings import ScheduleSettings
from services.scheduler.store import due
from shared.broker import Broker
from shared.postgres.pool import Pool, acquired
from shared.store.subjob_signals import find_lost_signals

_AT_ONCE = 0.0
_SHORTEST_WAIT_SECONDS = 0.01


class TaskLoops:
    def __init__(
        self,
        pool: Pool,
        broker: Broker,
        performer: Performer,
        due_times: DueTimes,
        settings: ScheduleSettings,
    ) -> None:
        self._pool = pool
        self._broker = broker
        self._performer = performer
        self._due_times = due_times
        self._settings = settings

    async def send_due_retries(self) -> float | None:
        """Returns the time to the next retry when nothing else would tell of it before."""
        events = await self._due_times.find(due.due_retries)
        if events:
            await self._performer.perform(events)
            return _AT_ONCE
        async with acquired(self._pool) as connection:
            wait = await due.seconds_to_next_retry(connection)
        if wait is None or wait > self._settings.round_seconds:
            return None  # `DueWatch` will see it
        return max(wait, _SHORTEST_WAIT_SECONDS)

    async def end_timed_out_tasks(self) -> None:
        grace = self._settings.timeout_grace
        events = await self._due_times.find(lambda connection: due.timed_out(connection, grace))
        await self._performer.perform_if_reports_are_read(events or ())

    async def mend_subjobs(self) -> None:
        """Sub-jobs and the tasks that stand for them, and families that were to go on, where a
        message between them was lost."""
        async with acquired(self._pool) as connection:
            events = await find_lost_signals(connection)
        await self._performer.perform(events)

    async def resend_missing(self) -> None:
        """Tasks that wait on a queue with nothing in it: their messages are gone."""
        async with acquired(self._pool) as connection:
            before = await due.time_before(connection, self._settings.resend_after)
            queues = await due.waiting_queues(connection, before)
        await self._resend(before, [queue for queue in queues if await self._is_empty(queue)])

    async def resend_all(self) -> None:
        """Every task that waits, whatever its queue says: no message of theirs is left."""
        async with acquired(self._pool) as connection:
            before = await due.time_before(connection, timedelta())
            queues = await due.waiting_queues(connection, before)
        await self._resend(before, queues)

    async def _resend(self, before: datetime, queues: Sequence[str]) -> None:
        """All that were sent before then; sent again, they no longer are."""
        while queues:
            async with acquired(self._pool) as connection:
                events = await due.waiting(connection, before, queues)
            if not events:
                return
            await self._performer.perform(events)

    async def _is_empty(self, queue: str) -> bool:
        stats = await self._broker.queue_stats(queue)
        return stats is None or stats.size == 0
