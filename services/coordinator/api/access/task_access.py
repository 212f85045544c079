"""What a task may ask for with its token, while it runs."""

from aiohttp import hdrs, web

from services.coordinator.api.access.principal import Principal
from services.coordinator.api.errors import Forbidden
from services.coordinator.api.route import Scope
from shared.jobspec.arvados.uuids import JOB, uuid_of

_OF_ITS_JOB = {
    (hdrs.METH_GET, "/jobs/{id}"),
    (hdrs.METH_GET, "/jobs/{id}/tasks"),
    (hdrs.METH_POST, "/jobs/{id}/tasks"),
    (hdrs.METH_GET, "/arvados/v1/jobs/{id}"),
}
"""Routes that a task token may call, for its own job."""
_OF_ITS_TASKS = {
    (method, f"/arvados/v1/job_tasks{path}")
    for method, path in (
        (hdrs.METH_GET, ""),
        (hdrs.METH_POST, ""),
        (hdrs.METH_GET, "/{id}"),
        (hdrs.METH_PUT, "/{id}"),
    )
}
"""Those that look at the tasks of its job only, whatever else they are asked for."""


def principal_of_task(request: web.Request, job_id: str) -> Principal:
    """A task of that job. Raises Forbidden for what no task may ask for."""
    resource = request.match_info.route.resource
    asked = request.method, resource.canonical if resource else ""
    is_of_job = asked in _OF_ITS_JOB and request.match_info["id"] in (job_id, uuid_of(JOB, job_id))
    if not is_of_job and asked not in _OF_ITS_TASKS:
        raise Forbidden("a task token only reads its own job and makes tasks in it")
    return Principal(scopes=frozenset({Scope.READ, Scope.OPERATE}), job_id=job_id)
