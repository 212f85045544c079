"""/arvados/v1/container_requests: what users want run. Several may share a container.

A draft is a row of its own. A committed request has a job: a new one, or one that does the same.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.shown import product_of
from services.coordinator.api.access.visibility import ONLY_VIEW, readers_of
from services.coordinator.api.arvados.container_views import is_final, shown_request
from services.coordinator.api.arvados.groups import BODIES, INVALID, PREFIX, REQUESTS
from services.coordinator.api.arvados.listing import (
    NEWEST,
    Listing,
    listing,
    reply_page,
    select_of,
    selected,
)
from services.coordinator.api.arvados.parameters import attributes, parameters
from services.coordinator.api.arvados.schemas import (
    ArvadosContainerRequest,
    ArvadosContainerRequestList,
    SentContainerRequest,
)
from services.coordinator.api.errors import Conflict, Forbidden, NotFound, Unprocessable
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import Scope, response
from services.coordinator.api.submitter import submitter_of
from services.coordinator.api.tork.fingerprints import wanted_reuse
from services.coordinator.api.tork.submission import ADMISSION
from services.coordinator.commands import UnknownJob, WrongState
from services.coordinator.store import container_requests as store
from services.coordinator.store.container_requests import RequestRow
from services.coordinator.store.one_job import is_shared_with
from shared.definition import Reuse
from shared.jobspec.arvados.compilation import task_priority
from shared.jobspec.arvados.container_compilation import compile_request
from shared.jobspec.arvados.containers import READ_ONLY, ContainerRequest, checked_request
from shared.jobspec.arvados.uuids import REQUEST, uuid_from
from shared.jobspec.problems import InvalidJob
from shared.planning.disclosure import redacting
from shared.planning.new_job import IdempotencyKey, NewJob
from shared.planning.submission import new_job, new_job_id
from shared.postgres.errors import DatabaseUnavailable
from shared.store.submissions import is_known

Tree = dict[str, Any]

_SECRETS = "secret_mounts"
_CHANGED_MEANWHILE = "the request was committed or deleted meanwhile"
_ANYBODY = "container requests"
"""For the keys of submissions: whoever commits a request, it has one job."""
_ALWAYS = ("name", "description", "properties")
"""What of a committed request can change, also when it is final."""
_EXAMPLE = {
    "container_request": {
        "state": "Committed",
        "name": "count words",
        "container_image": "alpine:3",
        "command": ["sh", "-c", "wc -w < /in/words > /out/count"],
        "mounts": {
            "/in/words": {"kind": "text", "content": "one two three"},
            "/out": {"kind": "tmp", "capacity": 1000000},
        },
        "output_path": "/out",
        "runtime_constraints": {"vcpus": 1, "ram": 268435456},
        "priority": 500,
    }
}


@REQUESTS.route(
    f"POST {PREFIX}/container_requests",
    "Create a request for a container; with _method=GET, list requests",
    response("The request.", ArvadosContainerRequest | ArvadosContainerRequestList),
    {422: INVALID},
    scope=Scope.SUBMIT,
    body=SentContainerRequest,
    body_types=BODIES,
    example=_EXAMPLE,
)
async def create_container_request(request: web.Request) -> web.Response:
    """In the state Committed it runs; a container that does the same is shared, unless
    `use_existing` is false: one that has completed and that you may see, or one of yours."""
    given = await parameters(request)
    if given.get("_method") == "GET":
        return await _reply_list(request, listing(given, NEWEST))
    asked, by = _checked(attributes(given, "container_request")), principal(request).creator
    uuid = uuid_from(REQUEST, new_job_id())
    new = await _new_job(request, asked, uuid) if asked.is_committed else None
    document, sealed = _kept(request, asked)
    await ports(request).run(store.add, uuid, document, sealed, by, readers_of(request, ()))
    if new is not None:
        await _commit_at_once(request, uuid, new, document)
    return await _reply(request, uuid, given)


def _checked(tree: Tree) -> ContainerRequest:
    asked, problems = checked_request(tree)
    if asked is None:
        raise InvalidJob(problems)
    return asked


def _kept(request: web.Request, asked: ContainerRequest) -> tuple[Tree, str | None]:
    """The document, and what of it is secret."""
    document = asked.model_dump(exclude={"state"})
    secret = document.pop(_SECRETS)
    return document, ports(request).sealer.seal(secret) if secret else None


async def _new_job(request: web.Request, asked: ContainerRequest, uuid: str) -> NewJob:
    """Submitted once, however often the request is committed."""
    creator, job_id = principal(request).creator, new_job_id()
    new = new_job(compile_request(asked), job_id, datetime.now(UTC), created_by=creator)
    if asked.use_existing:
        new = replace(new, reuse=await wanted_reuse(request, new, Reuse(scope="readable")))
    size = len(await request.read())
    return replace(new, readers=readers_of(request, ()), size=size, key=_key_of(uuid))


def _key_of(uuid: str) -> IdempotencyKey:
    return IdempotencyKey(_ANYBODY, _submission_id(uuid), hashlib.sha256(uuid.encode()).digest())


def _submission_id(uuid: str) -> str:
    return f"container request {uuid}"


async def _commit_at_once(request: web.Request, uuid: str, new: NewJob, document: Tree) -> None:
    """Of a request whose commit is refused no draft is left."""
    try:
        await _commit(request, uuid, new, document)
    except DatabaseUnavailable:  # it may have a job, which another commit of the draft finds
        raise
    except Exception:
        await ports(request).run(store.delete, uuid, None)
        raise


async def _commit(request: web.Request, uuid: str, new: NewJob, document: Tree) -> None:
    run, by = ports(request).run, principal(request).creator
    async with request.app[ADMISSION].admitted():
        submitted = await ports(request).commands.submit(new, submitter_of(request))
    if not await run(store.commit, uuid, document, by, submitted.job_id):
        row = await _found(request, uuid, None)
        if row is None or row.job_id != submitted.job_id:  # deleted, or committed by another
            await _withdraw(request, uuid, submitted.job_id, document)
    elif not submitted.is_new:
        await _prioritize(request, uuid)


async def _prioritize(request: web.Request, uuid: str) -> None:
    """The container has the highest priority of the requests for it."""
    row = await _found(request, uuid, principal(request).readers)
    if row is None or row.job_id is None or not await _may_act(request, uuid, row.job_id):
        return
    with suppress(WrongState):  # it has ended
        await ports(request).commands.prioritize(row.job_id, task_priority(row.highest_priority))


async def _may_act(request: web.Request, uuid: str, job_id: str) -> bool:
    """Whether the job goes on for the request. If it had completed before, it may have been
    restarted for others."""
    run = ports(request).run
    if await run(is_known, job_id, _submission_id(uuid)):
        return True
    return await run(is_shared_with, job_id, principal(request).operators)


@REQUESTS.route(
    f"GET {PREFIX}/container_requests",
    "List requests for containers: filters, where, order, limit, offset, select, distinct, count",
    response("A page of requests.", ArvadosContainerRequestList),
    {400: INVALID, 422: INVALID},
)
async def list_container_requests(request: web.Request) -> web.Response:
    """Looked for among the newest 10,000."""
    return await _reply_list(request, listing(await parameters(request), NEWEST))


@REQUESTS.route(
    f"GET {PREFIX}/container_requests/{{id}}",
    "Show a request for a container",
    response("The request.", ArvadosContainerRequest),
    {422: INVALID},
)
async def get_container_request(request: web.Request) -> web.Response:
    return await _reply(request, request.match_info["id"], await parameters(request))


@REQUESTS.route(
    f"PUT {PREFIX}/container_requests/{{id}}",
    "Change a request for a container, commit it, or with priority 0 take it back",
    response("The request.", ArvadosContainerRequest),
    {422: INVALID},
    scope=Scope.OPERATE,
    body=SentContainerRequest,
    body_types=BODIES,
    example={"container_request": {"priority": 0}},
)
async def update_container_request(request: web.Request) -> web.Response:
    """Each attribute is replaced as a whole. Once it is committed, only its priority, name,
    description and properties can change. The container stops when no request wants it."""
    given, row = await parameters(request), await _operable(request)
    changes = attributes(given, "container_request")
    if row.job_id is None:
        await _change_draft(request, row, changes)
    else:
        await _change_committed(request, row, row.job_id, changes)
    return await _reply(request, row.id, given)


async def _change_draft(request: web.Request, row: RequestRow, changes: Tree) -> None:
    api = ports(request)
    secret = api.sealer.unseal(row.sealed) if row.sealed else {}
    asked = _checked({**row.document, _SECRETS: secret, **changes})
    document, sealed = _kept(request, asked)
    if asked.is_committed:
        await _commit(request, row.id, await _new_job(request, asked, row.id), document)
    elif not await api.run(
        store.change_draft, row.id, document, sealed, principal(request).creator
    ):
        raise Conflict(_CHANGED_MEANWHILE)


async def _change_committed(
    request: web.Request, row: RequestRow, job_id: str, changes: Tree
) -> None:
    asked = _checked({**row.document, **_changeable(row, changes)})
    wanted = {name: getattr(asked, name) for name in (*_ALWAYS, "priority")}
    if is_final(row):
        wanted["priority"] = row.document["priority"]
    is_live = bool(row.document["priority"])
    if wanted["priority"] and not is_live and not row.is_held:
        raise Unprocessable("priority: the request was taken back: create another one")
    if is_live and not wanted["priority"] and not is_final(row):
        # First: what fails can be asked for again, as the request is still live
        await _withdraw(request, row.id, job_id, row.document)
    await ports(request).run(store.change, row.id, wanted, principal(request).creator)
    if wanted["priority"] and not is_final(row):
        await _prioritize(request, row.id)
        if row.is_held and await _may_act(request, row.id, job_id):
            await _released(request, job_id)


def _changeable(row: RequestRow, changes: Tree) -> Tree:
    """What can change now. Raises Unprocessable for what can't; the same again is no change."""
    may = _ALWAYS if is_final(row) else (*_ALWAYS, "priority")
    for name, value in changes.items():
        is_same = name in READ_ONLY or value in (row.document.get(name), None)
        if name not in may and not is_same and (name, value) != ("state", "Committed"):
            raise Unprocessable(f"{name}: can't change any more")
    return {name: value for name, value in changes.items() if name in may}


async def _released(request: web.Request, job_id: str) -> None:
    with suppress(WrongState):  # another request for it was first
        await ports(request).commands.release(job_id)


async def _withdraw(request: web.Request, uuid: str, job_id: str, document: Tree) -> None:
    """The container goes on if there are other requests for it."""
    by, client = principal(request).creator, product_of(request)
    submission_id = _submission_id(uuid) if document["use_existing"] else None
    with suppress(WrongState, UnknownJob):  # it has ended meanwhile, or is deleted
        await ports(request).commands.cancel(job_id, by, client=client, submission_id=submission_id)


@REQUESTS.route(
    f"DELETE {PREFIX}/container_requests/{{id}}",
    "Delete a request for a container; the container stops when no other request wants it",
    response("The request as it was.", ArvadosContainerRequest),
    {422: INVALID},
    scope=Scope.OPERATE,
)
async def delete_container_request(request: web.Request) -> web.Response:
    row = await _operable(request)
    # Of a draft, by a commit that has failed half-way
    job_id = row.job_id or await ports(request).commands.made_with(_key_of(row.id))
    if job_id and not is_final(row):
        await _withdraw(request, row.id, job_id, row.document)
    if not await ports(request).run(store.delete, row.id, row.job_id):
        raise Conflict(_CHANGED_MEANWHILE)
    return reply(_shown(request, row))


async def _found(
    request: web.Request, uuid: str, readers: Sequence[str] | None
) -> RequestRow | None:
    if "\0" in uuid:  # none is called that
        return None
    return next(iter(await ports(request).run(store.requests, [uuid], readers)), None)


async def visible_request(request: web.Request, uuid: str) -> RequestRow:
    """Raises NotFound."""
    row = await _found(request, uuid, principal(request).readers)
    if row is None:
        raise NotFound("no such container request")
    return row


async def _operable(request: web.Request) -> RequestRow:
    """Raises NotFound, Forbidden."""
    row = await visible_request(request, request.match_info["id"])
    if await _found(request, row.id, principal(request).operators) is None:
        raise Forbidden(ONLY_VIEW.format("container request"))
    return row


async def _reply(request: web.Request, uuid: str, given: Tree) -> web.Response:
    """As it is now."""
    row = await visible_request(request, uuid)
    return reply(selected(_shown(request, row), select_of(given)))


def _shown(request: web.Request, row: RequestRow) -> Tree:
    return shown_request(row, redacting(ports(request).sealer, row.sealed_of_job))


async def _reply_list(request: web.Request, asked: Listing) -> web.Response:
    found = await ports(request).run(store.requests, asked.uuids, principal(request).readers)
    show = partial(_shown, request)
    return await reply_page(request, asked, found, show, "arvados#containerRequestList")


REQUEST_ROUTES = (
    create_container_request,
    list_container_requests,
    get_container_request,
    update_container_request,
    delete_container_request,
)
