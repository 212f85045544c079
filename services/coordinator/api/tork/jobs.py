"""/jobs and /tasks: list, show, cancel, restart, and their logs."""

from functools import partial

from aiohttp import web

from services.coordinator import wait_reasons
from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import require_visible
from services.coordinator.api.errors import NotFound
from services.coordinator.api.events import follow_log
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import JobsQuery, LogQuery, path_id, ports, query
from services.coordinator.api.route import DONE, JSON, Response, RouteGroup, Scope, error, response
from services.coordinator.api.tork import views
from services.coordinator.api.tork.schemas.jobs import Job, JobPage, LogPage
from services.coordinator.api.tork.schemas.tasks import Task
from services.coordinator.api.tork.whole_job import reply_job
from services.coordinator.redaction import redacting
from services.coordinator.store import job_list, one_job
from services.coordinator.store.job_list import parse_search
from services.coordinator.store.logs import LogSource, log_of
from services.coordinator.store.waiting import waiting_jobs

_WAITING = "waiting"
"""The search for jobs that wait, each with the reason."""
_LOG = Response(
    "A page of log parts; with `follow` the text itself.", {JSON: LogPage, "text/plain": None}
)
JOBS = RouteGroup(
    group="jobs", tag="jobs", path_meanings={"id": "The job's id."}, missing="There is no such job."
)
_TASKS = RouteGroup(
    group="tasks",
    tag="tasks",
    path_meanings={"id": "The task's id."},
    missing="There is no such task.",
)


@JOBS.route(
    "GET /jobs", "List jobs, newest first", response("A page of jobs.", JobPage), query=JobsQuery
)
async def list_jobs(request: web.Request) -> web.Response:
    asked = query(request, JobsQuery)
    api = ports(request)
    readers = principal(request).readers
    redact = partial(redacting, api.sealer)
    if asked.q.split() == [_WAITING]:
        waiting = await api.run(waiting_jobs, asked.request(), readers)
        why = await api.run(wait_reasons.of_jobs, [row.id for row in waiting.items])
        return reply(views.job_page(waiting, redact, why))
    found = await api.run(job_list.list_jobs, parse_search(asked.q), asked.request(), readers)
    return reply(views.job_page(found, redact))


@JOBS.route("GET /jobs/{id}", "Show a job with its tasks", response("The whole job.", Job))
async def get_job(request: web.Request) -> web.StreamResponse:
    return await reply_job(request, path_id(request, "job"))


@JOBS.route(
    "PUT /jobs/{id}/cancel",
    "Cancel a job that is not final",
    DONE,
    {400: error("The job is final.")},
    scope=Scope.OPERATE,
)
async def cancel_job(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_visible(request, job_id)
    await ports(request).commands.cancel(job_id)
    return reply(Status())


@JOBS.route(
    "PUT /jobs/{id}/restart",
    "Restart a failed or cancelled job where it stopped",
    DONE,
    {400: error("The job is neither FAILED nor CANCELLED.")},
    scope=Scope.OPERATE,
)
async def restart_job(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_visible(request, job_id)
    await ports(request).commands.restart(job_id)
    return reply(Status())


@_TASKS.route("GET /tasks/{id}", "Show one attempt at a task", response("The task.", Task))
async def get_task(request: web.Request) -> web.Response:
    api = ports(request)
    readers = principal(request).readers
    found = await api.run(one_job.one_task, path_id(request, "task"), readers)
    if found is None:
        raise NotFound("no such task")
    why = await api.run(wait_reasons.of_tasks, [found.row.id])
    redact = redacting(api.sealer, found.sealed)
    return reply(views.task(found.row, redact, why.get(found.row.id)))


@JOBS.route(
    "GET /jobs/{id}/log",
    "Read the log of a job, newest part first, or follow it",
    _LOG,
    query=LogQuery,
)
async def get_job_log(request: web.Request) -> web.StreamResponse:
    return await _reply_log(request, LogSource("job", path_id(request, "job")))


@_TASKS.route(
    "GET /tasks/{id}/log",
    "Read the log of a task, newest part first, or follow it",
    _LOG,
    query=LogQuery,
)
async def get_task_log(request: web.Request) -> web.StreamResponse:
    return await _reply_log(request, LogSource("task", path_id(request, "task")))


async def _reply_log(request: web.Request, source: LogSource) -> web.StreamResponse:
    asked = query(request, LogQuery)
    if asked.follow:
        return await follow_log(request, source)
    api = ports(request)
    log = await api.run(log_of, source, asked.request(), principal(request).readers)
    if log is None:
        raise NotFound(f"no such {source.kind}")
    return reply(views.log_page(log, redacting(api.sealer, log.sealed)))
