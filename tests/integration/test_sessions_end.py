"""Sessions of the page end with what they were opened with, and in time."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from services.coordinator.api.access import principal
from services.scheduler.store.retention import delete_ended_sessions
from shared.postgres.pool import acquired
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    OPERATOR,
    OPERATORS_KEY,
    add_key,
    add_user,
    done,
    hash_cheaply,
    status,
)
from tests.support.http.event_streams import EventReader
from tests.support.http.signed_in import ANN, AUTH, OPERATORS_PASSWORD, Browser, sign_in

pytestmark = pytest.mark.real


@pytest.fixture
async def api(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=AUTH) as running:
        await add_user(running, "ann")
        yield running


async def run(api: Api, sql: str, *args: object) -> None:
    async with acquired(api.pool) as connection:
        await connection.execute(sql, *args)


Ending = Callable[[Api], Any]


async def _delete_key(api: Api) -> None:
    for key in await api.get("/keys", headers=OPERATOR):
        await done(api, "DELETE", f"/keys/{key['id']}", OPERATOR)


ENDINGS: dict[str, Ending] = {
    "password": lambda api: done(
        api, "PUT", "/users/ann/password", OPERATOR, json={"password": "another password"}
    ),
    "user deleted": lambda api: done(api, "DELETE", "/users/ann", OPERATOR),
    "user disabled": lambda api: done(
        api, "PATCH", "/users/ann", OPERATOR, json={"disabled": True}
    ),
    "ended by an admin": lambda api: done(api, "DELETE", "/sessions?user=ann", OPERATOR),
    "idle or old": lambda api: run(api, "UPDATE sessions SET ends_at = now()"),
    "retention": lambda api: run(api, "DELETE FROM sessions"),
}
OF_BOTH = ("user deleted", "user disabled", "ended by an admin", "idle or old")
OF_KEYS = {
    "revoked": _delete_key,
    "expired": lambda api: run(api, "UPDATE api_keys SET expires_at = now()"),
    **{name: ENDINGS[name] for name in OF_BOTH},
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_session_with_a_password_ends_with_it(
    api: Api, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    browser, operator = await sign_in(api, ANN), await sign_in(api, {"key": OPERATORS_KEY})
    await _ends(browser, ENDINGS[ending], monkeypatch)
    assert (await operator.status() == 200) == (ending not in ("idle or old", "retention"))


@pytest.mark.parametrize("ending", OF_KEYS)
async def test_a_session_with_a_key_ends_with_it(
    api: Api, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    key = (await add_key(api, "read", user="ann"))["Authorization"].removeprefix("Bearer ")
    await _ends(await sign_in(api, {"key": key}), OF_KEYS[ending], monkeypatch)


async def _ends(browser: Browser, end: Ending, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next request; a stream that is open ends as well."""
    monkeypatch.setattr(principal, "_LOOK_SECONDS", 0.1)
    api = browser.api
    async with api.client.get("/events", headers=browser.headers) as stream:
        assert stream.status == 200
        await end(api)
        assert await EventReader(stream).rest() == []
    assert await api.answer("GET", "/jobs", headers=browser.headers) == (
        401,
        {"message": "the session has ended: sign in again"},
    )


async def test_taking_a_role_away_counts_at_the_next_request(api: Api) -> None:
    await done(api, "PUT", "/users/ann/roles", OPERATOR, json=["admin"])
    browser = await sign_in(api, ANN)
    assert await browser.status("/users") == 200
    await done(api, "PUT", "/users/ann/roles", OPERATOR, json=[])
    assert (await browser.status("/users"), await browser.status()) == (403, 200)


@pytest.mark.parametrize(
    ("change", "by_password", "by_key"),
    [
        ({}, 200, 200),
        ({"password": SecretStr("another password")}, 401, 200),
        ({"user": "root"}, 401, 200),
        ({"key": SecretStr("another key")}, 200, 401),
        ({"password": SecretStr("")}, 401, 200),
        ({"type": "key", "password": SecretStr("")}, 401, 200),
        ({"type": "basic", "key": SecretStr("")}, 200, 401),
    ],
)
async def test_a_session_of_the_operator_ends_with_the_setting_that_opened_it(
    postgres_dsn: str, change: Mapping[str, object], by_password: int, by_key: int
) -> None:
    async with api_on(postgres_dsn, auth=AUTH) as api:
        named = await sign_in(api, {"username": "ADMIN", "password": OPERATORS_PASSWORD})
        keyed = await sign_in(api, {"key": OPERATORS_KEY})
    async with api_on(postgres_dsn, auth=AUTH.model_copy(update=change)) as api:
        statuses = [
            (await api.raw("GET", "/jobs", headers=one.headers)).status for one in (named, keyed)
        ]
        assert statuses == [by_password, by_key]


async def test_a_session_that_is_used_goes_on_until_its_longest_time(postgres_dsn: str) -> None:
    short = AUTH.model_copy(update={"session_hours": 3, "session_idle_hours": 2})
    async with api_on(postgres_dsn, auth=short) as api:
        browser = await sign_in(api, {"key": OPERATORS_KEY})

        async def hours_left(age: str, left: str) -> float:
            await run(
                api,
                "UPDATE sessions SET created_at = now() - $1::text::interval, "
                "ends_at = now() + $2::text::interval",
                age,
                left,
            )
            assert await browser.status() == 200
            async with acquired(api.pool) as connection:
                seconds = await connection.fetchval(
                    "SELECT extract(epoch FROM ends_at - now()) FROM sessions"
                )
            return round(float(seconds) / 3600, 2)

        assert await hours_left("30 minutes", "10 minutes") == 2
        assert await hours_left("2 hours", "10 minutes") == 1
        assert await hours_left("179 minutes", "1 minute") == 0.02


async def test_beyond_the_limit_the_oldest_session_of_the_user_ends(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=AUTH.model_copy(update={"sessions_per_user": 2})) as api:
        await add_user(api, "ann")
        operator = await sign_in(api, {"key": OPERATORS_KEY})
        browsers = [await sign_in(api, ANN) for _ in range(4)]
        assert [await one.status() for one in browsers] == [401, 401, 200, 200]
        assert await operator.status() == 200


async def test_sessions_that_have_ended_are_deleted(api: Api) -> None:
    await sign_in(api, ANN)
    await run(api, "UPDATE sessions SET ends_at = now() - interval '1 second'")
    still = await sign_in(api, ANN)
    async with acquired(api.pool) as connection:
        assert await delete_ended_sessions(connection) == 1
    assert await still.status() == 200


async def test_an_enabled_user_signs_in_anew_and_their_keys_work_again(api: Api) -> None:
    browser, key = await sign_in(api, ANN), await add_key(api, "read", user="ann")
    for disabled, of_key in ((True, 401), (False, 200)):
        change = {"disabled": disabled}
        shown = await done(api, "PATCH", "/users/Ann", OPERATOR, json=change)
        assert shown.get("disabled", False) == disabled
        assert (await browser.status(), await status(api, key)) == (401, of_key)
    still = await sign_in(api, ANN)
    renamed = await done(api, "PATCH", "/users/ann", OPERATOR, json={"name": "Ann B", **change})
    assert (renamed["name"], await still.status()) == ("Ann B", 200)


async def test_nobody_disables_themselves_or_the_guest(api: Api) -> None:
    boss = await add_user(api, "boss", "admin")
    for name, headers in (("boss", boss), ("guest", OPERATOR)):
        change = {"json": {"disabled": True}, "headers": headers}
        assert (await api.answer("PATCH", f"/users/{name}", **change))[0] == 400


async def test_a_user_lists_their_sessions_and_ends_one(api: Api) -> None:
    agent = {"User-Agent": "Firefox/140"}
    here, there = await sign_in(api, ANN, agent), await sign_in(api, ANN)
    await sign_in(api, {"key": OPERATORS_KEY})
    last, first = await done(api, "GET", "/sessions", here.headers)
    assert [one["isCurrent"] for one in (last, first)] == [False, True]
    assert (first["client"], first["user"], first["kind"]) == ("Firefox/140", "ann", "page")
    assert here.cookie not in str((last, first))
    assert await done(api, "DELETE", f"/sessions/{last['id']}", here.proven) == {"ended": 1}
    assert (await here.status(), await there.status()) == (200, 401)
    [of_the_operator] = await done(api, "GET", "/sessions", OPERATOR)
    for headers, path, status_ in (
        (here.proven, f"/sessions/{of_the_operator['id']}", 404),
        (here.headers, f"/sessions/{first['id']}", 403),  # without the token of the page
        (here.proven, "/sessions?user=boss", 403),
        (OPERATOR, "/sessions?user=boss", 404),
    ):
        assert (await api.answer("DELETE", path, headers=headers))[0] == status_


async def test_signing_out_everywhere_ends_the_sessions_of_keys_too(api: Api) -> None:
    key = (await add_key(api, "read", user="ann"))["Authorization"].removeprefix("Bearer ")
    operator = await sign_in(api, {"key": OPERATORS_KEY})
    browsers = [await sign_in(api, shown) for shown in (ANN, {"key": key})]
    assert await done(api, "DELETE", "/sessions", browsers[0].proven) == {"ended": 2}
    assert [await one.status() for one in (*browsers, operator)] == [401, 401, 200]
