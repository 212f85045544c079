"""The time door of zones: the next firings are found anew when the zone database has changed."""

from collections.abc import Sequence
from functools import partial

import structlog

from services.scheduler.store import zones
from services.scheduler.store.zones import Next, ZonedSchedule
from shared.jobspec.cron.stored import next_firing
from shared.jobspec.cron.zones import database_contents, database_stamp
from shared.postgres.pool import Pool, acquired
from shared.process.garbage import in_thread

log = structlog.get_logger(__name__)

_TAKEN_AT_ONCE = 500


class ZoneWatch:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._stamp: int | None = None

    async def take_up_changes(self) -> None:
        """One round. The contents are compared only when a file was replaced, and at the start: the
        machine before may have had another database."""
        stamp = await in_thread(database_stamp)
        if stamp == self._stamp:
            return
        contents = await in_thread(database_contents)
        async with acquired(self._pool) as connection:
            before = await zones.contents(connection)
        if before not in (None, contents):
            log.info("zone_database_changed", schedules=await self._find_next_firings())
        async with acquired(self._pool) as connection:
            await zones.set_contents(connection, contents)
        self._stamp = stamp

    async def _find_next_firings(self) -> int:
        """How many schedules fire at another time now."""
        count, last = 0, ""
        while True:
            async with acquired(self._pool) as connection, connection.transaction():
                taken = await zones.take(connection, last, _TAKEN_AT_ONCE)
                changed = await in_thread(partial(_changed, taken))
                await zones.set_next(connection, changed)
            if not taken:
                return count
            count, last = count + len(changed), taken[-1].id


def _changed(taken: Sequence[ZonedSchedule]) -> list[Next]:
    changed: list[Next] = []
    for schedule in taken:
        try:
            found = next_firing(schedule, schedule.now)
        except ValueError:  # its zone is gone: told when it is due
            continue
        if found is not None and found.at != schedule.next_at:
            changed.append(Next(schedule.id, *found))
    return changed
