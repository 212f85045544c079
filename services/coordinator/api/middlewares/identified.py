"""Names each request: in its answer, and in every log line below."""

import os
import re

from aiohttp import web
from aiohttp.typedefs import Handler
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


async def show_id(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: a stream's headers are gone before its handler has ended."""
    if _ID in request:
        response.headers[REQUEST_ID] = request[_ID]
