"""/openapi.json, /docs, a page that renders it without anything from elsewhere, and the schemas of
job files for editors."""

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import orjson
from aiohttp import web

from services.coordinator.api.openapi import openapi_document
from services.coordinator.api.route import Route, SentEvent
from shared.jobspec.tork.schema import job_schema, scheduled_job_schema, template_schema


def _policy(page: bytes) -> str:
    """Of all that could run in the page only what is written in it."""
    found = {tag: re.findall(rb"<%s>(.*?)</%s>" % (tag, tag), page, re.DOTALL) for tag in _INLINE}
    script, style = (" ".join(map(_hash, found[tag])) for tag in _INLINE)
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


_INLINE = (b"script", b"style")


def _hash(text: bytes) -> str:
    return f"'sha256-{b64encode(sha256(text).digest()).decode()}'"


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def documentation_routes(
    routes: Sequence[Route], events: Sequence[SentEvent]
) -> list[web.RouteDef]:
    page = files("services.coordinator.api").joinpath("docs.html").read_bytes()
    policy = _policy(page)

    @cache
    def document() -> bytes:
        """Made when it is first asked for: that takes some tenths of a second, and few ask."""
        return orjson.dumps(openapi_document(routes, events))

    @cache
    def bytenite_document() -> bytes:
        """Of its API alone, without the older prefix: to make clients from."""
        group = [route for route in routes if route.group == "bytenite"]
        chosen = [route for route in group if not route.path.startswith("/v1/customer/")]
        return orjson.dumps(openapi_document(chosen))

    async def get_document(_: web.Request) -> web.Response:
        return web.Response(body=document(), content_type="application/json")

    async def get_bytenite_document(_: web.Request) -> web.Response:
        return web.Response(body=bytenite_document(), content_type="application/json")

    async def get_page(_: web.Request) -> web.Response:
        return web.Response(
            body=page,
            content_type="text/html",
            charset="utf-8",
            headers={"Content-Security-Policy": policy},
        )

    return [
        web.get("/openapi.json", get_document),
        web.get("/v1/openapi.json", get_bytenite_document),
        web.get("/docs", get_page),
        web.get("/schema/job.json", _get_job_schema),
        web.get("/schema/scheduled-job.json", _get_scheduled_job_schema),
        web.get("/schema/template.json", _get_template_schema),
    ]


def lead_to_documentation() -> web.RouteDef:
    """Whoever opens the address that a start prints is shown something, also without the page."""
    return web.get("/", _lead_to_page)


async def _get_job_schema(_: web.Request) -> web.Response:
    return _schema(job_schema)


async def _get_template_schema(_: web.Request) -> web.Response:
    return _schema(template_schema)


async def _get_scheduled_job_schema(_: web.Request) -> web.Response:
    return _schema(scheduled_job_schema)


async def _lead_to_page(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/docs"})


def _schema(make: Callable[[], dict[str, Any]]) -> web.Response:
    return web.Response(body=_encoded(make), content_type="application/schema+json")


@cache
def _encoded(make: Callable[[], dict[str, Any]]) -> bytes:
    """Made when it is first asked for, as the document."""
    return orjson.dumps(make())
