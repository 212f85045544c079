"""Live events and logs as the engine itself writes them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.apply.apply import Work
from shared.lifecycle import (
    JobCancelled,
    TaskClaimed,
    TaskFailed,
    TaskProgressed,
    TaskSucceeded,
)
from shared.messages import PARTS_PER_DISPATCH, LogPart
from shared.postgres.pool import acquired
from shared.store.writing import Writes, write
from tests.support.http.api import Api, api_on
from tests.support.http.event_streams import events_of
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig

pytestmark = pytest.mark.real

TASKS = [{"name": "first", "run": "true"}, {"name": "second", "run": "true"}]


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


NODE = """
INSERT INTO nodes (id, name, hostname, port, version, queue, status, started_at, last_heartbeat_at,
                   lease)
VALUES ('n1', 'w', 'host', 1, '1', 'default', 'UP', now(), now(), '30s')
"""


def ref(task: dict[str, Any]) -> tuple[str, str, int, str]:
    return task["job_id"], task["id"], task["dispatch"], "n1"


def part(task: dict[str, Any], number: int, text: str) -> LogPart:
    return LogPart(
        job_id=task["job_id"],
        task_id=task["id"],
        number=(task["dispatch"] - 1) * PARTS_PER_DISPATCH + number,
        contents=text,
        created_at=datetime.now(UTC),
    )


async def claimed(rig: Rig, job_id: str) -> dict[str, Any]:
    """The scheduled task, running on n1."""
    [task] = [task for task in await rig.tasks(job_id) if task["state"] == "SCHEDULED"]
    await rig.happen(TaskClaimed(*ref(task), LEASE))
    return task


async def run_current(rig: Rig, job_id: str, text: str) -> None:
    """The scheduled task runs, is half done, and ends with its log in its report."""
    task = await claimed(rig, job_id)
    await rig.happen(TaskProgressed(job_id, task["id"], task["dispatch"], 50))
    done = TaskSucceeded(*ref(task), "ok", log_parts=1)
    await rig.batcher.perform_one(Work(done, logs=[part(task, 1, text)]))


async def test_a_job_is_seen_to_run_and_its_stream_to_end(rig: Rig, api: Api) -> None:
    job_id = await rig.submit(TASKS)
    async with events_of(api, f"/jobs/{job_id}/events") as stream:
        await run_current(rig, job_id, "one\n")
        await run_current(rig, job_id, "two\n")
        events = await stream.rest()
    job_states = [event.data["state"] for event in events if event.kind == "job"]
    assert job_states[-2:] == ["RUNNING", "COMPLETED"]
    task_states = [
        (event.data["name"], event.data["state"]) for event in events if event.kind == "task"
    ]
    assert task_states == [
        (name, state)
        for name in ("first", "second")
        for state in ("SCHEDULED", "RUNNING", "COMPLETED")
    ]
    assert {event.data.get("nodeId") for event in events if event.kind == "progress"} >= {"n1"}
    logs = [event.data["contents"] for event in events if event.kind == "log"]
    assert logs == ["one\n", "two\n"]
    versions = [event.data["version"] for event in events if "version" in event.data]
    assert versions == sorted(versions)
    assert events[-1].kind == "end"


async def test_the_last_words_of_a_task_come_before_its_end_and_before_the_next_task_speaks(
    rig: Rig, api: Api
) -> None:
    job_id = await rig.submit(TASKS)
    path = f"/jobs/{job_id}"
    async with (
        api.client.get(f"{path}/log?follow=true") as log,
        events_of(api, f"{path}/events") as stream,
    ):
        await run_current(rig, job_id, "no end")
        await run_current(rig, job_id, "b\n")
        assert await log.text() == "no end\nb\n"
        events = await stream.rest()
    told = [
        event.kind if event.kind == "log" else event.data["name"]
        for event in events
        if event.kind == "log" or (event.kind == "task" and event.data["state"] == "COMPLETED")
    ]
    assert told == ["log", "first", "log", "second"]


async def test_a_log_is_followed_to_the_end_of_its_job(rig: Rig, api: Api) -> None:
    job_id = await rig.submit(TASKS)
    async with api.client.get(f"/jobs/{job_id}/log?follow=true") as response:
        await run_current(rig, job_id, "one\n")
        await run_current(rig, job_id, "two\n")
        assert await response.text() == "one\ntwo\n"


async def is_complete(api: Api, path: str) -> bool:
    page = await api.get(f"{path}/log")
    complete: bool = page["complete"]
    return complete


async def test_a_page_of_a_log_says_that_a_part_is_still_on_its_way(rig: Rig, api: Api) -> None:
    job_id = await rig.submit(TASKS[:1])
    task = await claimed(rig, job_id)
    assert not await is_complete(api, f"/jobs/{job_id}")
    await rig.batcher.perform_one(
        Work(TaskSucceeded(*ref(task), log_parts=2), logs=[part(task, 2, "END\n")])
    )
    for path in (f"/jobs/{job_id}", f"/tasks/{task['id']}"):
        assert (await api.get(path))["state"] == "COMPLETED"
        assert not await is_complete(api, path)
    async with acquired(rig.pool) as connection:
        await write(connection, Writes(log_parts=[part(task, 1, "begin\n")]))
    assert await is_complete(api, f"/jobs/{job_id}")
    assert await is_complete(api, f"/tasks/{task['id']}")


async def test_a_cancelled_job_is_told_at_once_and_its_log_ends_with_the_workers_last_words(
    rig: Rig, api: Api
) -> None:
    async with acquired(rig.pool) as connection:
        await connection.execute(NODE)
    job_id = await rig.submit(TASKS[:1])
    task = await claimed(rig, job_id)
    async with (
        events_of(api, f"/jobs/{job_id}/events") as stream,
        api.client.get(f"/jobs/{job_id}/log?follow=true") as log,
    ):
        await rig.happen(JobCancelled(job_id))
        while (event := await stream.next()) is not None and event.data["state"] != "CANCELLED":
            pass
        assert event is not None
        assert event.data["cancelledAt"]
        assert not await is_complete(api, f"/jobs/{job_id}")
        stopped = TaskFailed(*ref(task), error="stopped", log_parts=1)
        await rig.batcher.perform_one(Work(stopped, logs=[part(task, 1, "cleaning\n")]))
        assert [event.kind for event in await stream.rest()][-2:] == ["log", "end"]
        assert await log.text() == "cleaning\n"
    assert await is_complete(api, f"/jobs/{job_id}")
    [row] = await rig.tasks(job_id)
    assert row["state"] == "CANCELLED"


async def test_nobody_waits_for_the_last_words_of_a_worker_that_is_gone(rig: Rig, api: Api) -> None:
    job_id = await rig.submit(TASKS[:1])
    await claimed(rig, job_id)  # on a node that is not UP
    await rig.happen(JobCancelled(job_id))
    assert await is_complete(api, f"/jobs/{job_id}")


async def test_the_events_of_an_each_say_how_many_items_it_has(rig: Rig, api: Api) -> None:
    made_of = {"list": [1, 2, 3], "concurrency": 1, "task": {"run": "true"}}
    job_id = await rig.submit([{"name": "all", "each": made_of}])
    async with events_of(api, f"/jobs/{job_id}/events") as stream:
        while (event := await stream.next()) and event.data.get("name") != "all":
            pass
    assert event
    assert event.data["size"] == 3
