"""Live streams when something goes wrong: the database is away, a client doesn't read."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.coordinator.live.renderings import Frames
from tests.support.http.api import Api, api_on
from tests.support.http.event_streams import (
    EventReader,
    add_event,
    add_part,
    change,
    end_job,
    events_of,
)
from tests.support.servers.postgres import PrivatePostgres

pytestmark = pytest.mark.real

JOB = "name: x\ntasks: [{name: a}]"


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def test_a_stream_goes_on_when_the_database_is_back_and_meanwhile_there_are_no_new_ones(
    private_postgres: PrivatePostgres,
) -> None:
    async with api_on(private_postgres.dsn) as api:
        job_id = (await api.submit(JOB))["id"]
        async with events_of(api, f"/jobs/{job_id}/events") as stream:
            await add_event(api.pool, change(job_id, 1))
            await stream.next()
            await asyncio.to_thread(private_postgres.kill)
            for path in (f"/jobs/{job_id}/events", "/events", f"/jobs/{job_id}/log?follow=true"):
                assert (await api.answer("GET", path))[0] == 503
            await asyncio.to_thread(private_postgres.start)
            await add_event(api.pool, change(job_id, 2))
            await end_job(api, job_id)
            rest = await stream.rest()
    assert [event.data.get("version") for event in rest] == [2, 99, None]


async def test_a_client_that_stops_reading_is_disconnected_and_resumes_where_it_was(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Frames, "stalled_seconds", 0.2)
    job_id = (await api.submit(JOB))["id"]
    task = await api.add_task(job_id)
    count = 200  # of 64 kB each: more than the buffers on the way take
    response = await api.client.get(f"/jobs/{job_id}/events")
    for number in range(1, count + 1):
        await add_part(api.pool, task, number, "x" * 65_000)
    async with asyncio.timeout(60):
        while await open_streams(api):
            await asyncio.sleep(0.05)
    monkeypatch.setattr(Frames, "stalled_seconds", 30)
    seen = await EventReader(response).until_cut()
    assert 0 < len(seen) < count
    await end_job(api, job_id)
    async with events_of(api, f"/jobs/{job_id}/events", seen[-1].id) as stream:
        seen += await stream.rest()
    assert [event.data["number"] for event in seen[:-2]] == list(range(1, count + 1))


async def open_streams(api: Api) -> int:
    page = await (await api.raw("GET", "/metrics", headers={"Accept": "text/plain"})).text()
    return next(
        int(float(line.split()[1]))
        for line in page.splitlines()
        if line.startswith("conveyor_live_streams ")
    )


async def test_a_client_that_has_left_is_noticed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.coordinator.live.stream.HEARTBEAT_SECONDS", 0.1)
    job_id = (await api.submit(JOB))["id"]
    for path in (f"/jobs/{job_id}/events", f"/jobs/{job_id}/log?follow=true", "/events"):
        response = await api.client.get(path)
        assert await open_streams(api) == 1
        response.close()
        async with asyncio.timeout(60):
            while await open_streams(api):
                await asyncio.sleep(0.02)


async def test_a_quiet_stream_is_kept_open_by_heartbeats(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.coordinator.live.stream.HEARTBEAT_SECONDS", 0.1)
    async with api.client.get("/events") as response:
        async with asyncio.timeout(60):
            text = b"".join([await response.content.readline() for _ in range(2)])
    assert text == b": hello\n: still there\n"
