"""/jobs and /tasks: submit, list, show, cancel, restart."""

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
from services.coordinator.api.idempotency import gone, idempotency_key
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import JobsQuery, path_id, ports, query
from services.coordinator.api.schemas import Status
from services.coordinator.api.submission_span import record_submission
from services.coordinator.api.tork import views
from services.coordinator.api.tork.whole_job import reply_job
from services.coordinator.redaction import redacting
from services.coordinator.store import job_list, one_job
from services.coordinator.store.job_search import parse_search
from services.coordinator.store.rows import JsonObject, SummaryRow
from shared.definition.durations import parse_duration
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.models import JobSpec
from shared.jobspec.tork.parsing import parse_job
from shared.planning.new_job import NewJob
from shared.planning.submission import new_job, new_job_id
from shared.process.redaction import Redactor

ADMISSION = web.AppKey("admission", AdmissionLimiter)


async def submit_job(request: web.Request) -> web.StreamResponse:
    """The summary at once, or the whole job once it is final when the job asks to wait.

    Of a job that was submitted before with the same key, as it is by now.
    """
    began = time.time()
    await request.read()  # before it is admitted: a slow client keeps nobody waiting
    async with request.app[ADMISSION].admitted():
        spec = parse_job(await request.read(), request.headers.get("Content-Type", ""))
        new = await _new_job(request, spec)
        submitted = await ports(request).commands.submit(new)
    record_submission(request, submitted.job_id, began)
    if spec.wait is not None:
        return await _when_final(request, submitted.job_id, spec.wait.timeout)
    if submitted.is_new:
        return reply(views.summary(_row_of(new), Redactor(new.definition.secrets.values())))
    return await _summary(request, submitted.job_id, new)


async def _new_job(request: web.Request, spec: JobSpec) -> NewJob:
    readers = await readers_of(request, spec)
    creator = principal(request).creator
    now, job_id = datetime.now(UTC), new_job_id()
    new = new_job(compile_job(spec), job_id, now, created_by=creator, readers=readers)
    key = await idempotency_key(request)
    return replace(new, key=key) if key else new


async def _summary(request: web.Request, job_id: str, new: NewJob) -> web.Response:
    """Of the job that the first submission with the key of `new` has made."""
    api = ports(request)
    row = await api.run(one_job.summary, job_id, principal(request).readers)
    if row is None:
        assert new.key is not None  # noqa: S101 - else there is no first submission
        raise gone(new.key, "job")
    return reply(views.summary(row, redacting(api.sealer, row.sealed)))


async def _when_final(request: web.Request, job_id: str, timeout: str) -> web.StreamResponse:
    seconds = parse_duration(timeout).total_seconds()
    if not await ports(request).final_jobs.wait_for(job_id, seconds):
        raise WaitedTooLong(f"job {job_id} is still running after {timeout}")
    return await reply_job(request, job_id)


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
        created_by=new.created_by,
    )


async def list_jobs(request: web.Request) -> web.Response:
    asked = query(request, JobsQuery)
    api = ports(request)
    readers = principal(request).readers
    found = await api.run(job_list.list_jobs, parse_search(asked.q), asked.request(), readers)
    return reply(views.job_page(found, partial(redacting, api.sealer)))


async def get_job(request: web.Request) -> web.StreamResponse:
    return await reply_job(request, path_id(request, "job"))


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


async def get_task(request: web.Request) -> web.Response:
    api = ports(request)
    readers = principal(request).readers
    found = await api.run(one_job.one_task, path_id(request, "task"), readers)
    if found is None:
        raise NotFound("no such task")
    return reply(views.task(found.row, redacting(api.sealer, found.sealed)))
