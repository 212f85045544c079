"""What the API refuses, by status."""

from http import HTTPStatus
from typing import ClassVar


class Refused(Exception):
    """The request can't succeed as it stands; the text is the answer's message."""

    status: ClassVar[HTTPStatus]


class BadRequest(Refused):
    status = HTTPStatus.BAD_REQUEST


class NotFound(Refused):
    status = HTTPStatus.NOT_FOUND


class WaitedTooLong(Refused):
    status = HTTPStatus.REQUEST_TIMEOUT
