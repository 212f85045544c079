"""/tasks: show, log."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import NotFound
from services.coordinator.api.events import follow_task_log
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import LogQuery, path_id, ports, query
from services.coordinator.api.tork import views
from services.coordinator.redaction import redacting

_NO_TASK = "no such task"


async def get_task(request: web.Request) -> web.Response:
    api = ports(request)
    task = await api.reads.task(path_id(request, "task"), principal(request).readers)
    if task is None:
        raise NotFound(_NO_TASK)
    return reply(views.task(task.row, redacting(api.sealer, task.sealed)))


async def get_task_log(request: web.Request) -> web.StreamResponse:
    asked = query(request, LogQuery)
    if asked.follow:
        return await follow_task_log(request)
    api = ports(request)
    log = await api.reads.task_log(
        path_id(request, "task"), asked.request(), principal(request).readers
    )
    if log is None:
        raise NotFound(_NO_TASK)
    return reply(views.log_page(log.page, redacting(api.sealer, log.sealed)))
