"""/openapi.json and /docs, a page that renders it without anything from elsewhere."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib.resources import files

import orjson
from aiohttp import web

from services.coordinator.api.openapi import openapi_document
from services.coordinator.api.route import Route

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def documentation_routes(routes: Sequence[Route]) -> list[web.RouteDef]:
    page = files("services.coordinator.api.pages").joinpath("docs.html").read_bytes()

    @cache
    def document() -> bytes:
        """Made when it is first asked for: that takes some tenths of a second, and few ask."""
        return orjson.dumps(openapi_document(routes))

    async def get_document(_: web.Request) -> web.Response:
        return web.Response(body=document(), content_type="application/json")

    async def get_page(_: web.Request) -> web.Response:
        return web.Response(
            body=page,
            content_type="text/html",
            charset="utf-8",
            headers={"Content-Security-Policy": _POLICY},
        )

    async def lead_to_page(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/docs"})

    return [
        web.get("/openapi.json", get_document),
        web.get("/docs", get_page),
        # Whoever opens the address that a start prints is shown something.
        web.get("/", lead_to_page),
    ]
