"""Which jobs a request may see. What it may not see does not exist for it: 404."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import NotFound
from services.coordinator.api.requests import ports
from services.coordinator.store.one_job import is_visible

_NO_JOB = "no such job"


async def require_visible(request: web.Request, job_id: str) -> None:
    """Raises NotFound unless the job exists and the request's principal may see it."""
    if not await ports(request).run(is_visible, job_id, principal(request).readers):
        raise NotFound(_NO_JOB)
