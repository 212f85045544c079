"""/jobs/{id}/log and /tasks/{id}/log: in parts, as text, or followed."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import NotFound
from services.coordinator.api.events import follow_log
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import LogQuery, path_id, ports, query
from services.coordinator.api.route import JSON, Response
from services.coordinator.api.tork import views
from services.coordinator.api.tork.jobs import JOBS, TASKS
from services.coordinator.api.tork.log_download import send_log
from services.coordinator.api.tork.schemas.jobs import LogPage
from services.coordinator.store.logs import LogSource, log_of
from shared.planning.disclosure import redacting
from shared.process.garbage import in_thread

_LOG = Response(
    "A page of log parts; with `follow` or as `text` the text itself.",
    {JSON: LogPage, "text/plain": None},
)


@JOBS.route(
    "GET /jobs/{id}/log",
    "Read the log of a job, newest part first, or follow it",
    _LOG,
    query=LogQuery,
)
async def get_job_log(request: web.Request) -> web.StreamResponse:
    return await _reply_log(request, LogSource("job", path_id(request, "job")))


@TASKS.route(
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
    if asked.format == "text":
        marks = {"has_times": asked.timestamps, "has_names": asked.names}
        return await send_log(request, source, **marks)
    api = ports(request)
    log = await api.run(log_of, source, asked.request(), principal(request).readers)
    if log is None:
        raise NotFound(f"no such {source.kind}")
    redact = redacting(api.sealer, log.sealed)
    return await in_thread(lambda: reply(views.log_page(log, redact)))
