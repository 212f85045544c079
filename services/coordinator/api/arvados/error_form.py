"""Errors in Arvados' form, for all that is below its prefix."""

import time
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from services.coordinator.api.arvados.schemas import ArvadosError
from services.coordinator.api.middlewares.request_log import request_id
from services.coordinator.api.replies import Error, encode

PREFIX = "/arvados/"
_INVALID = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT)
"""What is 422 there: a broken rule, a state that does not allow it, a lock that is taken."""


@web.middleware
async def in_arvados_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    is_error = response.status >= HTTPStatus.BAD_REQUEST and isinstance(response, web.Response)
    if not is_error or not request.path.startswith(PREFIX):
        return response
    assert isinstance(response, web.Response)  # noqa: S101 - as was asked above
    told = Error.model_validate_json(bytes(response.body or b""))  # type: ignore[arg-type]  # ours
    if response.status in _INVALID:
        response.set_status(HTTPStatus.UNPROCESSABLE_ENTITY)
    rules = [f"{rule.field}: {rule.rule}" for rule in told.errors or ()]
    named = request_id(request)
    response.body = encode(
        ArvadosError(
            errors=[f"{text} ({named})" for text in rules or [told.message]],
            error_token=f"{int(time.time())}+{named[:8]}",
        )
    )
    return response
