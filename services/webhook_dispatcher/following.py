"""Changes in the feed, and notices, become calls that endpoints are owed.

A dispatcher at a time reads a page of the feed, and writes the calls and how far it has read in one
transaction: of a page that is read twice, nothing is owed twice.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

import structlog

from services.webhook_dispatcher.bodies import time_text
from services.webhook_dispatcher.happenings import Changes, of_notice
from services.webhook_dispatcher.matching import Matcher
from services.webhook_dispatcher.progress import add_progress, is_progress
from services.webhook_dispatcher.requests import delivery_id
from services.webhook_dispatcher.store import endpoints, feed, notices
from services.webhook_dispatcher.store.endpoints import Owed
from services.webhook_dispatcher.store.feed import Look, Place, Row
from services.webhook_dispatcher.store.notices import StoredNotice
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.sealing import Sealer
from shared.store.notices import Notice, add_notices, notice_delivery

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.5
_SECONDS = 0.06
"""Between rounds while there are endpoints, so that most calls begin within 100 ms of a change."""
_PAGE_ROWS = 100
_MOST_OWED = 5_000
_AT_ONCE = 0.0
_PUT_OFF_DELAY = timedelta(minutes=1)
_MOVE_SECONDS = 60.0
_COSTLY = "its filter takes too long to evaluate"


class Following:
    def __init__(self, pool: Pool, sealer: Sealer, owed: asyncio.Event) -> None:
        """`owed` is set when there is something to call."""
        self._pool = pool
        self._sealer = sealer
        self._owed = owed
        self._wanted_from = Place(0, 0)
        """Nobody wants what comes before."""
        self._moved_at = -_MOVE_SECONDS

    async def take_news(self) -> float | None:
        """One round: a page of the feed, and notices; 0 when there may be more.

        Raises DatabaseUnavailable.
        """
        async with acquired(self._pool) as connection:
            look = await feed.look(connection, self._wanted_from)
            if not look.has_endpoints:
                await self._pass_over(connection, look)
            found = look.has_notices and await self._take_notices(connection)
            if look.has_endpoints and look.has_news:
                found |= await self._take_changes(connection)
        if found:
            self._owed.set()
            return _AT_ONCE
        return _SECONDS if look.has_endpoints else None

    async def _take_changes(self, connection: Connection) -> bool:
        """Whether there were some, and nobody else follows."""
        async with connection.transaction():
            if not await feed.lock(connection):
                return False
            place = (await feed.look(connection, self._wanted_from)).place
            rows = await feed.page(connection, max(place, self._wanted_from), _PAGE_ROWS)
            if rows:
                await self._take(connection, rows)
        return bool(rows)

    async def _take_notices(self, connection: Connection) -> bool:
        """Whether there were some."""
        async with connection.transaction():
            due = await notices.take_due(connection, _PAGE_ROWS)
            if due:
                await self._take_due(connection, due)
        return bool(due)

    async def _pass_over(self, connection: Connection, look: Look) -> None:
        """An endpoint hears nothing of what was decided before it was created."""
        self._wanted_from = max(self._wanted_from, look.horizon)
        if time.monotonic() - self._moved_at >= _MOVE_SECONDS:  # others learn of it in time
            await feed.move(connection, look.horizon)
            self._moved_at = time.monotonic()

    async def _take(self, connection: Connection, rows: Sequence[Row]) -> None:
        matcher = Matcher(await endpoints.enabled(connection))
        changes = await Changes.read(connection, matcher, rows, self._sealer)
        owed: list[Owed] = []
        put_off: list[Row] = []
        for row in rows:
            try:
                owed += list(owed_for(row, changes, matcher))
            except Exception:  # whatever it is, it must not hold up what comes behind it
                log.exception("webhook_changes_put_off", jobs=row.job_ids)
                put_off.append(row)
            await asyncio.sleep(0)
            if len(owed) >= _MOST_OWED or matcher.has_taken_enough:
                break
        await _write(connection, owed, matcher)
        if put_off:
            await notices.put_off(connection, put_off, _PUT_OFF_DELAY)
        await feed.move(connection, row.place)

    async def _take_due(self, connection: Connection, due: Sequence[StoredNotice]) -> None:
        matcher = Matcher(await endpoints.enabled(connection))
        rows = {notice.id: _row(notice) for notice in due if notice.event == notices.CHANGES}
        changes = await Changes.read(connection, matcher, list(rows.values()), self._sealer)
        owed: list[Owed] = []
        put_off: set[int] = set()
        for notice in due:
            try:
                if row := rows.get(notice.id):
                    owed += list(owed_for(row, changes, matcher))
                else:
                    owed += list(_owed_for_notice(notice, matcher))
            except Exception:  # as above
                log.exception("webhook_notice_put_off", event=notice.event)
                put_off.add(notice.id)
        await _write(connection, owed, matcher)
        await notices.later(connection, put_off, _PUT_OFF_DELAY)
        await notices.done(connection, {notice.id for notice in due} - put_off)


def _row(notice: StoredNotice) -> Row:
    return Row(Place(0, 0), notice.at, notice.data["changes"])


def owed_for(row: Row, changes: Changes, matcher: Matcher) -> Iterator[Owed]:
    for change, happening in changes.of(row):
        for endpoint in matcher.told(happening):
            yield Owed(
                id=delivery_id(change, happening.told.name, endpoint.id),
                job_id=change.job_id,
                version=change.version,
                event=happening.told.name,
                endpoint_id=endpoint.id,
                body=happening.told.body(endpoint.format, endpoint.payload),
                subject=change.task_id or change.job_id,
            )


def _owed_for_notice(notice: StoredNotice, matcher: Matcher) -> Iterator[Owed]:
    happening = of_notice(notice)
    for endpoint in matcher.told(happening, only=notice.endpoint_id):
        yield Owed(
            id=notice_delivery(notice.id, endpoint.id),
            job_id="",
            version=0,
            event=notice.event,
            endpoint_id=endpoint.id,
            body=happening.told.body(endpoint.format, endpoint.payload),
        )


async def _write(connection: Connection, owed: Sequence[Owed], matcher: Matcher) -> None:
    await endpoints.add(connection, [one for one in owed if not is_progress(one)])
    await add_progress(connection, [one for one in owed if is_progress(one)])
    for filter_, error in matcher.failed.items():
        log.warning("webhook_filter_failed", filter=filter_, error=str(error))
    if costly := matcher.costly:
        await _disable(connection, costly)


async def _disable(connection: Connection, ids: Sequence[str]) -> None:
    """One filter must not take the time of all endpoints."""
    for row in await endpoints.disable(connection, ids, _COSTLY):
        log.error("webhook_endpoint_disabled", endpoint=row["id"], reason=_COSTLY)
        readers, disabled_at = row.pop("readers"), row.pop("disabled_at")
        data = row | {"disabledAt": time_text(disabled_at), "disabledReason": _COSTLY}
        notice = Notice(event="endpoint.Disabled", data=data, readers=readers)
        await add_notices(connection, [notice])
