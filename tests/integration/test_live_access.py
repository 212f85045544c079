"""Live streams where not everybody may see everything."""

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest

from services.coordinator.api.access import principal
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    OPERATOR,
    PROTECTED,
    Headers,
    add_key,
    add_user,
    submit,
)
from tests.support.http.event_streams import EventReader, add_event, change

pytestmark = pytest.mark.real

WRONG = {"Authorization": "Basic " + base64.b64encode(b"ann:wrong").decode()}


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn, auth=PROTECTED) as running:
        yield running


@pytest.fixture
async def ann(api: Api) -> Headers:
    return await add_user(api, "ann")


@pytest.fixture
async def bob(api: Api) -> Headers:
    return await add_user(api, "bob")


async def submitted(api: Api, headers: Headers, more: str = "") -> str:
    job = await submit(api, headers, f"name: x\n{more}\ntasks: [{{name: a}}]")
    return str(job["id"])


async def test_a_job_one_may_not_see_has_no_streams_either(
    api: Api, ann: Headers, bob: Headers
) -> None:
    job_id = await submitted(api, ann, "permissions: [{user: ann}]")
    await api.add_task(job_id)
    for path in (
        f"/jobs/{job_id}/events",
        f"/jobs/{job_id}/log?follow=true",
        "/tasks/t1/log?follow=true",
    ):
        assert (await api.answer("GET", path, headers=bob))[0] == 404
        assert (await api.answer("GET", path))[0] == 401
        async with api.client.get(path, headers=ann) as response:
            assert response.status == 200


@pytest.mark.parametrize("resuming", [True, False])
async def test_all_events_are_those_of_jobs_one_may_see(
    api: Api, ann: Headers, bob: Headers, resuming: bool
) -> None:
    hidden = await submitted(api, ann, "permissions: [{user: ann}]")
    shared = await submitted(api, ann, "permissions: [{user: bob, access: view}]")
    everybodys = await submitted(api, ann)
    jobs = (hidden, shared, everybodys)

    async def seen(headers: Headers, count: int) -> list[str]:
        asked = {**headers, **({"Last-Event-ID": "0-0"} if resuming else {})}
        async with api.client.get("/events", headers=asked) as response:
            opened.release()
            reader = EventReader(response)
            return [event.data["jobId"] for event in await reader.take(count)]

    opened = asyncio.Semaphore(0)
    if resuming:
        for job_id in jobs:
            await add_event(api.pool, change(job_id, 1))
    reading = [asyncio.create_task(seen(ann, 3)), asyncio.create_task(seen(bob, 2))]
    for _ in reading:
        await opened.acquire()
    if not resuming:
        for job_id in jobs:
            await add_event(api.pool, change(job_id, 1))
    assert await asyncio.gather(*reading) == [list(jobs), [shared, everybodys]]


async def test_a_stream_ends_when_the_key_that_opened_it_does(
    api: Api, ann: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds_left = principal._seconds_left
    # An hour goes by in a second, but only while the stream is open.
    monkeypatch.setattr(principal, "_seconds_left", lambda who: (seconds_left(who) or 0) / 3600)
    key = await add_key(api, "read", user="ann", expiresIn="1h")
    async with api.client.get("/events", headers=key) as response:
        assert response.status == 200
        assert await EventReader(response).rest() == []


DELETE = ("DELETE", "/users/ann", None)
TAKE_ROLE: tuple[str, str, list[str]] = ("PUT", "/users/ann/roles", [])


@pytest.mark.parametrize(("method", "path", "body"), [DELETE, TAKE_ROLE])
async def test_a_stream_ends_when_whoever_follows_it_is_shut_out(
    api: Api, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: object
) -> None:
    monkeypatch.setattr(principal, "_LOOK_SECONDS", 0.1)
    ann = await add_user(api, "ann", "admin")
    key = await add_key(api, "read", user="ann")
    async with (
        api.client.get("/events", headers=ann) as as_user,
        api.client.get("/events", headers=key) as with_key,
    ):
        assert (await api.answer(method, path, headers=OPERATOR, json=body))[0] == 200
        for response in (as_user, with_key):
            async with asyncio.timeout(60):
                assert await EventReader(response).rest() == []


async def test_a_stream_ends_when_the_key_that_opened_it_is_deleted(
    api: Api, ann: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(principal, "_LOOK_SECONDS", 0.1)
    key = await add_key(api, "read", user="ann")
    async with api.client.get("/events", headers=key) as response:
        [row] = await api.get("/keys", headers=OPERATOR)
        assert (await api.answer("DELETE", f"/keys/{row['id']}", headers=OPERATOR))[0] == 200
        async with asyncio.timeout(60):
            assert await EventReader(response).rest() == []


async def test_a_stream_ends_when_its_password_is_changed_even_while_somebody_guesses(
    api: Api, ann: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(principal, "_LOOK_SECONDS", 0.1)
    async with api.client.get("/events", headers=ann) as response:
        while (await api.answer("GET", "/jobs", headers=WRONG))[0] != 429:
            pass
        new = {"password": "another password"}
        assert (await api.answer("PUT", "/users/ann/password", headers=OPERATOR, json=new))[
            0
        ] == 200
        async with asyncio.timeout(60):
            assert await EventReader(response).rest() == []


async def test_a_stream_goes_on_as_long_as_nothing_has_changed(
    api: Api, ann: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(principal, "_LOOK_SECONDS", 0.01)
    job_id = await submitted(api, ann)
    async with api.client.get("/events", headers=ann) as response:
        await asyncio.sleep(0.3)
        await add_event(api.pool, change(job_id, 1))
        [event] = await EventReader(response).take(1)
        assert event.data["jobId"] == job_id
