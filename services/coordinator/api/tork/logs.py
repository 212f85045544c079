"""/jobs/{id}/log and /tasks/{id}/log: a page, or the text as it grows."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import NotFound
from services.coordinator.api.events import follow_log
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import LogQuery, path_id, ports, query
from services.coordinator.api.tork import views
from services.coordinator.redaction import redacting
from services.coordinator.store.log_ends import LogSource
from services.coordinator.store.logs import log_of


async def get_job_log(request: web.Request) -> web.StreamResponse:
    return await _reply_log(request, LogSource("job", path_id(request, "job")))


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
    return reply(views.log_page(log.page, redacting(api.sealer, log.sealed)))
