"""Logs of jobs over Bacalhau's WebSocket: of all executions, before, while and after they run."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from bacalhau_apiclient.rest import ApiException

from shared.messages import OWN_LINE
from shared.postgres.pool import acquired
from tests.support.bacalhau_clients.calls import blocking, orchestrator
from tests.support.bacalhau_clients.jobs import (
    JOBS,
    add_execution,
    batch_job,
    happens,
    own_id,
    put,
)
from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def lines(api: Api, path: str, **query: str) -> list[str]:
    """Of a log that ends."""
    async with api.client.ws_connect(f"{JOBS}/{path}/logs", params=query) as socket:
        frames = [orjson.loads(message.data) async for message in socket]
    assert all(frame["Err"] is None and frame["Value"]["Type"] == 1 for frame in frames)
    return [frame["Value"]["Line"] for frame in frames]


async def end(api: Api, job_id: str) -> None:
    async with acquired(api.pool) as connection:
        await connection.execute(
            "UPDATE tasks SET log_parts = (SELECT count(*) FROM task_log_parts p "
            "WHERE p.task_id = tasks.id) WHERE job_id = $1",
            own_id(job_id),
        )
    await api.set_job(own_id(job_id), state="COMPLETED")
    await happens(api, job_id, "COMPLETED")


async def test_lines_of_all_executions_are_there_after_the_end(api: Api) -> None:
    job_id = await put(api, batch_job("x", Count=2))
    first, second = [await add_execution(api, job_id, "COMPLETED", index) for index in (0, 1)]
    await api.add_log(first, "a\nb\n", f"{OWN_LINE}artifact out: kept\nc\n")
    await api.add_log(second, "d\ne without an end")
    await end(api, job_id)
    every = ["a\n", "b\n", "c\n", "d\n", "e without an end\n"]
    for follow in ("false", "true"):
        assert await lines(api, "x", follow=follow) == every
        assert await lines(api, "x", follow=follow, tail="2") == every[-2:]
    assert await lines(api, "x", tail="true") == every
    of_one = await lines(api, "x", execution_id=f"e-{first.id}", follow="true")
    assert of_one == ["a\n", "b\n", "c\n"]


async def test_lines_of_stderr_have_its_type(api: Api) -> None:
    job_id = await put(api, batch_job("x"))
    task = await add_execution(api, job_id, "COMPLETED")
    await api.add_log(task, "out\nerror\n", stderr=[(2, 2)])
    await end(api, job_id)
    async with api.client.get(f"{JOBS}/x/logs") as response:
        told = [orjson.loads(line)["Value"] for line in (await response.read()).splitlines()]
    assert told == [{"Type": 1, "Line": "out\n"}, {"Type": 2, "Line": "error\n"}]


async def test_a_queued_job_can_be_followed_from_its_first_line_to_its_last(api: Api) -> None:
    job_id = await put(api, batch_job("x"))
    following = asyncio.create_task(lines(api, "x", follow="true"))
    task = await add_execution(api, job_id, "COMPLETED")
    await api.add_log(task, "hello\n")
    await end(api, job_id)
    assert await asyncio.wait_for(following, 30) == ["hello\n"]


async def test_other_versions_are_not_in_the_way(api: Api) -> None:
    job_id = await put(api, batch_job("x"))
    for version in (1, 2):
        task = await add_execution(api, job_id, "COMPLETED", spec_version=version)
        await api.add_log(task, f"of {version}\n")
    await end(api, job_id)
    assert await lines(api, "x", job_version="1") == ["of 1\n"]


async def test_without_a_websocket_the_frames_are_a_text(api: Api) -> None:
    job_id = await put(api, batch_job("x"))
    task = await add_execution(api, job_id, "COMPLETED")
    await api.add_log(task, "a\nb\n")
    await end(api, job_id)
    async with api.client.get(f"{JOBS}/x/logs") as response:
        told = [orjson.loads(line) for line in (await response.read()).splitlines()]
    assert [frame["Value"]["Line"] for frame in told] == ["a\n", "b\n"]
    text = await blocking(orchestrator(api.client.make_url("")).orchestratorlogs, "x", follow=True)
    assert '"Line":"a' in text


async def test_whoever_leaves_is_no_longer_served(api: Api) -> None:
    await put(api, batch_job("x"))
    async with api.client.ws_connect(f"{JOBS}/x/logs", params={"follow": "true"}) as socket:
        await socket.ping()
        await socket.close()
        assert socket.closed
    for _ in range(200):
        if not api.metrics.render()[0].decode().count("conveyor_live_streams 1.0"):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the stream is still open")


async def test_there_is_no_log_of_what_is_not_there(api: Api) -> None:
    with pytest.raises(ApiException) as refused:
        await blocking(orchestrator(api.client.make_url("")).orchestratorlogs, "none")
    told: Any = orjson.loads(refused.value.body)
    assert (refused.value.status, told["Code"]) == (404, "NotFound")
