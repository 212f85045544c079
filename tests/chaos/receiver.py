"""The customer's end of the webhooks: remembers what it took, and now and then fails."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from aiohttp import web

Event = tuple[str, int, str]
"""Job id, number of the change, and the webhook's place in the job."""

_FAILS = 0.1


class Receiver:
    """`taken` holds the ids under which each event came, of the calls that got a 200."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.taken: defaultdict[Event, set[str]] = defaultdict(set)
        self.url = ""

    async def on_post(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self._random.random() < _FAILS:
            return web.Response(status=500)
        job_id = body.get("jobId") or body["id"]
        event = (job_id, int(request.headers["conveyor-sequence"]), request.match_info["place"])
        self.taken[event].add(request.headers["webhook-id"])
        return web.Response()


@asynccontextmanager
async def opened_receiver(random: Random) -> AsyncIterator[Receiver]:
    receiver = Receiver(random)
    app = web.Application()
    app.router.add_post("/{place}", receiver.on_post)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield receiver
    finally:
        await runner.cleanup()
