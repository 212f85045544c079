"""Live events and logs as the engine itself writes them."""

from collections.abc import AsyncIterator

import pytest

from shared.apply.apply import Work
from shared.lifecycle import TaskClaimed, TaskProgressed, TaskSucceeded
from shared.messages import PARTS_PER_DISPATCH, LogPart
from tests.support.http.api import Api, api_on
from tests.support.http.event_streams import change, events_of
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


async def run_current(rig: Rig, job_id: str, text: str) -> None:
    """The scheduled task runs, is half done, and ends with its log in its report."""
    [task] = [task for task in await rig.tasks(job_id) if task["state"] == "SCHEDULED"]
    ref = (job_id, task["id"], task["dispatch"], "n1")
    await rig.happen(TaskClaimed(*ref, LEASE))
    await rig.happen(TaskProgressed(job_id, task["id"], task["dispatch"], 50))
    part = LogPart(
        job_id=job_id,
        task_id=task["id"],
        number=(task["dispatch"] - 1) * PARTS_PER_DISPATCH + 1,
        contents=text,
        created_at=change(job_id).at,
    )
    await rig.batcher.perform_one(Work(TaskSucceeded(*ref, "ok", log_parts=1), logs=[part]))


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
