"""The messages door for `events`: state changes become owed calls, stored before the ack."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from services.webhook_dispatcher.store import deliveries
from services.webhook_dispatcher.summaries import deliveries_for
from shared.broker.consuming import Failures
from shared.messages import Changes
from shared.postgres.pool import Pool, acquired
from shared.process.sealing import Sealer


class Events:
    def __init__(self, pool: Pool, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer

    async def on_changes(self, messages: Sequence[Changes]) -> Failures:
        try:
            await self._store(messages)
        except Exception as error:  # noqa: BLE001 - the door sorts it: back to the queue, or buried
            return [error] * len(messages)
        return [None] * len(messages)

    async def _store(self, messages: Sequence[Changes]) -> None:
        changes = [change for message in messages for change in message.changes]
        async with acquired(self._pool) as connection:
            jobs = await deliveries.jobs_with_webhooks(connection, {c.job_id for c in changes})
            owed = [
                delivery
                for change in changes
                if (job := jobs.get(change.job_id)) is not None
                for delivery in deliveries_for(change, job, self._secrets(job))
            ]
            if owed:
                await deliveries.add(connection, owed)

    def _secrets(self, job: Mapping[str, Any]) -> Mapping[str, str]:
        if job["sealed"] is None:
            return {}
        return cast(dict[str, str], self._sealer.unseal(job["sealed"])["secrets"])
