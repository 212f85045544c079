"""The time door of the store of files: objects that no row names any more are removed.

Which these may be is said by rows of `object_removals`, that are written with what ends their use.
A removal is claimed for a while and forgotten only once it is done: whatever crashes, it is done
again. It is done a second time after a day, for what a worker was still writing that had lost its
task.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from conveyor.extensions.files import FilesError, FileStore, ObjectInfo, StoreUnavailable
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.settings import RetentionSettings
from services.scheduler.store import files
from services.scheduler.store.files import Claimed
from shared.files.names import CHECKS, UPLOADS
from shared.postgres.pool import Pool, acquired

log = structlog.get_logger(__name__)

_AT_ONCE = 0.0
_CLAIMED_AT_ONCE = 10
_PAGE = 200
_DELETED_AT_ONCE = 20
_MOST_OBJECTS = 2_000
"""Of one removal in a round."""
_LONGEST_SECONDS = files.CLAIM_SECONDS / 2
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=2), timedelta(minutes=5)
_REFUSED_PAUSE = timedelta(hours=1)
_STALE = timedelta(days=1)
"""What is written takes no longer."""


class FileLoops:
    """Only where there is a store. May be cancelled at any moment."""

    def __init__(
        self,
        pool: Pool,
        store: FileStore,
        settings: RetentionSettings,
        metrics: SchedulerMetrics,
        bucket_age: timedelta = timedelta(hours=48),
    ) -> None:
        self._pool = pool
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._bucket_age = bucket_age
        self._failures = 0

    async def remove_objects(self) -> float | None:
        """While the store can't be reached, rounds come more and more seldom."""
        async with acquired(self._pool) as connection:
            claimed = await files.claim(connection, _CLAIMED_AT_ONCE)
        ends = await asyncio.gather(*map(self._remove, claimed))
        if all(ends):
            self._failures = 0
            return _AT_ONCE if claimed else None
        pause = self._pause
        self._failures += 1
        return pause.total_seconds()

    async def sweep_store(self) -> None:
        """Uploads that nobody uses, and what crashes have left: by one scheduler, now and then."""
        interval = timedelta(seconds=self._settings.sweep_seconds)
        async with acquired(self._pool) as connection:
            if not await files.begin_sweep(connection, interval):
                return
            age = timedelta(hours=self._settings.uploads_hours)
            while await files.delete_unused_uploads(connection, age) == files.UPLOADS_AT_ONCE:
                pass
            await files.delete_of_buckets(connection, self._bucket_age)
        before = datetime.now(UTC) - _STALE
        removed = await self._store.sweep(before)
        for prefix in (UPLOADS, CHECKS):
            removed += await self._remove_unnamed(prefix, before)
        if removed:
            log.info("files_swept", removed=removed)

    @property
    def _pause(self) -> timedelta:
        return min(_FIRST_PAUSE * (1 << min(self._failures, 10)), _LONGEST_PAUSE)

    async def _remove(self, claimed: Claimed) -> bool:
        """False when the store can't be reached."""
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                removed = await self._remove_unnamed(claimed.prefix)
        except (StoreUnavailable, TimeoutError) as error:
            await self._put_off(claimed, self._pause, error)
            return False
        except FilesError as error:  # the operator's to put right
            await self._put_off(claimed, _REFUSED_PAUSE, error)
            return True
        if removed:
            log.info("objects_removed", prefix=claimed.prefix, count=removed)
        async with acquired(self._pool) as connection:
            if removed < _MOST_OBJECTS:
                await files.end(connection, claimed)
            else:
                await files.put_off(connection, claimed, timedelta())
        return True

    async def _put_off(self, claimed: Claimed, pause: timedelta, error: Exception) -> None:
        self._metrics.removals_failed.inc()
        seconds = pause.total_seconds()
        reason = str(error) or "no answer in time"
        log.warning("removal_put_off", prefix=claimed.prefix, seconds=seconds, error=reason)
        async with acquired(self._pool) as connection:
            await files.put_off(connection, claimed, pause)

    async def _remove_unnamed(self, prefix: str, before: datetime | None = None) -> int:
        """How many; no more than some. Only those written `before`."""
        removed = 0
        async for names in _pages(self._store.list_objects(prefix), before):
            async with acquired(self._pool) as connection:
                unnamed = await files.unnamed(connection, prefix, names)
            await self._delete(unnamed)
            removed += len(unnamed)
            self._metrics.objects_removed.inc(len(unnamed))
            if removed >= _MOST_OBJECTS:
                break
        return removed

    async def _delete(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), _DELETED_AT_ONCE):
            some = names[start : start + _DELETED_AT_ONCE]
            ends = await asyncio.gather(*map(self._store.delete, some), return_exceptions=True)
            for error in filter(None, ends):
                raise error


async def _pages(
    found: AsyncIterator[ObjectInfo], before: datetime | None
) -> AsyncIterator[list[str]]:
    page: list[str] = []
    async for info in found:
        if before is None or (info.modified_at is not None and info.modified_at < before):
            page.append(info.name)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page
