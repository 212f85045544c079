"""Data sources of a job bound to what they are of ours, with the secrets that they name; and the
keys that stand in one, as in 2023, moved to a stored secret."""

import hashlib
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.secret_values import UnusableSecret, secret_value
from services.coordinator.api.access.visibility import private_readers
from services.coordinator.api.requests import ports
from services.coordinator.store import stored_secrets
from services.coordinator.store.stored_secrets import NewSecret
from shared.jobspec.bytenite.data_source_rules import data_source_problems
from shared.jobspec.bytenite.data_sources import (
    Bound,
    Direction,
    Login,
    bind,
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


async def bound(request: web.Request, given: DataSource | None, direction: Direction) -> Bound:
    """Raises InvalidJob, also for a secret that can't be used."""
    if problems := list(data_source_problems(given, direction)):
        raise InvalidJob(problems)
    return bind(given, direction, await _login(request, given, direction))


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
    of, such as the id of a job: stored again, they replace those of before."""
    moved = dict(document)
    for name, direction in _FIELDS.items():
        if isinstance(source := document.get(name), dict):
            moved[name] = await _with_key_stored(request, source, f"{owner}\n{direction}")
    return moved


async def _with_key_stored(request: web.Request, source: Tree, owner: str) -> Tree:
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
    key = None if kind == "other" else access_key or ""
    left["secretId"] = await _store(request, owner, kind, key, secret)
    return {**source, "params": left}


def _taken(params: dict[str, Any], *names: str) -> str | None:
    """Whatever is no text stays, to be refused."""
    for name in names:
        if isinstance(params.get(name), str):
            taken: str = params.pop(name)
            return taken
    return None


async def _store(
    request: web.Request, owner: str, kind: str, access_key: str | None, secret: str
) -> str:
    who = principal(request)
    digest = hashlib.sha256(f"{who.creator or ''}\n{owner}".encode()).hexdigest()
    row = NewSecret(
        id=f"inline-{digest[:32]}",
        kind=kind,
        name=f"of {owner.replace(chr(10), ', ')}"[:256],
        access_key=access_key,
        sealed=ports(request).sealer.seal({"secret": secret}),
        expires_at=None,
        permissions=[],
        readers=private_readers(request, ()),
        created_by=who.creator,
        operators=who.operators,
    )
    await ports(request).run(stored_secrets.put, row)
    return row.id
