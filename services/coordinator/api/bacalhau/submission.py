"""PUT /api/v1/orchestrator/jobs: a new job, or a new version of the one with its name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import require_operable
from services.coordinator.api.bacalhau.bodies import parsed_body
from services.coordinator.api.bacalhau.error_form import hinted, in_words
from services.coordinator.api.bacalhau.groups import JOBS, NamespaceQuery, TokenQuery
from services.coordinator.api.bacalhau.ids import shown_id
from services.coordinator.api.bacalhau.lookup import operable_job
from services.coordinator.api.bacalhau.namespaces import readers_in
from services.coordinator.api.bacalhau.schemas import (
    DiffJob,
    JobDiff,
    JobPut,
    JobRerun,
    PutJob,
    RerunJob,
)
from services.coordinator.api.bacalhau.versions import differences, is_changed
from services.coordinator.api.background import in_background
from services.coordinator.api.errors import BadRequest, Conflict, NotFound
from services.coordinator.api.idempotency import IDEMPOTENCY_KEY, KEY_WAS_USED, idempotency_key
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports, query, whole_body
from services.coordinator.api.route import UNPAID, Scope, error, response
from services.coordinator.api.submitter import submitter_of
from services.coordinator.api.tork.fingerprints import wanted_reuse
from services.coordinator.api.tork.locks import shown_lock
from services.coordinator.api.tork.submission import ADMISSION
from services.coordinator.commands import NameTaken, Updated
from services.coordinator.store import named_jobs
from services.coordinator.store.job_versions import WholeVersion
from services.coordinator.store.named_jobs import NamedJob
from shared.definition import changed
from shared.jobspec.bacalhau import models as m
from shared.jobspec.bacalhau.compilation import compile_job
from shared.jobspec.bacalhau.normal import JobDefaults
from shared.jobspec.bacalhau.parsing import Checked, check_job, parse_job, text_of
from shared.jobspec.bacalhau.reuse import REUSE_META, reuse_of
from shared.jobspec.bacalhau.spec import entry
from shared.jobspec.problems import InvalidJob
from shared.lifecycle import derived_id
from shared.planning.disclosure import redacting
from shared.planning.named_jobs import named_document
from shared.planning.new_job import NewJob
from shared.planning.submission import new_job, new_job_id

JOB_DEFAULTS: web.AppKey[JobDefaults] = web.AppKey("job_defaults", dict)

_TRIES = 5
"""A name may be given, and its job be deleted, while a submission looks."""
_EXAMPLE_JOB = {
    "Name": "hello",
    "Type": "batch",
    "Count": 1,
    "Tasks": [
        {
            "Name": "main",
            "Engine": {
                "Type": "docker",
                "Params": {"Image": "alpine:3", "Parameters": ["echo", "hello"]},
            },
        }
    ],
}


class RerunQuery(NamespaceQuery, TokenQuery):
    """Which job, and that it is run once."""


_INVALID = error("The job breaks rules; `Message` has a line for each.")
_TAKEN = error(
    "Nothing differs from the job with the name, and `Force` is not set; or the name is that of a "
    f"job that you may not see. Or: {KEY_WAS_USED.meaning}"
)


@JOBS.route(
    "PUT /api/v1/orchestrator/jobs",
    "Submit a job, or a new version of the one with its name",
    response("It is stored.", JobPut),
    {400: _INVALID, 402: UNPAID, 409: _TAKEN},
    scope=Scope.SUBMIT,
    query=TokenQuery,
    body=PutJob,
    example={"Job": _EXAMPLE_JOB},
    headers=(IDEMPOTENCY_KEY,),
)
async def put_bacalhau_job(request: web.Request) -> web.Response:
    return await _put(request)


@JOBS.route(
    "POST /api/v1/orchestrator/jobs",
    "Submit a job, as with PUT",
    response("It is stored.", JobPut),
    {400: _INVALID, 402: UNPAID, 409: _TAKEN},
    scope=Scope.SUBMIT,
    query=TokenQuery,
    body=PutJob,
    example={"Job": _EXAMPLE_JOB},
    headers=(IDEMPOTENCY_KEY,),
)
async def post_bacalhau_job(request: web.Request) -> web.Response:
    return await _put(request)


async def _put(request: web.Request) -> web.Response:
    asked = await parsed_body(request, PutJob)
    async with request.app[ADMISSION].admitted():
        checked = await _checked(request, _in_namespace(asked.job, asked.namespace))
        submission = _Submission(
            job=checked.job,
            warnings=[warning.rule for warning in checked.warnings],
            readers=await readers_in(request, checked.job.namespace),
            force=asked.force,
            token=query(request, TokenQuery).idempotency_token or asked.idempotency_token,
        )
        return reply(await _submitted(request, submission))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Submission:
    job: m.Job
    warnings: Sequence[str]
    readers: Sequence[str]
    force: bool
    token: str


def _in_namespace(tree: Mapping[str, object], namespace: str) -> Mapping[str, object]:
    return {**tree, "Namespace": namespace} if namespace and not entry(tree, "Namespace") else tree


async def _checked(request: web.Request, tree: Mapping[str, object]) -> Checked:
    """Raises InvalidJob, in Bacalhau's words."""
    try:
        return await in_background(request, partial(check_job, tree, request.app[JOB_DEFAULTS]))
    except InvalidJob as error:  # the answer says it as their clients know it
        in_words(request, text_of(error.problems, tree))
        raise


async def _submitted(request: web.Request, asked: _Submission) -> JobPut:
    api, job = ports(request), asked.job
    for _ in range(_TRIES):
        named = await api.run(named_jobs.with_name, job.namespace, job.name)
        if named is not None:
            return await _updated(request, named, asked)
        try:
            new = await _with_reuse(request, job, await _new_job(request, asked, new_job_id()))
            submitted = await api.commands.submit(new, submitter_of(request))
        except NameTaken:  # just now: it is an update
            continue
        told = [_reused(submitted.job_id)] if submitted.is_reused else []
        return _put_answer(submitted.job_id, 1, [*asked.warnings, *told])
    raise Conflict(f"job {job.name!r} is being changed by others, try again")


async def _new_job(
    request: web.Request, asked: _Submission, job_id: str, reason: str = "submitted"
) -> NewJob:
    who, now = principal(request), datetime.now(UTC)
    name = asked.job.name or shown_id("j", job_id)

    def made() -> NewJob:
        definition = compile_job(asked.job, name)
        new = new_job(definition, job_id, now, created_by=who.creator, readers=asked.readers)
        return replace(new, named=named_document(asked.job, name), reason=reason)

    new = await in_background(request, made)
    key = await idempotency_key(request, asked.token)
    return replace(new, key=key, size=len(await request.read()))


async def _with_reuse(request: web.Request, job: m.Job, new: NewJob) -> NewJob:
    if (rules := reuse_of(job)) is None:
        return new
    return replace(new, reuse=await wanted_reuse(request, new, rules, job.namespace))


def _reused(job_id: str) -> str:
    return f"job {shown_id('j', job_id)} does the same work and is reused ({REUSE_META})"


async def _updated(request: web.Request, job_id: str, asked: _Submission) -> JobPut:
    """Raises Conflict, Forbidden, BadRequest."""
    api, job = ports(request), asked.job
    stored = await api.run(named_jobs.one, job_id, principal(request).readers)
    if stored is None:
        raise Conflict(f"the name {job.name!r} is taken in namespace {job.namespace!r}")
    await require_operable(request, job_id)
    if (kind := stored.document.get("Type")) != job.type:
        raise BadRequest(f"cannot change job type from {kind} to {job.type} during update")
    document = named_document(job, job.name).document
    if await api.commands.was_made(await idempotency_key(request, asked.token)):
        return _put_answer(job_id, stored.version, asked.warnings)
    if not asked.force and not is_changed(stored.document, document):
        text = f"no changes detected for new job spec. Job Name: '{job.name}', Job Id: '{{}}'"
        refusal = Conflict(text.format(shown_id("j", job_id)))
        raise hinted(request, refusal, "Use the --force flag to override this warning")
    updated = await _new_version(request, job_id, asked, "updated")
    return _put_answer(updated.job_id, updated.version or stored.version, asked.warnings)


async def new_version_of(request: web.Request, job_id: str, stored: WholeVersion) -> NewJob:
    """A job as the body has it, whole: JSON or YAML. Raises InvalidJob, BadRequest."""
    body, content_type = await whole_body(request), request.headers.get("Content-Type", "")
    defaults = request.app[JOB_DEFAULTS]
    checked = await in_background(request, partial(parse_job, body, content_type, defaults))
    name, job = stored.name or "", checked.job
    document = named_document(job, job.name or name)
    was = stored.document or {}
    for field in ("Name", "Namespace", "Type"):
        if document.document.get(field) != was.get(field):
            raise BadRequest(f"{field}: a new version can't change it: it is {was.get(field)!r}")
    definition = changed(compile_job(job, name), hold=stored.is_held)
    creator = principal(request).creator
    new = new_job(definition, job_id, datetime.now(UTC), created_by=creator)
    return replace(new, named=document)


async def _new_version(
    request: web.Request, job_id: str, asked: _Submission, reason: str
) -> Updated:
    new = await _new_job(request, asked, job_id, reason)
    lock = shown_lock(request)
    return await ports(request).commands.update(new, is_forced=asked.force, lock=lock)


def _put_answer(job_id: str, version: int, warnings: Sequence[str]) -> JobPut:
    return JobPut(
        job_id=shown_id("j", job_id),
        evaluation_id=shown_id("j", derived_id(job_id, version)).removeprefix("j-"),
        warnings=list(warnings),
    )


@JOBS.route(
    "PUT /api/v1/orchestrator/jobs/{id}/rerun",
    "Run a version of a job once more, as a new version",
    response("It is stored.", JobRerun),
    {
        402: UNPAID,
        409: error("The job waits to run, or can't have that version now. Or several begin so."),
    },
    scope=Scope.OPERATE,
    query=RerunQuery,
    body=RerunJob,
    example={"JobVersion": 1, "Reason": "the data has changed"},
    headers=(IDEMPOTENCY_KEY,),
)
async def rerun_bacalhau_job(request: web.Request) -> web.Response:
    """Its executions run anew, those that run included. It is counted from now how long it may
    take, and wait."""
    asked, by = await parsed_body(request, RerunJob), query(request, RerunQuery)
    job = await operable_job(request, by.namespace, asked.job_version)
    if job.state in ("Pending", "Queued"):
        refusal = Conflict(f"cannot rerun job in state {job.state}")
        raise hinted(request, refusal, "Submit the job with a change to replace it")
    checked = await _checked(request, job.document)
    submission = _Submission(
        job=checked.job, warnings=(), readers=(), force=True, token=by.idempotency_token
    )
    reason = f"job rerun of version {job.version}" + (f": {asked.reason}" if asked.reason else "")
    updated = await _new_version(request, job.id, submission, reason)
    version = updated.version or job.version
    return reply(JobRerun(**dict(_put_answer(job.id, version, ())), job_version=version))


@JOBS.route(
    "PUT /api/v1/orchestrator/jobs/diff",
    "Compare a job with the one that has its name",
    response("What differs.", JobDiff),
    {400: _INVALID, 404: error("There is no such job.")},
    body=DiffJob,
    example={"Job": _EXAMPLE_JOB},
)
async def diff_bacalhau_job(request: web.Request) -> web.Response:
    return await _diff(request)


@JOBS.route(
    "PUT /api/v1/orchestrator/jobs/{id}/diff",
    "Compare a job with the one that has its name, as some clients ask",
    response("What differs.", JobDiff),
    {400: _INVALID},
    body=DiffJob,
    example={"Job": _EXAMPLE_JOB},
)
async def diff_bacalhau_job_by_path(request: web.Request) -> web.Response:
    return await _diff(request)


async def _diff(request: web.Request) -> web.Response:
    tree = (await parsed_body(request, DiffJob)).job
    if not entry(tree, "Name"):
        raise BadRequest("invalid job spec: name is missing")
    checked = await _checked(request, tree)
    stored = await _visible(request, checked.job)
    if stored is None:
        raise NotFound(f"job not found: {checked.job.name}")
    document = redacting(ports(request).sealer, stored.sealed).value(stored.document)
    diff = differences(document, named_document(checked.job, checked.job.name).document)
    return reply(JobDiff(diff=diff, warnings=[warning.rule for warning in checked.warnings]))


async def _visible(request: web.Request, job: m.Job) -> NamedJob | None:
    """The job with its name, if the request may see it."""
    api, readers = ports(request), principal(request).readers
    job_id = await api.run(named_jobs.with_name, job.namespace, job.name)
    return await api.run(named_jobs.one, job_id, readers) if job_id else None


SUBMISSION_ROUTES = (
    put_bacalhau_job,
    post_bacalhau_job,
    rerun_bacalhau_job,
    diff_bacalhau_job,
    diff_bacalhau_job_by_path,
)
