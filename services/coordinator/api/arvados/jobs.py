"""/arvados/v1/jobs: create, list, show, change, lock, cancel and delete jobs, and their queue."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.shown import product_of
from services.coordinator.api.access.visibility import require_operable
from services.coordinator.api.arvados.groups import BODIES, INVALID, JOBS, PREFIX
from services.coordinator.api.arvados.listing import (
    Listing,
    listing,
    reply_page,
    select_of,
    selected,
)
from services.coordinator.api.arvados.parameters import (
    attributes,
    flag,
    parameters,
)
from services.coordinator.api.arvados.schemas import (
    ArvadosJobAnswer,
    ArvadosJobList,
    ArvadosQueueSize,
    SentCancel,
    SentJob,
    SentQuery,
)
from services.coordinator.api.arvados.submission import (
    checked_job,
    new_arvados_job,
    submitted_job,
)
from services.coordinator.api.arvados.views import STATES, shown_job
from services.coordinator.api.errors import Conflict, NotFound, Unprocessable
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import Scope, response
from services.coordinator.api.submitter import submitter_of
from services.coordinator.api.tork.locks import delete_unless_locked
from services.coordinator.api.tork.submission import ADMISSION
from services.coordinator.commands import CannotUpdate, ShownLock
from services.coordinator.store import arvados_jobs, job_queue
from services.coordinator.store.arvados_jobs import ArvadosJob
from shared.jobspec.arvados.compilation import task_priority
from shared.lifecycle import JobState
from shared.planning.disclosure import redacting

Tree = dict[str, Any]

_LOCK = timedelta(days=1)
_TRIES = 20
"""To change a job that others change at the same time."""
_NEWEST = (("modified_at", True), ("uuid", True))
_IN_TURN = (("priority", True), ("created_at", False), ("uuid", False))
_QUEUED = ("state", "=", "Queued"), ("is_locked_by_uuid", "=", None)
_EXAMPLE = {
    "job": {
        "script": "hash",
        "script_version": "main",
        "repository": "arvados",
        "script_parameters": {"input": "c1bad4b39ca5a924e481008009d94e32+210"},
    }
}


@JOBS.route(
    f"POST {PREFIX}/jobs",
    "Create a job that runs a script of a git repository; with _method=GET, list jobs",
    response("The job.", ArvadosJobAnswer | ArvadosJobList),
    {422: INVALID},
    scope=Scope.SUBMIT,
    body=SentJob,
    body_types=BODIES,
    example=_EXAMPLE,
)
async def create_arvados_job(request: web.Request) -> web.Response:
    """Answered with a job that does the same and has not failed, if there is one: one that has
    completed and that you may see, or one of yours. `allow_duplicate` always creates one, but for
    a `submit_id` that had the same body before: then the answer is the job of that."""
    given = await parameters(request)
    if given.get("_method") == "GET":
        return await _reply_list(request, listing(given, _NEWEST))
    async with request.app[ADMISSION].admitted():
        new = await submitted_job(request, given)
        submitted = await ports(request).commands.submit(new, submitter_of(request))
    return await _reply(request, submitted.job_id, given)


@JOBS.route(
    f"GET {PREFIX}/jobs",
    "List jobs: filters, where, order, limit, offset, select, distinct, count",
    response("A page of jobs.", ArvadosJobList),
    {400: INVALID, 422: INVALID},
)
async def list_arvados_jobs(request: web.Request) -> web.Response:
    """Those of Arvados' API; looked for among the newest 10,000."""
    return await _reply_list(request, listing(await parameters(request), _NEWEST))


@JOBS.route(
    f"GET {PREFIX}/jobs/queue",
    "List the jobs that wait to be started, by priority and age",
    response("A page of jobs.", ArvadosJobList),
    {400: INVALID, 422: INVALID},
)
async def list_arvados_queue(request: web.Request) -> web.Response:
    return await _reply_queue(request)


@JOBS.route(
    f"POST {PREFIX}/jobs/queue",
    "The same, for long queries: with _method=GET",
    response("A page of jobs.", ArvadosJobList),
    {422: INVALID},
    body=SentQuery,
    body_types=BODIES,
    example={"_method": "GET", "limit": 10},
)
async def query_arvados_queue(request: web.Request) -> web.Response:
    return await _reply_queue(request)


async def _reply_queue(request: web.Request) -> web.Response:
    asked = listing(await parameters(request), _IN_TURN)
    return await _reply_list(request, replace(asked, filters=[*asked.filters, *_QUEUED]))


@JOBS.route(
    f"GET {PREFIX}/jobs/queue_size",
    "Count the jobs that wait to be started, also those that you may not see",
    response("The size of the queue.", ArvadosQueueSize),
)
async def get_arvados_queue_size(request: web.Request) -> web.Response:
    return reply(ArvadosQueueSize(queue_size=await ports(request).run(job_queue.queue_size)))


@JOBS.route(
    f"GET {PREFIX}/jobs/{{id}}",
    "Show a job",
    response("The job.", ArvadosJobAnswer),
    {422: INVALID},
)
async def get_arvados_job(request: web.Request) -> web.Response:
    select = select_of(await parameters(request))
    return reply(_shown(request, await job_called(request), select))


@JOBS.route(
    f"PUT {PREFIX}/jobs/{{id}}",
    "Change attributes of a job; the state Cancelled cancels it",
    response("The job.", ArvadosJobAnswer),
    {422: INVALID},
    scope=Scope.OPERATE,
    body=SentJob,
    body_types=BODIES,
    example={"job": {"description": "the hash of the first sample"}},
)
async def update_arvados_job(request: web.Request) -> web.Response:
    """Each is replaced as a whole. What a job runs can't change once it was sent to a worker; its
    priority can until it has ended."""
    given = await parameters(request)
    changes = attributes(given)
    state = changes.pop("state", None)
    if state == "Cancelled" or changes.get("cancelled_at"):
        return await _cancelled(request, await _operable(request))
    for tries_left in reversed(range(_TRIES)):
        job = await _operable(request)
        if state not in (None, STATES[job.state]):
            raise Unprocessable(f"state: {state!r} is not allowed: must be Cancelled to change it")
        try:
            await _update(request, job, changes)
            break
        except CannotUpdate:  # another request may have changed it: this one comes after that
            if not tries_left or (await job_called(request)).version == job.version:
                raise
    return await _reply(request, job.id, given)


async def _update(request: web.Request, job: ArvadosJob, changes: Tree) -> None:
    """Raises Conflict, InvalidJob, CannotUpdate, LockedByOther."""
    if JobState(job.state).is_final:  # a new version of it would run
        raise Conflict("a job that has ended can't change")
    before = {**job.document, "script_version": job.document["supplied_script_version"]}
    if "script_version" not in changes and "repository" not in changes:
        before["script_version"] = job.document["script_version"]
    after = checked_job({**before, **changes})
    new = await new_arvados_job(request, after, job.id, job.uuid)
    if "script_version" not in changes and new.named is not None:
        kept = {"supplied_script_version": job.document["supplied_script_version"]}
        document = {**new.named.document, **kept}
        new = replace(new, named=replace(new.named, document=document))
    new = replace(new, reason="updated", size=len(await request.read()), lender_id=job.id)
    lock = ShownLock(_key(request), principal(request).is_admin)
    await ports(request).commands.update(new, base_version=job.version, lock=lock)
    if "priority" in changes:
        await ports(request).commands.prioritize(job.id, task_priority(after.priority))


@JOBS.route(
    f"DELETE {PREFIX}/jobs/{{id}}",
    "Delete a job that has ended",
    response("The job as it was.", ArvadosJobAnswer),
    {422: INVALID},
    scope=Scope.OPERATE,
)
async def delete_arvados_job(request: web.Request) -> web.Response:
    job = await _operable(request)
    lock = ShownLock(_key(request), principal(request).is_admin)
    if not await delete_unless_locked(request, job.id, lock):
        await _operable(request)  # or another request has deleted it meanwhile
        raise Conflict("only a job that has ended can be deleted")
    return reply(_shown(request, job))


@JOBS.route(
    f"POST {PREFIX}/jobs/{{id}}/cancel",
    "Cancel a job that has not ended",
    response("The job.", ArvadosJobAnswer),
    {422: INVALID},
    scope=Scope.OPERATE,
    body=SentCancel,
    body_types=BODIES,
    example={"cascade": True},
)
async def cancel_arvados_job(request: web.Request) -> web.Response:
    """One that is cancelled already stays so."""
    flag(await parameters(request), "cascade")
    return await _cancelled(request, await _operable(request))


async def _cancelled(request: web.Request, job: ArvadosJob) -> web.Response:
    by, client = principal(request).creator, product_of(request)
    await ports(request).commands.cancel(job.id, by, client=client)
    return await _reply(request, job.id, {})


@JOBS.route(
    f"POST {PREFIX}/jobs/{{id}}/lock",
    "Lock a job for a day: only you can change what it does",
    response("The job.", ArvadosJobAnswer),
    {422: INVALID},
    scope=Scope.OPERATE,
    body=SentQuery,
    body_types=BODIES,
    example={},
)
async def lock_arvados_job(request: web.Request) -> web.Response:
    """It belongs to the user who asks, and starts nothing."""
    await parameters(request)
    job, by = await _operable(request), principal(request).creator
    await ports(request).commands.lock(job.id, by, _key(request), _LOCK)
    return await _reply(request, job.id, {})


def _key(request: web.Request) -> str:
    """Of all locks of the user. No token has such a digest."""
    return f"user:{principal(request).creator or ''}"


async def job_called(request: web.Request) -> ArvadosJob:
    """Raises NotFound."""
    name = request.match_info["id"]
    found = None
    if "\0" not in name:  # no job is called that
        found = await ports(request).run(arvados_jobs.one, name, principal(request).readers)
    if found is None:
        raise NotFound("no such job")
    return found


async def _operable(request: web.Request) -> ArvadosJob:
    """Raises NotFound, Forbidden."""
    job = await job_called(request)
    await require_operable(request, job.id)
    return job


async def _reply(request: web.Request, job_id: str, given: Tree) -> web.Response:
    """As it is now."""
    readers = principal(request).readers
    job = await ports(request).run(arvados_jobs.one, job_id, readers)
    if job is None:
        raise NotFound("no such job")
    return reply(_shown(request, job, select_of(given)))


def _shown(request: web.Request, job: ArvadosJob, names: Sequence[str] = ()) -> Tree:
    return selected(shown_job(job, redacting(ports(request).sealer, job.sealed)), names)


async def _reply_list(request: web.Request, asked: Listing) -> web.Response:
    found = await ports(request).run(arvados_jobs.newest, asked.uuids, principal(request).readers)
    return await reply_page(request, asked, found, partial(_shown, request), "arvados#jobList")


JOB_ROUTES = (
    create_arvados_job,
    list_arvados_jobs,
    list_arvados_queue,
    query_arvados_queue,
    get_arvados_queue_size,
    get_arvados_job,
    update_arvados_job,
    delete_arvados_job,
    cancel_arvados_job,
    lock_arvados_job,
)
