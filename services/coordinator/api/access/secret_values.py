"""Stored secrets in clear, for what a request submits: it must be allowed to use each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.requests import ports
from services.coordinator.store.stored_secrets import StoredSecret, find
from shared.jobspec.limits import ACCESS_KEY_SUFFIX
from shared.jobspec.problems import InvalidJob, Problem
from shared.process.sealing import Sealer, SealingError


class UnusableSecret(Exception):
    """The secret can't be used by who asks; the text says why."""


@dataclass(frozen=True, slots=True)
class SecretValue:
    """`access_key` is None for a secret that has none."""

    id: str
    kind: str
    access_key: str | None
    secret: str = field(repr=False)


async def secret_value(request: web.Request, secret_id: str) -> SecretValue:
    """Raises UnusableSecret."""
    row = await ports(request).run(find, secret_id, principal(request).readers)
    if row is None:
        raise UnusableSecret("there is no such secret")
    if row.is_expired:
        raise UnusableSecret(f"the secret has expired at {row.expires_at:%Y-%m-%dT%H:%M:%SZ}")
    try:
        return _opened(row, ports(request).sealer)
    except SealingError as error:  # it was stored under a key that is no longer set
        raise UnusableSecret(f"the secret can't be read: {error}") from None


def _opened(row: StoredSecret, sealer: Sealer) -> SecretValue:
    secret = cast(str, sealer.unseal(row.sealed)["secret"])
    return SecretValue(row.id, row.kind, row.access_key, secret)


async def secrets_named(request: web.Request, stored: Mapping[str, str]) -> dict[str, str]:
    """What a job calls them, from their ids by the name that it gives them. Raises InvalidJob."""
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for name, secret_id in stored.items():
        try:
            texts |= texts_of(name, await secret_value(request, secret_id))
        except UnusableSecret as error:  # the client can name another
            place = ("storedSecrets", name)
            problems.append(Problem(".".join(place), str(error), f'"{secret_id}"', place=place))
    if problems:
        raise InvalidJob(problems)
    return texts


def texts_of(name: str, value: SecretValue) -> dict[str, str]:
    """A job's secrets: one with the name, and one for the access key if there is one."""
    texts = {name: value.secret}
    if value.access_key is not None:
        texts[name + ACCESS_KEY_SUFFIX] = value.access_key
    return texts
