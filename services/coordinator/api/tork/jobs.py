"""/jobs: submit, list, show, log, cancel, restart."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import cast

from aiohttp import web

from services.coordinator.api.access.permissions import readers_of
from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import require_visible
from services.coordinator.api.admission import AdmissionLimiter
from services.coordinator.api.errors import NotFound, WaitedTooLong
from services.coordinator.api.events import follow_job_log
from services.coordinator.api.idempotency import gone, idempotency_key, made_before
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import JobsQuery, LogQuery, path_id, ports, query
from services.coordinator.api.schemas import Status
from services.coordinator.api.submission_span import record_submission
from services.coordinator.api.tork import views
from services.coordinator.api.tork.schemas.jobs import JobSummary
from services.coordinator.redaction import Redacting, redacting
from services.coordinator.store.job_search import parse_search
from services.coordinator.store.rows import JsonObject, SummaryRow, WholeJob
from shared.jobspec import JobSpec, parse_duration, parse_job
from shared.planning.new_job import NewJob
from shared.planning.submission import new_job, new_job_id
from shared.process.redaction import Redactor

ADMISSION = web.AppKey("admission", AdmissionLimiter)

_NO_JOB = "no such job"
_MANY_TASKS = 500


async def submit_job(request: web.Request) -> web.Response:
    """The summary at once, or the whole job once it is final when the job asks to wait.

    Of a job that was submitted before with the same key, as it is by now.
    """
    began = time.time()
    await request.read()  # before it is admitted: a slow client keeps nobody waiting
    async with request.app[ADMISSION].admitted():
        spec, summary = await _taken_in(request)
    record_submission(request, summary.id, began)
    return reply(summary) if spec.wait is None else await _when_final(request, summary.id, spec)


async def _taken_in(request: web.Request) -> tuple[JobSpec, JobSummary]:
    spec = parse_job(await request.read(), request.headers.get("Content-Type", ""))
    key = await idempotency_key(request)
    new = new_job(
        spec,
        new_job_id(),
        datetime.now(UTC),
        created_by=principal(request).creator,
        readers=await readers_of(request, spec),
    )
    return spec, await _submit(request, replace(new, key=key) if key else new)


async def _submit(request: web.Request, new: NewJob) -> JobSummary:
    """Of the job that is made, or was by the first submission with its key."""
    api = ports(request)
    while not await api.commands.submit(new):
        # A key may be forgotten between these two looks at it: then it is as good as new.
        if new.key and (job_id := await made_before(request, new.key)):
            row = await api.reads.summary(job_id, principal(request).readers)
            if row is None:
                raise gone(new.key, "job")
            return views.summary(row, redacting(api.sealer, row.sealed))
    return _summary_of_new(new)


async def _when_final(request: web.Request, job_id: str, spec: JobSpec) -> web.Response:
    timeout = spec.wait.timeout if spec.wait else "0s"
    seconds = parse_duration(timeout).total_seconds()
    if not await ports(request).final_jobs.wait_for(job_id, seconds):
        raise WaitedTooLong(f"job {job_id} is not final after {timeout}; it goes on")
    return await _show(request, job_id)


def _summary_of_new(new: NewJob) -> JobSummary:
    job = new.job
    row = SummaryRow(
        id=job.id,
        state=job.state.value,
        name=new.name,
        description=new.description,
        tags=new.tags,
        inputs=cast(JsonObject, new.inputs),
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
        created_by=new.created_by,
    )
    return views.summary(row, Redactor(new.secrets.values()))


async def list_jobs(request: web.Request) -> web.Response:
    asked = query(request, JobsQuery)
    api = ports(request)
    found = await api.reads.list_jobs(
        parse_search(asked.q), asked.request(), principal(request).readers
    )
    return reply(views.job_page(found, partial(redacting, api.sealer)))


async def get_job(request: web.Request) -> web.Response:
    return await _show(request, path_id(request, "job"))


async def _show(request: web.Request, job_id: str) -> web.Response:
    api = ports(request)
    job = await api.reads.job(job_id, principal(request).readers)
    if job is None:
        raise NotFound(_NO_JOB)
    redact = redacting(api.sealer, job.row.sealed)
    if len(job.execution) > _MANY_TASKS:
        # It takes a third of a second for ten thousand: others are answered meanwhile.
        return await asyncio.to_thread(_shown, job, redact)
    return _shown(job, redact)


def _shown(job: WholeJob, redact: Redacting) -> web.Response:
    return reply(views.whole_job(job, redact))


async def get_job_log(request: web.Request) -> web.StreamResponse:
    asked = query(request, LogQuery)
    if asked.follow:
        return await follow_job_log(request)
    api = ports(request)
    log = await api.reads.job_log(
        path_id(request, "job"), asked.request(), principal(request).readers
    )
    if log is None:
        raise NotFound(_NO_JOB)
    return reply(views.log_page(log.page, redacting(api.sealer, log.sealed)))


async def cancel_job(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_visible(request, job_id)
    await ports(request).commands.cancel(job_id)
    return reply(Status())


async def restart_job(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_visible(request, job_id)
    await ports(request).commands.restart(job_id)
    return reply(Status())
