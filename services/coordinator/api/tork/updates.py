"""PUT /jobs/{id}: a new version of a draft, or of a job whose tasks are placed on nodes, and what
there was."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal, cast

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import (
    compiled,
    creators_entry,
    readers_of,
    require_operable,
    require_visible,
)
from services.coordinator.api.background import in_background
from services.coordinator.api.differences import differences
from services.coordinator.api.errors import Conflict, NotFound
from services.coordinator.api.idempotency import (
    IDEMPOTENCY_KEY,
    KEY_WAS_USED,
    idempotency_key,
    is_repeated,
)
from services.coordinator.api.replies import Fields, reply
from services.coordinator.api.requests import Query, path_id, ports, query, whole_body
from services.coordinator.api.route import BROKEN_RULE, RouteGroup, Scope, error, response
from services.coordinator.api.tork.definitions import shown_job
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.api.tork.locks import LOCK_TOKEN, LOCKED, shown_lock
from services.coordinator.api.tork.schemas.versions import (
    JobDifference,
    JobVersion,
    WholeJobVersion,
)
from services.coordinator.store import job_versions, one_job
from services.coordinator.store.job_versions import Language, VersionRow, WholeVersion
from shared.definition import JobDefinition, changed, decode_job, decode_permissions, encode
from shared.jobspec.tork.models import JobSpec
from shared.jobspec.tork.parsing import JSON_TYPES, YAML_TYPES, parse_job
from shared.planning.disclosure import redacting, redacting_known
from shared.planning.new_job import NamedDocument, NewJob
from shared.planning.secrets import without_derived
from shared.planning.submission import new_job
from shared.process.redaction import map_texts
from shared.process.sealing import Sealer, SealingError

_MOST_DIGITS = 9
VERSIONS = RouteGroup(
    group="jobs",
    tag="jobs",
    path_meanings={"id": "The job's id.", "version": "The number of the version."},
    missing="There is no such job, or it has no such version.",
)
_NO_VERSIONS = (
    "only a job with placed tasks, or one that was held, has versions: "
    "POST /jobs/{id}/run-again runs any job once more"
)
NewVersion = Callable[[web.Request, str, WholeVersion], Awaitable[NewJob]]
"""From a body in another language, the job's id and its current version."""
NEW_VERSIONS: web.AppKey[Mapping[Language, NewVersion]] = web.AppKey("new_versions")
_SAME = "nothing differs from version {}; `force` runs it anew"
_CAN_NOT = error(
    "The job is no draft and has no placed tasks, nothing differs, or what has begun can't change "
    f"so; the message says which. Or: {KEY_WAS_USED.meaning}"
)


class UpdateQuery(Query):
    """How to update."""

    force: Annotated[
        bool, Field(description="Run executions anew, even if nothing of them differs.")
    ] = False
    base_version: Annotated[
        int,
        Field(
            alias="baseVersion",
            ge=0,
            le=2**31 - 1,
            description="Refuse unless this is the current version; 0: whichever that is.",
        ),
    ] = 0
    language: Annotated[
        Literal["", "tork", "bacalhau", "bytenite", "arvados"],
        Field(
            description="That of the body. Default: that of the job; it keeps this one, so "
            "another is refused."
        ),
    ] = ""


class RollbackQuery(Query):
    """Where to."""

    version: Annotated[
        int, Field(ge=0, le=2**31 - 1, description="Which version; 0: the one before the current.")
    ] = 0


@JOBS.route(
    "PUT /jobs/{id}",
    "Submit a new version of a held job, or of one with placed tasks",
    response("The new version, which the job runs from now on.", JobVersion),
    {
        400: error("The job breaks a rule; the message names field, value and rule."),
        403: LOCKED,
        409: _CAN_NOT,
    },
    scope=Scope.OPERATE,
    query=UpdateQuery,
    body=JobSpec,
    body_types=(*JSON_TYPES, *YAML_TYPES),
    example={
        "name": "web",
        "tasks": [{"name": "serve", "run": "serve", "placement": {"type": "service", "count": 3}}],
    },
    headers=(IDEMPOTENCY_KEY, LOCK_TOKEN),
)
async def update_job(request: web.Request) -> web.Response:
    """A held job is replaced whole and stays held; its permissions stay where none are named, and
    once it has begun. Of placed tasks, where only `count`, tags or
    priority differ, executions go on as they are. Others are replaced, by the `update` policy of
    their placement. The body is in the language that the job was made in. Those of Bacalhau and
    ByteNite name no permissions, so these stay."""
    asked, job_id = query(request, UpdateQuery), path_id(request, "job")
    await require_operable(request, job_id)
    stored = await _version(request, job_id)
    language = _language(stored)
    if asked.language not in ("", language):
        raise Conflict(f"language: this is a job of {language}, and stays one")
    if language != "tork":
        new = await request.app[NEW_VERSIONS][language](request, job_id, stored)
        return await _update_named(request, new, stored, asked)
    definition = await _submitted(request)
    is_shared_anew = stored.is_held and bool(definition.permissions)
    if not is_shared_anew:
        kept = decode_permissions(_list(stored.definition.get("permissions")))
        definition = changed(definition, permissions=kept)
    if await is_repeated(request):
        return reply(_shown(stored))
    if not asked.force and definition == _opened(stored, ports(request).sealer):
        raise Conflict(_SAME.format(stored.version))
    definition = changed(definition, hold=definition.hold or stored.is_held)
    new = await _new(request, job_id, definition, stored, "updated")
    if is_shared_anew:
        sharing = await ports(request).run(one_job.sharing, job_id)
        creator = creators_entry(sharing.created_by if sharing else None)
        new = replace(new, readers=readers_of(request, definition.permissions, creator))
    return await _update(request, new, asked.base_version or None, is_forced=asked.force)


def _language(stored: WholeVersion) -> Language | Literal["tork"]:
    return "tork" if stored.document is None else stored.language or "bacalhau"


async def _update_named(
    request: web.Request, new: NewJob, stored: WholeVersion, asked: UpdateQuery
) -> web.Response:
    """`new` has a document in another language."""
    key = await idempotency_key(request)
    if await ports(request).commands.was_made(key):
        return reply(_shown(stored))
    if not asked.force and new.named and new.named.document == stored.document:
        raise Conflict(_SAME.format(stored.version))
    size = len(await request.read())
    new = replace(new, reason="updated", key=key, size=size, lender_id=new.job.id)
    base_version = asked.base_version or stored.version
    return await _update(request, new, base_version, is_forced=asked.force)


@JOBS.route(
    "GET /jobs/{id}/versions",
    "List the versions of a job with placed tasks, newest first",
    response("The versions.", list[JobVersion]),
)
async def list_job_versions(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_visible(request, job_id)
    rows = await ports(request).run(job_versions.versions_of, job_id, principal(request).readers)
    return reply([_shown(row) for row in rows])


@VERSIONS.route(
    "GET /jobs/{id}/versions/{version}",
    "Show what was submitted as a version of a job",
    response("The version.", WholeJobVersion),
)
async def get_job_version(request: web.Request) -> web.Response:
    job_id, text = path_id(request, "job"), request.match_info["version"]
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        raise NotFound("no such version")
    row = await _version(request, job_id, int(text))
    return reply(
        WholeJobVersion(**dict(_shown(row)), definition=_definition(row, ports(request).sealer))
    )


@JOBS.route(
    "POST /jobs/{id}/rollback",
    "Make an earlier version of a job its newest; the current one runs anew",
    response("The new version, which is as that one.", JobVersion),
    {400: BROKEN_RULE, 403: LOCKED, 409: _CAN_NOT},
    scope=Scope.OPERATE,
    query=RollbackQuery,
    headers=(LOCK_TOKEN,),
)
async def roll_back_job(request: web.Request) -> web.Response:
    asked, job_id = query(request, RollbackQuery), path_id(request, "job")
    await require_operable(request, job_id)
    current = await _version(request, job_id)
    wanted = asked.version or current.version - 1
    if wanted < 1:
        raise Conflict("the job has one version: there is none to go back to")
    stored = await _version(request, job_id, wanted)
    definition = _opened(stored, ports(request).sealer)
    new = await _new(request, job_id, definition, stored, f"rolled back to version {wanted}")
    return await _update(request, new, current.version, is_forced=wanted == current.version)


@JOBS.route(
    "POST /jobs/{id}/diff",
    "Compare a job with its current version",
    response("What differs.", JobDifference),
    {400: BROKEN_RULE, 409: error("The job has no placed tasks, or is one of Bacalhau.")},
    scope=Scope.READ,
    body=JobSpec,
    body_types=(*JSON_TYPES, *YAML_TYPES),
    example={"name": "web", "tasks": [{"name": "serve", "run": "serve"}]},
)
async def diff_job(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_visible(request, job_id)
    stored, sealer = await _version(request, job_id), ports(request).sealer
    if stored.document is not None:
        raise Conflict("this is a job of Bacalhau: PUT /api/v1/orchestrator/jobs/diff compares it")
    redact = redacting_known(sealer, {**(new := await _submitted(request)).secrets})
    submitted = redact.value(_shown_definition(new))
    return reply(JobDifference(diff=differences(_definition(stored, sealer), submitted)))


async def _submitted(request: web.Request) -> JobDefinition:
    """As it is stored: what is secret is apart."""
    body = await whole_body(request)
    parsing = partial(parse_job, body, request.headers.get("Content-Type", ""))
    definition = await compiled(request, await in_background(request, parsing), is_repeated)
    return new_job(definition, path_id(request, "job"), datetime.now(UTC)).definition


async def _version(request: web.Request, job_id: str, version: int | None = None) -> WholeVersion:
    """Raises NotFound, and Conflict for a job that has none."""
    readers = principal(request).readers
    row = await ports(request).run(job_versions.whole_version, job_id, readers, version)
    if row is None:
        await require_visible(request, job_id)
        raise Conflict(_NO_VERSIONS) if version is None else NotFound("no such version")
    return row


async def _new(
    request: web.Request, job_id: str, definition: JobDefinition, stored: WholeVersion, reason: str
) -> NewJob:
    new = new_job(definition, job_id, datetime.now(UTC), created_by=principal(request).creator)
    key = await idempotency_key(request)
    return replace(new, named=_named(stored), reason=reason, key=key, lender_id=job_id)


def _named(stored: WholeVersion) -> NamedDocument | None:
    if stored.document is None or stored.namespace is None or stored.name is None:
        return None
    labels = stored.document.get("Labels") or {}
    return NamedDocument(
        namespace=stored.namespace,
        name=stored.name,
        labels=cast("dict[str, str]", labels),
        document=stored.document,
        language=stored.language or "bacalhau",
    )


async def _update(
    request: web.Request, new: NewJob, base_version: int | None, *, is_forced: bool
) -> web.Response:
    updated = await ports(request).commands.update(
        new, base_version=base_version, is_forced=is_forced, lock=shown_lock(request)
    )
    return reply(_shown(await _version(request, new.job.id, updated.version)))


def _opened(row: WholeVersion, sealer: Sealer) -> JobDefinition:
    """Raises Conflict when its secrets can't be read."""
    stored = row.definition
    try:
        return decode_job(
            {
                **stored,
                "tasks": [sealer.opened(task) for task in _list(stored.get("tasks"))],
                "webhooks": map_texts(_list(stored.get("webhooks")), sealer.open_text),
                "secrets": without_derived(sealer.secrets_in(row.sealed)),
            }
        )
    except SealingError as reason:  # it was stored under a key that is no longer set
        raise Conflict(f"the secrets of the job can't be read: {reason}") from None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _definition(row: WholeVersion, sealer: Sealer) -> Fields:
    """What may be shown of it."""
    if row.document is not None:
        return redacting(sealer, row.sealed).value(row.document)
    return redacting(sealer, row.sealed).value(_shown_definition(_opened(row, sealer)))


def _shown_definition(definition: JobDefinition) -> Fields:
    return shown_job(encode(changed(definition, secrets={})))


def _shown(row: VersionRow | WholeVersion) -> JobVersion:
    return JobVersion(
        version=row.version,
        reason=row.reason,
        created_by=row.created_by,
        created_at=row.created_at,
        is_current=row.is_current,
    )


UPDATE_ROUTES = (
    update_job,
    list_job_versions,
    get_job_version,
    roll_back_job,
    diff_job,
)
