"""The dispatcher: endpoints that want changes in order, or at a rate."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from random import Random

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.webhook_dispatcher.calls import Calls
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.settings import WebhookSettings
from shared.process.loops import every
from shared.process.run import Stop
from tests.support.jobs.batcher import Rig
from tests.support.services.dispatcher import (
    LOCAL,
    TASK,
    Receiver,
    dispatcher_rig,
    make_all,
    running_receiver,
)
from tests.support.services.endpoints import add_endpoint, follow

PATIENCE_SECONDS = 100
"""Never waited for when all is well."""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as receiver:
        yield receiver


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with dispatcher_rig(postgres_dsn) as rig:
        yield rig


class Strict:
    """Refuses half of its calls; sees for each job what it has taken, and whether calls overlap."""

    def __init__(self, expected: int) -> None:
        self.taken: defaultdict[str, list[int]] = defaultdict(list)
        self.overlaps = 0
        self.all_taken = asyncio.Event()
        self._expected = expected
        self._random = Random(7)
        self._under_way: Counter[str] = Counter()

    async def on_post(self, request: web.Request) -> web.Response:
        job_id = (await request.json())["id"]
        self._under_way[job_id] += 1
        self.overlaps += self._under_way[job_id] > 1
        await asyncio.sleep(self._random.random() / 100)
        self._under_way[job_id] -= 1
        if self._random.random() < 0.5:
            return web.Response(status=500)
        self.taken[job_id].append(int(request.headers["conveyor-sequence"]))
        if sum(map(len, self.taken.values())) == self._expected:
            self.all_taken.set()
        return web.Response()


async def ordered_jobs(rig: Rig, url: str, count: int) -> list[str]:
    """Their ids. An endpoint is owed four calls of each of them."""
    await add_endpoint(rig.pool, rig.sealer, url=url, ordered=True, format="tork")
    jobs = [await rig.submit([TASK]) for _ in range(count)]
    for job_id in jobs:
        await rig.run_current(job_id)
    await follow(rig.pool, rig.sealer)
    return jobs


async def test_changes_arrive_in_order_and_one_at_a_time_however_many_dispatchers_there_are(
    rig: Rig,
) -> None:
    # Given an endpoint that wants changes in order and refuses half of the calls
    strict = Strict(expected=24)
    app = web.Application()
    app.router.add_post("/", strict.on_post)
    async with TestServer(app) as server, Client(LOCAL) as client:
        jobs = await ordered_jobs(rig, str(server.make_url("/")), 6)
        # When three dispatchers call it, each of which repeats what was refused at once
        retries = ",".join(["5ms"] * 60)
        settings = WebhookSettings(retry_delays=retries, failures_to_pause=1000)
        stop = Stop()
        dispatchers = [Calls(rig.pool, client, rig.sealer, settings) for _ in range(3)]
        async with asyncio.TaskGroup() as group:
            for calls in dispatchers:
                loop = every(
                    calls.make_due_calls, interval_seconds=0.05, stop=stop, wake=calls.owed
                )
                group.create_task(loop)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await strict.all_taken.wait()
            stop.request()
        for calls in dispatchers:
            await calls.finish()
    # Then it has taken those of each job in order, and never had two of one at a time
    assert strict.taken.keys() == set(jobs)
    assert all(taken == sorted(taken) for taken in strict.taken.values())
    assert strict.overlaps == 0


async def test_a_change_that_failed_holds_up_those_behind_it_until_it_is_given_up(
    rig: Rig, receiver: Receiver
) -> None:
    # Given two jobs, the first call of one of which fails, for now
    receiver.answers = [500]
    await ordered_jobs(rig, receiver.url, 2)
    async with Client(LOCAL) as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings())
        # When all is called that may be
        await make_all(calls)
        # Then the other job's changes have arrived, and none of what is behind the failed one
        [failed, *others] = [body["id"] for _, body in receiver.heard]
        assert Counter(others) == {others[0]: 4}
        assert others[0] != failed
        # When it fails for good
        receiver.answers = [400]
        await rig.pool.execute("UPDATE webhook_deliveries SET next_at = now() WHERE attempts = 1")
        await make_all(calls)
        # Then those behind it arrive
        assert [body["id"] for _, body in receiver.heard][5:] == [failed] * 4


async def test_an_endpoint_is_called_at_its_rate_and_others_are_not_held_up(
    rig: Rig, receiver: Receiver
) -> None:
    # Given an endpoint that takes a call in 20 s, and one at the same receiver that takes all
    slow = await add_endpoint(
        rig.pool, rig.sealer, url=receiver.url, rate_per_second=0.05, format="tork"
    )
    await add_endpoint(rig.pool, rig.sealer, url=receiver.url, format="tork")
    await rig.submit([TASK])
    await follow(rig.pool, rig.sealer)
    async with Client(LOCAL) as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings(round_seconds=60))
        other = Calls(rig.pool, client, rig.sealer, WebhookSettings())
        # When two dispatchers call them
        await asyncio.gather(make_all(calls), make_all(other))
        # Then one call of the first's is made, and the next is due in 20 s
        assert len(receiver.heard) == 3
        wait = await calls.make_due_calls()
        assert wait is not None
        assert 0 < wait <= 20
        # When it is time
        await rig.pool.execute("UPDATE webhook_endpoints SET next_call_at = now()")
        await make_all(calls)
        assert len(receiver.heard) == 4
    left = "SELECT count(*) FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 'PENDING'"
    assert await rig.pool.fetchval(left, slow) == 0
