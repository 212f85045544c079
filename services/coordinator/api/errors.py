"""What the API refuses, by status."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar


class Refused(Exception):
    """The request can't succeed as it stands; the text is the answer's message."""

    status: ClassVar[HTTPStatus]

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = headers


class BadRequest(Refused):
    status = HTTPStatus.BAD_REQUEST


class Unauthenticated(Refused):
    status = HTTPStatus.UNAUTHORIZED


class Forbidden(Refused):
    status = HTTPStatus.FORBIDDEN


class NotFound(Refused):
    status = HTTPStatus.NOT_FOUND


class Conflict(Refused):
    status = HTTPStatus.CONFLICT


class PreconditionFailed(Refused):
    status = HTTPStatus.PRECONDITION_FAILED


class WaitedTooLong(Refused):
    status = HTTPStatus.REQUEST_TIMEOUT


class Misdirected(Refused):
    status = HTTPStatus.MISDIRECTED_REQUEST


class UnsupportedMediaType(Refused):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class TooLarge(Refused):
    """Its connection ends: the rest of the body is not worth reading."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Unprocessable(Refused):
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class TooManyRequests(Refused):
    status = HTTPStatus.TOO_MANY_REQUESTS


class TooManyWaiting(Refused):
    status = HTTPStatus.SERVICE_UNAVAILABLE
