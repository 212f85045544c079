"""The time door of retention: what nobody needs any more is deleted, a little at a time."""

from datetime import timedelta

from services.scheduler.settings import HistorySettings, RetentionSettings
from services.scheduler.store import nodes, retention, schedule_runs
from shared.postgres.pool import Pool, acquired

_AT_ONCE = 0.0
_HISTORY = HistorySettings()


class Retention:
    def __init__(
        self, pool: Pool, settings: RetentionSettings, history: HistorySettings = _HISTORY
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._history = history

    async def delete_expired(self) -> float | None:
        """Jobs whose autoDelete time has come."""
        async with acquired(self._pool) as connection:
            deleted = await retention.delete_expired_jobs(connection)
        return _AT_ONCE if deleted else None

    async def delete_old(self) -> float | None:
        """What was kept as long as is set: jobs, drafts, log parts, events, deliveries, keys,
        samples, workers; and sessions that have ended."""
        keep = self._settings
        async with acquired(self._pool) as connection:
            deleted = await retention.delete_old_jobs(connection, timedelta(days=keep.jobs_days))
            deleted += await retention.delete_drafts(connection, timedelta(days=keep.drafts_days))
            deleted += await retention.delete_old_log_parts(
                connection, timedelta(days=keep.logs_days)
            )
            deleted += await retention.delete_old_events(
                connection, timedelta(days=keep.events_days)
            )
            deleted += await retention.delete_old_deliveries(
                connection, timedelta(days=keep.webhooks_days)
            )
            deleted += await schedule_runs.delete_old(
                connection, timedelta(days=keep.schedule_runs_days)
            )
            deleted += await retention.delete_old_idempotency_keys(
                connection, timedelta(hours=keep.idempotency_keys_hours)
            )
            deleted += await retention.delete_old_samples(
                connection, timedelta(days=self._history.days)
            )
            deleted += await retention.delete_ended_sessions(connection)
            await nodes.forget(connection, timedelta(days=keep.nodes_days))
        return _AT_ONCE if deleted else None
