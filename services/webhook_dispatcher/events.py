"""The messages door for `events`: state changes become owed calls, stored before the ack."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.webhook_dispatcher.store import deliveries
from services.webhook_dispatcher.store.deliveries import Delivery
from services.webhook_dispatcher.summaries import deliveries_for
from shared.broker.consuming import Failures
from shared.messages import Changes
from shared.postgres.pool import Pool, acquired
from shared.process.sealing import Sealer, SealingError


class Events:
    def __init__(self, pool: Pool, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer

    async def on_changes(self, messages: Sequence[Changes]) -> Failures:
        job_ids = {change.job_id for message in messages for change in message.changes}
        owed: list[Delivery] = []
        async with acquired(self._pool) as connection:
            jobs = await deliveries.jobs_with_webhooks(connection, job_ids)
            failures = [self._add_owed(message, jobs, owed) for message in messages]
            if owed:
                await deliveries.add(connection, owed)
        return failures

    def _add_owed(
        self, message: Changes, jobs: Mapping[str, Mapping[str, Any]], owed: list[Delivery]
    ) -> SealingError | None:
        """Add to `owed` what `message` owes; why it can't be known of one of its jobs."""
        failure = None
        for change in message.changes:
            if (job := jobs.get(change.job_id)) is None:
                continue
            try:
                owed += deliveries_for(change, job, self._sealer.secrets_in(job["sealed"]))
            except SealingError as error:
                # What is secret in the summary can't be known. The others' calls are owed.
                failure = error
        return failure
