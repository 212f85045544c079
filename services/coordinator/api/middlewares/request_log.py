"""A log line for each request: what was asked, how it went and how long it took."""

import logging
import time
from typing import Literal

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

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
