"""/scheduled-jobs: submit, list, show, pause, resume, delete."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.schemas import read_optional_body
from services.coordinator.api.access.visibility import compiled, readers_of
from services.coordinator.api.background import in_background
from services.coordinator.api.errors import BadRequest, NotFound
from services.coordinator.api.idempotency import (
    IDEMPOTENCY_KEY,
    KEY_WAS_USED,
    gone,
    idempotency_key,
)
from services.coordinator.api.replies import Fields, Status, reply, set_fields
from services.coordinator.api.requests import ports, query, whole_body
from services.coordinator.api.route import DONE, Route, Scope, error, response
from services.coordinator.api.schedules.editing import (
    edit_scheduled_job,
    with_version,
)
from services.coordinator.api.schedules.lookup import (
    NO_SCHEDULE,
    SCHEDULES,
    operable_row,
    visible_row,
)
from services.coordinator.api.schedules.preview import (
    list_next_firings,
    preview_schedule,
    shown_next,
)
from services.coordinator.api.schedules.runs import (
    backfill_scheduled_job,
    list_schedule_runs,
    trigger_scheduled_job,
)
from services.coordinator.api.schedules.schemas import (
    PauseRequest,
    ScheduledJob,
    ScheduledJobPage,
    ScheduledJobSummary,
    SchedulesQuery,
)
from services.coordinator.api.schedules.upcoming import list_upcoming
from services.coordinator.api.schedules.views import (
    last_run,
    schedule_page,
    schedule_summary,
    shown_submission,
    whole_schedule,
)
from services.coordinator.api.templates.lookup import resolved, tag_of
from services.coordinator.api.templates.running import active, job_with, readers_of_template
from services.coordinator.api.tork.definition_texts import (
    DEFINITION,
    DefinitionQuery,
    reply_definition,
)
from services.coordinator.api.tork.dry_run import DryRun, reply_dry_run, require_uploads
from services.coordinator.api.tork.warnings import SubmitQuery, warned
from services.coordinator.commands import made_before
from services.coordinator.schedule_edits import NEVER, NeverFires
from services.coordinator.store import schedule_runs, schedules
from services.coordinator.store.schedules import NewSchedule, ScheduleRow
from shared.definition import JobDefinition
from shared.jobspec.cron.stored import NextFiring, StoredTimes, next_firing
from shared.jobspec.tags import parse_tag
from shared.jobspec.tork.models import Schedule, ScheduledJobSpec, ScheduledTemplate
from shared.jobspec.tork.parsing import (
    JSON_TYPES,
    YAML_TYPES,
    parse_scheduled_job,
    parse_scheduled_template,
)
from shared.planning.disclosure import redacting
from shared.planning.new_job import IdempotencyKey
from shared.planning.stored_jobs import without_secrets
from shared.planning.submission import new_job_id

_NOT_PAUSED = "it is {}: only a PAUSED scheduled job can be resumed"


@SCHEDULES.route(
    "POST /scheduled-jobs",
    "Submit a job, or name a template, that runs again and again, on its `schedule`",
    response(
        "The scheduled job is stored; with `dryRun`, it would be.", ScheduledJobSummary | DryRun
    ),
    {
        400: error("The job breaks a rule; the message names field, value and rule."),
        404: error("There is no such template."),
        409: error(f"The template is inactive. Or: {KEY_WAS_USED.meaning}"),
    },
    scope=Scope.SUBMIT,
    query=SubmitQuery,
    body=ScheduledJobSpec | ScheduledTemplate,
    body_types=(*JSON_TYPES, *YAML_TYPES),
    example={
        "name": "hello",
        "tasks": [{"name": "say hello", "run": "echo hello"}],
        "schedule": {"cron": "0/5 * * * *"},
    },
    headers=(IDEMPOTENCY_KEY,),
)
async def submit_scheduled_job(request: web.Request) -> web.Response:
    body = await whole_body(request)
    asked = await _asked(request, body)
    schedule, definition, warnings = asked.schedule, asked.definition, asked.warnings
    api = ports(request)
    key = await idempotency_key(request)
    shown, sealed = await in_background(request, partial(without_secrets, definition, api.sealer))
    times = schedule.times(new_job_id(), await api.run(schedules.now))
    next_at, look_at = _next_firing(times, times.created_at)
    if query(request, SubmitQuery).is_dry_run:
        await require_uploads(request, definition.uploads)
        redact = redacting(api.sealer, sealed)
        return reply_dry_run(shown_submission(shown, redact), warnings, nextAt=next_at)
    new = NewSchedule(
        id=times.id,
        cron=times.cron,
        timezone=times.timezone,
        overlap=schedule.overlap or "allow",
        catch_up=schedule.catch_up_policy,
        rules=times.rules,
        spec=shown,
        sealed=sealed,
        created_by=principal(request).creator,
        readers=asked.readers,
        created_at=times.created_at,
        next_at=next_at,
        look_at=look_at,
    )
    row = await _added(request, new, key, definition.uploads)
    shown = schedule_summary(row, redacting(api.sealer, row.sealed))
    return reply(shown | set_fields({"warnings": warnings}))


class _Asked(NamedTuple):
    """When, which job, for whom, and what was hardly meant."""

    schedule: Schedule
    definition: JobDefinition
    readers: Sequence[str]
    warnings: Sequence[Fields] = ()


async def _asked(request: web.Request, body: bytes) -> _Asked:
    """Of a job, or of a template by its tag."""
    content_type = request.headers.get("Content-Type", "")
    parsing = partial(parse_scheduled_template, body, content_type)
    if asked := await in_background(request, parsing):
        given = asked.as_run()
        tag = tag_of(parse_tag(asked.template).name, given.version or "")
        row = active(await resolved(request, "job", tag))
        made = await job_with(request, row, given)
        readers = await readers_of_template(request, row, made.definition.permissions)
        return _Asked(asked.schedule, made.definition, readers)
    spec = await in_background(request, partial(parse_scheduled_job, body, content_type))
    warnings = await warned(request, spec, body)
    definition = await compiled(request, spec)
    readers = readers_of(request, definition.permissions)
    return _Asked(spec.schedule, definition, readers, warnings)


async def _added(
    request: web.Request,
    new: NewSchedule,
    key: IdempotencyKey | None,
    uploads: Mapping[str, str],
) -> ScheduleRow:
    """What is made, or was by the first submission with its key."""
    api = ports(request)
    while not await api.run(schedules.add, new, key, uploads):
        # A key may be forgotten between these two looks at it: then it is as good as new.
        if key and (first := await made_before(api.pool, key)):
            row = await api.run(schedules.one, first, principal(request).readers)
            if row is None:
                raise gone(key, "scheduled job")
            return row
    return await visible_row(request, new.id)


def _next_firing(times: StoredTimes, now: datetime) -> NextFiring:
    found = next_firing(times, now)
    if found is None:
        raise BadRequest(NEVER)
    return found


@SCHEDULES.route(
    "GET /scheduled-jobs",
    "List scheduled jobs, newest first",
    response("A page of scheduled jobs.", ScheduledJobPage),
    query=SchedulesQuery,
)
async def list_scheduled_jobs(request: web.Request) -> web.Response:
    asked, who = query(request, SchedulesQuery), principal(request)
    api = ports(request)
    found = await api.run(schedules.page, who.readers, asked.request(), asked.state, asked.q)
    last = await api.run(schedule_runs.last, [row.id for row in found.items])
    return reply(schedule_page(found, partial(redacting, api.sealer), who.access_to, last))


@SCHEDULES.route(
    "GET /scheduled-jobs/{id}",
    "Show a scheduled job with its tasks",
    response("The whole scheduled job.", ScheduledJob),
)
async def get_scheduled_job(request: web.Request) -> web.Response:
    """Its `ETag` is its version: an edit may ask for it."""
    row = await visible_row(request)
    api = ports(request)
    now = await api.run(schedules.now)
    shown = whole_schedule(row, redacting(api.sealer, row.sealed))
    shown["access"] = principal(request).access_to(row.readers)
    shown |= last_run((await api.run(schedule_runs.last, [row.id])).get(row.id))
    if row.state == "ACTIVE":
        shown |= set_fields({"next": await shown_next(row, now)})
    return with_version(reply(shown), row.version)


@SCHEDULES.route(
    "GET /scheduled-jobs/{id}/definition",
    "Show a scheduled job as it was submitted, to edit it",
    DEFINITION,
    query=DefinitionQuery,
)
async def get_scheduled_job_definition(request: web.Request) -> web.Response:
    row = await visible_row(request)
    shown = whole_schedule(row, redacting(ports(request).sealer, row.sealed))
    if use := shown.pop("template", None):
        shown = {"template": use["tag"], "inputs": use["inputs"], "schedule": shown["schedule"]}
    return with_version(await reply_definition(request, shown), row.version)


@SCHEDULES.route(
    "PUT /scheduled-jobs/{id}/pause",
    "Pause a scheduled job: it submits nothing until it is resumed",
    DONE,
    {400: error("The scheduled job is not ACTIVE, or the body breaks a rule.")},
    scope=Scope.OPERATE,
    body=PauseRequest,
    example={"note": "the database is being moved"},
)
async def pause_scheduled_job(request: web.Request) -> web.Response:
    row = await operable_row(request)
    asked = await read_optional_body(request, PauseRequest)
    if not await ports(request).run(schedules.pause, row.id, asked.note):
        raise BadRequest(f"it is {row.state}: only an ACTIVE scheduled job can be paused")
    return reply(Status())


@SCHEDULES.route(
    "PUT /scheduled-jobs/{id}/resume",
    "Resume a scheduled job, from its next time on",
    DONE,
    {
        400: error("The scheduled job is not paused, or never fires again."),
        409: error("Its rules can't be read by this version; the message says why."),
    },
    scope=Scope.OPERATE,
)
async def resume_scheduled_job(request: web.Request) -> web.Response:
    """What would have fired while it was paused is not caught up."""
    row = await operable_row(request)
    if row.state != "PAUSED":
        raise BadRequest(_NOT_PAUSED.format(row.state))
    try:
        is_resumed = await ports(request).schedules.resume(row.id)
    except NeverFires as reason:  # all of them have passed meanwhile
        raise BadRequest(str(reason)) from None
    if not is_resumed:
        raise BadRequest(_NOT_PAUSED.format("not paused any more"))
    return reply(Status())


@SCHEDULES.route(
    "DELETE /scheduled-jobs/{id}",
    "Delete a scheduled job; its jobs stay",
    DONE,
    scope=Scope.OPERATE,
)
async def delete_scheduled_job(request: web.Request) -> web.Response:
    row = await operable_row(request)
    if not await ports(request).run(schedules.delete, row.id):
        raise NotFound(NO_SCHEDULE)  # by another since
    return reply(Status())


SCHEDULE_ROUTES: tuple[Route, ...] = (
    submit_scheduled_job,
    list_scheduled_jobs,
    preview_schedule,
    list_upcoming,
    list_next_firings,
    get_scheduled_job,
    get_scheduled_job_definition,
    pause_scheduled_job,
    resume_scheduled_job,
    edit_scheduled_job,
    trigger_scheduled_job,
    backfill_scheduled_job,
    list_schedule_runs,
    delete_scheduled_job,
)
