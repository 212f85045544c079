"""Passwords: who changes them, and how guessing them is slowed down."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.coordinator.auth_settings import AuthSettings
from services.coordinator.startup_warnings import warn_of_short_password
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


def basic(name: str, password: str) -> Mapping[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def test_users_change_their_own_password_with_the_old_one(api: Api) -> None:
    ann, _ = await add_user(api, "ann"), await add_user(api, "bob")
    key = await add_key(api, "read", user="ann")
    change = {"oldPassword": "ann's password", "password": "another password"}
    for name, body, answer in (
        ("ann", change | {"oldPassword": "wrong one"}, (403, "oldPassword: is not your password")),
        ("ann", {"password": "another password"}, (400, "oldPassword: is required")),
        ("ann", change | {"password": "short"}, (400, "password: must have at least 8 characters")),
        ("bob", change, (403, "only an admin can change the password of another user")),
        ("nobody", change, (403, "only an admin can change the password of another user")),
        ("ann", change | {"oldPassword": 1}, (400, "oldPassword: must be text")),
    ):
        code, said = await api.answer("PUT", f"/users/{name}/password", json=body, headers=ann)
        assert (code, said["message"]) == answer
        assert await status(api, ann) == 200
    await done(api, "PUT", "/users/Ann/password", ann, json=change)
    assert await status(api, ann) == 401
    assert await status(api, basic("ann", "another password")) == 200
    assert await status(api, key) == 200


async def test_an_admin_changes_the_password_of_any_user(api: Api) -> None:
    await add_user(api, "ann"), await add_user(api, "boss", "admin")
    for headers, new in ((OPERATOR, "first new"), (password_of("boss"), "second new")):
        await done(api, "PUT", "/users/ann/password", headers, json={"password": new})
        assert await status(api, basic("ann", new)) == 200
    assert await status(api, basic("ann", "first new")) == 401
    answer = await api.answer(
        "PUT", "/users/zoe/password", json={"password": "a password"}, headers=OPERATOR
    )
    assert answer == (404, {"message": "no such user"})
    answer = await api.answer(
        "PUT", "/users/ann/password", json={"password": "x"}, headers=OPERATOR
    )
    assert answer == (400, {"message": "password: must have at least 8 characters"})


async def test_guessing_slows_down_the_guesser_alone(api: Api) -> None:
    await add_user(api, "ann"), await add_user(api, "bob")
    key = await add_key(api, "read", user="ann")
    guesses = [
        *(api.raw("GET", "/jobs", headers=basic("ann", f"guess {n}")) for n in range(20)),
        *(api.raw("GET", "/jobs", headers=basic("Nobody", f"guess {n}")) for n in range(20)),
    ]
    answers = await asyncio.gather(*guesses)
    for of_one in (answers[:20], answers[20:]):
        assert sorted(answer.status for answer in of_one) == [401] * 5 + [429] * 15
    assert {int(a.headers["Retry-After"]) for a in answers if a.status == 429} == {1}
    assert await status(api, password_of("ann")) == 429
    assert await status(api, password_of("bob")) == 200
    assert await status(api, key) == 200
    assert await status(api, OPERATOR) == 200


async def test_the_old_password_is_guessed_no_faster(api: Api) -> None:
    await add_user(api, "ann")
    key = await add_key(api, "operate", user="ann")
    codes = [
        (
            await api.answer(
                "PUT",
                "/users/ann/password",
                json={"oldPassword": f"guess {n}", "password": "a password"},
                headers=key,
            )
        )[0]
        for n in range(7)
    ]
    assert codes == [403] * 5 + [429] * 2


async def test_a_short_password_of_the_operator_is_warned_of() -> None:
    for password, warnings in (("short", 1), ("long enough", 0), ("", 0)):
        with capture_logs() as lines:
            warn_of_short_password(AuthSettings(type="basic", password=SecretStr(password)))
        assert len(lines) == warnings
