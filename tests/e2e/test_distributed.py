"""Jobs through four real services, each a process, on real RabbitMQ and Postgres."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
import pytest
from aiohttp import web

from tests.support.engines.images import BUSYBOX
from tests.support.eventually import eventually
from tests.support.processes import is_alive, pids_in
from tests.support.services.cluster import Api, Cluster, Service
from tests.support.services.metrics import values_when

pytestmark = pytest.mark.real


class Receiver:
    """A webhook receiver: what it was told, in order of arrival."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []

    async def on_post(self, request: web.Request) -> web.Response:
        self.received.append((request.headers["webhook-id"], await request.json()))
        return web.Response()


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[str, Receiver]]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.on_post)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", receiver
    await runner.cleanup()


@asynccontextmanager
async def counted_container_starts(docker_host: str) -> AsyncIterator[Counter[str]]:
    """How often the engine has started a container for each task."""
    starts: Counter[str] = Counter()

    async def count(docker: aiodocker.Docker) -> None:
        engine_events: Any = docker.events  # aiodocker has no types for it
        events = engine_events.subscribe(since=began_at)  # whenever the engine has begun to tell
        while (event := await events.get()) is not None:
            if event["Type"] == "container" and event["Action"] == "start":
                starts[event["Actor"]["Attributes"].get("conveyor.task", "")] += 1

    began_at = int(time.time())
    async with aiodocker.Docker(docker_host) as docker:
        counting = asyncio.create_task(count(docker))
        yield starts
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)


def two_tasks(number: int, starts: Path, webhook: str) -> dict[str, Any]:
    """A container, then a shell script that leaves a line in `starts`."""
    in_container = {
        "name": "first",
        "image": BUSYBOX,
        "run": "echo -n one > $TORK_OUTPUT",
        "var": "first",
    }
    in_shell = {
        "name": "second",
        "run": f"echo {number} >> {starts}; echo $GIVEN",
        "env": {"GIVEN": "{{ tasks.first }}"},
    }
    return {
        "name": f"job {number}",
        "tasks": [in_container, in_shell],
        "webhooks": [{"url": webhook}],
    }


async def test_sixty_jobs_run_each_task_exactly_once(
    cluster: Cluster,
    session: aiohttp.ClientSession,
    tmp_path: Path,
    receiver: tuple[str, Receiver],
    docker_host: str,
) -> None:
    # Given an empty database, two coordinators, two schedulers, three workers with an engine, and
    # a dispatcher, started together
    runtime = {
        "CONVEYOR_RUNTIME_TYPE": "auto",
        "CONVEYOR_RUNTIME_SHELL_ALLOWED": "true",
        "CONVEYOR_RUNTIME_DOCKER_HOST": docker_host,
    }
    for name, count in (("coordinator", 2), ("scheduler", 2), ("worker", 3)):
        for _ in range(count):
            cluster.start(name, runtime if name == "worker" else {})
    cluster.start("webhook_dispatcher")
    await cluster.wait_up()
    apis = [Api(session, s.url) for s in cluster.services if s.name == "coordinator"]
    starts = tmp_path / "starts"
    url, hook = receiver

    # When 60 jobs are submitted, half to each coordinator
    async with counted_container_starts(docker_host) as containers:
        jobs = await asyncio.gather(
            *(apis[n % 2].submit(two_tasks(n, starts, url)) for n in range(60))
        )
        done = [await apis[0].final(job["id"], 240) for job in jobs]

    # Then all are completed and each task was started once, as engine and scripts saw it
    assert Counter(job["state"] for job in done) == {"COMPLETED": 60}, cluster.logs()
    lines = Counter(starts.read_text().split())
    assert len(lines) == 60
    assert set(lines.values()) == {1}
    first_tasks = {job["execution"][0]["id"] for job in done}
    assert {containers[task] for task in first_tasks} == {1}
    log = await apis[1].get(f"/tasks/{done[0]['execution'][1]['id']}/log")
    assert log["items"][0]["contents"] == "one\n"
    await assert_each_end_is_heard_of_once(hook, {job["id"] for job in done})


async def assert_each_end_is_heard_of_once(hook: Receiver, jobs: set[str]) -> None:
    """One id for each change: of those that came again, all say the same."""
    await eventually(
        lambda: sum(body["state"] == "COMPLETED" for _, body in hook.received) >= len(jobs)
    )
    heard: dict[str, dict[str, Any]] = {}
    for delivery, body in hook.received:
        assert heard.setdefault(delivery, body) == body
    ends = Counter(body["id"] for body in heard.values() if body["state"] == "COMPLETED")
    assert set(ends) == jobs
    assert set(ends.values()) == {1}


async def test_a_job_goes_on_when_each_service_is_killed_once(
    cluster: Cluster, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    # Given one of each, a short lease, and a job whose first task waits for a word from us
    quick = {"CONVEYOR_WORKER_LEASE_SECONDS": "10", "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.5"}
    liveness = {"CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS": "3"}
    cluster.start("coordinator")
    cluster.start("scheduler", liveness)
    worker = cluster.start("worker", quick)
    await cluster.wait_up()
    api = Api(session, cluster.services[0].url)
    starts, go = tmp_path / "starts", tmp_path / "go"
    wait = f"echo x >> {starts}; while [ ! -e {go} ]; do sleep 0.05; done"
    submitted = await api.submit({"name": "survivor", "tasks": [{"name": "wait", "run": wait}]})
    await api.job_when(submitted["id"], lambda job: job["state"] == "RUNNING")

    # When worker, scheduler and coordinator are killed and others take their place
    for service in (worker, cluster.services[1], cluster.services[0]):
        service.kill()
    cluster.services.clear()
    coordinator = cluster.start("coordinator")
    cluster.start("scheduler", liveness)
    cluster.start("worker", quick)
    await cluster.wait_up()
    go.touch()

    # Then the job ends, its task started a second time after the first worker's lease
    done = await Api(session, coordinator.url).final(submitted["id"])
    assert done["state"] == "COMPLETED", cluster.logs()
    assert starts.read_text().split() == ["x", "x"]


async def test_the_container_of_a_killed_worker_is_removed_by_another(
    cluster: Cluster, session: aiohttp.ClientSession, docker_host: str
) -> None:
    # Given a worker with a container that does not end by itself, and one beside it
    settings = {
        "CONVEYOR_RUNTIME_TYPE": "docker",
        "CONVEYOR_RUNTIME_DOCKER_HOST": docker_host,
        "CONVEYOR_WORKER_LEASE_SECONDS": "10",
        "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.5",
        "CONVEYOR_WORKER_LEFTOVERS_LOOK_SECONDS": "0.5",
    }
    cluster.start("coordinator")
    cluster.start("scheduler", CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS="3")
    doomed = cluster.start("worker", settings)
    await cluster.wait_up()
    api = Api(session, cluster.services[0].url)
    sleep = {"name": "sleep", "image": BUSYBOX, "run": "sleep 1000"}
    job = await api.submit({"name": "left behind", "tasks": [sleep]})
    async with aiodocker.Docker(docker_host) as docker:

        async def containers() -> set[str]:
            label = {"label": [f"conveyor.job={job['id']}"]}
            return {c.id for c in await docker.containers.list(filters=label)}

        first = await eventually(containers)

        # When the worker is killed
        doomed.kill()
        cluster.services.remove(doomed)
        cluster.start("worker", settings)

        # Then its container goes, the other worker runs the task, and a cancel ends that as well
        async with asyncio.timeout(60):
            while not (second := await containers()) or first & second:
                await asyncio.sleep(0.1)
            await api.put(f"/jobs/{job['id']}/cancel")
            while await containers():
                await asyncio.sleep(0.1)


@dataclass
class Busy:
    """A system whose only worker runs a task that ends once `go` is there; what starts is written
    down in `ledger`."""

    api: Api
    worker: Service
    job_id: str
    ledger: Path
    go: Path


async def a_busy_worker(
    cluster: Cluster, session: aiohttp.ClientSession, directory: Path, drain_seconds: int
) -> Busy:
    cluster.start("coordinator")
    cluster.start("scheduler")
    worker = cluster.start("worker", CONVEYOR_WORKER_DRAIN_SECONDS=str(drain_seconds))
    await cluster.wait_up()
    api = Api(session, cluster.services[0].url)
    ledger, go = directory / "ledger", directory / "go"
    endless = f"echo endless >> {ledger}; while [ ! -e {go} ]; do sleep 0.05; done"
    job = await api.submit({"name": "endless", "tasks": [{"name": "wait", "run": endless}]})
    await api.job_when(job["id"], lambda job: job["state"] == "RUNNING")
    await eventually(lambda: ledger.exists())
    return Busy(api, worker, job["id"], ledger, go)


async def test_a_draining_worker_hands_back_what_it_does_not_finish(
    cluster: Cluster, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    # Given a worker with a task that does not end by itself
    busy = await a_busy_worker(cluster, session, tmp_path, drain_seconds=0)

    # When it is told to stop, and another comes
    assert busy.worker.stop() == 0
    waiting = await busy.api.job_when(
        busy.job_id, lambda job: job["execution"][0]["state"] == "SCHEDULED"
    )
    assert len(waiting["execution"]) == 1
    cluster.start("worker")
    busy.go.touch()

    # Then the other finishes it
    assert (await busy.api.final(busy.job_id))["state"] == "COMPLETED"


async def test_a_worker_that_drains_under_load_neither_loses_nor_doubles_and_can_be_hurried(
    cluster: Cluster, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    # Given a worker that has its hands full: a task without end, and short ones that queue up
    busy = await a_busy_worker(cluster, session, tmp_path, drain_seconds=600)
    short = f"sleep 0.2; echo {{n}} >> {busy.ledger}"
    jobs = [
        await busy.api.submit({"name": "short", "tasks": [{"name": "w", "run": short.format(n=n)}]})
        for n in range(40)
    ]
    await busy.api.job_when(jobs[4]["id"], lambda job: job["state"] == "COMPLETED")

    # When it is told to stop, and told again while it waits for nothing but the endless one
    busy.worker.send(signal.SIGTERM)
    await eventually(lambda: "drain_started" in busy.worker.log.read_text())
    await values_when(session, busy.worker.url, lambda v: v["conveyor_tasks_in_hand"] == 1)
    assert (await busy.api.get(f"/jobs/{busy.job_id}"))["state"] == "RUNNING"
    assert busy.worker.stop() == 0  # sends the second signal
    cluster.start("worker")
    busy.go.touch()

    # Then all are done by the next one: each short one once, the endless one handed back
    for job_id in (*(job["id"] for job in jobs), busy.job_id):
        assert (await busy.api.final(job_id))["state"] == "COMPLETED"
    assert Counter(busy.ledger.read_text().split()) == {
        "endless": 2,
        **{str(n): 1 for n in range(40)},
    }


async def test_cancelling_a_job_ends_its_process_at_once(
    cluster: Cluster, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    for name in ("coordinator", "scheduler", "worker"):
        cluster.start(name)
    await cluster.wait_up()
    api = Api(session, cluster.services[0].url)
    pid_file = tmp_path / "pid"
    script = f"echo $$ > {pid_file}; sleep 1000"
    submitted = await api.submit({"name": "endless", "tasks": [{"name": "sleep", "run": script}]})
    [pid] = await pids_in(pid_file, 1)
    await api.put(f"/jobs/{submitted['id']}/cancel")
    await eventually(lambda: not is_alive(pid))
    job = await api.get(f"/jobs/{submitted['id']}")
    assert (job["state"], job["execution"][0]["state"]) == ("CANCELLED", "CANCELLED")
