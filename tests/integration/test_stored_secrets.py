"""Secrets that are kept apart from jobs: who uses them, what a job gets, and what nobody sees."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    PROTECTED,
    Headers,
    add_user,
    done,
    hash_cheaply,
)

pytestmark = pytest.mark.real

AWS = {"kind": "aws", "accessKey": "AKIATEST", "secret": "the-aws-secret"}
ENV = {"A": "{{ secrets.aws_ACCESS_KEY }}", "T": "{{ secrets.token }}"}
JOB = {
    "name": "uses secrets",
    "storedSecrets": {"token": "team-token", "aws": "team-aws"},
    "tasks": [{"name": "a", "run": "x", "env": ENV}],
}


@pytest.fixture
async def api(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as running:
        yield running


async def put(api: Api, headers: Headers, secret_id: str, **fields: Any) -> Any:
    return await done(api, "PUT", f"/secrets/{secret_id}", headers, json=fields)


async def refused(api: Api, headers: Headers, method: str, path: str, **sent: Any) -> str:
    status, body = await api.answer(method, path, headers=headers, **sent)
    return f"{status} {body['message']}"


async def test_a_secret_is_listed_without_itself_and_is_there_for_those_it_is_shared_with(
    api: Api,
) -> None:
    ann, bob, eve = [await add_user(api, name) for name in ("ann", "bob", "eve")]
    made = await put(api, ann, "aws", **AWS, permissions=[{"user": "bob", "access": "view"}])
    assert (made["id"], made["accessKey"], made["createdBy"]["username"]) == (
        "aws",
        "AKIATEST",
        "ann",
    )
    [seen] = await done(api, "GET", "/secrets", bob)
    assert (seen["id"], seen["access"], made["access"]) == ("aws", "view", "operate")
    assert "the-aws-secret" not in str(await done(api, "GET", "/secrets", ann))
    assert "the-aws-secret" not in str(await api.pool.fetch("SELECT * FROM stored_secrets"))

    assert await refused(api, bob, "DELETE", "/secrets/aws") == (
        "403 you may view this secret, but not operate it"
    )
    taken = '409 id: "aws" is taken by a secret that you may not replace'
    assert await refused(api, bob, "PUT", "/secrets/aws", json=AWS) == taken
    assert await done(api, "GET", "/secrets", eve) == []
    assert await refused(api, eve, "GET", "/secrets/aws") == "404 no such secret"

    await put(api, ann, "aws", secret="another")
    assert await refused(api, bob, "GET", "/secrets/aws") == "404 no such secret"
    await done(api, "DELETE", "/secrets/aws", ann)
    assert await refused(api, ann, "GET", "/secrets/aws") == "404 no such secret"


async def test_a_job_gets_the_values_as_secrets_of_its_own(api: Api) -> None:
    ann, bob = await add_user(api, "ann"), await add_user(api, "bob")
    await put(api, ann, "team-token", secret="the token")
    await put(api, ann, "team-aws", **AWS)

    with capture_logs() as logged:
        made = await done(api, "POST", "/jobs", ann, json=JOB)

    kept = await everything_kept(api)
    assert made["id"] in kept
    for text in ("the token", "the-aws-secret"):
        assert text not in kept
        assert text not in str(logged)
    assert await secrets_of(api, made["id"]) == {
        "token": "the token",
        "aws": "the-aws-secret",
        "aws_ACCESS_KEY": "AKIATEST",
    }
    shown = str(await done(api, "GET", f"/jobs/{made['id']}", ann))
    assert "the token" not in shown
    assert "the-aws-secret" not in shown
    for name, secret_id in (("token", "team-token"), ("aws", "team-aws")):
        said = f'storedSecrets.{name}: "{secret_id}" is not allowed: there is no such secret'
        assert said in await refused(api, bob, "POST", "/jobs", json=JOB)

    await put(api, ann, "team-token", secret="late", expiresAt="2020-01-01T00:00:00Z")
    assert "the secret has expired at 2020-01-01T00:00:00Z" in await refused(
        api, ann, "POST", "/jobs", json=JOB
    )


async def everything_kept(api: Api) -> str:
    """As a dump of the database has it."""
    tables = await api.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    names = [row["tablename"] for row in tables]
    return "".join([str(await api.pool.fetch(f'SELECT t::text FROM "{n}" t')) for n in names])


async def secrets_of(api: Api, job_id: str) -> dict[str, str]:
    sealed = await api.pool.fetchval("SELECT sealed FROM jobs WHERE id = $1", job_id)
    return dict(api.batcher.sealer.secrets_in(sealed))


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({}, "secret: is required"),
        ({"kind": "aws", "secret": "x1x2x3"}, "must have accessKey where kind is aws"),
        ({"accessKey": "a", "secret": "x1x2x3"}, "must not have accessKey where kind is other"),
        ({"secret": "x1x2x3", "permissions": [{"user": "nobody"}]}, "there is no such user"),
        ({"secret": "x1x2x3", "expiresAt": "soon"}, "expiresAt"),
    ],
)
async def test_a_secret_that_breaks_a_rule_is_refused_and_not_quoted(
    api: Api, body: dict[str, Any], rule: str
) -> None:
    ann = await add_user(api, "ann")
    said = await refused(api, ann, "PUT", "/secrets/aws", json=body)
    assert said.startswith("400 ")
    assert rule in said
    assert "x1x2x3" not in said
