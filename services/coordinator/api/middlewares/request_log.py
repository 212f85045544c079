"""Names each request, in its answer and in every log line below, and logs how it went."""

import logging
import os
import re
import time
from typing import Literal

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from structlog.contextvars import bind_contextvars, reset_contextvars

REQUEST_ID = "X-Request-Id"
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ID = web.RequestKey("request_id", str)


@web.middleware
async def identified(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Takes the client's own id when it gives a decent one."""
    given = request.headers.get(REQUEST_ID, "")
    request[_ID] = given if _GIVEN_ID.fullmatch(given) else os.urandom(16).hex()
    bound = bind_contextvars(request=request[_ID])
    try:
        return await handler(request)
    finally:
        reset_contextvars(**bound)


def request_id(request: web.Request) -> str:
    return request[_ID]


async def show_id(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: a stream's headers are gone before its handler has ended."""
    if _ID in request:
        response.headers[REQUEST_ID] = request[_ID]


log = structlog.get_logger(__name__)

Level = Literal["off", "debug", "info", "warning"]

_QUIET = ("/health", "/metrics")


def logged(level: Level) -> Middleware:
    """Lines at `level`; those of probes, which come every few seconds, at debug."""
    number = logging.getLevelNamesMapping()[level.upper()]
    bound = log.bind()  # once, not for each line

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        response = await handler(request)
        bound.log(
            logging.DEBUG if request.path in _QUIET else number,
            "request_served",
            method=request.method,
            path=request.path,
            status=response.status,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )
        return response

    return middleware
