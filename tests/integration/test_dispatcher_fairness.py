"""The dispatcher: receivers that hang or are down delay no other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from services.webhook_dispatcher.calls import Calls
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.settings import WebhookSettings
from tests.support.jobs.batcher import Rig
from tests.support.services.dispatcher import (
    LOCAL,
    TASK,
    Receiver,
    call_all,
    dispatcher_rig,
    make_all,
    running_receiver,
    store_all,
)

PATIENCE_SECONDS = 60
"""Never waited for when all is well."""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as receiver:
        yield receiver


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with dispatcher_rig(postgres_dsn) as rig:
        yield rig


class Hanging:
    """Any number of receivers, each at an address of its own, that answer when `answer` is set."""

    def __init__(self) -> None:
        self.port = 0
        self.answer = asyncio.Event()
        self.called: list[str] = []

    def urls(self, count: int) -> list[str]:
        return [f"http://127.0.1.{n}:{self.port}/" for n in range(1, count + 1)]

    async def on_post(self, request: web.Request) -> web.Response:
        self.called.append(request.host)
        await self.answer.wait()
        return web.Response()


@asynccontextmanager
async def hanging_receivers() -> AsyncIterator[Hanging]:
    hanging = Hanging()
    app = web.Application()
    app.router.add_post("/", hanging.on_post)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()
    hanging.port = runner.addresses[0][1]
    try:
        yield hanging
    finally:
        hanging.answer.set()
        await runner.cleanup()


async def own(rig: Rig, job_id: str, owner: str) -> None:
    await rig.pool.execute("UPDATE jobs SET created_by = $2 WHERE id = $1", job_id, owner)


async def test_receivers_that_hang_delay_neither_another_owner_nor_those_that_answer(
    rig: Rig, receiver: Receiver
) -> None:
    async with hanging_receivers() as hanging, Client(LOCAL) as client:
        # Given more receivers of ann's that hang, each owed several calls, than there are places
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings(concurrency=8))
        hooks = [{"url": url} for url in hanging.urls(10)]
        await own(rig, await rig.submit([TASK], webhooks=hooks), "ann")
        await store_all(rig)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(hanging.called) < 2:
                await calls.make_due_calls()
                await asyncio.sleep(0)
            # When a receiver is to hear of bob's job, and of ann's
            for owner in ("bob", "ann"):
                job_id = await rig.submit([TASK], webhooks=[{"url": receiver.url}])
                await own(rig, job_id, owner)
            await store_all(rig)
            # Then it hears of both while they hang, and each of them holds one place
            while len(receiver.heard) < 4:
                await calls.make_due_calls()
                await asyncio.sleep(0)
        assert len(hanging.called) == len(set(hanging.called)) == 2
        hanging.answer.set()
        await calls.finish()


async def test_calls_to_a_receiver_that_is_down_wait_and_use_no_attempt(rig: Rig) -> None:
    # Given eight calls to a receiver that nobody listens at
    hook = {"url": "http://127.0.0.1:1/", "if": "job.state == 'PENDING'"}
    await rig.submit([TASK], webhooks=[hook] * 8)
    await store_all(rig)
    async with Client(LOCAL) as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings())
        # When they are made
        await make_all(calls)
        # Then five find out, and the others are due when its pause ends
        attempts = await rig.pool.fetch("SELECT attempts FROM webhook_deliveries ORDER BY 1")
        assert [row["attempts"] for row in attempts] == [0, 0, 0, 1, 1, 1, 1, 1]
        wait = await calls.make_due_calls()
        assert wait is not None
        assert 0 < wait <= 5
        # When one has waited for days, it is given up, and the reason is kept
        await calls.give_up_waiting()
        await rig.pool.execute(
            "UPDATE webhook_deliveries SET next_at = now() - interval '2 days' WHERE id = ANY("
            "ARRAY(SELECT id FROM webhook_deliveries WHERE attempts = 0 LIMIT 1))"
        )
        await calls.give_up_waiting()
    left = await rig.pool.fetch("SELECT state FROM webhook_deliveries ORDER BY 1")
    assert [row["state"] for row in left] == ["FAILED", *["PENDING"] * 7]
    error = "SELECT error FROM webhook_attempts ORDER BY id DESC LIMIT 1"
    assert (await rig.pool.fetchval(error)).startswith("not sent: ")


async def test_calls_behind_one_that_fails_are_given_back_as_if_nobody_had_taken_them(
    rig: Rig, receiver: Receiver
) -> None:
    # Given a receiver that has answered quickly, so that many calls to it are taken together
    hook = {"url": receiver.url, "if": "job.state == 'PENDING'"}
    async with Client(LOCAL) as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings())
        for count in (1, 2, 4, 8):
            await rig.submit([TASK], webhooks=[hook] * count)
            await store_all(rig)
            await make_all(calls)
        receiver.heard.clear()
        # When it is down, and owed twenty
        receiver.answers = [503] * 20
        await rig.submit([TASK], webhooks=[hook] * 20)
        await store_all(rig)
        await make_all(calls)
    # Then it was called by as many as it had places, and the others have used no attempt
    query = "SELECT attempts FROM webhook_deliveries WHERE state = 'PENDING'"
    attempts = [row["attempts"] for row in await rig.pool.fetch(query)]
    assert len(receiver.heard) <= 10
    assert sorted(attempts) == [0] * (20 - len(receiver.heard)) + [1] * len(receiver.heard)


async def test_what_a_dispatcher_of_an_earlier_version_left_is_delivered(
    rig: Rig, receiver: Receiver
) -> None:
    await rig.submit([TASK], webhooks=[{"url": receiver.url}])
    await store_all(rig)
    await rig.pool.execute("UPDATE webhook_deliveries SET receiver = '', owner = ''")
    await call_all(rig)
    assert sorted(receiver.states) == ["PENDING", "SCHEDULED"]
