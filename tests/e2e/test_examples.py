"""Every example runs on real parts and ends as its description says."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml

from tests.support.engines.images import BUSYBOX
from tests.support.jobs.documented import LANGUAGE, jobs_of
from tests.support.servers.postgres import PrivatePostgres, private_server
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster

pytestmark = pytest.mark.real
in_one_loop = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"


@dataclass(frozen=True)
class Expected:
    """How the job ends, the value of its output, and the states its tasks end in, by name."""

    result: str | None = None
    state: str = "COMPLETED"
    tasks: dict[str, str] = field(default_factory=dict)


EXPECTED = {
    "hello": Expected(),
    "parallel": Expected(),
    "each": Expected(),
    "each-concurrency-min-success": Expected(),
    "subjob": Expected("hello world!"),
    "subjob-detached": Expected(),
    "nested": Expected("hello ann, hello bob"),
    "allow-failure": Expected(),
    "retry-on": Expected("worked"),
    "job-timeout": Expected(state="FAILED", tasks={"takes too long": "CANCELLED"}),
    "queue-timeout": Expected(
        tasks={"wait for a rare machine": "FAILED", "do without it": "COMPLETED"}
    ),
    "needs": Expected(),
    "inputs-json": Expected(),
    "conditions": Expected(),
    "secrets": Expected(),
    "stored-secrets": Expected(),
    "defaults": Expected(),
    "files-and-env": Expected(),
    "files-between-tasks": Expected("465"),
    "partition": Expected("10100"),
    "pipeline": Expected("6"),
    "spawn": Expected("1, 4, 9, that is all"),
    "webhooks": Expected(),
    "auto-delete": Expected(),
    "draft": Expected(),
    "job-limits": Expected("1 2 3 4 5 6"),
    "wait": Expected(),
    "reuse": Expected("3"),
    "pre-post": Expected(),
    "sidecar": Expected("hello from beside"),
    "mounts": Expected("1010 bytes"),
    "permissions": Expected(),
    "priority-and-queues": Expected(),
    "limits": Expected(),
    "placement-batch": Expected("part 0 of 3, part 1 of 3, part 2 of 3"),
    "placement-ops": Expected(),
}
ELSEWHERE = {
    *("schedule", "schedule-policies", "transcode-video"),
    *("placement-service", "placement-daemon", "template"),
}


@pytest.fixture(scope="module")
def postgres(worker_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    with private_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def rabbit() -> Any:
    with PrivateRabbit() as rabbit:
        yield rabbit


def as_in_compose() -> dict[str, str]:
    """What docker-compose.yml gives its worker, but for what is different in a container."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    given = {
        name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value))
        for name, value in services["worker"]["environment"].items()
    }
    assert given["CONVEYOR_RUNTIME_TYPE"] == "docker"
    assert given["CONVEYOR_RUNTIME_DEFAULT_IMAGE"]
    for name in ("CONVEYOR_CONFIG", "CONVEYOR_RUNTIME_PROBE_IMAGE"):
        del given[name]
    # An engine without a registry has no other.
    return given | {"CONVEYOR_RUNTIME_DEFAULT_IMAGE": BUSYBOX}


def as_in_dev() -> dict[str, str]:
    return {
        "CONVEYOR_RUNTIME_TYPE": "auto",
        "CONVEYOR_RUNTIME_SHELL_ALLOWED": "true",
        "CONVEYOR_WORKER_QUEUES": "default:4,highcpu:2",
    }


@pytest.fixture(scope="module", params=[as_in_dev, as_in_compose], ids=["dev", "compose"])
def worker_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    settings: dict[str, str] = request.param()
    return settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    worker_settings: dict[str, str],
    rabbit: PrivateRabbit,
    postgres: PrivatePostgres,
    docker_host: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Api]:
    cluster = Cluster(
        rabbit.url,
        postgres.tcp_dsn,
        tmp_path_factory.mktemp("services"),
    )
    files = {"CONVEYOR_FILES_STORE": str(tmp_path_factory.mktemp("files"))}
    for name in ("coordinator", "scheduler", "webhook_dispatcher"):
        cluster.start(name, files)
    engine = {"CONVEYOR_RUNTIME_DOCKER_HOST": docker_host}
    cluster.start("worker", worker_settings | engine | files)
    try:
        await cluster.wait_up()
        async with aiohttp.ClientSession() as session:
            yield Api(session, cluster.services[0].url)
    finally:
        await asyncio.to_thread(cluster.close)


# What no runtime has a part in: tests/contract/test_runtimes.py has them agree on the rest.
only_in_dev = pytest.mark.parametrize("worker_settings", [as_in_dev], ids=["dev"], indirect=True)


def test_every_example_is_run_by_some_test() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == EXPECTED.keys() | ELSEWHERE


@in_one_loop
@pytest.mark.parametrize("name", EXPECTED)
async def test_the_example_ends_as_it_says(api: Api, name: str) -> None:
    if name == "permissions":
        await api.post("/roles", {"slug": "operations", "name": "Operations"})
        await api.post("/users", {"username": "ann", "name": "Ann", "password": "swordfish-1"})
    if name == "stored-secrets":
        await api.put("/secrets/team-token", {"secret": "swordfish-2"})
    expected = EXPECTED[name]
    submitted = await api.submit_yaml((FOLDER / f"{name}.yaml").read_text())
    if name == "draft":
        await api.put(f"/jobs/{submitted['id']}/release")
    job = await api.final(submitted["id"], seconds=120)
    assert job["state"] == expected.state, [t.get("error") for t in job["execution"]]
    if expected.result is not None:
        assert job["result"] == expected.result
    ends = {task["name"]: task["state"] for task in job["execution"]}
    assert expected.tasks.items() <= ends.items()


@in_one_loop
@only_in_dev
async def test_a_pipeline_that_is_submitted_again_runs_what_changed_and_what_follows_from_it(
    api: Api,
) -> None:
    job = yaml.safe_load((FOLDER / "pipeline.yaml").read_text())
    texts = [f"file {number}" for number in range(19)]

    async def ran(last: str) -> tuple[dict[str, int], str]:
        """With `last` as the last file: how many tasks of each stage ran, and the sum."""
        job["inputs"] = {"texts": [*texts, last]}
        shown = await api.final((await api.submit(job))["id"], seconds=120)
        ran = Counter(
            task["name"].split()[0]
            for task in shown["execution"]
            if "each" not in task and "reusedFrom" not in task
        )
        return dict(ran), shown["result"]

    assert await ran("file 19") == ({"clean": 20, "count": 20, "sum": 1}, "40")
    assert await ran("file 19 more") == ({"clean": 1, "count": 1, "sum": 1}, "41")
    # The second stage is given the same
    assert await ran("FILE 19 more") == ({"clean": 1}, "41")


@in_one_loop
@only_in_dev
@pytest.mark.parametrize("name", jobs_of(LANGUAGE))
async def test_a_job_of_the_language_page_has_the_result_that_the_page_states(
    api: Api, name: str
) -> None:
    documented = jobs_of(LANGUAGE)[name]
    job = await api.final((await api.submit_yaml(documented.text))["id"], seconds=120)
    assert job["state"] == "COMPLETED", job
    assert job.get("result") == documented.result


@in_one_loop
@only_in_dev
async def test_a_scheduled_example_is_taken_and_shown_with_its_next_time(api: Api) -> None:
    for path in FOLDER.glob("schedule*.yaml"):
        schedule = await api.submit_yaml(path.read_text(), "/scheduled-jobs")
        assert schedule["state"] == "ACTIVE"
        assert schedule["nextAt"] > schedule["createdAt"]
