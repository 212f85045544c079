"""GET /scheduled-jobs/upcoming: the next times of all scheduled jobs, as a calendar shows them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, islice, takewhile
from typing import Annotated

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import BadRequest
from services.coordinator.api.replies import Answer, reply
from services.coordinator.api.requests import WITHOUT_NUL, Query, ports, query
from services.coordinator.api.route import BROKEN_RULE, response
from services.coordinator.api.schedules.lookup import SCHEDULES
from services.coordinator.api.schedules.preview import times_after
from services.coordinator.api.schedules.schemas import Firing
from services.coordinator.store import schedules
from services.coordinator.store.schedules import UpcomingRow
from shared.jobspec.cron.moments import parse_moment
from shared.jobspec.cron.stored import STEP, Firings, NextFiring, firings_of
from shared.planning.disclosure import redacting
from shared.process.garbage import in_thread
from shared.process.sealing import Sealer

_MOST_SCHEDULES = 5000
_MOST_TIMES = 5000
_MOST_COUNTED = 10_000
"""Times before the window that are passed over where `maxRuns` counts them."""
_USUAL_SPAN, _LONGEST_SPAN = timedelta(days=7), timedelta(days=62)

_Found = tuple[UpcomingRow, Sequence[NextFiring]]


class UpcomingQuery(Query):
    """Which times."""

    since: Annotated[
        str, Field(pattern=WITHOUT_NUL, description="Only from this time on; default: now.")
    ] = ""
    before: Annotated[
        str,
        Field(
            pattern=WITHOUT_NUL,
            description="Only before this time, at most 62 days later; default: 7 days later.",
        ),
    ] = ""
    each: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="At most so many times of each scheduled job; fewer where many fire.",
        ),
    ] = 50


class UpcomingSchedule(Answer):
    """The times of one scheduled job."""

    id: str
    """Of the scheduled job."""
    name: str
    """As submitted."""
    firings: list[Firing]
    """Its times, in order."""
    has_more: bool
    """Whether more of its times are before the end."""


class Upcoming(Answer):
    """The times of scheduled jobs."""

    since: datetime
    """From then on."""
    before: datetime
    """Up to then."""
    schedules: list[UpcomingSchedule]
    """Those that fire, by their first time."""
    has_more: bool
    """Whether more scheduled jobs may fire: 5,000 are looked at."""


@SCHEDULES.route(
    "GET /scheduled-jobs/upcoming",
    "List the next times of all scheduled jobs",
    response("The times of those that are active.", Upcoming),
    {400: BROKEN_RULE},
    query=UpcomingQuery,
)
async def list_upcoming(request: web.Request) -> web.Response:
    asked, api = query(request, UpcomingQuery), ports(request)
    now = await api.run(schedules.now)
    since = _moment("since", asked.since) if asked.since else now
    before = _moment("before", asked.before) if asked.before else since + _USUAL_SPAN
    if not since < before <= since + _LONGEST_SPAN:
        raise BadRequest("before: must be after `since`, at most 62 days")
    readers = principal(request).readers
    rows = await api.run(schedules.upcoming, readers, before, _MOST_SCHEDULES + 1)
    some = rows[:_MOST_SCHEDULES]
    each = max(min(asked.each, _MOST_TIMES // max(len(some), 1)), 1)
    found = await in_thread(partial(_found, some, since, before, each))
    shown = [_shown(row, times, each, api.sealer) for row, times in found]
    return reply(
        Upcoming(since=since, before=before, schedules=shown, has_more=len(rows) > len(some))
    )


def _moment(name: str, text: str) -> datetime:
    """Raises BadRequest."""
    try:
        return parse_moment(text)
    except ValueError as error:  # the client's mistake
        raise BadRequest(f"{name}: {text[:60]!r} is not allowed: {error}") from None


def _found(
    rows: Sequence[UpcomingRow], since: datetime, before: datetime, each: int
) -> list[_Found]:
    """Those that fire, with one time more than is shown if there is one."""
    times = ((row, list(islice(_times(row, since, before), each + 1))) for row in rows)
    return sorted((found for found in times if found[1]), key=lambda found: found[1][0].at)


def _times(row: UpcomingRow, since: datetime, before: datetime) -> Iterator[NextFiring]:
    """None of what this version can't read: the scheduler tells it as the row's `error`."""
    try:
        firings = firings_of(row)
    except ValueError:
        return iter(())
    return takewhile(lambda firing: firing.at < before, _from(firings, row, since))


def _from(firings: Firings, row: UpcomingRow, since: datetime) -> Iterator[NextFiring]:
    """Since then, the stored next one first: it needs no search."""
    most, first = row.rules.get("maxRuns"), NextFiring(row.next_at, firings.look_at(row.next_at))
    if isinstance(most, int):
        left = min(max(most - row.runs, 0), _MOST_COUNTED)
        all_left = islice(chain([first], times_after(firings, row.next_at)), left)
        return (firing for firing in all_left if firing.at >= since)
    if row.next_at >= since:
        return chain([first], times_after(firings, row.next_at))
    return times_after(firings, since - STEP)


def _shown(
    row: UpcomingRow, times: Sequence[NextFiring], each: int, sealer: Sealer
) -> UpcomingSchedule:
    return UpcomingSchedule(
        id=row.id,
        name=redacting(sealer, row.sealed).value(row.name),
        firings=[
            Firing(scheduled_at=at, at=look_at if look_at != at else None)
            for at, look_at in times[:each]
        ],
        has_more=len(times) > each,
    )
