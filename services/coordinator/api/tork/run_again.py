"""POST /jobs/{id}/run-again: a new job from what is stored of another, its secrets included."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import readers_of, require_operable
from services.coordinator.api.errors import Conflict, NotFound
from services.coordinator.api.idempotency import IDEMPOTENCY_KEY, KEY_WAS_USED, idempotency_key
from services.coordinator.api.requests import path_id, ports, whole_body
from services.coordinator.api.route import UNPAID, Scope, error, response
from services.coordinator.api.submitter import submitter_of
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.api.tork.schemas.jobs import JobSummary
from services.coordinator.api.tork.submission import reply_submitted
from services.coordinator.store import one_job
from services.coordinator.store.rows import JobRow
from shared.definition import Duration, Encoded, JobDefinition, decode_job
from shared.definition.quantities import format_duration, parse_rate, rate_text
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.tork.models import JobChanges
from shared.jobspec.tork.parsing import JSON_TYPES, YAML_TYPES, parse_changes
from shared.lifecycle import Slots
from shared.planning.new_job import NewJob
from shared.planning.secrets import OF_INPUTS, without_derived
from shared.planning.submission import new_job, new_job_id
from shared.planning.templates import inputs_read
from shared.process.redaction import map_texts
from shared.process.sealing import Sealer, SealingError
from shared.store.row_values import slots_of


@JOBS.route(
    "POST /jobs/{id}/run-again",
    "Submit a job once more, with other inputs or secrets if wanted",
    response("The new job is stored.", JobSummary),
    {
        400: error("An input or a secret breaks a rule, or the job has no such input."),
        402: UNPAID,
        409: error(f"The secrets of the job can't be read. Or: {KEY_WAS_USED.meaning}"),
    },
    scope=Scope.SUBMIT,
    body=JobChanges,
    body_types=(*JSON_TYPES, *YAML_TYPES),
    example={"inputs": {"name": "world"}},
    headers=(IDEMPOTENCY_KEY,),
)
async def run_job_again(request: web.Request) -> web.Response:
    """Whoever may act on a job may run it again; they are the new one's creator."""
    body = await whole_body(request)
    changes = JobChanges()
    if body.strip():
        changes = parse_changes(body, request.headers.get("Content-Type", ""))
    new = await _new_job(request, path_id(request, "job"), changes)
    submitted = await ports(request).commands.submit(new, submitter_of(request))
    return await reply_submitted(request, submitted, new)


async def _new_job(request: web.Request, job_id: str, changes: JobChanges) -> NewJob:
    api, who = ports(request), principal(request)
    await require_operable(request, job_id)
    row = await api.run(one_job.job, job_id, who.readers)
    sharing = await api.run(one_job.sharing, job_id)
    if row is None or sharing is None:
        raise NotFound("no such job")  # deleted since
    row = row._replace(permissions=list(sharing.permissions))  # as stored, not as shown
    kept = [task async for portion in one_job.many_tasks(api.pool, job_id) for task in portion]
    try:
        definition = _definition(row, kept, changes, api.sealer)
    except SealingError as reason:  # it was stored under a key that is no longer set
        raise Conflict(f"the secrets of the job can't be read: {reason}") from None
    new = new_job(
        definition,
        new_job_id(),
        datetime.now(UTC),
        created_by=who.creator,
        readers=readers_of(request, (), sharing.readers),
    )
    return replace(
        new, key=await idempotency_key(request), lender_id=job_id, template=row.summary.template
    )


def _secrets(row: JobRow, changes: JobChanges, sealer: Sealer) -> dict[str, str]:
    stored = without_derived(sealer.secrets_in(row.summary.sealed))
    replaced = {OF_INPUTS + name for name in changes.inputs or ()}
    kept = {name: value for name, value in stored.items() if name not in replaced}
    return kept | {name: value or "" for name, value in (changes.secrets or {}).items()}


def _definition(
    row: JobRow, kept: list[Encoded], changes: JobChanges, sealer: Sealer
) -> JobDefinition:
    """Raises SealingError, and InvalidJob for inputs that the job does not have."""
    job = row.summary
    stored = decode_job(
        {
            "name": job.name,
            "description": job.description,
            "tags": job.tags,
            "tasks": [sealer.opened(task) for task in kept],
            "inputs": {**job.inputs, **(changes.inputs or {})},
            "secrets": _secrets(row, changes, sealer),
            "uploads": {**row.uploads, **(changes.uploads or {})},
            "output": row.output,
            "defaults": row.defaults,
            "webhooks": map_texts(row.webhooks, sealer.open_text),
            "permissions": row.permissions,
        }
    )
    refuse_unknown_inputs(changes.inputs or {}, job.inputs, stored)
    limits = slots_of(row.slots) or Slots()
    pace = limits.rate and rate_text(limits.rate.count, limits.rate.seconds)
    return replace(
        stored,
        auto_delete=_duration(row.auto_delete_after),
        timeout=_duration(row.timeout),
        budget=None if row.budget is None else format(row.budget, "f"),
        concurrency=limits.concurrency,
        start_rate=parse_rate(pace) if pace else None,
    )


def refuse_unknown_inputs(given: Collection[str], had: Collection[str], job: JobDefinition) -> None:
    """Raises InvalidJob for those that the job neither had nor reads."""
    unknown = [name for name in given if name not in had]
    read = inputs_read(job) if unknown else None
    if read is None:
        return
    problems = []
    for name in unknown:
        if name not in read:
            near = get_close_matches(name, {*had, *read}, n=1)
            guess = f", did you mean {near[0]!r}?" if near else ", and no expression reads it"
            problems.append(Problem(f"inputs.{name}", f"the job has no such input{guess}"))
    if problems:
        raise InvalidJob(problems)


def _duration(length: timedelta | None) -> Duration | None:
    return Duration(length.total_seconds(), format_duration(length)) if length else None
