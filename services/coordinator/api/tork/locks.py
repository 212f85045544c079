"""/jobs/{id}/lock: take, renew and give back the lock of a job; and the token that opens it."""

import secrets
from datetime import datetime, timedelta
from typing import Annotated

import structlog
from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.schemas import Body, read_optional_body
from services.coordinator.api.access.visibility import require_operable
from services.coordinator.api.errors import BadRequest, Forbidden
from services.coordinator.api.replies import Answer, Status, reply
from services.coordinator.api.requests import Query, path_id, ports, query
from services.coordinator.api.route import DONE, Header, Scope, error, response
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.commands import ShownLock
from services.coordinator.credentials import digest_of
from services.coordinator.store import deletion
from shared.definition.quantities import parse_duration
from shared.jobspec.fields import PositiveDuration

log = structlog.get_logger(__name__)

_NAME = "Lock-Token"
_TOKEN_BYTES = 32
_LONGEST = timedelta(days=1)
_DEFAULT = "5m"

LOCK_TOKEN = Header(_NAME, "The token of the job's lock.", {"type": "string"})
LOCKED = error("The job is locked, and this is not the token of its lock.")
_Token = Annotated[str, Field(max_length=256)]


class LockRequest(Body):
    ttl: PositiveDuration = _DEFAULT
    """For how long, up to `24h`."""


class LockToken(Body):
    token: _Token | None = None
    """That of the lock; or it is sent as `Lock-Token`."""


class LockRenewal(LockToken):
    ttl: PositiveDuration = _DEFAULT
    """For how long from now on, up to `24h`."""


class UnlockQuery(Query):
    """How to unlock."""

    force: Annotated[
        bool, Field(description="Remove a lock that somebody else holds; only admins may.")
    ] = False


class RenewedLock(Answer):
    """The lock of a job."""

    locked_at: datetime
    """When it was taken."""
    expires_at: datetime
    """When it ends unless it is renewed."""


class Lock(RenewedLock):
    """A new lock. Its token is shown here and never again."""

    token: str
    """What its holder shows as `Lock-Token`."""


def shown_lock(request: web.Request, token: str | None = None) -> ShownLock:
    """By the token, or else the header. An admin who has signed in needs neither."""
    given = token or request.headers.get(_NAME)
    who = principal(request)
    return ShownLock(_digest(given) if given else None, who.is_admin and who.identity is not None)


async def delete_unless_locked(request: web.Request, job_id: str, shown: ShownLock) -> bool:
    """False when the job can't be deleted. Raises Forbidden where somebody else has locked it."""
    run, is_forced = ports(request).run, shown.is_overridden
    if await run(deletion.delete_job, job_id, shown.key, is_forced=is_forced):
        return True
    if not is_forced and await run(deletion.is_locked, job_id, shown.key):
        raise Forbidden("the job is locked: only the holder of its lock token can delete it")
    return False


def _digest(token: str) -> str:
    return digest_of(token).hex()


def _ttl(text: str) -> timedelta:
    """An empty one is not set. Raises BadRequest."""
    if (ttl := parse_duration(text or _DEFAULT)) > _LONGEST:
        raise BadRequest(f'ttl: "{text}" is not allowed: must be at most 24h')
    return ttl


@JOBS.route(
    "POST /jobs/{id}/lock",
    "Lock a job that has not ended: nobody else can change what it does",
    response("The lock, with its token.", Lock),
    {409: error("Somebody has locked the job already, or it has ended.")},
    scope=Scope.OPERATE,
    body=LockRequest,
    example={"ttl": "10m"},
)
async def lock_job(request: web.Request) -> web.Response:
    """Others can still cancel, hold and release the job, rename it and change its priority, tags,
    webhooks and permissions. A lock ends with the job, or when it expires."""
    job_id = path_id(request, "job")
    await require_operable(request, job_id)
    ttl = _ttl((await read_optional_body(request, LockRequest)).ttl)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    creator = principal(request).creator
    lock = await ports(request).commands.lock(job_id, creator, _digest(token), ttl)
    return reply(Lock(token=token, locked_at=lock.at, expires_at=lock.expires_at))


@JOBS.route(
    "POST /jobs/{id}/lock/renew",
    "Keep the lock of a job for longer",
    response("The lock.", RenewedLock),
    {403: LOCKED, 409: error("The job is not locked, or its lock has expired.")},
    scope=Scope.OPERATE,
    body=LockRenewal,
    example={"ttl": "10m"},
    headers=(LOCK_TOKEN,),
)
async def renew_lock(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_operable(request, job_id)
    asked = await read_optional_body(request, LockRenewal)
    key = shown_lock(request, asked.token).key or ""
    lock = await ports(request).commands.renew_lock(job_id, key, _ttl(asked.ttl))
    return reply(RenewedLock(locked_at=lock.at, expires_at=lock.expires_at))


@JOBS.route(
    "DELETE /jobs/{id}/lock",
    "Unlock a job",
    DONE,
    {403: LOCKED, 409: error("The job is not locked.")},
    scope=Scope.OPERATE,
    query=UnlockQuery,
    body=LockToken,
    example={},
    headers=(LOCK_TOKEN,),
)
async def unlock_job(request: web.Request) -> web.Response:
    job_id, who = path_id(request, "job"), principal(request)
    await require_operable(request, job_id)
    is_forced = query(request, UnlockQuery).force
    if is_forced and not who.is_admin:
        raise Forbidden("force: only admins may remove a lock that somebody else holds")
    token = (await read_optional_body(request, LockToken)).token
    shown = ShownLock(shown_lock(request, token).key, is_forced)
    await ports(request).commands.unlock(job_id, shown)
    if is_forced:
        log.info("lock_forced", job_id=job_id, by=who.creator)
    return reply(Status())


LOCK_ROUTES = (lock_job, renew_lock, unlock_job)
