"""Live events over HTTP, on rows as the services write them."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.coordinator.settings import ApiSettings
from shared.postgres.pool import set_up_connection
from tests.support.eventually import eventually
from tests.support.http.api import Api, api_on
from tests.support.http.event_streams import (
    add_changes,
    add_event,
    add_part,
    change,
    end_job,
    end_task,
    events_of,
)

pytestmark = pytest.mark.real


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


@pytest.fixture
async def job_id(api: Api) -> str:
    return await new_job(api)


async def new_job(api: Api, more: str = "") -> str:
    job = await api.submit(f"name: x\n{more}\ntasks: [{{name: a}}]")
    return str(job["id"])


async def test_a_job_stream_tells_all_from_the_beginning_and_ends_with_the_job(
    api: Api, job_id: str
) -> None:
    task = await api.add_task(job_id)
    await add_event(
        api.pool,
        change(job_id, 1, "SCHEDULED"),
        change(job_id, 2, "SCHEDULED", task_id="t1", task_name="a", position=1),
    )
    async with events_of(api, f"/jobs/{job_id}/events") as stream:
        assert stream.response.headers["Content-Type"] == "text/event-stream"
        assert stream.response.headers["Cache-Control"] == "no-cache"
        assert stream.response.headers["X-Accel-Buffering"] == "no"
        first = await stream.take(2)
        await add_event(
            api.pool, change(job_id, 3, task_id="t1", progress=50, is_progress=True, node_id="n1")
        )
        await add_part(api.pool, task, 1, "hello\n")
        live = await stream.take(2)
        await end_task(api, task, log_parts=1)
        await end_job(api, job_id)
        rest = await stream.rest()
    assert [event.kind for event in first] == ["job", "task"]
    assert first[0].data["name"] == "x"
    assert first[1].data | {"at": ""} == {
        "jobId": job_id,
        "taskId": "t1",
        "name": "a",
        "version": 2,
        "state": "SCHEDULED",
        "at": "",
        "position": 1,
        "progress": 0.0,
    }
    assert [event.kind for event in live] == ["progress", "log"]
    assert (live[0].data["progress"], live[0].data["nodeId"]) == (50, "n1")
    assert live[1].data["contents"] == "hello\n"
    assert (live[1].data["taskId"], live[1].data["number"]) == ("t1", 1)
    assert [(event.kind, event.data.get("state")) for event in rest] == [
        ("task", "COMPLETED"),
        ("job", "COMPLETED"),
        ("end", None),
    ]


async def test_the_stream_of_a_job_that_ended_before_the_feed_began_ends_at_once(
    api: Api, job_id: str
) -> None:
    await api.set_job(job_id, state="COMPLETED")
    async with events_of(api, f"/jobs/{job_id}/events") as stream:
        assert [event.kind for event in await stream.rest()] == ["end"]


async def test_after_any_event_the_stream_resumes_with_the_next(api: Api, job_id: str) -> None:
    task = await api.add_task(job_id)
    await add_event(api.pool, change(job_id, 1), change(job_id, 2, task_id="t1"), change(job_id, 3))
    await add_part(api.pool, task, 1, "one\n")
    await end_task(api, task, log_parts=1)
    await end_job(api, job_id)
    async with events_of(api, f"/jobs/{job_id}/events") as stream:
        whole = await stream.rest()
    assert [event.kind for event in whole] == ["job", "task", "job", "log", "task", "job", "end"]
    for place, event in enumerate(whole[:-1], start=1):
        async with events_of(api, f"/jobs/{job_id}/events", event.id) as stream:
            assert await stream.rest() == whole[place:]


async def test_after_the_end_there_is_nothing_to_come_back_for_until_a_restart(
    api: Api, job_id: str
) -> None:
    await add_event(api.pool, change(job_id, 1))
    await end_job(api, job_id, "FAILED")
    path = f"/jobs/{job_id}/events"
    async with events_of(api, path) as stream:
        end = (await stream.rest())[-1]
    assert (end.kind, end.id and end.id.endswith("-end")) == ("end", True)
    response = await api.raw("GET", path, headers={"Last-Event-ID": str(end.id)})
    assert (response.status, await response.text()) == (204, "")
    await api.set_job(job_id, state="PENDING")
    await add_event(api.pool, change(job_id, 100, "PENDING"))
    async with events_of(api, path, end.id) as stream:
        again = await stream.next()
    assert again
    assert again.data["version"] == 100


async def test_the_first_event_says_how_soon_to_come_back_and_no_event_is_empty(
    api: Api, job_id: str
) -> None:
    await add_event(api.pool, change(job_id, 1))
    await end_job(api, job_id)
    text = await (await api.raw("GET", f"/jobs/{job_id}/events")).text()
    first, *others = text.strip().split("\n\n")
    assert first.startswith(": hello\nretry: 2000\nid: ")
    assert all("data: " in event and "retry: " not in event for event in others)


async def test_a_stream_too_many_is_told_to_come_back_later(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn, api=ApiSettings(streams=1)) as api:
        job_id = await new_job(api)
        async with events_of(api, "/events"):
            for path in ("/events", f"/jobs/{job_id}/events", f"/jobs/{job_id}/log?follow=true"):
                response = await api.raw("GET", path)
                assert (response.status, response.headers["Retry-After"]) == (503, "5")
                assert "too many event and log streams" in await response.text()
            assert (await api.raw("GET", f"/jobs/{job_id}/log")).status == 200
        await eventually(lambda: is_open(api))


async def is_open(api: Api) -> bool:
    async with api.client.get("/events") as response:
        return response.status == 200


@pytest.mark.parametrize("given", ["x", "1", "1-", "1-2-3-4", "-1-2", "99999999999999999999-1"])
async def test_a_last_event_id_that_is_none_of_ours_is_refused(
    api: Api, job_id: str, given: str
) -> None:
    for path in ("/events", f"/jobs/{job_id}/events"):
        status, body = await api.answer("GET", path, headers={"Last-Event-ID": given})
        assert status == 400
        assert body["message"].startswith("Last-Event-ID: ")


async def test_an_id_from_the_future_does_not_silence_the_stream(api: Api, job_id: str) -> None:
    async with events_of(api, "/events", "9223372036854775807-1") as stream:
        await add_event(api.pool, change(job_id, 7))
        event = await stream.next()
    assert event is not None
    assert event.data["version"] == 7


async def test_there_are_no_events_of_an_unknown_job(api: Api) -> None:
    status, body = await api.answer("GET", "/jobs/nosuchjob/events")
    assert (status, body["message"]) == (404, "no such job")


async def test_all_events_are_followed_from_now_on(api: Api, job_id: str) -> None:
    other = await new_job(api)
    await add_event(api.pool, change(job_id, 1))
    async with events_of(api, "/events") as stream:
        await add_event(api.pool, change(job_id, 2))
        await add_event(api.pool, change(other, 1))
        events = await stream.take(2)
    assert [(event.data["jobId"], event.data["version"]) for event in events] == [
        (job_id, 2),
        (other, 1),
    ]


async def test_nothing_is_missed_when_the_transaction_that_began_first_commits_last(
    api: Api, job_id: str, postgres_dsn: str
) -> None:
    # Given a stream that is live
    slow = await asyncpg.connect(postgres_dsn)
    await set_up_connection(slow)
    async with events_of(api, f"/jobs/{job_id}/events") as stream:
        await add_event(api.pool, change(job_id, 1))
        await stream.take(1)
        # When a transaction has taken its place in the feed, and a later one commits before it
        transaction = slow.transaction()
        await transaction.start()
        await add_changes(slow, change(job_id, 2))
        await add_event(api.pool, change(job_id, 3))
        waiting = asyncio.create_task(stream.take(2))
        assert not (await asyncio.wait([waiting], timeout=0.5))[0]
        await transaction.commit()
        # I expect both, in order
        assert [event.data["version"] for event in await waiting] == [2, 3]
    await slow.close()


async def test_many_streams_that_join_while_much_happens_see_each_event_once(
    api: Api, job_id: str
) -> None:
    count = 300

    async def write() -> None:
        for version in range(1, count + 1):
            await add_event(api.pool, change(job_id, version))
        await end_job(api, job_id, version=count + 1)

    async def read(delay: float) -> list[int]:
        await asyncio.sleep(delay)  # a spread of moments to join in
        async with events_of(api, f"/jobs/{job_id}/events") as stream:
            return [event.data["version"] for event in await stream.rest() if event.kind != "end"]

    writing = asyncio.create_task(write())
    seen = await asyncio.gather(*(read(n * 0.05) for n in range(10)))
    await writing
    assert seen == [list(range(1, count + 2))] * 10


async def test_streams_of_two_coordinators_tell_the_same(
    api: Api, job_id: str, postgres_dsn: str
) -> None:
    path = f"/jobs/{job_id}/events"
    async with (
        api_on(postgres_dsn) as other,
        events_of(api, path) as here,
        events_of(other, path) as there,
    ):
        await add_event(api.pool, change(job_id, 1), change(job_id, 2))
        first = await here.take(2)
        assert await there.take(2) == first
        # And one goes on where the other was left
        async with events_of(other, path, first[0].id) as resumed:
            assert await resumed.take(1) == first[1:]


async def test_secrets_are_kept_out_of_events(api: Api) -> None:
    job_id = await new_job(api, "secrets: {key: hunter2secret}")
    task = await api.add_task(job_id)
    await add_part(api.pool, task, 1, "key=hunter2secret\n")
    await add_event(
        api.pool, change(job_id, 1, "FAILED", task_id="t1", error="bad key hunter2secret")
    )
    async with events_of(api, f"/jobs/{job_id}/events") as stream:
        log, failed = await stream.take(2)
    assert log.data["contents"] == "key=[REDACTED]\n"
    assert failed.data["error"] == "bad key [REDACTED]"


async def test_open_streams_are_counted(api: Api, job_id: str) -> None:
    accept = {"Accept": "text/plain"}
    async with events_of(api, f"/jobs/{job_id}/events") as stream:
        await add_event(api.pool, change(job_id, 1))
        await stream.next()
        page = await (await api.raw("GET", "/metrics", headers=accept)).text()
        assert "conveyor_live_streams 1.0" in page
        await end_job(api, job_id)
        await stream.rest()
    page = await (await api.raw("GET", "/metrics", headers=accept)).text()
    assert "conveyor_live_streams 0.0" in page


async def test_a_stopping_coordinator_ends_its_streams(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        job_id = await new_job(api)
        async with events_of(api, f"/jobs/{job_id}/events") as stream:
            await add_event(api.pool, change(job_id, 1))
            await stream.next()
            async with asyncio.timeout(2):
                closing = asyncio.create_task(api.client.server.close())
                assert await stream.rest() == []
                await closing
