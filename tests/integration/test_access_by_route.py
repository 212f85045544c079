"""Each route against each kind of client: nobody gets further than they may."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.coordinator.auth_settings import AuthSettings
from shared.files.directory.store import DirectoryStore
from tests.support.files.kept import keep_file
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    OPERATOR,
    PROTECTED,
    Headers,
    add_key,
    add_user,
    done,
    hash_cheaply,
    password_of,
    submit,
)
from tests.support.http.route_scopes import SCOPES

pytestmark = pytest.mark.real

JOB = """
name: private
tasks: [{name: a, placement: {count: 1}}]
permissions: [{user: helper}, {user: viewer, access: view}, {role: watch, access: view}]
"""
SCHEDULED_JOB = JOB + "schedule: {cron: '0 0 1 1 *'}\n"
OF_LINKS = {("PUT", "/v1/uploads/{path}"), ("GET", "/v1/computing/results/{id}/{path}")}
"""What a link alone opens, to whoever has it."""
OF_JOBS = re.compile(r"/(jobs|tasks|scheduled-jobs)/{id}")


@dataclass(frozen=True)
class Setting:
    """A private job of `owner`, with a task, and a private scheduled job. `helper` may act on both,
    `viewer` and who has the role `watch` may see them."""

    api: Api
    owner: Headers
    ids: dict[str, str]

    async def status(self, method: str, path: str, headers: Headers) -> int:
        """Of the answer; a stream of events is not waited for."""
        kind = path.split("/")[1]
        names = {"name": "none", "username": "none", "path": "t1/kept", "version": "1"}
        names |= {"file": "none.tar.gz", "secretType": "none", "tag": "none"}
        asked = path.format(id=self.ids.get(kind, "none"), **names)
        async with self.api.client.request(method, asked, headers=headers) as response:
            return response.status

    async def refusals(self, headers: Headers) -> dict[tuple[str, str], int]:
        """The routes that answer that the client is not known, or may not."""
        asked = SCOPES.keys() - OF_LINKS
        found = {route: await self.status(*route, headers) for route in asked}
        return {route: status for route, status in found.items() if status in (401, 403)}


@pytest.fixture
async def setting(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Setting]:
    hash_cheaply(monkeypatch)
    store = DirectoryStore(tmp_path)
    # So many wrong passwords as the table has would be slowed down.
    auth = PROTECTED.model_copy(update={"failures": 0})
    async with api_on(postgres_dsn, files=store, auth=auth) as api:
        await done(api, "POST", "/roles", OPERATOR, json={"slug": "watch", "name": "Watch"})
        owner, *_ = [await add_user(api, name) for name in ("owner", "helper", "viewer")]
        job = await submit(api, owner, JOB)
        task = await api.add_task(job["id"])
        await keep_file(api.pool, store, task, "kept", b"x")
        scheduled = await _schedule(api, owner)
        ids = {"jobs": job["id"], "tasks": task.id, "scheduled-jobs": scheduled}
        yield Setting(api, owner, ids)


async def _schedule(api: Api, owner: Headers) -> str:
    headers = {**owner, "Content-Type": "text/yaml"}
    status, body = await api.answer("POST", "/scheduled-jobs", data=SCHEDULED_JOB, headers=headers)
    assert status == 200, body
    return str(body["id"])


def needing(*scopes: str | None, status: int) -> dict[tuple[str, str], int]:
    return {route: status for route, scope in SCOPES.items() if scope in scopes}


EVERY = ("read", "submit", "operate", "admin")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "wrong"},
        {"X-API-Key": f"cvk_0123456789abcdef_{'x' * 43}"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic b3duZXI6d3Jvbmc="},
        {"Authorization": "Basic !"},
        {"Authorization": "Digest x"},
    ],
    ids=["none", "key", "likely key", "bearer", "password", "garbage", "scheme"],
)
async def test_without_valid_credentials_only_health_answers(
    setting: Setting, headers: Headers
) -> None:
    refusals = await setting.refusals(headers)
    assert refusals.pop(("GET", "/session"), 401) == 401  # with nothing shown it says so
    assert refusals == needing(*EVERY, status=401)


@pytest.mark.parametrize("scope", ["read", "submit", "operate"])
async def test_a_key_does_what_its_scope_says_and_no_more(setting: Setting, scope: str) -> None:
    key = await add_key(setting.api, scope, user="owner")
    others = set(EVERY) - {scope}
    besides = {("PUT", "/users/{username}/password"): 403}
    if scope == "submit":  # an endpoint is told what `read` shows
        besides |= {("POST", "/webhooks"): 403}
    if scope == "operate":  # an edit says what the next jobs do, or where is sent what `read` shows
        besides |= {("PATCH", "/scheduled-jobs/{id}"): 403, ("PATCH", "/webhooks/{id}"): 403}
    assert await setting.refusals(key) == needing(*others, status=403) | besides


async def test_a_user_does_all_but_administration(setting: Setting) -> None:
    of_others = {("PUT", "/users/{username}/password"): 403}
    assert await setting.refusals(setting.owner) == needing("admin", status=403) | of_others


async def test_an_admin_and_the_operator_are_refused_nothing(setting: Setting) -> None:
    admin = await add_user(setting.api, "boss", "admin")
    key = await add_key(setting.api, "admin")
    for headers in (admin, key, OPERATOR):
        assert await setting.refusals(headers) == {}


async def test_what_a_stranger_may_not_see_is_not_there(setting: Setting) -> None:
    stranger = await add_user(setting.api, "stranger", "public")
    keys = [
        await add_key(setting.api, "read", "submit", "operate", user="stranger"),
        await add_key(setting.api, "read", "submit", "operate"),
    ]
    private = {route for route in SCOPES if OF_JOBS.match(route[1])}
    assert len(private) > 10
    for headers in (stranger, *keys):
        statuses = {route: await setting.status(*route, headers) for route in private}
        assert statuses == dict.fromkeys(private, 404)


READS = {route for route in SCOPES if OF_JOBS.match(route[1]) and route[0] == "GET"}
COMPARES = {("POST", "/jobs/{id}/diff")}
"""With a body alone: it has what a GET has none of."""
ACTS = {route for route in SCOPES if OF_JOBS.match(route[1])} - READS - COMPARES


async def test_who_may_view_it_finds_it_and_changes_nothing(setting: Setting) -> None:
    assert len(ACTS) >= 6
    viewers = [
        password_of("viewer"),
        await add_user(setting.api, "guard", "watch"),
        await add_key(setting.api, "read", "submit", "operate", user="viewer"),
    ]
    for headers in viewers:
        statuses = {route: await setting.status(*route, headers) for route in READS | ACTS}
        assert statuses == dict.fromkeys(READS, 200) | dict.fromkeys(ACTS, 403)
    assert setting.api.batcher.done == []


@pytest.mark.parametrize("name", ["owner", "helper"])
async def test_who_may_operate_it_acts_on_it(setting: Setting, name: str) -> None:
    statuses = {route: await setting.status(*route, password_of(name)) for route in READS}
    assert statuses == dict.fromkeys(READS, 200)
    for route in sorted(ACTS):  # a schedule is deleted first
        done = await setting.status(*route, password_of(name))
        assert done not in (401, 403), route


async def test_a_401_says_how_to_authenticate(setting: Setting) -> None:
    response = await setting.api.raw("GET", "/jobs")
    assert response.headers["WWW-Authenticate"] == (
        'Basic realm="conveyor", charset="UTF-8", Bearer realm="conveyor"'
    )
    assert await response.json() == {"message": "authentication required"}


async def test_what_a_password_opens_a_key_does_not_and_the_other_way(postgres_dsn: str) -> None:
    only_keys = PROTECTED.model_copy(update={"type": "key"})
    async with api_on(postgres_dsn, auth=only_keys) as api:
        user = await add_user(api, "ann")
        assert await api.answer("GET", "/jobs", headers=user) == (
            401,
            {"message": "authentication required"},
        )
        assert (await api.answer("GET", "/jobs", headers=OPERATOR))[0] == 200
    only_passwords = AuthSettings(type="basic")
    async with api_on(postgres_dsn, auth=only_passwords) as api:
        assert (await api.answer("GET", "/jobs", headers=user))[0] == 200
        assert (await api.answer("GET", "/jobs", headers=OPERATOR))[0] == 401
