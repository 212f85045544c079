"""A worker that says what no worker should: its jobs end all the same, and others are not hurt."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from shared.broker.protocol import Broker, Delivery, Outgoing
from shared.broker.rabbitmq.broker import RabbitBroker
from shared.messages import Claim, Finished, LogPart, Orders, Reports, RunTask, decode, encode
from shared.messages.queues import COMPLETIONS, HEARTBEATS, TELEMETRY, node_queue
from tests.chaos.receiver import Receiver, opened_receiver
from tests.support.eventually import eventually
from tests.support.servers.brokers import wait_until_up
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster

pytestmark = pytest.mark.real

NODE = "hostile"
LEASE_SECONDS = 300.0
STRANGE = "a\0b\\u0000\x01\x7f\u2028\ufffe\U0010ffff\"'{{ 1 }}\r\n"
LONG = "\x01" * (1 << 20)
NOW = datetime.now(UTC)

Said = list[tuple[str, bytes]]
"""Messages as they go to their queues."""


def log_of(order: RunTask, number: int, contents: str) -> LogPart:
    ids = {"job_id": order.job_id, "task_id": order.task_id}
    return LogPart(**ids, number=number, contents=contents, created_at=NOW)


def reported(order: RunTask, **report: Any) -> bytes:
    finished = Finished(**order.ref.model_dump(), **report)
    return encode(Reports(node_id=NODE, lease_seconds=LEASE_SECONDS, finished=[finished]))


def done(order: RunTask, **report: Any) -> Said:
    return [(COMPLETIONS, reported(order, **report))]


def raw(order: RunTask, to: str = COMPLETIONS, **message: object) -> Said:
    """Something wrong about the task, and then its end."""
    ref = order.ref.model_dump()
    kind = {COMPLETIONS: "reports", TELEMETRY: "telemetry", HEARTBEATS: "heartbeat"}[to]
    body: dict[str, object] = {
        "kind": kind,
        "v": 1,
        "node_id": NODE,
        "lease_seconds": LEASE_SECONDS,
    }
    for name, value in message.items():
        body[name] = [ref | item for item in value] if isinstance(value, list) else value
    return [(to, json.dumps(body).encode()), *done(order)]


LOGGED = {"number": 1, "contents": STRANGE, "created_at": NOW.isoformat()}
NO_PART = LOGGED | {"number": -(2**70)}
OLD_PART = LOGGED | {"created_at": "0001-01-01T00:00Z"}
BEAT = {
    "name": "n", "hostname": "h", "port": 1, "version": "0", "queue": "default",
    "started_at": NOW.isoformat(), "cpu_percent": 1.0, "tasks": [{}],
}  # fmt: skip

HOSTILE: dict[str, Callable[[RunTask], Said]] = {
    "a strange result": lambda o: done(o, result=STRANGE),
    "a long result": lambda o: done(o, result=LONG),
    "a strange error": lambda o: done(o, error=STRANGE, cause="exit", exit_code=1),
    "a long error": lambda o: done(o, error=LONG, cause="exit", exit_code=2**40),
    "a strange log": lambda o: done(o, log=[log_of(o, 1, STRANGE), log_of(o, 2**40, LONG)]),
    "parts of a log that are none": lambda o: raw(o, TELEMETRY, logs=[NO_PART]),
    "a time long ago": lambda o: raw(o, TELEMETRY, logs=[OLD_PART]),
    "no progress": lambda o: raw(o, TELEMETRY, progress=[{"progress": float("nan")}]),
    "endless progress": lambda o: raw(o, TELEMETRY, progress=[{"progress": 1e308}]),
    "progress backwards": lambda o: raw(o, TELEMETRY, progress=[{"progress": -5}]),
    "an endless count": lambda o: raw(o, finished=[{"log_parts": 2**40}]),
    "an endless dispatch": lambda o: raw(o, finished=[{"dispatch": 2**70}]),
    "in hand without end": lambda o: raw(o, still_held=[{"dispatch": 2**70}]),
    "a lease without end": lambda o: raw(o, lease_seconds=1e300, claims=[{}]),
    "a lease that has been": lambda o: raw(o, lease_seconds=-1e300, claims=[{}]),
    "another's words": lambda o: raw(o, node_id="x\0", finished=[{"result": "stolen"}]),
    "a heart without a beat": lambda o: raw(o, HEARTBEATS, **BEAT | {"cpu_percent": float("inf")}),
    "a port that is none": lambda o: raw(o, HEARTBEATS, **BEAT | {"port": 2**40}),
    "a name that is none": lambda o: raw(o, HEARTBEATS, **BEAT | {"name": "\0"}),
    "a beat without a lease": lambda o: raw(o, HEARTBEATS, **BEAT | {"lease_seconds": -1}),
}
FAILING = ("a strange error", "a long error")


class HostileWorker:
    """Claims whatever comes, and says of each task what its name asks for."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._held: dict[str, RunTask] = {}

    async def take_tasks(self) -> None:
        async with self._broker.consume("default", prefetch=50) as consumer:
            async for delivery in consumer:
                await self._claim(delivery)

    async def follow_orders(self) -> None:
        async with self._broker.consume(node_queue(NODE), prefetch=50) as consumer:
            async for delivery in consumer:
                orders = decode(delivery.body)
                await delivery.ack()
                assert isinstance(orders, Orders)
                for ref in orders.granted:
                    if (order := self._held.pop(ref.task_id, None)) is not None:
                        await self._send(self._said(order))

    async def _claim(self, delivery: Delivery) -> None:
        order = decode(delivery.body)
        assert isinstance(order, RunTask)
        self._held[order.task_id] = order
        claims = [Claim(**order.ref.model_dump())]
        claim = Reports(node_id=NODE, lease_seconds=LEASE_SECONDS, claims=claims)
        await self._send([(COMPLETIONS, encode(claim))])
        await delivery.ack()

    def _said(self, order: RunTask) -> Said:
        hostile = HOSTILE.get(str(order.definition["name"]))
        return hostile(order) if hostile else done(order, result="fine")

    async def _send(self, said: Said) -> None:
        await self._broker.publish([Outgoing(queue, body, "m") for queue, body in said])


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with opened_receiver(Random(1)) as receiver:
        yield receiver


@pytest.fixture
async def api(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> AsyncIterator[Api]:
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path)
    for name in ("coordinator", "scheduler", "webhook_dispatcher"):
        cluster.start(name)
    await cluster.wait_up()
    broker = RabbitBroker(private_rabbit.url)
    await broker.start()
    await wait_until_up(broker)
    worker = HostileWorker(broker)
    working = [asyncio.create_task(each()) for each in (worker.follow_orders, worker.take_tasks)]
    async with aiohttp.ClientSession() as session:
        yield Api(session, cluster.services[0].url)
    await cluster.wait_up()  # none of them has ended or lost a consumer
    for task in working:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await broker.close()
    await asyncio.to_thread(cluster.close)


async def test_jobs_end_as_they_must_whatever_their_worker_says(
    api: Api, receiver: Receiver
) -> None:
    # Given a job for each thing that may be said, and one beside each; its result is passed on
    hooks = [{"url": f"{receiver.url}/0"}]
    ids: dict[str, str] = {}
    for name in HOSTILE:
        for key, first in ((name, name), (f"beside {name}", "fine")):
            tasks = [
                {"name": first, "run": "x", "var": "said"},
                {"name": "after", "run": "x", "env": {"SAID": "{{ len(tasks.said ?? '') }}"}},
            ]
            job = {"name": "j", "tasks": tasks, "webhooks": hooks, "output": "tasks.said"}
            ids[key] = (await api.submit(job))["id"]

    # Then each ends, and none waits for a lease to run out
    for key, job_id in ids.items():
        job = await api.final(job_id, LEASE_SECONDS / 2)
        expected = "FAILED" if key in FAILING else "COMPLETED"
        assert job["state"] == expected, (key, job)
        if key.startswith("beside"):
            assert job["result"] == "fine"
        assert (await api.get(f"/jobs/{job_id}/log"))["items"] is not None

    # And each of its changes is told to who asked for them
    await eventually(lambda: {job for job, _, _ in receiver.taken} >= set(ids.values()))
