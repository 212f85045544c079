"""/scheduled-jobs/{id}/runs and /trigger: what became of firings, and a job at once."""

from aiohttp import web

from services.coordinator.api.access.schemas import read_optional_body
from services.coordinator.api.idempotency import (
    IDEMPOTENCY_KEY,
    KEY_WAS_USED,
    gone,
    idempotency_key,
)
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports, query
from services.coordinator.api.route import Scope, error, response
from services.coordinator.api.schedules.lookup import SCHEDULES, operable_row, visible_row
from services.coordinator.api.schedules.schemas import (
    RunsQuery,
    ScheduleRun,
    ScheduleRunPage,
    TriggerRequest,
    run_page,
    shown_run,
)
from services.coordinator.schedule_commands import Trigger
from services.coordinator.store import schedule_runs


@SCHEDULES.route(
    "POST /scheduled-jobs/{id}/trigger",
    "Create a job of a scheduled job now",
    response("The job is stored, or held until the one before it is final.", ScheduleRun),
    {
        409: error(
            "Its `overlap` allows no job now, or no job can be made of it; the message says why. "
            f"Or: {KEY_WAS_USED.meaning}"
        )
    },
    scope=Scope.OPERATE,
    body=TriggerRequest,
    example={"overlap": "allow"},
    headers=(IDEMPOTENCY_KEY,),
)
async def trigger_scheduled_job(request: web.Request) -> web.Response:
    """Of one that is paused or has ended, too. When it fires next is not changed by it."""
    row = await operable_row(request)
    asked = await read_optional_body(request, TriggerRequest)
    key = await idempotency_key(request)
    api = ports(request)
    job_id = await api.schedules.trigger(Trigger(row.id, asked.overlap, key))
    run = await api.run(schedule_runs.of_job, row.id, job_id)
    if run is None:
        assert key is not None  # noqa: S101 - else it was just made
        raise gone(key, "run")
    return reply(shown_run(run))


@SCHEDULES.route(
    "GET /scheduled-jobs/{id}/runs",
    "List what became of the firings of a scheduled job, newest first",
    response("A page of runs.", ScheduleRunPage),
    query=RunsQuery,
)
async def list_schedule_runs(request: web.Request) -> web.Response:
    asked = query(request, RunsQuery)
    row = await visible_row(request)
    states = asked.states()
    found = await ports(request).run(schedule_runs.page, row.id, asked.request(), states)
    return reply(run_page(found))
