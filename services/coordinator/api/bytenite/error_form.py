"""Errors in ByteNite's form, for all that is below its prefix."""

from http import HTTPStatus
from typing import TypeVar

from aiohttp import web

from services.coordinator.api.bytenite.schemas import ByteniteError, ErrorStatus, FieldError
from services.coordinator.api.errors import Refused
from services.coordinator.api.middlewares.error_forms import in_form
from services.coordinator.api.middlewares.request_log import request_id
from services.coordinator.api.replies import Error

PREFIX = "/v1/"

_VALIDATION = "validation_failed"
_OTHERWISE = (13, "internal")
_CODES = {
    HTTPStatus.BAD_REQUEST: (3, "malformed_body"),
    HTTPStatus.UNAUTHORIZED: (16, "unauthenticated"),
    HTTPStatus.PAYMENT_REQUIRED: (9, "insufficient_balance"),
    HTTPStatus.FORBIDDEN: (7, "forbidden"),
    HTTPStatus.NOT_FOUND: (5, "not_found"),
    HTTPStatus.METHOD_NOT_ALLOWED: (12, "method_not_allowed"),
    HTTPStatus.REQUEST_TIMEOUT: (4, "request_timeout"),
    HTTPStatus.CONFLICT: (9, "invalid_state"),
    HTTPStatus.PRECONDITION_FAILED: (9, "stale_etag"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (3, "too_large"),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (3, "malformed_body"),
    HTTPStatus.UNPROCESSABLE_ENTITY: (3, _VALIDATION),
    HTTPStatus.TOO_MANY_REQUESTS: (8, "rate_limited"),
    HTTPStatus.SERVICE_UNAVAILABLE: (14, "unavailable"),
}
"""By HTTP status that of gRPC, and the code for programs."""
_NO_SUCH_ROUTE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
_NOT_SUPPORTED = "not_supported"
_ABSENT = {
    "/v1/auth/skip": "there is no sign-up to skip: an admin creates users",
    "/v1/auth/user": "an admin changes users: PATCH /users/{username}",
    "/v1/wallet/redeem_coupon": "there are no coupons: an admin adds to balances",
}
"""Why requests of ByteNite's API are not answered, by path."""
_CODE = web.RequestKey("bytenite_code", str)

R = TypeVar("R", bound=Refused)


def coded(request: web.Request, code: str, refusal: R) -> R:
    """`refusal`, whose answer has this code for programs."""
    with_code(request, code)
    return refusal


def with_code(request: web.Request, code: str) -> None:
    """The answer, if it refuses the request, has this code."""
    request[_CODE] = code


def _formed(request: web.Request, response: web.Response, told: Error) -> ByteniteError:
    if response.status in _NO_SUCH_ROUTE and (reason := _ABSENT.get(request.path)):
        told = told.model_copy(update={"message": reason})
        with_code(request, _NOT_SUPPORTED)
    if told.errors and response.status == HTTPStatus.BAD_REQUEST:
        response.set_status(HTTPStatus.UNPROCESSABLE_ENTITY)
    return _error(request, HTTPStatus(response.status), told)


def _error(request: web.Request, status: HTTPStatus, told: Error) -> ByteniteError:
    number, code = _CODES.get(status, _OTHERWISE)
    rules = [
        FieldError(field=one.field, value=one.value, rule=one.rule) for one in told.errors or ()
    ]
    lines = [f"{rule.field}: {rule.rule}" if rule.field else rule.rule for rule in rules]
    return ByteniteError(
        code=number,
        message=told.message,
        details=rules,
        error=ErrorStatus(
            code=request.get(_CODE, code),
            message=told.message,
            description="\n".join(lines) or told.message,
        ),
        request_id=request_id(request),
    )


in_bytenite_form = in_form(PREFIX, _formed)
