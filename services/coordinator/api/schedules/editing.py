"""PATCH /scheduled-jobs/{id}: a change of some fields, checked as a whole as a submission is."""

import re
from dataclasses import replace
from functools import partial

import orjson
from aiohttp import hdrs, web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import compiled, creators_entry, readers_of
from services.coordinator.api.background import BACKGROUND, in_background
from services.coordinator.api.errors import BadRequest, Conflict, Forbidden, PreconditionFailed
from services.coordinator.api.replies import Fields, reply, set_fields
from services.coordinator.api.requests import ports, query, whole_body
from services.coordinator.api.route import Header, Scope, error, response
from services.coordinator.api.schedules.lookup import SCHEDULES, operable_row, visible_row
from services.coordinator.api.schedules.schemas import ScheduledJobChanges, ScheduledJobSummary
from services.coordinator.api.schedules.views import (
    schedule_summary,
    shown_submission,
    submitted_schedule,
    whole_schedule,
)
from services.coordinator.api.templates.lookup import resolved
from services.coordinator.api.templates.running import active, job_with
from services.coordinator.api.tork.definitions import submitted_job
from services.coordinator.api.tork.dry_run import DryRun, reply_dry_run
from services.coordinator.api.tork.warnings import SubmitQuery, warned
from services.coordinator.schedule_commands import NoSuchSchedule
from services.coordinator.schedule_edits import EditedSchedule, NeverFires, NewRules
from services.coordinator.store import schedules
from services.coordinator.store.schedules import ScheduleRow, StoredSchedule
from shared.definition import JobDefinition, TemplateUse, encode
from shared.jobspec.tags import parse_tag
from shared.jobspec.tork.models import TemplateRun
from shared.jobspec.tork.parsing import (
    JSON_TYPES,
    PATCH_TYPES,
    YAML_TYPES,
    ChangedJob,
    parse_scheduled_job_changes,
)
from shared.planning.disclosure import redacting
from shared.planning.scheduled_jobs import definition_of
from shared.planning.stored_jobs import without_secrets

_VERSION = re.compile(r'"([^"]*)"')
_ANY = "*"
_OF_TEMPLATES = {"schedule", "permissions", "inputs"}
"""What of a schedule of a template can be edited."""
_TASKS_OF_TEMPLATE = [{"name": "of the template"}]
"""They are not edited, and may be of another language."""
IF_MATCH = Header(
    "If-Match",
    "The `ETag` of the version that is edited: of another one nothing is changed.",
    {"type": "string"},
)


@SCHEDULES.route(
    "PATCH /scheduled-jobs/{id}",
    "Edit a scheduled job: the fields that are given; null takes one away",
    response(
        "The scheduled job as it is now; with `dryRun`, it stays as it is.",
        ScheduledJobSummary | DryRun,
    ),
    {
        400: error("The job would break a rule; the message names field, value and rule."),
        409: error(
            "Its secrets can't be read, or its template is inactive or gone; the message says why."
        ),
        412: error("It has another version than `If-Match` says."),
    },
    scope=Scope.OPERATE,
    query=SubmitQuery,
    body=ScheduledJobChanges,
    body_types=(*JSON_TYPES, *PATCH_TYPES, *YAML_TYPES),
    example={"schedule": {"cron": "0 6 * * *"}, "inputs": {"n": "3"}},
    headers=(IF_MATCH,),
)
async def edit_scheduled_job(request: web.Request) -> web.Response:
    """Jobs that it has created stay as they are. Whoever says what its jobs do submits them."""
    if not principal(request).may(Scope.SUBMIT):
        raise Forbidden(f"requires the scope {Scope.SUBMIT} as well")
    row, api = await operable_row(request), ports(request)
    is_dry_run = query(request, SubmitQuery).is_dry_run
    while True:
        edited, warnings = await _edited(request, row)
        try:
            is_done = await api.schedules.edit(edited, is_dry_run=is_dry_run)
        except NeverFires as reason:  # by what the client wants
            raise BadRequest(str(reason)) from None
        if is_done and is_dry_run:
            shown = shown_submission(edited.spec, redacting(api.sealer, edited.sealed))
            return reply_dry_run(shown, warnings)
        row = await visible_row(request, row.id)
        if is_done:
            shown = schedule_summary(row, redacting(api.sealer, row.sealed))
            return with_version(reply(shown | set_fields({"warnings": warnings})), row.version)
        # Another edit came first: this one is made of what that one has left


def _require_version(request: web.Request, version: int) -> None:
    """Raises PreconditionFailed."""
    wanted = request.headers.get(IF_MATCH.name, _ANY)
    if wanted.strip() != _ANY and str(version) not in _VERSION.findall(wanted):
        raise PreconditionFailed(f'If-Match: its version is "{version}" now')


def with_version(response: web.Response, version: int) -> web.Response:
    response.headers[hdrs.ETAG] = f'"{version}"'
    return response


async def _edited(request: web.Request, row: ScheduleRow) -> tuple[EditedSchedule, list[Fields]]:
    api = ports(request)
    stored = await api.run(schedules.stored, row.id)
    if stored is None:
        raise NoSuchSchedule(row.id)
    _require_version(request, stored.version)
    was = definition_of(stored, api.sealer)
    now = submitted_job(encode(was)) | {"schedule": submitted_schedule(stored)}
    now.pop("permissions", None)  # they are stored with the identities of the users
    shown = whole_schedule(row, redacting(api.sealer, row.sealed))
    if was.template:
        now["inputs"] = shown["inputs"] = was.template.inputs
        now["tasks"] = _TASKS_OF_TEMPLATE
    changed = await _changed(request, now, shown)
    if was.template and (others := sorted(changed.fields - _OF_TEMPLATES)):
        raise BadRequest(f"{others[0]}: is of template {was.template.tag}: submit another schedule")
    definition = await compiled(request, changed.spec)
    warnings: list[Fields] = []
    if was.template:
        definition = await _of_template(request, was, was.template, definition, changed)
    else:
        warnings = await warned(request, changed.spec, await whole_body(request))
    readers = stored.readers
    if "permissions" in changed.fields:
        creator = creators_entry(stored.created_by) if definition.permissions else ()
        readers = readers_of(request, definition.permissions, creator)
    else:
        definition = replace(definition, permissions=was.permissions)
    shown, sealed = await in_background(request, partial(without_secrets, definition, api.sealer))
    rules = _rules(changed, stored)
    edited = EditedSchedule(stored.version, rules, shown, sealed, readers, definition.uploads)
    return edited, warnings


async def _of_template(
    request: web.Request,
    was: JobDefinition,
    use: TemplateUse,
    definition: JobDefinition,
    changed: ChangedJob,
) -> JobDefinition:
    """With other inputs, as its template makes it now. Raises InvalidJob, Conflict."""
    if "inputs" not in changed.fields:
        return replace(was, permissions=definition.permissions)
    row = active(await resolved(request, "job", parse_tag(use.tag)))
    if row.owner != use.owner:
        raise Conflict(f"template {use.tag} does not exist any more: another has taken its name")
    given = TemplateRun.model_construct(
        inputs=changed.spec.inputs,
        secrets={name: was.secrets[name] for name in use.secrets},
        uploads={name: was.uploads[name] for name in use.uploads},
        version=str(parse_tag(use.tag)).partition("@")[2] or None,
        name=was.name,
    )
    made = await job_with(request, row, given)
    return replace(made.definition, permissions=definition.permissions)


async def _changed(request: web.Request, now: Fields, shown: Fields) -> ChangedJob:
    """In a thread: the job may be much larger than what is changed of it."""
    body, content_type = await whole_body(request), request.headers.get("Content-Type", "")
    size, limit = len(orjson.dumps(now)), request.client_max_size

    def changed() -> ChangedJob:
        found = parse_scheduled_job_changes(body, content_type, now, shown)
        made = len(orjson.dumps(found.spec.as_submitted()))
        if made > max(limit, size):
            raise BadRequest(f"the job would have {made} bytes: the limit is {limit}")
        return found

    return await request.app[BACKGROUND].run(changed, max(size, len(body)))


def _rules(changed: ChangedJob, stored: StoredSchedule) -> NewRules:
    schedule = changed.spec.schedule
    return NewRules(
        times=schedule.times(stored.id, stored.created_at),
        overlap=schedule.overlap or "allow",
        catch_up=schedule.catch_up_policy,
        max_runs=schedule.max_runs,
    )
