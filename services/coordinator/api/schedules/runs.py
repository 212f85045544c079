"""/scheduled-jobs/{id}/runs, /trigger, /backfill: what became of firings, and jobs by request."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import refused_at
from services.coordinator.api.background import in_background
from services.coordinator.api.errors import Forbidden
from services.coordinator.api.idempotency import (
    IDEMPOTENCY_KEY,
    KEY_WAS_USED,
    gone,
    idempotency_key,
)
from services.coordinator.api.replies import Fields, page, reply, set_fields
from services.coordinator.api.requests import SAYS_NOTHING, ports, query, whole_body
from services.coordinator.api.route import UNPAID, Scope, error, response
from services.coordinator.api.schedules.lookup import SCHEDULES, operable_row, visible_row
from services.coordinator.api.schedules.preview import shown_next
from services.coordinator.api.schedules.schemas import (
    BackfillAnswer,
    BackfilledFiring,
    RunsQuery,
    ScheduleRun,
    ScheduleRunPage,
)
from services.coordinator.api.schedules.views import shown_run
from services.coordinator.api.tork.run_again import refuse_unknown_inputs
from services.coordinator.backfill import Backfill, Backfilled
from services.coordinator.schedule_commands import NoSuchSchedule, Trigger
from services.coordinator.store import schedule_runs, schedules
from services.coordinator.store.rows import Page
from services.coordinator.store.schedule_runs import RunRow
from services.coordinator.store.schedules import ScheduleRow
from shared.jobspec.cron.moments import parse_moment
from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.models import BackfillRange, TriggerRequest
from shared.jobspec.tork.parsing import JSON_TYPES, YAML_TYPES, parse_backfill, parse_trigger
from shared.planning.scheduled_jobs import definition_of


@SCHEDULES.route(
    "POST /scheduled-jobs/{id}/trigger",
    "Create a job of a scheduled job now",
    response("The job is stored, or held until the one before it is final.", ScheduleRun),
    {
        400: error("An input breaks a rule, or the scheduled job has no such input."),
        402: UNPAID,
        409: error(
            "Its `overlap` allows no job now, or no job can be made of it; the message says why. "
            f"Or: {KEY_WAS_USED.meaning}"
        ),
    },
    scope=Scope.OPERATE,
    body=TriggerRequest,
    body_types=(*JSON_TYPES, *YAML_TYPES),
    example={"overlap": "allow", "inputs": {"n": "3"}},
    headers=(IDEMPOTENCY_KEY,),
)
async def trigger_scheduled_job(request: web.Request) -> web.Response:
    """Of one that is paused or has ended, too. When it fires next is not changed by it. Whoever
    says what its job does submits it."""
    row = await operable_row(request)
    asked = await _asked(request, row)
    api, key = ports(request), await idempotency_key(request)
    trigger = Trigger(row.id, asked.overlap, key, asked.inputs or {})
    try:
        job_id = await api.schedules.trigger(trigger)
    except InvalidJob as error:  # its template asks for others
        raise await refused_at(request, error.problems) from None
    run = await api.run(schedule_runs.triggered, job_id)
    if run is None:
        assert key is not None  # noqa: S101 - else it was just made
        raise gone(key, "run")
    return reply(shown_run(run))


async def _asked(request: web.Request, row: ScheduleRow) -> TriggerRequest:
    """Raises InvalidJob, Forbidden."""
    body = await whole_body(request)
    if body.strip() in SAYS_NOTHING:
        return TriggerRequest()
    parsing = partial(parse_trigger, body, request.headers.get("Content-Type", ""))
    asked = await in_background(request, parsing)
    if not asked.inputs:
        return asked
    if not principal(request).may(Scope.SUBMIT):
        raise Forbidden(f"requires the scope {Scope.SUBMIT} as well")
    stored = await ports(request).run(schedules.stored, row.id)
    if stored is None:
        raise NoSuchSchedule(row.id)
    job = definition_of(stored, ports(request).sealer)
    if not job.template:  # which tells itself what it asks for
        refuse_unknown_inputs(asked.inputs, job.inputs, job)
    return asked


@SCHEDULES.route(
    "POST /scheduled-jobs/{id}/backfill",
    "Create the jobs of times that have passed",
    response("What became of each time.", BackfillAnswer),
    {
        400: error("The range breaks a rule, or has more than 500 times; the message says which."),
        409: error("No job can be made of it, or it was edited meanwhile; the message says why."),
    },
    scope=Scope.OPERATE,
    body=BackfillRange,
    body_types=(*JSON_TYPES, *YAML_TYPES),
    example={"from": "2026-06-01T00:00:00Z", "to": "2026-06-02T00:00:00Z", "dryRun": True},
)
async def backfill_scheduled_job(request: web.Request) -> web.Response:
    """By its rules as they are now. What has its job already gets no second one."""
    row = await operable_row(request)
    body, content_type = await whole_body(request), request.headers.get("Content-Type", "")
    asked = await in_background(request, partial(parse_backfill, body, content_type))
    backfill = Backfill(
        row.id,
        parse_moment(asked.from_),
        parse_moment(asked.to) if asked.to else await ports(request).run(schedules.now),
        asked.overlap,
        is_dry_run=bool(asked.dry_run),
    )
    return reply(_shown_backfill(await ports(request).schedules.backfill(backfill), backfill))


def _shown_backfill(found: Sequence[Backfilled], backfill: Backfill) -> BackfillAnswer:
    fates = [each.fate for each in found]
    return BackfillAnswer(
        dry_run=backfill.is_dry_run or None,
        created=fates.count("FIRED"),
        held=fates.count("HELD"),
        existing=fates.count("EXISTS"),
        firings=[
            BackfilledFiring(scheduled_at=each.at, job_id=each.job_id, state=each.fate)
            for each in found
        ],
    )


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
    api = ports(request)
    found = await api.run(schedule_runs.page, row.id, asked.request(), states)
    now = await api.run(schedules.now)
    shown = _shown_page(found, _blocked(row, now) if asked.state in ("", "HELD") else None)
    if found.request.number == 1 and row.state == "ACTIVE":
        shown |= set_fields({"next": await shown_next(row, now)})
    return reply(shown)


def _shown_page(rows: Page[RunRow], blocked: RunRow | None) -> Fields:
    """`blocked` is the first of all."""
    shown = page(rows, [shown_run(row) for row in rows.items])
    if blocked is None:
        return shown
    if rows.request.number == 1:
        shown["items"].insert(0, shown_run(blocked))
        shown["size"] += 1
    total, pages = shown["totalItems"] + 1, max(shown["totalPages"], 1)
    return shown | {"totalItems": total, "totalPages": pages}


def _blocked(row: ScheduleRow, now: datetime) -> RunRow | None:
    """The time that is due and has no job because none can be made: it is tried again."""
    if row.state != "ACTIVE" or row.error is None or row.next_at is None or row.next_at > now:
        return None
    return RunRow(
        kind="SCHEDULED",
        state="HELD",
        scheduled_at=row.next_at,
        until=None,
        reason=row.error,
        job_id=None,
        job_state=None,
        at=now,
    )
