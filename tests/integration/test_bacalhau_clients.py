"""Bacalhau's clients from PyPI, unchanged, against a whole Conveyor that runs containers."""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from bacalhau_apiclient.models import (
    ApiPutJobRequest,
    InputSource,
    Job,
    ResourcesConfig,
    ResultPath,
    SpecConfig,
    Task,
)
from yarl import URL

from services.worker.runtimes.settings import RuntimeSettings
from tests.support.bacalhau_clients.calls import SdkJobs, agent, blocking, orchestrator, sdk_jobs
from tests.support.engines.images import BUSYBOX
from tests.support.services.dev import running_dev

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

_SOON_SECONDS = 60
FINAL = ("Completed", "Failed", "Stopped")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(docker_host: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[URL]:
    runtime = RuntimeSettings(type="docker", docker_host=docker_host)
    async with running_dev(Path(tmp_path_factory.mktemp("dev")), runtime) as url:
        yield URL(url)


@pytest.fixture
def jobs(url: URL, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SdkJobs:
    return sdk_jobs(url, monkeypatch, str(tmp_path))


def job_of(name: str, script: str, **fields: Any) -> ApiPutJobRequest:
    engine = SpecConfig(
        type="docker",
        params={"Image": BUSYBOX, "Entrypoint": ["/bin/sh"], "Parameters": ["-c", script]},
    )
    task = Task(
        name="main",
        engine=engine,
        resources=ResourcesConfig(cpu="100m", memory="64Mb"),
        **fields.pop("task", {}),
    )
    given = {"type": "batch", "count": 1, "namespace": "default", **fields}
    return ApiPutJobRequest(job=Job(name=name, tasks=[task], **given))


async def until(ask: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(_SOON_SECONDS):
        while not is_so(found := await blocking(ask)):
            await asyncio.sleep(0.2)
        return found


async def ended(jobs: SdkJobs, job_id: str) -> Any:
    found = await until(lambda: jobs.get(job_id), lambda f: f.job.state.state_type in FINAL)
    return found.job


async def test_the_sdk_runs_a_batch_and_reads_all_of_it(jobs: SdkJobs, url: URL) -> None:
    script = (
        "echo partition $BACALHAU_PARTITION_INDEX of $BACALHAU_PARTITION_COUNT; cat /in > /out/o"
    )
    task = {
        "input_sources": [
            InputSource(
                source=SpecConfig(type="inline", params={"URL": "data:,hello"}), target="/in"
            )
        ],
        "result_paths": [ResultPath(name="out", path="/out")],
        "publisher": SpecConfig(type="local", params={}),
    }
    more = {"labels": {"a": "b"}, "meta": {"conveyor.reuse": "true"}}
    put = await blocking(jobs.put, job_of("batch", script, count=2, task=dict(task), **more))
    assert put.job_id.startswith("j-")
    job = await ended(jobs, put.job_id)
    assert (job.state.state_type, job.name, job.version) == ("Completed", "batch", 1), job
    executions = (await blocking(jobs.executions, put.job_id)).items
    assert [one.compute_state.state_type for one in executions] == [9] * 2
    told = sorted(one.run_output.stdout for one in executions)
    assert told == ["partition 0 of 2\n", "partition 1 of 2\n"]
    history = (await blocking(jobs.history, put.job_id)).items
    assert {one.type for one in history} == {"ExecutionLevel"}
    of_job = (await blocking(jobs.history, put.job_id, event_type="job")).items
    assert [one.event.message for one in of_job][-1] == "Job completed successfully"
    results = (await blocking(jobs.results, put.job_id)).items
    assert len(results) == 2
    async with aiohttp.request("GET", results[0].params["URL"]) as response:
        content = io.BytesIO(await response.read())
    with tarfile.open(fileobj=content) as bundle:
        names = {name.removeprefix("./") for name in bundle.getnames()}
    assert {"stdout", "stderr", "exitCode", "out/o"} <= names
    assert put.job_id in [one.id for one in (await blocking(jobs.list, limit=50)).items]
    text = await blocking(orchestrator(url).orchestratorlogs, put.job_id, follow=True)
    assert "partition 1 of 2" in text
    again = await blocking(jobs.put, job_of("again", script, count=2, task=dict(task), **more))
    assert again.job_id == put.job_id
    assert again.warnings == [f"job {put.job_id} does the same work and is reused (conveyor.reuse)"]


async def test_the_sdk_stops_a_service(jobs: SdkJobs) -> None:
    put = await blocking(jobs.put, job_of("service", "sleep 600", type="service"))
    running = await until(
        lambda: jobs.get(put.job_id, include="executions"),
        lambda found: (
            found.job.state.state_type == "Running"
            and found.executions.items[0].compute_state.state_type == 6
        ),
    )
    assert running.executions.items[0].node_id
    assert (await blocking(jobs.stop, put.job_id, "enough")).evaluation_id
    assert (await ended(jobs, put.job_id)).state.state_type == "Stopped"


async def test_the_same_name_again_is_a_new_version(jobs: SdkJobs, url: URL) -> None:
    first = await blocking(jobs.put, job_of("versions", "echo one"))
    await ended(jobs, first.job_id)
    assert await blocking(jobs.put, job_of("versions", "echo one")) is None  # it prints the 409
    second = await blocking(jobs.put, job_of("versions", "echo two"))
    assert second.job_id == first.job_id
    job = await ended(jobs, first.job_id)
    assert (job.version, job.state.state_type) == (2, "Completed")
    text = await blocking(orchestrator(url).orchestratorlogs, first.job_id)
    assert "two" in text
    assert "'one" not in text


async def test_nodes_and_agent_are_read_by_the_client(url: URL) -> None:
    [node] = (await blocking(orchestrator(url).orchestratorlist_nodes)).nodes
    assert "docker" in node.info.compute_node_info.execution_engines
    assert node.info.compute_node_info.max_capacity.cpu > 0
    assert (await blocking(agent(url).agentversion)).major == "1"


async def test_any_version_can_be_run_again(jobs: SdkJobs, url: URL) -> None:
    put = await blocking(jobs.put, job_of("again", "echo one"))
    await ended(jobs, put.job_id)
    await blocking(jobs.put, job_of("again", "echo two"))
    await ended(jobs, put.job_id)
    async with aiohttp.ClientSession(url) as session:
        path = f"/api/v1/orchestrator/jobs/{put.job_id}"
        asked = {"JobVersion": 1, "Reason": "to compare"}
        async with session.put(f"{path}/rerun", json=asked) as response:
            told = await response.json()
            assert (response.status, told["JobVersion"]) == (200, 3), told
        assert (await ended(jobs, put.job_id)).state.state_type == "Completed"
        async with session.get(f"{path}/versions") as response:
            versions = (await response.json())["Items"]
        async with session.get(f"{path}/executions", params={"all_job_versions": "1"}) as response:
            executions = (await response.json())["Items"]
        async with session.put(f"{path}/rerun", json={"JobVersion": 9}) as response:
            assert response.status == 404
        other = {"Job": {**versions[0], "Type": "service"}}
        async with session.put("/api/v1/orchestrator/jobs", json=other) as response:
            refusal = await response.json()
    assert [one["Version"] for one in versions] == [1, 2, 3]
    times = [one["ModifyTime"] for one in versions]
    assert times == sorted(set(times))
    scripts = [one["Tasks"][0]["Engine"]["Params"]["Parameters"][1] for one in versions]
    assert scripts == ["echo one", "echo two", "echo one"]
    told_by = [(one["JobVersion"], one["RunOutput"]["Stdout"]) for one in executions]
    assert told_by == [(1, "one\n"), (2, "two\n"), (3, "one\n")]
    assert refusal["Message"] == "cannot change job type from batch to service during update"


async def test_an_update_is_made_once_with_a_token_and_keeps_none_when_refused(
    jobs: SdkJobs, url: URL
) -> None:
    put = await blocking(jobs.put, job_of("token", "echo one"))
    await ended(jobs, put.job_id)
    async with aiohttp.ClientSession(url) as session:

        async def submit(script: str, token: str) -> tuple[int, int]:
            job = orchestrator(url).api_client.sanitize_for_serialization(job_of("token", script))
            path, query = "/api/v1/orchestrator/jobs", {"idempotency_token": token}
            async with session.put(path, json=job, params=query) as response:
                status = response.status
            return status, (await blocking(jobs.get, put.job_id)).job.version

        assert await submit("echo one", "a") == (409, 1)
        assert await submit("echo two", "b") == (200, 2)
        assert await submit("echo two", "b") == (200, 2)
        assert await submit("echo three", "b") == (409, 2)
        assert await submit("echo three", "a") == (200, 3)
