"""What a dispatcher calls, and the dispatcher itself, round by round."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from services.webhook_dispatcher.calls import Calls
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.events import Events
from services.webhook_dispatcher.settings import WebhookSettings
from shared.messages import WebhooksDue
from shared.messages.queues import EVENTS
from shared.network.guard import Guard, parse_networks
from shared.tracing.protocol import OFF, Off, Tracing
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.services.sent_bodies import expect_described

TASK = {"name": "build", "run": "true"}


class Receiver:
    """Answers with the statuses it was given, then 200; keeps what it was told."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[int] = []
        self.leads_to = ""
        self.says = ""
        self.heard: list[tuple[dict[str, str], dict[str, Any]]] = []

    async def on_post(self, request: web.Request) -> web.Response:
        self.heard.append((dict(request.headers), await request.json()))
        status = self.answers.pop(0) if self.answers else 200
        headers = {"Location": self.leads_to}
        return web.Response(status=status, text=self.says, headers=headers)

    async def on_get(self, _: web.Request) -> web.Response:
        return web.Response()

    @property
    def states(self) -> list[str]:
        return [body["state"] for _, body in self.heard]


@asynccontextmanager
async def running_receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.on_post)
    app.router.add_get("/hook", receiver.on_get)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
    for headers, body in receiver.heard:
        expect_described(headers["conveyor-event"], body)


@asynccontextmanager
async def dispatcher_rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        # The dispatcher's queue exists before anything happens, as it does in production.
        async with rig.broker.consume(EVENTS, prefetch=1):
            pass
        yield rig


async def store_all(rig: Rig) -> list[WebhooksDue]:
    """Take in what was announced so far."""
    await rig.batcher.outbox.close()
    stats = await rig.broker.queue_stats(EVENTS)
    assert stats is not None
    messages = [m for m in await rig.receive(EVENTS, stats.size) if isinstance(m, WebhooksDue)]
    assert await Events(rig.pool, rig.sealer).on_webhooks_due(messages) == [None] * len(messages)
    return messages


LOCAL = Guard(parse_networks(("127.0.0.0/8",)))
"""Receivers of tests are on this machine."""


class Traced(Off):
    """Tracing that is on, and samples nothing."""

    is_on = True


async def call_all(
    rig: Rig, settings: WebhookSettings | None = None, tracing: Tracing = OFF
) -> None:
    async with Client(LOCAL) as client:
        settings = settings or WebhookSettings()
        calls = Calls(rig.pool, client, rig.sealer, settings, tracing=tracing)
        await make_all(calls)


async def make_all(calls: Calls) -> None:
    """All that are due, those included that wait for a place or for another call."""
    has_finished = False
    while True:
        if await calls.make_due_calls() == 0:
            has_finished = False
        elif has_finished:
            return
        else:
            await calls.finish()
            has_finished = True
