"""What a job reads and delivers, with the secrets that its data sources and its app name."""

from collections.abc import Iterator, Sequence

from aiohttp import web

from services.coordinator.api.access.secret_values import (
    SecretValue,
    UnusableSecret,
    secret_value,
)
from services.coordinator.api.bytenite.data_sources import bound
from services.coordinator.api.bytenite.error_form import with_code
from shared.jobspec.bytenite import models as m
from shared.jobspec.bytenite.compilation import Data
from shared.jobspec.bytenite.data_sources import Bound, Direction, is_wrong_direction
from shared.jobspec.limits import OWN_SECRETS
from shared.jobspec.problems import InvalidJob, Problem

_OF_APP = ("templateId", "app", "platformConfig", "secrets")


async def data_of(
    request: web.Request,
    job: m.Job,
    app_secrets: Sequence[str],
    owner: str | None,
    problems: list[Problem],
) -> Data:
    """`app_secrets` are ids, `owner` is the creator of the job. What is wrong is added to
    `problems`."""
    source = await _bound(request, job.data_source, "dataSource", owner, problems)
    destination = await _bound(request, job.data_destination, "dataDestination", owner, problems)
    env, secrets = dict[str, str](), {**source.secrets, **destination.secrets}
    for secret_id in app_secrets:
        try:
            value = await secret_value(request, secret_id)
        except UnusableSecret as error:  # whoever runs the job can ask for it
            place = ".".join(_OF_APP)
            problems.append(Problem(place, str(error), repr(secret_id), place=_OF_APP))
            continue
        for variable, text in _variables(value):
            name = f"{OWN_SECRETS}app.{variable}"
            env[variable] = '{{ secrets["' + name + '"] }}'
            secrets[name] = text
    return Data(
        sources=[source.source] if source.source else [],
        publications=[destination.publication] if destination.publication else [],
        env=env,
        secrets=secrets,
        uploads={**source.uploads, **destination.uploads},
    )


async def _bound(
    request: web.Request,
    given: m.DataSource | None,
    direction: Direction,
    owner: str | None,
    problems: list[Problem],
) -> Bound:
    try:
        return await bound(request, given, direction, owner)
    except InvalidJob as error:  # told with what else is wrong
        if is_wrong_direction(given, direction):
            with_code(request, "wrong_direction")
        problems += error.problems
        return Bound()


def _variables(value: SecretValue) -> Iterator[tuple[str, str]]:
    """One of the type `other` is its id; others are two."""
    if value.access_key is None:
        yield value.id, value.secret
        return
    yield f"{value.id}_ACCESS_KEY", value.access_key
    yield f"{value.id}_SECRET_KEY", value.secret
