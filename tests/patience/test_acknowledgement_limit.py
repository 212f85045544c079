"""RabbitMQ closes the channel of whoever holds a message for too long: no task of ours does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aio_pika
import aiohttp
import pytest

from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster

pytestmark = pytest.mark.real

_LIMIT_SECONDS = 60
_HOLD_SECONDS = 20
_LONG_SECONDS = 100
# RabbitMQ looks for such consumers at each tick, once a minute by default.
_SET_LIMIT = (
    f"application:set_env(rabbit, consumer_timeout, {_LIMIT_SECONDS * 1000}),"
    "application:set_env(rabbit, channel_tick_interval, 5000)."
)


@pytest.fixture
async def cluster(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> AsyncIterator[Cluster]:
    await asyncio.to_thread(private_rabbit.ctl, "eval", _SET_LIMIT)
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path)
    for name in ("coordinator", "scheduler"):
        cluster.start(name)
    for _ in range(2):
        cluster.start(
            "worker",
            CONVEYOR_WORKER_QUEUES="default:1",
            CONVEYOR_WORKER_HOLD_SECONDS=f"{_HOLD_SECONDS}",
            CONVEYOR_WORKER_DRAIN_SECONDS="0",
        )
    await cluster.wait_up()
    yield cluster
    await asyncio.to_thread(cluster.close)


async def test_a_task_longer_than_the_limit_runs_once_and_keeps_no_other_waiting(
    cluster: Cluster, private_rabbit: PrivateRabbit, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        closing = group.create_task(_until_closed(private_rabbit))
        api = Api(session, cluster.services[0].url)
        # Given a task that runs for longer than the limit on one of two workers
        long = await api.submit(_job(f"echo started >> {starts}; sleep {_LONG_SECONDS}"))
        await api.job_when(long["id"], lambda job: job["state"] == "RUNNING")
        # When others come all the while, as many as the other worker can do
        done = 0
        while (await api.get(f"/jobs/{long['id']}"))["state"] == "RUNNING":
            quick = await api.submit(_job("true"))
            # Then none of them waits for the long one
            ended = await api.final(quick["id"], seconds=60)
            assert ended["state"] == "COMPLETED"
            done += 1
        # And the long one has run once, though others are cut off for holding a message
        assert done > 0
        assert (await api.get(f"/jobs/{long['id']}"))["state"] == "COMPLETED"
        assert starts.read_text() == "started\n"
        await asyncio.wait_for(closing, _LIMIT_SECONDS + 60)
        # And both workers take tasks again
        pair = [await api.submit(_job(_meet(tmp_path, me, other))) for me, other in ("ab", "ba")]
        for job in pair:
            assert (await api.final(job["id"]))["state"] == "COMPLETED"


async def _until_closed(rabbit: PrivateRabbit) -> None:
    """Somebody who holds a message: the limit is at work when this returns."""
    async with await aio_pika.connect(rabbit.url) as connection:
        channel = await connection.channel()
        closed = asyncio.Event()
        channel.close_callbacks.add(lambda *_: closed.set())
        queue = await channel.declare_queue("held", durable=True)
        await channel.default_exchange.publish(aio_pika.Message(b"x"), "held")
        await queue.consume(_hold)
        await closed.wait()


async def _hold(message: aio_pika.abc.AbstractIncomingMessage) -> None:
    """Never answer."""


def _meet(directory: Path, me: str, other: str) -> str:
    """A script that ends when its twin runs at the same time, which takes two free workers."""
    return f"touch {directory}/{me}; while [ ! -e {directory}/{other} ]; do sleep 0.05; done"


def _job(run: str) -> dict[str, object]:
    return {"name": "timed", "tasks": [{"name": "do", "run": run}]}
