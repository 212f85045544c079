"""What happens to real services shows in their metrics."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from cli.metrics import MODULES, specs_in
from shared.broker.protocol import Outgoing
from shared.broker.rabbitmq.broker import RabbitBroker
from shared.messages.queues import COMPLETIONS
from tests.support.eventually import eventually
from tests.support.http.one_path_server import served
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster, Service
from tests.support.services.metrics import names, page_of, values_when

pytestmark = pytest.mark.real

SERVICES = ("coordinator", "scheduler", "worker", "webhook_dispatcher")
QUICK = {
    "CONVEYOR_WORKER_LEASE_SECONDS": "10",
    "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.2",
    "CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS": "1",
    "CONVEYOR_BROKER_CONFIRM_TIMEOUT_SECONDS": "2",
}


@pytest.fixture
async def cluster(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> AsyncIterator[Cluster]:
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path, **QUICK)
    yield cluster
    await asyncio.to_thread(cluster.close)


@pytest.fixture
async def hook() -> AsyncIterator[str]:
    """The URL of a webhook receiver that takes no call but from the second on."""
    answers = [500]

    async def on_post(_: web.Request) -> web.Response:
        return web.Response(status=answers.pop() if answers else 200)

    async with served("/hook", on_post) as url:
        yield f"{url}/hook"


@contextmanager
def frozen_watchdog(worker: Service) -> Iterator[None]:
    """Beside the worker it is what could say that the task has ended."""
    lines = map(json.loads, worker.log.read_text().splitlines())
    [pid] = [int(line["pid"]) for line in lines if line["event"] == "watchdog_started"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)  # it sees that its worker is gone, and ends


async def started(cluster: Cluster, but_for: str | None = None) -> Mapping[str, Service]:
    names = [name for name in SERVICES if name != but_for]
    services = {name: cluster.start(name) for name in names}
    await cluster.wait_up()
    return services


async def test_a_job_a_crash_and_garbage_show_in_the_metrics_of_each_service(
    cluster: Cluster,
    session: aiohttp.ClientSession,
    private_rabbit: PrivateRabbit,
    tmp_path: Path,
    hook: str,
) -> None:
    # Given one of each service, whose pages tell of all that is documented and of nothing else
    services = await started(cluster)
    for name, service in services.items():
        page = await page_of(session, service.url)
        assert names(page) == set(specs_in(MODULES[name.replace("_", " ")])), name
    coordinator, scheduler, worker, dispatcher = services.values()

    # When a job waits for us, submitted twice under one key, and garbage comes in
    go = tmp_path / "go"
    job = {
        "name": "waits",
        "tasks": [{"name": "wait", "run": f"while [ ! -e {go} ]; do sleep 0.05; done"}],
        "webhooks": [{"url": hook, "event": "job.StateChange"}],
    }
    key = {"Idempotency-Key": "one"}
    for _ in range(2):
        async with session.post(f"{coordinator.url}/jobs", json=job, headers=key) as answer:
            job_id = (await answer.json())["id"]
    api = Api(session, coordinator.url)
    await api.job_when(job_id, lambda job: job["state"] == "RUNNING")
    await send_garbage(private_rabbit.url)

    # Then its lease is renewed, the second submission made nothing, the garbage is put aside
    await values_when(session, scheduler.url, lambda v: v["conveyor_leases_renewed_total"] > 0)
    dead_lettered = (
        'conveyor_messages_dead_lettered_total{queue="completions",reason="undecodable"}'
    )
    seen = await values_when(session, coordinator.url, lambda v: v.get(dead_lettered) == 1)
    assert seen['conveyor_submissions_total{outcome="made"}'] == 1
    assert seen['conveyor_submissions_total{outcome="repeated"}'] == 1
    assert seen["conveyor_tasks_running"] == 1
    assert seen["conveyor_batch_events_count"] > 0
    seen = await values_when(session, worker.url, lambda v: v["conveyor_tasks_in_hand"] == 1)
    assert seen["conveyor_heartbeat_age_seconds"] < 10
    assert seen['conveyor_consumers_live{queue="node"}'] == 2  # orders, and what is placed on it

    # When the worker is killed, its watchdog can't hand its task back, another takes its place
    with frozen_watchdog(worker):
        worker.kill()
        cluster.services.remove(worker)
        other = cluster.start("worker")

        # Then a lease is lost, and the task ends on the other
        seen = await values_when(
            session, scheduler.url, lambda v: v["conveyor_leases_lost_total"] == 1
        )
        assert seen["conveyor_workers_silent_total"] == 1
        go.touch()
        assert (await api.final(job_id))["state"] == "COMPLETED", cluster.logs()
    succeeded = 'conveyor_tasks_reported_total{outcome="succeeded"}'
    await values_when(session, other.url, lambda v: v[succeeded] == 1)

    # And each call is accounted for: one failed, then all were taken
    taken = 'conveyor_webhook_calls_total{outcome="delivered"}'
    seen = await values_when(session, dispatcher.url, lambda v: v[taken] >= 3)
    assert seen['conveyor_webhook_calls_total{outcome="failed"}'] == 1
    assert seen['conveyor_webhook_calls_total{outcome="given_up"}'] == 0


async def test_while_the_broker_is_away_the_outbox_grows_old_and_consumers_are_missing(
    cluster: Cluster, session: aiohttp.ClientSession, private_rabbit: PrivateRabbit
) -> None:
    coordinator, _, worker = (await started(cluster, but_for="webhook_dispatcher")).values()
    # When a job is submitted while RabbitMQ is away
    await asyncio.to_thread(private_rabbit.stop)
    api = Api(session, coordinator.url)
    job = await api.submit({"name": "waits", "tasks": [{"name": "a", "run": "true"}]})
    # Then its message waits and grows old, and nobody listens
    seen = await values_when(
        session, coordinator.url, lambda v: v["conveyor_outbox_oldest_seconds"] > 2
    )
    assert seen["conveyor_outbox_rows"] == 1
    assert seen["conveyor_health_missing"] >= 3
    assert seen['conveyor_consumers_wanted{queue="completions"}'] == 1
    assert seen['conveyor_consumers_live{queue="completions"}'] == 0
    await values_when(session, worker.url, lambda v: v["conveyor_heartbeat_age_seconds"] > 2)
    # When it is back, then all of that ends
    private_rabbit.launch()
    await asyncio.to_thread(private_rabbit.wait_ready)
    assert (await api.final(job["id"]))["state"] == "COMPLETED"
    seen = await values_when(session, coordinator.url, lambda v: v["conveyor_outbox_rows"] == 0)
    assert seen["conveyor_outbox_oldest_seconds"] == 0
    await values_when(session, coordinator.url, lambda v: v["conveyor_health_missing"] == 0)


async def test_the_metrics_are_there_while_postgres_is_not(
    cluster: Cluster, session: aiohttp.ClientSession, private_postgres: PrivatePostgres
) -> None:
    services = await started(cluster, but_for="worker")  # which has no database
    await asyncio.to_thread(private_postgres.kill)
    for name, service in services.items():
        url = service.url
        await values_when(session, url, lambda v: v["conveyor_health_missing"] == 1)
        began = time.monotonic()
        page = await page_of(session, url)
        assert time.monotonic() - began < 30  # nobody waits for the database
        assert ("conveyor_jobs_running NaN" in page) == (name == "coordinator")
    await asyncio.to_thread(private_postgres.start)
    url = services["coordinator"].url
    seen = await values_when(session, url, lambda v: v["conveyor_health_missing"] == 0)
    assert seen["conveyor_jobs_running"] == 0


async def test_a_message_whose_reader_was_cut_off_counts_when_it_comes_again(
    cluster: Cluster, session: aiohttp.ClientSession, private_rabbit: PrivateRabbit, tmp_path: Path
) -> None:
    # Given a task that runs, its message not yet answered for
    coordinator, _, worker = (await started(cluster, but_for="webhook_dispatcher")).values()
    api, go = Api(session, coordinator.url), tmp_path / "go"
    wait = f"while [ ! -e {go} ]; do sleep 0.05; done"
    job = await api.submit({"name": "waits", "tasks": [{"name": "wait", "run": wait}]})
    await api.job_when(job["id"], lambda job: job["state"] == "RUNNING")
    # When all connections are cut, and the task ends
    await asyncio.to_thread(private_rabbit.ctl, "close_all_connections", "test")
    go.touch()
    assert (await api.final(job["id"]))["state"] == "COMPLETED"
    # Then the message has come again, perhaps to the slot that was busy with it, and is known for a
    # copy of what runs or has run here
    redelivered = 'conveyor_messages_redelivered_total{queue="default"}'
    repeated = "conveyor_dispatches_repeated_total"
    await values_when(session, worker.url, lambda v: v.get(redelivered) == v[repeated] == 1)


async def send_garbage(url: str) -> None:
    broker = RabbitBroker(url)
    await broker.start()
    try:
        await eventually(lambda: broker.is_up)
        await broker.publish([Outgoing(COMPLETIONS, b"?", "garbage")])
    finally:
        await broker.close()
