"""Errors in the form of another API, for all that is below its prefix."""

from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import BaseModel

from services.coordinator.api.replies import Error, encode

Form = Callable[[web.Request, web.Response, Error], BaseModel]
"""What is answered instead of an error of ours; it may set another status."""


def in_form(prefix: str, form: Form) -> Middleware:
    @web.middleware
    async def formed(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        is_error = response.status >= HTTPStatus.BAD_REQUEST and isinstance(response, web.Response)
        if not is_error or not request.path.startswith(prefix):
            return response
        assert isinstance(response, web.Response)  # noqa: S101 - as was asked above
        told = Error.model_validate_json(bytes(response.body or b""))  # type: ignore[arg-type]  # ours
        response.body = encode(form(request, response, told))
        return response

    return formed
