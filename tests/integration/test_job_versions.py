"""Versions of jobs with placed tasks by our own API: update, compare, list, roll back."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from conveyor import AsyncClient, Conflict, Rejected
from conveyor import models as m
from tests.support.bacalhau_clients.jobs import batch_job
from tests.support.services.dev import running_dev

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsyncClient]:
    async with (
        running_dev(Path(tmp_path_factory.mktemp("dev"))) as url,
        AsyncClient(url) as client,
    ):
        yield client


def service(name: str, script: str, count: int = 1) -> str:
    placement = f"{{type: service, count: {count}}}"
    return f"name: {name}\ntasks: [{{name: serve, run: {script!r}, placement: {placement}}}]"


async def until_running(client: AsyncClient, job_id: str, count: int) -> set[str]:
    """The ids of the executions that run, once there are so many."""
    async with asyncio.timeout(60):
        while True:
            attempts = (await client.get(job_id)).execution or []
            running = {str(a.id) for a in attempts if a.parent_id and a.state == "RUNNING"}
            if len(running) == count:
                return running
            await asyncio.sleep(0.2)


async def test_a_count_is_changed_without_restarting_what_runs(client: AsyncClient) -> None:
    job = await client.submit(service("scaled", "sleep 600"))
    before = await until_running(client, job.id, 1)
    assert "+    count: 3" in await client.diff(job.id, service("scaled", "sleep 600", 3))
    version = await client.update(job.id, service("scaled", "sleep 600", 3))
    assert (version.version, version.reason, version.is_current) == (2, "updated", True)
    assert before < await until_running(client, job.id, 3)
    with pytest.raises(Conflict, match="nothing differs from version 2"):
        await client.update(job.id, service("scaled", "sleep 600", 3))
    with pytest.raises(Conflict, match="job is at version 2, not 1"):
        await client.update(job.id, service("scaled", "sleep 600", 2), base_version=1)
    assert await client.diff(job.id, service("scaled", "sleep 600", 3)) == ""
    await client.cancel(job.id)


async def test_a_job_of_bacalhau_is_updated_in_its_language(client: AsyncClient) -> None:
    nowhere = [{"Key": "never", "Operator": "=", "Values": ["there"]}]
    job = batch_job("own", Constraints=nowhere, task={"Timeouts": {"QueueTimeout": 600}})
    await client.request("PUT", "/api/v1/orchestrator/jobs", body={"Job": job})
    [found] = [each async for each in client.list(q="own")]

    async def update(query: Mapping[str, object], fields: Mapping[str, object]) -> int:
        path, body = f"/jobs/{found.id}", {**job, **fields}
        return int((await client.request("PUT", path, body=body, query=query))["version"])

    assert await update({}, {"Count": 2}) == 2
    for query, fields, told in (
        ({}, {"Count": 2}, "nothing differs from version 2"),
        ({"language": "tork"}, {"Count": 4}, "this is a job of bacalhau"),
        ({"baseVersion": 1}, {"Count": 4}, "job is at version 2, not 1"),
        ({}, {"Name": "other"}, "Name: a new version can't change it: it is 'own'"),
        ({}, {"Count": -1}, "ount"),
    ):
        with pytest.raises((Conflict, Rejected), match=told):
            await update(query, fields)
    assert (await client.version(found.id, 2)).definition["Count"] == 2
    await client.cancel(found.id)


async def test_what_was_wrong_is_rolled_back(client: AsyncClient) -> None:
    job = await client.submit(service("rolled", "sleep 601"))
    await until_running(client, job.id, 1)
    with pytest.raises(Conflict, match="there is none to go back to"):
        await client.roll_back(job.id)
    await client.update(job.id, service("rolled", "sleep 602"))
    back = await client.roll_back(job.id)
    assert (back.version, back.reason) == (3, "rolled back to version 1")
    versions = await client.versions(job.id)
    assert [one.version for one in versions] == [3, 2, 1]
    scripts = [
        (await client.version(job.id, one.version)).definition["tasks"][0]["run"]
        for one in versions
    ]
    assert scripts == ["sleep 601", "sleep 602", "sleep 601"]
    await client.cancel(job.id)


async def test_a_job_has_versions_wherever_its_placed_tasks_are_and_when_they_are_gone(
    client: AsyncClient,
) -> None:
    batch = "{name: a, run: 'true', placement: {count: 2}}"
    job = await client.submit(f"name: deep\ntasks: [{{name: all, parallel: {{tasks: [{batch}]}}}}]")
    await client.wait(job.id)
    await client.update(job.id, "name: deep\ntasks: [{name: a, run: 'true'}]")
    await client.wait(job.id)
    back = await client.roll_back(job.id)
    assert [one.version for one in await client.versions(job.id)] == [3, 2, 1]
    assert (back.reason, (await client.wait(job.id)).state) == (
        "rolled back to version 1",
        "COMPLETED",
    )


async def test_only_jobs_with_placed_tasks_have_versions(client: AsyncClient) -> None:
    job = await client.submit("name: plain\ntasks: [{name: a, run: 'true'}]")
    for call in (client.update(job.id, service("x", "true")), client.roll_back(job.id)):
        with pytest.raises(
            Conflict, match="only a job with placed tasks, or one that was held, has versions"
        ):
            await call
    assert await client.versions(job.id) == []
    with pytest.raises(Rejected):
        await client.update(job.id, m.JobSpec(name="x", tasks=[]))
