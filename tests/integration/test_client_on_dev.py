"""The Python client against a whole Conveyor."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

import conveyor
from conveyor import AsyncClient, Client
from conveyor import models as m
from tests.support.services.dev import running_dev

SPEC = m.JobSpec(
    name="hello",
    inputs={"who": "nobody"},
    tasks=[m.TaskEntry(name="say", var="said", env={"WHO": "{{ inputs.who }}"},
                       run='echo one; echo two; printf %s "$WHO" > "$TORK_OUTPUT"')],
    output="hello {{ tasks.said }}",
)  # fmt: skip
SCHEDULE = {
    "name": "nightly",
    "tasks": [{"name": "a", "run": "true"}],
    "schedule": {"cron": "@daily"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with running_dev(Path(tmp_path_factory.mktemp("dev"))) as url:
        yield url


pytestmark = pytest.mark.asyncio(loop_scope="module")


def steps(url: str) -> None:
    """What a program that blocks does."""
    with Client(url) as client:
        job = client.run(SPEC, timeout_seconds=60)
        assert (job.state, job.result) == ("COMPLETED", "hello nobody")
        assert client.log(job.id) == "one\ntwo\n"
        assert list(client.follow_log(job.id)) == ["one", "two"]
        kinds = [event.kind for event in client.events(job.id)]
        assert kinds[0] == "job"
        assert kinds[-1] == "end"
        again = client.wait(client.run_again(job.id, inputs={"who": "ann"}).id)
        assert again.result == "hello ann"
        assert {found.id for found in client.list(name="hello")} == {job.id, again.id}
        assert client.find(job.id[:8]).name == "hello"
        client.delete(job.id)
        with pytest.raises(conveyor.NotFound):
            client.get(job.id)


async def test_a_job_is_run_followed_listed_and_deleted(url: str) -> None:
    await asyncio.to_thread(steps, url)


async def test_the_asyncio_client_runs_jobs_side_by_side(url: str) -> None:
    async with AsyncClient(url) as client:
        jobs = await asyncio.gather(*(client.run(SPEC, timeout_seconds=60) for _ in range(5)))

        assert [job.result for job in jobs] == ["hello nobody"] * 5


async def test_a_job_is_cancelled_and_restarted(url: str) -> None:
    async with AsyncClient(url) as client:
        job = await client.submit("name: long\ntasks: [{name: a, run: sleep 600}]")
        await client.cancel(job.id)
        assert (await client.wait(job.id, timeout_seconds=60)).state == "CANCELLED"
        await client.restart(job.id)
        await client.cancel(job.id)


async def test_schedules_and_webhooks_are_managed(url: str) -> None:
    async with AsyncClient(url) as client:
        schedule = await client.schedules.create(SCHEDULE)
        await client.schedules.pause(schedule.id, note="holidays")
        assert (await client.schedules.get(schedule.id)).note == "holidays"
        await client.schedules.resume(schedule.id)
        run = await client.schedules.trigger(schedule.id)
        assert (await client.wait(str(run.job_id), timeout_seconds=60)).state == "COMPLETED"
        assert [run.kind async for run in client.schedules.runs(schedule.id)] == ["TRIGGERED"]
        await client.schedules.delete(schedule.id)

        spec = m.EndpointSpec(url="https://example.com/hook", events=["job.StateChange"])
        endpoint = await client.webhooks.create(spec)
        rotated = await client.webhooks.rotate_secret(endpoint.id, keep_for="1h")
        assert len({endpoint.secret, rotated.secret}) == 2
        assert (await client.webhooks.change(endpoint.id, {"disabled": True})).disabled
        assert [found.id async for found in client.webhooks.list()] == [endpoint.id]
        await client.webhooks.delete(endpoint.id)
