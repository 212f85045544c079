"""A site whose pages a test writes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """Answers each path by its handler. `requests` are what came."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.requests: list[web.Request] = []
        self.url = ""
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.handlers[request.path](request)

    def serve(self, path: str, handler: Handler) -> str:
        self.handlers[path] = handler
        return f"{self.url}{path}"


@asynccontextmanager
async def served_site() -> AsyncIterator[Site]:
    site = Site()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", site.answer)
    async with TestServer(application) as server:
        site.port = server.port or 0
        site.url = f"http://127.0.0.1:{server.port}"
        yield site
