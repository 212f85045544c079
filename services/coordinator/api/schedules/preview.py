"""The next times of a schedule, before it is saved and after."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from itertools import islice

from aiohttp import web

from services.coordinator.api.background import in_background
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports, query, whole_body
from services.coordinator.api.route import Scope, response
from services.coordinator.api.schedules.lookup import SCHEDULES, visible_row
from services.coordinator.api.schedules.schemas import (
    Firing,
    Firings,
    NextQuery,
)
from services.coordinator.store import schedules
from services.coordinator.store.schedules import ScheduleRow
from shared.jobspec.cron import stored
from shared.jobspec.cron.moments import parse_moment
from shared.jobspec.cron.stored import NextFiring, firings_of
from shared.jobspec.limits import MOST_FIRINGS
from shared.jobspec.tork.models import SchedulePreview
from shared.jobspec.tork.parsing import JSON_TYPES, YAML_TYPES, parse_schedule_preview
from shared.process.garbage import in_thread

_NO_ID = ""
_FEW = 10
_FEW_SHOWN = 5


@SCHEDULES.route(
    "POST /scheduled-jobs/preview",
    "Show the next times of a schedule that is not stored",
    response("Its times.", Firings),
    scope=Scope.READ,
    body=SchedulePreview,
    body_types=(*JSON_TYPES, *YAML_TYPES),
    example={"schedule": {"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"}, "count": 3},
)
async def preview_schedule(request: web.Request) -> web.Response:
    """As if it were created now."""
    body, content_type = await whole_body(request), request.headers.get("Content-Type", "")
    asked = await in_background(request, partial(parse_schedule_preview, body, content_type))
    now = await ports(request).run(schedules.now)
    times = asked.schedule.times(_NO_ID, now)
    since = parse_moment(asked.from_) if asked.from_ else now
    most = min(asked.count or _FEW, asked.schedule.max_runs or MOST_FIRINGS)

    def found() -> list[Firing]:
        firings = firings_of(times)
        return [
            Firing(scheduled_at=at, latest_at=firings.latest(at) if firings.jitter else None)
            for at, _ in islice(times_after(firings, since), most)
        ]

    return reply(Firings(firings=await in_thread(found)))


@SCHEDULES.route(
    "GET /scheduled-jobs/{id}/next",
    "Show the next times of a scheduled job",
    response("Its times; of one that is paused those from now on.", Firings),
    query=NextQuery,
)
async def list_next_firings(request: web.Request) -> web.Response:
    count = min(max(query(request, NextQuery).count, 1), MOST_FIRINGS)
    row = await visible_row(request)
    now = await ports(request).run(schedules.now)
    return reply(Firings(firings=await in_thread(partial(_next_firings, row, now, count))))


async def shown_next(row: ScheduleRow, now: datetime) -> list[Firing]:
    """As many as are shown beside something else."""
    return await in_thread(partial(_next_firings, row, now, _FEW_SHOWN))


def _next_firings(row: ScheduleRow, now: datetime, count: int) -> list[Firing]:
    """None of one that has ended, or can't be read by this version."""
    most = row.rules.get("maxRuns")
    left = count if not isinstance(most, int) else min(count, most - row.runs)
    if row.state == "ENDED" or left <= 0:
        return []
    since = now if row.next_at is None else row.next_at - stored.STEP
    try:
        firings = firings_of(row)
    except ValueError:  # the scheduler tells it as the row's `error`
        return []
    return [
        Firing(scheduled_at=at, at=look_at if firings.jitter else None)
        for at, look_at in islice(times_after(firings, since), left)
    ]


def times_after(firings: stored.Firings, instant: datetime) -> Iterator[NextFiring]:
    """All of them, as they are asked for."""
    while (found := firings.next_after(instant)) is not None:
        yield found
        instant = found.at
