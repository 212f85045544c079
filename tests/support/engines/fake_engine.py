"""A container engine that runs nothing and says what a test tells it to: every task ends well at
once, but for what it declines."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

Json = dict[str, Any]


class FakeEngine:
    """`decline` gets the configuration of a container, and gives the words of a 500 or None.

    `said` has other answers than the usual ones, by "POST /containers/{id}/kill".
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.decline: Callable[[Json], str | None] = lambda _: None
        self.said: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {}
        self.declined = 0
        self._numbers = itertools.count(1)

    def app(self) -> web.Application:
        at = "/{version:v[0-9.]+}"
        app = web.Application(middlewares=[self._say])
        app.add_routes(
            [
                web.get("/_ping", _answer_ping),
                web.get("/version", _answer({"ApiVersion": "1.41"})),
                web.get(at + "/version", _answer({"ApiVersion": "1.41"})),
                web.get(at + "/networks", _answer([])),
                web.get(at + "/networks/none", _answer({"Name": "none", "Driver": "null"})),
                web.get(at + "/volumes", _answer({"Volumes": []})),
                web.post(at + "/images/create", _answer({})),
                web.get(at + "/images/{name:.*}/json", _answer({"Config": {}})),
                web.get(at + "/containers/json", _answer([])),
                web.post(at + "/containers/create", self._create),
                web.get(at + "/containers/{id}/json", _answer({"State": {"Status": "exited"}})),
                web.put(at + "/containers/{id}/archive", _answer({})),
                web.head(at + "/containers/{id}/archive", _answer({}, 404)),
                web.post(at + "/containers/{id}/attach", _answer_nothing),
                web.post(at + "/containers/{id}/start", _answer_nothing),
                web.post(at + "/containers/{id}/wait", _answer({"StatusCode": 0})),
                web.post(at + "/containers/{id}/kill", _answer_nothing),
                web.delete(at + "/containers/{id}", _answer_nothing),
            ]
        )
        return app

    @web.middleware
    async def _say(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        resource = request.match_info.route.resource
        path = resource.canonical.removeprefix("/{version}") if resource else ""
        return await self.said.get(f"{request.method} {path}", handler)(request)

    async def _create(self, request: web.Request) -> web.Response:
        if (words := self.decline(await request.json())) is not None:
            self.declined += 1
            return _json({"message": words}, 500)
        return _json({"Id": f"c{next(self._numbers)}"}, 201)


@asynccontextmanager
async def fake_engine(directory: Path) -> AsyncIterator[FakeEngine]:
    """It listens in `directory`, whose path must be short."""
    socket = directory / "engine.sock"
    engine = FakeEngine(f"unix://{socket}")
    runner = web.AppRunner(engine.app(), shutdown_timeout=1)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(socket)).start()
        yield engine
    finally:
        await asyncio.shield(runner.cleanup())


def refusal(status: int, words: str) -> Callable[[web.Request], Any]:
    return _answer({"message": words}, status)


def _answer(body: object, status: int = 200) -> Callable[[web.Request], Any]:
    async def answer(_: web.Request) -> web.Response:
        return _json(body, status)

    return answer


def _json(body: object, status: int = 200) -> web.Response:
    # As engines send it, without a charset.
    data = json.dumps(body).encode()
    return web.Response(body=data, status=status, content_type="application/json")


async def _answer_ping(_: web.Request) -> web.Response:
    return web.Response(text="OK", headers={"API-Version": "1.41"})


async def _answer_nothing(_: web.Request) -> web.Response:
    return web.Response(status=204)
