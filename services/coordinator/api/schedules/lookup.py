"""The scheduled job that a request is about, if its principal may see it, or act on it."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import ONLY_VIEW
from services.coordinator.api.errors import Forbidden, NotFound
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.route import RouteGroup
from services.coordinator.store import schedules
from services.coordinator.store.schedules import ScheduleRow

NO_SCHEDULE = "no such scheduled job"

SCHEDULES = RouteGroup(
    group="schedules",
    tag="scheduled jobs",
    path_meanings={"id": "The scheduled job's id."},
    missing="There is no such scheduled job.",
)


async def visible_row(request: web.Request, schedule_id: str | None = None) -> ScheduleRow:
    """The one of that id, or of the id in the path.

    Raises NotFound also for one that the principal may not see.
    """
    wanted = schedule_id or path_id(request, "scheduled job")
    row = await ports(request).run(schedules.one, wanted, principal(request).readers)
    if row is None:
        raise NotFound(NO_SCHEDULE)
    return row


async def operable_row(request: web.Request) -> ScheduleRow:
    """Raises NotFound as above, and Forbidden for one that the principal may only see."""
    row = await visible_row(request)
    operators = principal(request).operators
    if await ports(request).run(schedules.one, row.id, operators) is None:
        raise Forbidden(ONLY_VIEW.format("scheduled job"))
    return row
