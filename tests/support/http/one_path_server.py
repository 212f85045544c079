"""A server of one path, as tests need it to be called."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def served(
    path: str, on_post: Callable[[web.Request], Awaitable[web.Response]]
) -> AsyncIterator[str]:
    """Takes POSTs to `path` on loopback while the context lasts; gives the server's URL."""
    app = web.Application()
    app.router.add_post(path, on_post)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
