"""Users and roles over HTTP."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.coordinator.auth_settings import AuthSettings
from services.coordinator.startup_warnings import warn_without_admin
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

pytestmark = pytest.mark.real


@pytest.fixture
async def api(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as running:
        yield running


KEY = {"name": "k", "scopes": ["read"]}


async def test_a_user_logs_in_until_deleted(api: Api) -> None:
    ann = await add_user(api, "ann")
    assert await status(api, ann) == 200
    assert await status(api, ann) == 200  # from memory this time
    key = await add_key(api, "read", user="ann")
    await done(api, "DELETE", "/users/ann", OPERATOR)
    assert await status(api, ann) == 401
    assert await status(api, key) == 401
    assert await api.answer("DELETE", "/users/ann", headers=OPERATOR) == (
        404,
        {"message": "no such user"},
    )


async def test_a_name_is_given_once(api: Api) -> None:
    await add_user(api, "ann")
    for name, why in (
        ("ann", "is taken"),
        ("ANN", "is taken"),
        ("Guest", "is taken"),
        ("admin", "is not allowed: it is the operator's"),
        ("Admin", "is not allowed: it is the operator's"),
    ):
        new = {"username": name, "name": "Another", "password": "a password"}
        answer = await api.answer("POST", "/users", json=new, headers=OPERATOR)
        assert answer == (400, {"message": f'username: "{name}" {why}'})
    for slug in ("admin", "Admin", "PUBLIC"):
        role = {"slug": slug, "name": "Another"}
        answer = await api.answer("POST", "/roles", json=role, headers=OPERATOR)
        assert answer == (400, {"message": f'slug: "{slug}" is taken'})


async def test_of_names_that_differ_in_case_only_one_is_given(api: Api) -> None:
    names = ["Zoe", "zoe", "ZOE", "zOe"]
    made = await asyncio.gather(
        *(
            api.answer(
                "POST", "/users", json={"username": n, "password": "a password"}, headers=OPERATOR
            )
            for n in names
        )
    )
    assert sorted(code for code, _ in made) == [200, 400, 400, 400]


async def test_a_user_is_called_by_the_name_in_any_case(api: Api) -> None:
    new = {"username": "Ann", "password": "ann's password"}
    await done(api, "POST", "/users", OPERATOR, json=new)
    for name in ("ann", "Ann", "ANN"):
        text = base64.b64encode(f"{name}:ann's password".encode()).decode()
        made = await done(
            api, "POST", "/keys", {"Authorization": f"Basic {text}"}, json=KEY | {"user": name}
        )
        assert made["user"] == "Ann"
        made = await done(api, "POST", "/keys", OPERATOR, json=KEY | {"user": name})
        assert made["user"] == "Ann"
    await done(api, "PUT", "/users/ANN/roles", OPERATOR, json=["Admin"])
    [ann, _] = await api.get("/users", headers=OPERATOR)
    assert (ann["username"], ann["roles"]) == ("Ann", ["admin"])
    await done(api, "DELETE", "/users/aNN", OPERATOR)
    assert [user["username"] for user in await api.get("/users", headers=OPERATOR)] == ["guest"]


async def test_users_from_before_who_differ_in_case_stay_two(api: Api) -> None:
    await add_user(api, "ann")
    async with acquired(api.pool) as connection:
        await connection.execute("UPDATE users SET identity = NULL")
        await connection.execute(
            "INSERT INTO users (username, name, password_hash) "
            "SELECT 'Ann', 'Other', password_hash FROM users WHERE username = 'ann'"
        )
    for name in ("ann", "Ann"):
        text = base64.b64encode(f"{name}:ann's password".encode()).decode()
        made = await done(api, "POST", "/keys", {"Authorization": f"Basic {text}"}, json=KEY)
        assert made["user"] == name
    new = {"username": "ANN", "password": "a password"}
    assert (await api.answer("POST", "/users", json=new, headers=OPERATOR))[0] == 400


SCHEDULED = "name: s\ntasks: [{name: a}]\npermissions: [{user: carl}]\nschedule: {cron: '@daily'}"


async def test_who_gets_the_name_of_a_deleted_user_inherits_nothing(api: Api) -> None:
    carl = await add_user(api, "carl", "admin")
    key = await add_key(api, "read", user="carl")
    job = "name: x\ntasks: [{name: a}]\npermissions: [{user: carl}]"
    sent = {**carl, "Idempotency-Key": "k"}
    old = await done(api, "POST", "/jobs", sent, yaml=job)
    schedule = await done(api, "POST", "/scheduled-jobs", carl, yaml=SCHEDULED)
    paths = [f"/jobs/{old['id']}", f"/scheduled-jobs/{schedule['id']}"]
    for path in paths:
        assert await status(api, carl, path) == 200
    shown = await api.get(paths[0], headers=OPERATOR)
    await done(api, "DELETE", "/users/carl", OPERATOR)
    after = await api.get(paths[0], headers=OPERATOR)
    assert (after["createdBy"]["username"], after["createdBy"]["name"]) == ("carl", "carl")
    carl = await add_user(api, "Carl")
    carls = {"Authorization": "Basic " + base64.b64encode(b"carl:Carl's password").decode()}
    assert await status(api, carls) == 200
    for path in paths:
        assert await status(api, carls, path) == 404
    assert await status(api, carls, "/users") == 403
    assert await status(api, key) == 401
    assert await api.get("/keys", headers=carls) == []
    assert (await api.get("/jobs", headers=carls))["totalItems"] == 0
    new = await done(api, "POST", "/jobs", {**carls, "Idempotency-Key": "k"}, yaml=job)
    assert new["id"] != old["id"]
    for job_id, creator in ((old["id"], "carl"), (new["id"], "Carl")):
        answer = await api.get(f"/jobs/{job_id}", headers=OPERATOR)
        assert answer["createdBy"]["username"] == creator
        assert answer["permissions"][0]["user"]["id"] == answer["createdBy"]["id"]
    assert answer["createdBy"]["id"] != shown["createdBy"]["id"]
    of_the_name = await api.get("/jobs", headers=OPERATOR, params={"q": "by:CARL"})
    assert [job["id"] for job in of_the_name["items"]] == [new["id"], old["id"]]


async def test_the_guest_stays(api: Api) -> None:
    code, _ = await api.answer("DELETE", "/users/guest", headers=OPERATOR)
    assert code == 400


async def test_no_answer_and_no_row_shows_a_password_or_a_key(api: Api) -> None:
    await add_user(api, "ann")
    shown = (await add_key(api, "read", user="ann"))["Authorization"].removeprefix("Bearer ")
    users = await api.get("/users", headers=OPERATOR)
    keys = await api.get("/keys", headers=OPERATOR)
    async with acquired(api.pool) as connection:
        rows = await connection.fetch("SELECT u::text, k::text FROM users u, api_keys k")
    told = str((users, keys, [tuple(row) for row in rows]))
    assert "ann's password" not in told
    assert shown not in told
    assert shown.split("_", 2)[2] not in told


async def test_the_admin_role_makes_an_admin(api: Api) -> None:
    ann = await add_user(api, "ann")
    assert await status(api, ann, "/users") == 403
    await done(api, "PUT", "/users/ann/roles", OPERATOR, json=["admin"])
    [user, guest] = await api.get("/users", headers=ann)
    assert (guest["username"], guest["disabled"]) == ("guest", True)
    assert (user["username"], user["name"], user["roles"]) == ("ann", "Ann", ["admin"])
    await done(api, "PUT", "/users/ann/roles", OPERATOR, json=[])
    assert await status(api, ann, "/users") == 403


async def test_only_roles_that_exist_are_given(api: Api) -> None:
    await add_user(api, "ann")
    answer = await api.answer("PUT", "/users/ann/roles", json=["ops", "x"], headers=OPERATOR)
    assert answer == (400, {"message": "no such role: ops, x"})
    await done(api, "POST", "/roles", OPERATOR, json={"slug": "ops", "name": "Operations"})
    await done(api, "PUT", "/users/ann/roles", OPERATOR, json=["ops"])
    roles = [role["slug"] for role in await api.get("/roles", headers=OPERATOR)]
    assert roles == ["admin", "ops", "public"]
    answer = await api.answer("PUT", "/users/bob/roles", json=["ops"], headers=OPERATOR)
    assert answer == (404, {"message": "no such user"})


async def test_what_is_wrong_in_a_body_is_named_but_no_password_is_shown(api: Api) -> None:
    for path, body, message in (
        ("/users", {"username": "ann", "name": "Ann"}, "password: is required"),
        (
            "/users",
            {"username": "a:b", "name": "A", "password": "s3cret"},
            'username: "a:b" is not allowed: must be 1 to',
        ),
        (
            "/users",
            {"username": "a", "name": "A", "password": "s3cret"},
            "password: must have at least 8 characters",
        ),
        ("/users", {"username": "a", "name": "A", "password": "s3cret\x00x"}, "password: must not"),
        ("/roles", {"slug": "a b", "name": "A"}, 'slug: "a b" is not allowed: must be 1'),
        (
            "/keys",
            {"name": "k", "scopes": ["read", "foo"]},
            """scopes[1]: "foo" is not allowed: must be 'read', 'submit'""",
        ),
        ("/keys", {"name": "k", "scopes": []}, "scopes: must have at least one entry"),
        (
            "/keys",
            {"name": "k", "scopes": ["read"], "expiresIn": "1 day"},
            'expiresIn: "1 day" is not allowed: must be a',
        ),
        ("/keys", {"name": "k", "scopes": ["read"], "user": "zoe"}, 'user: "zoe" is not allowed'),
        ("/keys", ["k"], "the body must be a JSON object"),
    ):
        code, answer = await api.answer("POST", path, json=body, headers=OPERATOR)
        assert code == 400
        assert answer["message"].startswith(message), answer
        assert "s3cret" not in answer["message"]


async def test_everyone_is_an_admin_where_authentication_is_off(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        user = await done(
            api, "POST", "/users", {}, json={"username": "a", "name": "A", "password": "password"}
        )
        assert user["username"] == "a"
        job = await api.submit("name: x\ntasks: [{name: a}]\npermissions: [{user: a}]")
        [permission] = (await api.get(f"/jobs/{job['id']}"))["permissions"]
        assert permission["user"]["username"] == "a"
        assert (await api.get("/jobs"))["totalItems"] == 1


@pytest.mark.parametrize("kind", ["basic", "any"])
async def test_the_operators_password_opens_everything_without_a_row(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, kind: Literal["basic", "any"]
) -> None:
    hash_cheaply(monkeypatch)
    auth = AuthSettings(type=kind, user="root", password=SecretStr("root's password"))
    async with api_on(postgres_dsn, auth=auth) as api:
        root = password_of("root")
        assert await status(api, root, "/users") == 200
        new = {"username": "ann", "name": "Ann", "password": "ann's password"}
        await done(api, "POST", "/users", root, json=new)
        assert await status(api, password_of("ann"), "/users") == 403
        assert [user["username"] for user in await done(api, "GET", "/users", root)] == [
            "ann",
            "guest",
        ]
        for wrong in ("admin:root's password", "root:", "root:root's passwor", "roo:t:root's"):
            text = base64.b64encode(wrong.encode()).decode()
            assert await status(api, {"Authorization": f"Basic {text}"}) == 401


async def test_a_coordinator_that_lets_no_admin_in_says_what_to_set(api: Api) -> None:
    async def warnings(**settings: Any) -> list[str]:
        with capture_logs() as lines:
            await warn_without_admin(AuthSettings(**settings), api.pool)
        return [line["to_do"] for line in lines]

    [said] = await warnings(type="basic")
    assert "CONVEYOR_AUTH_PASSWORD" in said
    assert "key" not in said
    [said] = await warnings(type="any")
    assert "CONVEYOR_AUTH_PASSWORD" in said
    assert "conveyor migrate --first-key" in said
    assert await warnings(type="none") == []
    assert await warnings(type="basic", password=SecretStr("x")) == []
    await add_user(api, "ann", "admin")
    assert await warnings(type="basic") == []
    assert len(await warnings(type="key")) == 1
    await add_key(api, "admin")
    assert await warnings(type="key") == []


async def test_a_database_that_is_away_is_no_reason_to_say_that_there_is_no_admin(
    api: Api,
) -> None:
    await api.pool.close()
    with capture_logs() as lines:
        await warn_without_admin(AuthSettings(type="basic"), api.pool)
    assert lines == []


async def test_a_user_is_created_as_in_tork(api: Api) -> None:
    body = b'{"username": " joe ", "password": "pw 123456 ", "disabled": false, "of": "a client"}'
    for name, headers in (
        ("joe", {}),
        ("jim", {"Content-Type": "application/x-www-form-urlencoded"}),
    ):
        sent = body.replace(b"joe", name.encode())
        code, user = await api.answer("POST", "/users", data=sent, headers={**OPERATOR, **headers})
        assert code == 200
        assert (user["username"], user["name"]) == (name, name)
        assert user["id"]
        assert user["createdAt"]
    basic = base64.b64encode(b"joe:pw 123456 ").decode()
    assert await status(api, {"Authorization": f"Basic {basic}"}) == 200
    of_a_page = {**OPERATOR, "Content-Type": "text/plain", "Origin": "https://evil.example"}
    assert (await api.answer("POST", "/users", data=body, headers=of_a_page))[0] == 403


async def test_a_disabled_user_and_their_keys_are_shut_out(api: Api) -> None:
    new = {"username": "ann", "password": "ann's password", "disabled": True}
    await done(api, "POST", "/users", OPERATOR, json=new)
    key = await add_key(api, "read", user="ann")
    assert await status(api, password_of("ann")) == 401
    assert await status(api, key) == 401
    assert await status(api, password_of("guest")) == 401
