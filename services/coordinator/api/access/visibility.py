"""Which jobs a request may see, and who may see the one it submits.

What it may not see does not exist for it: 404.
"""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import NotFound
from services.coordinator.api.requests import ports, whole_body
from services.coordinator.store.access import missing_roles, missing_users
from services.coordinator.store.one_job import is_visible
from shared.jobspec.problems import Problem
from shared.jobspec.tork.models import JobSpec, ScheduledJobSpec
from shared.jobspec.tork.parsing import refused

Submission = JobSpec | ScheduledJobSpec


async def readers_of(request: web.Request, spec: Submission) -> list[str]:
    """The readers of a job that the request submits: those it names, and who submits it.

    Without permissions there are none: everybody may see it. Raises InvalidJob, naming each user
    and role that does not exist.
    """
    permissions = spec.permissions or ()
    users = {permission.user for permission in permissions if permission.user}
    roles = {permission.role for permission in permissions if permission.role}
    if not users and not roles:
        return []
    await _require_known(request, spec, users, roles)
    named = {f"user:{user}" for user in users} | {f"role:{role}" for role in roles}
    submitter = principal(request).identity
    return sorted(named | ({submitter} if submitter else set()))


async def _require_known(
    request: web.Request, spec: Submission, users: set[str], roles: set[str]
) -> None:
    run = ports(request).run
    no_users = await run(missing_users, users) if users else set()
    no_roles = await run(missing_roles, roles) if roles else set()
    problems = []
    for place, permission in enumerate(spec.permissions or ()):
        if permission.user in no_users:
            problems.append(_unknown(place, "user", permission.user))
        if permission.role in no_roles:
            problems.append(_unknown(place, "role", permission.role))
    if problems:
        body, content_type = await whole_body(request), request.headers.get("Content-Type", "")
        raise refused(problems, body, content_type)


def _unknown(place: int, kind: str, name: str) -> Problem:
    field, rule = f"permissions[{place}].{kind}", f"there is no such {kind}"
    return Problem(field, rule, f'"{name}"', place=("permissions", place, kind))


_NO_JOB = "no such job"


async def require_visible(request: web.Request, job_id: str) -> None:
    """Raises NotFound unless the job exists and the request's principal may see it."""
    if not await ports(request).run(is_visible, job_id, principal(request).readers):
        raise NotFound(_NO_JOB)
