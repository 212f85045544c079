"""Data sources of a job bound to what they are of ours, with the secrets that they name; and the
keys that stand in one, as in 2023, moved to a stored secret."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.secret_values import UnusableSecret, secret_value
from services.coordinator.api.access.visibility import private_readers
from services.coordinator.api.errors import NotFound
from services.coordinator.api.requests import ports
from services.coordinator.store import bytenite_jobs, stored_secrets
from services.coordinator.store.stored_secrets import NewSecret
from shared.jobspec.bytenite.data_source_rules import data_source_problems
from shared.jobspec.bytenite.data_sources import (
    Bound,
    Direction,
    Login,
    bind,
    job_id_of,
    secret_id_of,
)
from shared.jobspec.bytenite.form import Tree
from shared.jobspec.bytenite.models import DataSource
from shared.jobspec.problems import InvalidJob, Problem

_FIELDS: Mapping[str, Direction] = {
    "dataSource": "dataSource",
    "data_source": "dataSource",
    "dataDestination": "dataDestination",
    "data_destination": "dataDestination",
}
_KINDS = {"gcp": "gcp", "storj": "storj", "url": "other"}


async def bound(
    request: web.Request, given: DataSource | None, direction: Direction, owner: str | None
) -> Bound:
    """`owner` is the creator of the job that has it. Raises InvalidJob, also for a secret that
    can't be used, and NotFound for a job that the request may not see."""
    if problems := list(data_source_problems(given, direction)):
        raise InvalidJob(problems)
    login = await _login(request, given, direction)
    return bind(given, direction, login, await _source_job_id(request, given, owner))


async def _source_job_id(
    request: web.Request, given: DataSource | None, owner: str | None
) -> str | None:
    """Raises NotFound, InvalidJob. A task takes nothing of another creator's jobs: whoever edits
    a draft of somebody else must not read more by it than they see, nor its owner."""
    if (name := job_id_of(given)) is None:
        return None
    place = ("dataSource", "params", "jobId")
    found = await ports(request).run(bytenite_jobs.source, name, principal(request).readers)
    if found is None:
        raise NotFound(f"{'.'.join(place)}: no such job: {name}")
    if found.created_by != owner:
        rule = "must be of the creator of the job that reads it"
        raise InvalidJob([Problem(".".join(place), rule, repr(name), place=place)])
    return found.id


async def _login(
    request: web.Request, given: DataSource | None, direction: Direction
) -> Login | None:
    """Raises InvalidJob."""
    secret_id = secret_id_of(given)
    if given is None or secret_id is None:
        return None
    try:
        value = await secret_value(request, secret_id)
    except UnusableSecret as error:  # the client can name another
        raise _refused(direction, secret_id, str(error)) from None
    if value.access_key is None and given.data_source_descriptor != "url":
        rule = "must be a secret with an access key: of the type aws, gcp or storj"
        raise _refused(direction, secret_id, rule)
    return Login(value.access_key or "", value.secret)


def _refused(direction: Direction, secret_id: str, rule: str) -> InvalidJob:
    place = (direction, "params", "secretId")
    return InvalidJob([Problem(".".join(place), rule, repr(secret_id), place=place)])


async def with_keys_stored(request: web.Request, document: Tree, owner: str) -> Tree:
    """`document` with the ids of secrets in place of keys and passwords. `owner` is what they are
    of, such as the id of a job, and are deleted with: stored again, they replace those of before.
    """
    moved, keys = keys_moved(request, document, owner)
    await store_keys(request, keys)
    return moved


def keys_moved(request: web.Request, document: Tree, owner: str) -> tuple[Tree, list[NewSecret]]:
    """The same, with the secrets that are yet to be stored."""
    moved, keys = dict(document), list[NewSecret]()
    for name, direction in _FIELDS.items():
        if isinstance(source := document.get(name), dict):
            moved[name] = _with_key_moved(request, source, owner, direction, keys)
    return moved, keys


async def store_keys(request: web.Request, keys: Sequence[NewSecret]) -> None:
    for key in keys:
        await ports(request).run(stored_secrets.put, key)


def _with_key_moved(
    request: web.Request, source: Tree, owner: str, direction: Direction, keys: list[NewSecret]
) -> Tree:
    params = source.get("params")
    if not isinstance(params, dict):
        return source
    left = dict(params)
    access_key = _taken(left, "accessKey", "access_key")
    secret = _taken(left, "secretKey", "secret_key") or _taken(left, "password")
    if not secret:
        return source
    descriptor = source.get("dataSourceDescriptor") or source.get("data_source_descriptor")
    kind = _KINDS.get(str(descriptor), "aws")
    login = Login(access_key or "", secret)
    keys.append(_stored(request, owner, direction, login, kind))
    left["secretId"] = keys[-1].id
    return {**source, "params": left}


def _taken(params: dict[str, Any], *names: str) -> str | None:
    """Whatever is no text stays, to be refused."""
    for name in names:
        if isinstance(params.get(name), str):
            taken: str = params.pop(name)
            return taken
    return None


def _stored(
    request: web.Request, owner: str, direction: Direction, login: Login, kind: str
) -> NewSecret:
    who = principal(request)
    digest = hashlib.sha256(f"{who.creator or ''}\n{owner}\n{direction}".encode()).hexdigest()
    return NewSecret(
        id=f"inline-{digest[:32]}",
        kind=kind,
        name=f"of {owner}, {direction}"[:256],
        access_key=None if kind == "other" else login.access_key,
        sealed=ports(request).sealer.seal({"secret": login.secret}),
        expires_at=None,
        permissions=[],
        readers=private_readers(request, ()),
        created_by=who.creator,
        operators=who.operators,
        owner_id=owner,
    )
