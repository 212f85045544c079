"""Refuses, before anything of its body is read, what would be refused whatever is in it."""

from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from services.coordinator.api.connections import Connection
from services.coordinator.api.errors import UnsupportedMediaType
from services.coordinator.api.replies import reply_error

_LONGEST_SHOWN = 60


@web.middleware
async def refuse_unread(request: web.Request, handler: Handler) -> web.StreamResponse:
    if _is_over_limit(request):
        return await _answered_in_a_crowd(request, handler)
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "").strip()
    if encoding.lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            f"Content-Encoding: {encoding[:_LONGEST_SHOWN]!r} is not allowed: send the plain body"
        )
    if (request.content_length or 0) > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size)
    return await handler(request)


def _is_over_limit(request: web.Request) -> bool:
    return isinstance(request.protocol, Connection) and request.protocol.is_over_limit


async def _answered_in_a_crowd(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path == "/health":
        response = await handler(request)
    else:
        message = "too many connections are open, try again later"
        response = reply_error(HTTPStatus.SERVICE_UNAVAILABLE, message, {"Retry-After": "1"})
    response.force_close()
    return response


async def expected(request: web.Request) -> web.StreamResponse | None:
    """For `expect_handler` of routes: asks for the body, unless it is refused anyway."""
    if request.headers[hdrs.EXPECT].lower() != "100-continue":
        return reply_error(HTTPStatus.EXPECTATION_FAILED, "Expect: only 100-continue is supported")
    if (request.content_length or 0) <= request.client_max_size:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer has not begun
    return None
