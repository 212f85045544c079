"""/jobs and /tasks: list, show, cancel, restart, and their logs."""

from collections.abc import Callable, Sequence
from functools import partial

from aiohttp import web

from services.coordinator import wait_reasons
from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import require_operable
from services.coordinator.api.errors import Conflict, NotFound
from services.coordinator.api.events import follow_log
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import JobsQuery, LogQuery, path_id, ports, query
from services.coordinator.api.route import DONE, JSON, Response, RouteGroup, Scope, error, response
from services.coordinator.api.tork import views
from services.coordinator.api.tork.schemas.jobs import Job, JobPage, JobSummary, LogPage
from services.coordinator.api.tork.schemas.tasks import Task
from services.coordinator.api.tork.whole_job import reply_job
from services.coordinator.store import job_list, job_search, one_job
from services.coordinator.store.logs import LogSource, log_of
from services.coordinator.store.rows import SummaryRow
from services.coordinator.store.waiting import waiting_jobs
from shared.jobspec.limits import MAX_NAME
from shared.planning.disclosure import Redacting, redacting
from shared.process.garbage import in_thread

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
    found = await api.run(job_list.list_jobs, asked.search(), asked.request(), readers)
    return reply(views.job_page(found, redact))


@JOBS.route("GET /jobs/{id}", "Show a job with its tasks", response("The whole job.", Job))
async def get_job(request: web.Request) -> web.StreamResponse:
    return await reply_job(request, path_id(request, "job"))


@JOBS.route(
    "GET /jobs/{id}/summary",
    "Find a job by its id, the beginning of its id (4 characters), or its name",
    response("The job without its tasks.", JobSummary),
    {409: error("Several jobs begin so or have this name; the message lists some.")},
)
async def find_job(request: web.Request) -> web.Response:
    """Names are looked for among the newest 10,000 jobs."""
    text = request.match_info["id"][:MAX_NAME]
    api, readers = ports(request), principal(request).readers
    row = await api.run(one_job.summary, text, readers)
    found = [row] if row else await api.run(job_search.named, text, readers)
    if not found:
        raise NotFound(f"no job has the id or name {text!r}")
    if len(found) > 1:
        raise Conflict(_ambiguous(text, found, partial(redacting, api.sealer)))
    return reply(views.summary(found[0], redacting(api.sealer, found[0].sealed)))


def _ambiguous(
    text: str, found: Sequence[SummaryRow], redact: Callable[[str | None], Redacting]
) -> str:
    shown = []
    for row in found[: job_search.MOST_FOUND]:
        name = redact(row.sealed).value(row.name)
        which = "" if name == text else f"{name}, "
        shown.append(f"{row.id} ({which}{row.state}, {row.created_at:%F %T} UTC)")
    more = ["…"] if len(found) > len(shown) else []
    return f"several jobs match {text!r}: " + "; ".join(shown + more)


@JOBS.route(
    "PUT /jobs/{id}/cancel",
    "Cancel a job that is not final",
    DONE,
    {400: error("The job is final.")},
    scope=Scope.OPERATE,
)
async def cancel_job(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_operable(request, job_id)
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
    await require_operable(request, job_id)
    await ports(request).commands.restart(job_id)
    return reply(Status())


@_TASKS.route("GET /tasks/{id}", "Show one attempt at a task", response("The task.", Task))
async def get_task(request: web.Request) -> web.Response:
    api = ports(request)
    readers = principal(request).readers
    found = await api.run(one_job.one_task, path_id(request, "task"), readers)
    if found is None:
        raise NotFound("no such task")
    why = await api.run(wait_reasons.of_tasks, wait_reasons.may_wait([found.row]))
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
    redact = redacting(api.sealer, log.sealed)
    return await in_thread(lambda: reply(views.log_page(log, redact)))
