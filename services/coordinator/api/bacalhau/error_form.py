"""Errors in Bacalhau's form, for all that is below its prefix."""

from http import HTTPStatus
from typing import TypeVar

from aiohttp import web

from services.coordinator.api.bacalhau.schemas import BacalhauError
from services.coordinator.api.errors import Refused
from services.coordinator.api.middlewares.error_forms import in_form
from services.coordinator.api.middlewares.request_log import request_id
from services.coordinator.api.replies import Error

PREFIX = "/api/v1/"

CODES = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.METHOD_NOT_ALLOWED: "BadRequest",
    HTTPStatus.REQUEST_TIMEOUT: "TimeOut",
    HTTPStatus.CONFLICT: "ResourceInUse",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "BadRequest",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "BadRequest",
    HTTPStatus.TOO_MANY_REQUESTS: "ResourceExhausted",
    HTTPStatus.NOT_IMPLEMENTED: "NotImplemented",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}
_VALIDATION = "ValidationError"
_OTHERWISE = "InternalError"
_COMPONENT = "APIServer"
_HINT = web.RequestKey("hint", str)
_MESSAGE = web.RequestKey("message", str)

R = TypeVar("R", bound=Refused)


def hinted(request: web.Request, refusal: R, hint: str) -> R:
    """`refusal`, whose answer says what to do about it."""
    request[_HINT] = hint
    return refusal


def in_words(request: web.Request, message: str) -> None:
    """What the answer to a refused submission says, instead of its rules in ours."""
    request[_MESSAGE] = message


def _error(request: web.Request, response: web.Response, told: Error) -> BacalhauError:
    rules = told.errors or []
    return BacalhauError(
        status=response.status,
        message=_message(request, told),
        request_id=request_id(request),
        code=_VALIDATION if rules else CODES.get(HTTPStatus(response.status), _OTHERWISE),
        component=_COMPONENT,
        hint=request.get(_HINT, ""),
        details={rule.field: rule.rule for rule in rules},
    )


def _message(request: web.Request, told: Error) -> str:
    if not told.errors:
        return told.message
    lines = [f"{one.field}: {one.rule}" if one.field else one.rule for one in told.errors]
    return request.get(_MESSAGE) or "\n".join(lines)


in_bacalhau_form = in_form(PREFIX, _error)
