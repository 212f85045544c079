"""API keys: who makes them, and what they open."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from shared.postgres.pool import acquired
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    OPERATOR,
    PROTECTED,
    add_key,
    add_user,
    done,
    hash_cheaply,
    password_of,
    status,
)


@pytest.fixture
async def api(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as running:
        yield running


KEY = {"name": "k", "scopes": ["read"]}


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
async def test_a_key_is_shown_once_and_taken_in_either_header(api: Api, header: str) -> None:
    new = {"name": "ci", "scopes": ["submit", "read"], "expiresIn": "1h"}
    made = await done(api, "POST", "/keys", OPERATOR, json=new)
    text = made.pop("key")
    value = f"Bearer {text}" if header == "Authorization" else text
    assert await status(api, {header: value}) == 200
    [listed] = await api.get("/keys", headers=OPERATOR)
    assert listed.pop("lastUsedAt")
    assert listed == made
    assert made["scopes"] == ["read", "submit"]
    created, expires = (datetime.fromisoformat(made[at]) for at in ("createdAt", "expiresAt"))
    assert expires - created == timedelta(hours=1)
    await done(api, "DELETE", f"/keys/{made['id']}", OPERATOR)
    assert await status(api, {header: value}) == 401


async def test_a_key_that_has_ended_opens_nothing(api: Api) -> None:
    key = await add_key(api, "read", expiresIn="1h")
    async with acquired(api.pool) as connection:
        await connection.execute("UPDATE api_keys SET expires_at = now()")
    assert await status(api, key) == 401


async def test_users_make_keys_for_themselves_with_what_they_have(api: Api) -> None:
    ann, _ = await add_user(api, "ann"), await add_user(api, "bob")
    for new, why in (
        ({"scopes": ["admin"]}, "missing scope: admin"),
        ({"scopes": ["read"], "user": "bob"}, "only an admin can create keys for other users"),
    ):
        answer = await api.answer("POST", "/keys", json={"name": "k"} | new, headers=ann)
        assert answer == (403, {"message": why})
    made = await done(api, "POST", "/keys", ann, json={"name": "k", "scopes": ["read"]})
    assert made["user"] == "ann"
    assert [key["id"] for key in await api.get("/keys", headers=ann)] == [made["id"]]
    assert await api.get("/keys", headers=password_of("bob")) == []
    answer = await api.answer("DELETE", f"/keys/{made['id']}", headers=password_of("bob"))
    assert answer == (404, {"message": "no such key"})
    await done(api, "DELETE", f"/keys/{made['id']}", ann)


async def test_a_key_makes_no_key_that_outlives_it(api: Api) -> None:
    await add_user(api, "ann")
    key = await add_key(api, "operate", user="ann", expiresIn="1h")
    [own] = await api.get("/keys", headers=OPERATOR)
    made = await done(api, "POST", "/keys", key, json={"name": "k", "scopes": ["operate"]})
    assert made["expiresAt"] == own["expiresAt"]
    nobodys = await add_key(api, "operate")
    new = {"name": "k", "scopes": ["operate"]}
    assert (await api.answer("POST", "/keys", json=new, headers=nobodys))[0] == 403


async def test_a_key_loses_what_its_owner_loses(api: Api) -> None:
    await add_user(api, "ann", "admin")
    key = await add_key(api, "admin", user="ann")
    assert await status(api, key, "/users") == 200
    await done(api, "PUT", "/users/ann/roles", OPERATOR, json=[])
    assert await status(api, key, "/users") == 403
