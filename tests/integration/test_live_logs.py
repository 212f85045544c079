"""Logs that are followed over HTTP: whole, in order, to their end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientPayloadError, ClientResponse

from shared.lifecycle import Task
from shared.messages import PARTS_PER_DISPATCH
from tests.support.http.api import Api, api_on
from tests.support.http.event_streams import add_part, end_job, end_task, events_of

pytestmark = pytest.mark.real


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


@pytest.fixture
async def task(api: Api) -> Task:
    job = await api.submit("name: x\nsecrets: {key: hunter2secret}\ntasks: [{name: a}]")
    return await api.add_task(job["id"])


async def line(response: ClientResponse) -> str:
    async with asyncio.timeout(60):
        return (await response.content.readline()).decode()


async def test_a_job_log_is_followed_line_by_line_until_the_job_ends(api: Api, task: Task) -> None:
    await add_part(api.pool, task, 1, "one\n")
    async with api.client.get(f"/jobs/{task.job_id}/log?follow=true") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert await line(response) == "one\n"
        await add_part(api.pool, task, 2, "two\nthree\n")
        assert [await line(response), await line(response)] == ["two\n", "three\n"]
        await add_part(api.pool, task, 3, "last words")
        await end_task(api, task, log_parts=3)
        await end_job(api, task.job_id)
        assert await response.text() == "last words\n"


async def test_a_task_log_is_followed_until_the_task_ends_though_its_job_goes_on(
    api: Api, task: Task
) -> None:
    other = await api.add_task(task.job_id, id="t2", position=2)
    await add_part(api.pool, task, 1, "mine, ")
    await add_part(api.pool, other, 1, "not mine\n")
    async with api.client.get("/tasks/t1/log?follow=true") as response:
        await add_part(api.pool, task, 2, "all of it")
        await end_task(api, task, log_parts=2)
        assert await response.text() == "mine, all of it"


async def test_lines_of_two_tasks_do_not_run_into_each_other(api: Api, task: Task) -> None:
    other = await api.add_task(task.job_id, id="t2", position=2)
    await add_part(api.pool, task, 1, "begun")
    await add_part(api.pool, other, 1, "between\n")
    await add_part(api.pool, task, 2, " and done\n")
    await end_job(api, task.job_id)
    async with api.client.get(f"/jobs/{task.job_id}/log?follow=true") as response:
        assert await response.text() == "between\nbegun and done\n"


async def test_a_part_that_comes_after_its_task_has_ended_does_not_wait_for_the_job(
    api: Api, task: Task
) -> None:
    other = await api.add_task(task.job_id, id="t2", position=2)
    async with api.client.get(f"/jobs/{task.job_id}/log?follow=true") as response:
        await end_task(api, task, log_parts=2)
        await add_part(api.pool, task, 2, " end")
        await add_part(api.pool, task, 1, "no")
        assert await line(response) == "no end\n"
        await add_part(api.pool, other, 1, "b\n")
        assert await line(response) == "b\n"
        await end_job(api, task.job_id)


@pytest.mark.parametrize("of", ["job", "task"])
async def test_a_log_is_in_order_though_its_last_part_was_stored_first(
    api: Api, task: Task, of: str
) -> None:
    path = f"/jobs/{task.job_id}" if of == "job" else f"/tasks/{task.id}"
    async with api.client.get(f"{path}/log?follow=true") as response:
        await add_part(api.pool, task, 3, "3\n")
        await end_task(api, task, log_parts=3)
        await end_job(api, task.job_id)
        await add_part(api.pool, task, 2, "2\n")
        await add_part(api.pool, task, 1, "1\n")
        assert await response.text() == "1\n2\n3\n"


async def test_the_events_of_log_parts_are_in_order_and_none_is_lost_on_resuming(
    api: Api, task: Task
) -> None:
    path = f"/jobs/{task.job_id}/events"
    async with events_of(api, path) as stream:
        await add_part(api.pool, task, 1, "1")
        first = await stream.next()
        await add_part(api.pool, task, 3, "3")
        await end_task(api, task, log_parts=3)
        ended = await stream.next()
        assert ended is not None
        assert ended.kind == "task"
        assert ended.id is None  # who resumed after it would miss the part that waits
    assert first is not None
    async with events_of(api, path, first.id) as stream:
        await add_part(api.pool, task, 2, "2")
        await end_job(api, task.job_id)
        rest = await stream.rest()
    assert [event.data["number"] for event in rest if event.kind == "log"] == [2, 3]
    assert [event.kind for event in rest if event.kind != "log"] == ["task", "job", "end"]


async def test_a_part_that_never_comes_does_not_hold_up_the_rest(api: Api, task: Task) -> None:
    await add_part(api.pool, task, 2, "after the gap\n")
    await end_job(api, task.job_id)
    async with api.client.get(f"/jobs/{task.job_id}/log?follow=true") as response:
        assert await response.text() == "after the gap\n"


async def test_a_log_goes_on_with_the_next_dispatch(api: Api, task: Task) -> None:
    await add_part(api.pool, task, 1, "first worker\n")
    await add_part(api.pool, task, PARTS_PER_DISPATCH + 1, "second worker\n")
    async with api.client.get("/tasks/t1/log?follow=true") as response:
        assert [await line(response), await line(response)] == ["first worker\n", "second worker\n"]


async def test_a_long_log_is_followed_from_its_beginning_over_many_pages(
    api: Api, task: Task
) -> None:
    count = 1000
    await api.pool.executemany(
        "INSERT INTO task_log_parts (task_id, number, job_id, contents, created_at)"
        " VALUES ($1, $2, $3, $4, now())",
        [(task.id, n, task.job_id, f"{n}\n") for n in range(1, count + 1)],
    )
    await end_task(api, task, log_parts=count)
    async with api.client.get("/tasks/t1/log?follow=true") as response:
        assert await response.text() == "".join(f"{n}\n" for n in range(1, count + 1))


async def test_secrets_are_kept_out_of_a_followed_log(api: Api, task: Task) -> None:
    await add_part(api.pool, task, 1, "it is hunter2secret\n")
    await end_job(api, task.job_id)
    async with api.client.get(f"/jobs/{task.job_id}/log?follow=true") as response:
        assert await response.text() == "it is [REDACTED]\n"


async def test_a_log_that_is_not_followed_is_a_page_as_ever(api: Api, task: Task) -> None:
    await add_part(api.pool, task, 1, "one\n")
    for asked in ("", "?follow=", "?follow=false"):
        page = await api.get(f"/tasks/t1/log{asked}")
        assert [part["contents"] for part in page["items"]] == ["one\n"]


async def test_follow_says_yes_or_no(api: Api, task: Task) -> None:
    status, body = await api.answer("GET", "/tasks/t1/log?follow=perhaps")
    assert status == 400
    assert body["message"] == 'follow: "perhaps" is not allowed: must be true or false'


@pytest.mark.parametrize("path", ["/jobs/nosuch/log", "/tasks/nosuch/log"])
async def test_the_log_of_nothing_can_not_be_followed(api: Api, path: str) -> None:
    assert (await api.answer("GET", f"{path}?follow=true"))[0] == 404


async def test_a_log_that_a_stopping_coordinator_cuts_is_not_taken_for_whole(
    postgres_dsn: str,
) -> None:
    async with api_on(postgres_dsn) as api:
        job = await api.submit("name: x\ntasks: [{name: a}]")
        task = await api.add_task(job["id"])
        await add_part(api.pool, task, 1, "one\n")
        async with api.client.get("/tasks/t1/log?follow=true") as response:
            assert await line(response) == "one\n"
            closing = asyncio.create_task(api.client.server.close())
            with pytest.raises(ClientPayloadError):
                await response.text()
            await closing
