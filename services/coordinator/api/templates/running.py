"""POST /templates/{name}/run: a job of a template, with the inputs that it asks for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import readers_of, refused_at
from services.coordinator.api.bacalhau.namespaces import readers_in
from services.coordinator.api.background import in_background
from services.coordinator.api.errors import Conflict
from services.coordinator.api.idempotency import IDEMPOTENCY_KEY, KEY_WAS_USED, idempotency_key
from services.coordinator.api.requests import ports, whole_body
from services.coordinator.api.route import UNPAID, Scope, error, response
from services.coordinator.api.submitter import submitter_of
from services.coordinator.api.templates.lookup import TEMPLATES, resolved, tag_of
from services.coordinator.api.tork.schemas.jobs import JobSummary
from services.coordinator.api.tork.submission import ADMISSION, reply_submitted
from services.coordinator.store.templates import Registered
from shared.definition import Permission
from shared.jobspec.bacalhau.templates import namespace_of
from shared.jobspec.cron.moments import parse_moment
from shared.jobspec.problems import InvalidJob
from shared.jobspec.template_values import Given
from shared.jobspec.tork.models import TemplateRun
from shared.jobspec.tork.parsing import JSON_TYPES, YAML_TYPES, parse_template_run
from shared.planning.new_job import NewJob
from shared.planning.stored_jobs import CannotFire
from shared.planning.submission import new_job, new_job_id
from shared.planning.template_jobs import TemplateJob, job_of_template


@TEMPLATES.route(
    "POST /templates/{name}/run",
    "Submit a job of a template",
    response("The job is stored.", JobSummary),
    {
        400: error("An input breaks a rule; the message names input, value and rule."),
        402: UNPAID,
        409: error(f"The version is inactive. Or: {KEY_WAS_USED.meaning}"),
    },
    scope=Scope.SUBMIT,
    body=TemplateRun,
    body_types=(*JSON_TYPES, *YAML_TYPES),
    example={"inputs": {"who": "world"}},
    headers=(IDEMPOTENCY_KEY,),
)
async def run_template(request: web.Request) -> web.Response:
    """The job keeps what it was made of, whatever becomes of the template."""
    body, given = await whole_body(request), TemplateRun()
    async with request.app[ADMISSION].admitted():
        if body.strip():
            content_type = request.headers.get("Content-Type", "")
            given = await in_background(request, partial(parse_template_run, body, content_type))
        row = await resolved(
            request, "job", tag_of(request.match_info["name"], given.version or "")
        )
        new = await _new_job(request, active(row), given)
        try:
            submitted = await ports(request).commands.submit(new, submitter_of(request))
        except InvalidJob as error:  # only the transaction knows which uploads there are
            raise await refused_at(request, error.problems) from None
    return await reply_submitted(request, submitted, new)


def active(row: Registered) -> Registered:
    """Raises Conflict."""
    if not row.is_active:
        raise Conflict(f"template {row.tag} is inactive")
    return row


async def _new_job(request: web.Request, row: Registered, given: TemplateRun) -> NewJob:
    made = await job_with(request, row, given)
    readers = await readers_of_template(request, row, made.definition.permissions)
    new = await in_background(
        request,
        lambda: new_job(
            made.definition,
            new_job_id(),
            datetime.now(UTC),
            created_by=principal(request).creator,
            readers=readers,
        ),
    )
    return replace(made.named(new), key=await idempotency_key(request))


async def readers_of_template(
    request: web.Request, row: Registered, permissions: Sequence[Permission]
) -> Sequence[str]:
    """Of a job that the request makes of it. Raises Forbidden."""
    if row.language:
        return await readers_in(request, namespace_of(row.document))
    return readers_of(request, permissions)


async def job_with(request: web.Request, row: Registered, given: TemplateRun) -> TemplateJob:
    """Raises InvalidJob with lines, Conflict."""
    sealer = ports(request).sealer
    values = Given(
        inputs=given.inputs or {},
        secrets={name: value or "" for name, value in (given.secrets or {}).items()},
        uploads=given.uploads or {},
    )
    try:
        tag = str(tag_of(row.name, given.version or ""))
        making = partial(job_of_template, row, tag, values, sealer)
        made = await in_background(request, making)
    except InvalidJob as error:
        raise await refused_at(request, error.problems) from None
    except CannotFire as reason:  # it was pushed under a key that is no longer set
        raise Conflict(f"template {row.tag} can't be read: {reason}") from None
    definition = made.definition
    definition = replace(
        definition,
        name=given.name or definition.name,
        hold=given.hold or definition.hold,
        start_at=parse_moment(given.start_at) if given.start_at else definition.start_at,
    )
    return replace(made, definition=definition)
