"""(h) From the end of a job to its call, while many jobs run."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from statistics import quantiles

from aiohttp import web

from bench.client import Client, Json, shell_job
from bench.run import Run
from bench.services import COORDINATOR, opened_services
from bench.table import Table

JOBS, QUICK_JOBS = 500, 200
_WARM_UP_JOBS = 20
_WORKER = {"CONVEYOR_RUNTIME_TYPE": "shell", "CONVEYOR_WORKER_QUEUES": "default:16"}
_PATIENCE_SECONDS = 60.0


class _Receiver:
    """Notes when each of `count` jobs was first called completed, in seconds since 1970."""

    def __init__(self) -> None:
        self.expect(0)

    def expect(self, count: int) -> None:
        self._count = count
        self.heard: dict[str, float] = {}
        self.calls = 0
        self._all = asyncio.Event()

    async def all_heard(self) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self._all.wait()

    async def on_call(self, request: web.Request) -> web.Response:
        at = time.time()
        body = await request.json()
        self.calls += 1
        if body.get("state") == "COMPLETED":
            self.heard.setdefault(body["id"], at)
            if len(self.heard) == self._count:
                self._all.set()
        return web.Response()


async def measure(run: Run) -> Table:
    count = QUICK_JOBS if run.quick else JOBS
    receiver = _Receiver()
    async with (
        _listening(receiver) as url,
        opened_services(run.ground, _WORKER, run.profile) as services,
        Client(run.ground, services[COORDINATOR], services.values()) as client,
    ):
        for jobs in (_WARM_UP_JOBS, count):
            receiver.expect(jobs)
            ids = await client.submit_all([_job(url)] * jobs)
            await client.last_end(ids)
            await receiver.all_heard()
        ends = await client.ends(ids)
    return _table(count, receiver, ends)


def _table(count: int, receiver: _Receiver, ends: dict[str, datetime]) -> Table:
    times = [(receiver.heard[id_] - end.timestamp()) * 1000 for id_, end in ends.items()]
    cuts = quantiles(times, n=100, method="inclusive")
    return Table(
        f"(h) webhooks of {count} one-task jobs at once, each told of every change of its state",
        ("", "p50", "p99", "most"),
        [
            (
                "end of a job to its call, ms",
                f"{cuts[49]:.0f}",
                f"{cuts[98]:.0f}",
                f"{max(times):.0f}",
            )
        ],
        (f"{receiver.calls} calls were made",),
    )


@asynccontextmanager
async def _listening(receiver: _Receiver) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_post("/", receiver.on_call)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def _job(url: str) -> Json:
    return shell_job() | {"webhooks": [{"url": url, "event": "job.StateChange"}]}
