"""POST /jobs: what is submitted is admitted, stored, and recorded as a span of the job's trace.

Whoever submits asks again at once, so that in a flood the event loop would have as many
submissions to work on as there are clients, and each step of a read would wait for all of them.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import cast

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import compiled, readers_of, refused_at
from services.coordinator.api.background import in_background
from services.coordinator.api.errors import BadRequest, Conflict, TooManyWaiting, WaitedTooLong
from services.coordinator.api.idempotency import (
    IDEMPOTENCY_KEY,
    KEY_WAS_USED,
    gone,
    idempotency_key,
    idempotency_text,
    is_repeated,
)
from services.coordinator.api.replies import Fields, reply, set_fields
from services.coordinator.api.requests import ports, query, whole_body
from services.coordinator.api.route import JSON, UNPAID, Header, Response, Scope, error
from services.coordinator.api.submitter import submitter_of
from services.coordinator.api.tork import views
from services.coordinator.api.tork.dry_run import DryRun, reply_dry_run, require_uploads
from services.coordinator.api.tork.fingerprints import wanted_reuse
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.api.tork.schemas.jobs import Job, JobSummary
from services.coordinator.api.tork.warnings import SubmitQuery, warned
from services.coordinator.api.tork.whole_job import reply_job
from services.coordinator.commands import Submitted
from services.coordinator.store import one_job
from services.coordinator.store.rows import JsonObject, SummaryRow, shown_user
from shared.definition.quantities import parse_duration
from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.models import JobSpec
from shared.jobspec.tork.parsing import JSON_TYPES, YAML_TYPES, parse_job
from shared.planning.disclosure import redacting, redacting_known
from shared.planning.new_job import NewJob
from shared.planning.submission import new_job, new_job_id
from shared.process.metrics import WORKED_OFF, Metrics, MetricSpec
from shared.tracing.protocol import Finished, from_traceparent, job_context

_OPEN = MetricSpec(
    "submissions_open",
    "Submissions that this coordinator is processing or that wait for it.",
    WORKED_OFF,
    "near 1,000: clients will soon be rejected; start another coordinator",
)
_REJECTED = MetricSpec(
    "submissions_rejected_total",
    "Submissions rejected with 503 because too many were waiting.",
    WORKED_OFF,
    "any increase, unless clients retry",
)


class AdmissionLimiter:
    """`at_once` are processed, `waiting` more may wait, first come, first served."""

    def __init__(self, at_once: int, waiting: int, metrics: Metrics) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._count = 0
        self._rejected = metrics.counter(_REJECTED)
        metrics.read_one(_OPEN, lambda: self._count)

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Wait for a slot, and hold it while the context lasts. Raises TooManyWaiting at once."""
        if self._count >= self._most:
            self._rejected.inc()
            raise TooManyWaiting(
                "too many submissions are waiting, try again later",
                {"Retry-After": "1"},
            )
        self._count += 1
        try:
            async with self._slots:
                yield
        finally:
            self._count -= 1


_TRACEPARENT = "traceparent"
_NAME = "POST /jobs"


_REUSED = Header(
    "X-Job-Reused",
    "The id of the job, if the submission is answered with one that does the same work.",
    {"type": "string"},
)
ADMISSION = web.AppKey("admission", AdmissionLimiter)


@JOBS.route(
    "POST /jobs",
    "Submit a job",
    Response(
        "The job is stored; with `wait`, it is final; with `dryRun`, it would be stored.",
        {JSON: Job | JobSummary | DryRun},
        (_REUSED,),
    ),
    {
        400: error("The job breaks a rule; the message names field, value and rule."),
        402: UNPAID,
        408: error("With `wait`: the job is still running. Otherwise: the body came too slowly."),
        409: KEY_WAS_USED,
        503: error(
            "The database can't be reached, or too many submissions wait; `Retry-After` says "
            "when to try again."
        ),
    },
    scope=Scope.SUBMIT,
    query=SubmitQuery,
    body=JobSpec,
    body_types=(*JSON_TYPES, *YAML_TYPES),
    example={"name": "hello", "tasks": [{"name": "say hello", "run": "echo hello"}]},
    headers=(IDEMPOTENCY_KEY,),
)
async def submit_job(request: web.Request) -> web.StreamResponse:
    """The summary at once, or the whole job once it is final when the job asks to wait.

    Of a job that was submitted before with the same key, as it is by now; with `reuse`, of one that
    does the same work.
    """
    began = time.time()
    await whole_body(request)  # before it is admitted: a slow client keeps nobody waiting
    async with request.app[ADMISSION].admitted():
        parsing = partial(parse_job, await request.read(), request.headers.get("Content-Type", ""))
        spec = await in_background(request, parsing)
        warnings = await warned(request, spec, await request.read())
        new = await new_job_of(request, spec)
        if query(request, SubmitQuery).is_dry_run:
            return await _reply_dry_run(request, new, warnings)
        submitted = await _submitted(request, new)
    _record(request, submitted.job_id, began)
    answer = await _answer(request, spec, submitted, new, warnings)
    if submitted.is_reused and not answer.prepared:
        answer.headers[_REUSED.name] = submitted.job_id
    return answer


async def _answer(
    request: web.Request,
    spec: JobSpec,
    submitted: Submitted,
    new: NewJob,
    warnings: Sequence[Fields],
) -> web.StreamResponse:
    if spec.wait is not None:
        return await _when_final(request, submitted.job_id, spec.wait.timeout, warnings)
    return await reply_submitted(request, submitted, new, warnings)


async def _submitted(request: web.Request, new: NewJob) -> Submitted:
    try:
        return await ports(request).commands.submit(new, submitter_of(request))
    except InvalidJob as error:  # only the transaction knows which uploads there are
        raise await refused_at(request, error.problems) from None


async def _reply_dry_run(
    request: web.Request, new: NewJob, warnings: Sequence[Fields]
) -> web.Response:
    await require_uploads(request, new.definition.uploads)
    shown = await in_background(request, partial(_shown_new, new, request))
    return reply_dry_run(shown, warnings)


async def reply_submitted(
    request: web.Request, submitted: Submitted, new: NewJob, warnings: Sequence[Fields] = ()
) -> web.Response:
    if submitted.is_new:
        shown = await in_background(request, partial(_shown_new, new, request))
    else:
        shown = await _summary(request, submitted.job_id, new)
    submission_id = new.submission_id if new.reuse else None
    more = {"warnings": warnings, "reused": submitted.is_reused, "submissionId": submission_id}
    return reply(shown | set_fields(more))


async def new_job_of(request: web.Request, spec: JobSpec) -> NewJob:
    """What is submitted, as it would be stored. Raises InvalidJob, BadRequest."""
    submit_id = _submit_id(request, spec)
    definition = await compiled(request, spec, partial(is_repeated, otherwise=submit_id))
    readers = readers_of(request, definition.permissions)
    creator = principal(request).creator
    now, job_id = datetime.now(UTC), new_job_id()

    def made() -> NewJob:
        return new_job(definition, job_id, now, created_by=creator, readers=readers)

    new = await in_background(request, made)
    key = await idempotency_key(request, submit_id)
    new = replace(new, key=key, size=len(await request.read()))
    rules = new.definition.reuse
    return replace(new, reuse=await wanted_reuse(request, new, rules)) if rules else new


def _submit_id(request: web.Request, spec: JobSpec) -> str:
    """The one that the body has, "" for none. Raises BadRequest where the header has another."""
    submit_id, key = spec.submit_id or "", idempotency_text(request)
    if submit_id and key and submit_id != key:
        raise BadRequest(
            f"submitId: {json.dumps(submit_id)} is not allowed: must be the same as the header "
            f"Idempotency-Key, {json.dumps(key)}, if there are both"
        )
    return submit_id


def _shown_new(new: NewJob, request: web.Request) -> Fields:
    redact = redacting_known(ports(request).sealer, new.definition.secrets)
    return views.summary(_row_of(new), redact, principal(request).access_to(new.readers))


async def _summary(request: web.Request, job_id: str, new: NewJob) -> Fields:
    """Of the job that the first submission with the key of `new` has made, or that does the same
    work."""
    api = ports(request)
    row = await api.run(one_job.summary, job_id, principal(request).readers)
    if row is None:
        if new.key is None:
            raise Conflict("the job that does the same work was just deleted: submit again")
        raise gone(new.key, "job")
    access = principal(request).access_to(row.readers)
    return views.summary(row, redacting(api.sealer, row.sealed), access)


async def _when_final(
    request: web.Request, job_id: str, timeout: str, warnings: Sequence[Fields]
) -> web.StreamResponse:
    seconds = parse_duration(timeout).total_seconds()
    if not await ports(request).final_jobs.wait_for(job_id, seconds):
        raise WaitedTooLong(f"job {job_id} is still running after {timeout}")
    return await reply_job(request, job_id, warnings)


def _row_of(new: NewJob) -> SummaryRow:
    job, definition = new.job, new.definition
    return SummaryRow(
        id=job.id,
        state=job.state.value,
        name=definition.name,
        description=definition.description,
        tags=definition.tags,
        inputs=cast(JsonObject, definition.inputs),
        sealed=None,
        task_count=job.task_count,
        position=job.position,
        progress=job.progress,
        created_at=job.created_at,
        started_at=None,
        completed_at=None,
        failed_at=None,
        result=None,
        error=None,
        created_by=shown_user(new.created_by),
        readers=new.readers,
        template=new.template,
    )


def _record(request: web.Request, job_id: str, began: float) -> None:
    """`began` is in seconds since 1970. A client's trace and the job's are linked with each other:
    a job may outlive what has submitted it by days."""
    tracing = ports(request).tracing
    if not tracing.is_on:
        return
    ended, job = time.time(), job_context(job_id)
    facts = {"conveyor.job.id": job_id, "http.request.method": "POST", "http.route": "/jobs"}
    caller = from_traceparent(request.headers.get(_TRACEPARENT))
    served = None
    if caller is not None:
        served = tracing.record(
            Finished(
                name=_NAME,
                parent=caller,
                began=began,
                ended=ended,
                kind="server",
                facts=facts,
                links=[job],
            )
        )
    tracing.record(
        Finished(
            name="submit" if served else _NAME,
            parent=job,
            began=began,
            ended=ended,
            kind="producer" if served else "server",
            facts=facts,
            links=[served] if served else (),
        )
    )
