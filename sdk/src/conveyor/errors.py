"""What can go wrong.

ConveyorError
├── Rejected            the server refuses the request as it is
│   ├── Invalid         400, 413, 422: `errors` names field, value and rule of each problem
│   ├── Unauthenticated 401
│   ├── Forbidden       403
│   ├── NotFound        404
│   ├── Conflict        409, 412
│   └── TooManyRequests 429, after all tries
├── Unavailable         no answer, or a 5xx, after all tries: try later
├── UnexpectedAnswer    the server does not answer as Conveyor does
├── Damaged             a file that was up- or downloaded is not what was sent
├── NotFinal            a wait took longer than its time-out; the job goes on
└── InvalidSignature    a webhook isn't signed with this secret, or is too old
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the models raise UnexpectedAnswer
    from conveyor.models import BrokenRule


class ConveyorError(Exception):
    """Every error of this package."""


class Rejected(ConveyorError):
    """`status` is HTTP's. `errors` are the rules that the body breaks, as far as the server says
    them one by one."""

    def __init__(self, message: str, status: int, errors: "Sequence[BrokenRule]" = ()) -> None:
        super().__init__(message)
        self.status = status
        self.errors = errors


class Invalid(Rejected):
    """The body or the query breaks a rule."""


class Unauthenticated(Rejected):
    """The key, user or password is missing or wrong."""


class Forbidden(Rejected):
    """The key or user may not do this."""


class NotFound(Rejected):
    """It does not exist, or the key or user may not see it."""


class Conflict(Rejected):
    """It has changed meanwhile, or the idempotency key was used for something else."""


class TooManyRequests(Rejected):
    """The rate limit is exceeded."""


class Unavailable(ConveyorError):
    """`is_away`: nobody listens at the address. `may_have_happened`: the connection broke after the
    request was sent."""

    def __init__(
        self, message: str, *, is_away: bool = False, may_have_happened: bool = False
    ) -> None:
        super().__init__(message)
        self.is_away = is_away
        self.may_have_happened = may_have_happened


class UnexpectedAnswer(ConveyorError):
    """The server does not answer as Conveyor does."""


class Damaged(ConveyorError):
    """The size or the SHA-256 of a file is another than it was where it came from."""


class NotFinal(ConveyorError):
    """The job was not final in time; it goes on."""


class InvalidSignature(ConveyorError):
    """The webhook must not be trusted."""


_BY_STATUS: Mapping[int, type[Rejected]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    413: Invalid,
    422: Invalid,
    429: TooManyRequests,
}
_LONGEST_FOREIGN = 200


def error_of(origin: str, status: int, reason: str, text: str) -> ConveyorError:
    """The error that an answer stands for. `origin` is the server's address, `reason` HTTP's word
    for the status."""
    body = _read(text)
    what = body.get("message") or body.get("Message") or _foreign(status, reason, text)
    hint = f" ({body['Hint']})" if body.get("Hint") else ""
    message = f"{origin}: {what}{hint}"
    if status >= 500:
        return Unavailable(message)
    return _BY_STATUS.get(status, Rejected)(message, status, _broken_rules(body.get("errors")))


def _read(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:  # a proxy's page, not our JSON
        return {}
    return body if isinstance(body, dict) else {}


def _foreign(status: int, reason: str, text: str) -> str:
    shown = " ".join(text.split())[:_LONGEST_FOREIGN]
    return f"{status} {reason}" + (f": {shown}" if shown else "")


def _broken_rules(errors: object) -> "Sequence[BrokenRule]":
    from conveyor.models import BrokenRule  # which raise errors of this module

    try:
        return [BrokenRule.of(error) for error in errors] if isinstance(errors, list) else ()
    except UnexpectedAnswer:  # errors of somebody else's, such as a proxy
        return ()
