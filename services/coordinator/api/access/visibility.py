"""Which jobs a request may see and act on, and who may do so with the one it submits.

What it may not see does not exist for it: 404. What it may see and not act on is a 403.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from aiohttp import web

from services.coordinator.api.access.authenticator import authentication
from services.coordinator.api.access.principal import (
    ADMIN_ROLE,
    principal,
)
from services.coordinator.api.access.secret_values import secrets_named
from services.coordinator.api.background import in_background
from services.coordinator.api.errors import Forbidden, NotFound
from services.coordinator.api.requests import ports, whole_body
from services.coordinator.store.access import roles_named, users_named
from services.coordinator.store.one_job import is_shared_with, summary
from services.coordinator.store.rows import SummaryRow
from shared.definition import JobDefinition, Permission
from shared.jobspec.deadlines import deadline_problems
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.models import JobSpec, ScheduledJobSpec, TemplateSpec
from shared.jobspec.tork.parsing import refused
from shared.jobspec.tork.webhooks import webhook_problems
from shared.planning.readers import EVERYBODY_ROLE, view_only

MOST_WEBHOOKS = web.AppKey("most_webhooks", int)

Submission = JobSpec | ScheduledJobSpec | TemplateSpec


async def compiled(
    request: web.Request,
    spec: Submission,
    is_repeated: Callable[[web.Request], Awaitable[bool]] | None = None,
) -> JobDefinition:
    """The definition, its permissions with the identities of users for their names, its stored
    secrets among its own.

    Raises InvalidJob, naming each user, role and secret that does not exist, or webhooks beyond the
    limit, or a deadline that has passed, unless the request `is_repeated`: it had not, then.
    """
    most = request.app[MOST_WEBHOOKS]
    problems, definition = await in_background(request, partial(_compiled, spec, most))
    passed = list(deadline_problems(definition.deadline, datetime.now(UTC)))
    if passed and not (is_repeated and await is_repeated(request)):
        problems += passed
    if problems:
        raise await refused_at(request, problems)
    try:
        permissions = await known_permissions(request, definition.permissions)
        stored = await secrets_named(request, spec.stored_secrets or {})
    except InvalidJob as error:  # found when the body was long parsed
        raise await refused_at(request, error.problems) from None
    if not permissions and not stored:
        return definition
    return replace(definition, permissions=permissions, secrets={**definition.secrets, **stored})


async def known_permissions(
    request: web.Request, permissions: Sequence[Permission]
) -> tuple[Permission, ...]:
    """With the identities of users for their names. Raises InvalidJob, naming each user and role
    that does not exist."""
    if not permissions:
        return ()
    run = ports(request).run
    users = await run(users_named, {one.user for one in permissions if one.user})
    roles = await run(roles_named, {one.role for one in permissions if one.role})
    problems: list[Problem] = []
    known = []
    for place, one in enumerate(permissions):
        if one.user and one.user not in users:
            problems.append(_unknown(place, "user", one.user))
        elif one.role and one.role not in roles:
            problems.append(_unknown(place, "role", one.role))
        else:
            user = users[one.user].identity if one.user else None
            known.append(replace(one, user=user, role=roles[one.role] if one.role else None))
    if problems:
        raise InvalidJob(problems)
    return tuple(known)


def _compiled(spec: Submission, most_webhooks: int) -> tuple[list[Problem], JobDefinition]:
    definition = compile_job(spec)
    return list(webhook_problems(spec, most_webhooks)), definition


async def refused_at(request: web.Request, problems: Sequence[Problem]) -> InvalidJob:
    """For what is wrong with a body that was parsed: the problems with their lines."""
    body, content_type = await whole_body(request), request.headers.get("Content-Type", "")
    return refused(problems, body, content_type)


def _unknown(place: int, kind: str, name: str) -> Problem:
    field, rule = f"permissions[{place}].{kind}", f"there is no such {kind}"
    return Problem(field, rule, f'"{name}"', place=("permissions", place, kind))


def readers_of(
    request: web.Request, permissions: Sequence[Permission], others: Iterable[str] = ()
) -> list[str]:
    """The readers of a job that the request makes: those it names, `others`, and who makes it.

    Without permissions the setting decides; none at all: everybody may see it and act on it.
    """
    named = {*map(_entry, permissions), *others} or _by_default(request)
    submitter = principal(request).identity
    return sorted(named | {submitter}) if named and submitter else sorted(named)


def creators_entry(creator: str | None) -> tuple[str, ...]:
    """Among readers: who has created something keeps seeing it."""
    if creator is None:
        return ()
    return (creator if creator.startswith("key:") else f"user:{creator}",)


def private_readers(request: web.Request, permissions: Sequence[Permission]) -> list[str]:
    """The same of what only those see who are named, and administrators."""
    return readers_of(request, permissions, [f"role:{ADMIN_ROLE}"])


def _entry(permission: Permission) -> str:
    who = f"user:{permission.user}" if permission.user else f"role:{permission.role}"
    return view_only(who) if permission.access == "view" else who


def _by_default(request: web.Request) -> set[str]:
    match authentication(request).settings.default_access:
        case "operate":
            return set()
        case "view":
            return {view_only(f"role:{EVERYBODY_ROLE}"), f"role:{ADMIN_ROLE}"}
        case "none":
            return {f"role:{ADMIN_ROLE}"}


_NO_JOB = "no such job"
ONLY_VIEW = "you may view this {}, but not operate it"


async def visible_job(request: web.Request, job_id: str) -> SummaryRow:
    """Raises NotFound unless the job exists and the request's principal may see it."""
    job = await ports(request).run(summary, job_id, principal(request).readers)
    if job is None:
        raise NotFound(_NO_JOB)
    return job


async def require_visible(request: web.Request, job_id: str) -> None:
    """As `visible_job`, for those who need nothing of it."""
    if not await ports(request).run(is_shared_with, job_id, principal(request).readers):
        raise NotFound(_NO_JOB)


async def require_operable(request: web.Request, job_id: str) -> None:
    """Raises NotFound as above, and Forbidden unless the principal may act on the job, too."""
    if not await ports(request).run(is_shared_with, job_id, principal(request).operators):
        await require_visible(request, job_id)  # in this order: it may be deleted meanwhile
        raise Forbidden(ONLY_VIEW.format("job"))
