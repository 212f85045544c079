"""Errors as JSON: each sort with its status, and a bug without its details."""

from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from conveyor.extensions.files import FilesError, ObjectMismatch, ObjectMissing, StoreUnavailable
from services.coordinator.api.errors import Refused, TooLarge
from services.coordinator.api.idempotency import reused
from services.coordinator.api.replies import BrokenRule, reply_error
from services.coordinator.backfill import BadRange
from services.coordinator.commands import (
    CannotUpdate,
    InsufficientBalance,
    KeyReused,
    LockedByOther,
    NotLockable,
    UnknownJob,
    Unsettled,
    WrongState,
)
from services.coordinator.schedule_commands import NoSuchSchedule, NotNow
from shared.broker.protocol import BrokerUnavailable
from shared.jobspec.problems import InvalidJob
from shared.planning.stored_jobs import CannotFire
from shared.postgres.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

_RETRY_AFTER_SECONDS = "5"
_MOST_ERRORS = 100
_IN_THE_WAY = (KeyReused, NotNow, CannotFire, CannotUpdate, NotLockable, LockedByOther)
_NEEDED = {
    DatabaseUnavailable: "the database",
    BrokerUnavailable: "the broker",
    FilesError: "the store of files",
}


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:  # the router's and the body limit's
        return _http_error(request, error)
    except Refused as error:  # a rule of the API
        return _refusal(error)
    except InvalidJob as error:  # a rule of the job language
        return reply_error(HTTPStatus.BAD_REQUEST, str(error), errors=_broken_rules(error))
    except (WrongState, BadRange, InsufficientBalance) as error:  # not now, or not of that
        is_money = isinstance(error, InsufficientBalance)
        status = HTTPStatus.PAYMENT_REQUIRED if is_money else HTTPStatus.BAD_REQUEST
        return reply_error(status, str(error))
    except (UnknownJob, NoSuchSchedule) as error:  # it may have been deleted
        what = "job" if isinstance(error, UnknownJob) else "scheduled job"
        return reply_error(HTTPStatus.NOT_FOUND, f"no such {what}")
    except _IN_THE_WAY as error:  # it is stored
        return _conflict(error)
    except FilesError as error:
        return _of_files(request, error)
    except (DatabaseUnavailable, BrokerUnavailable, Unsettled) as error:  # try later
        return _unavailable(error)
    except Exception:  # a bug: the client learns no more than that
        log.exception("request_failed", method=request.method, path=request.path)
        return reply_error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")


def _conflict(error: Exception) -> web.Response:
    """Who has the lock of the job may, so that it is a 403 for others."""
    status = HTTPStatus.FORBIDDEN if isinstance(error, LockedByOther) else HTTPStatus.CONFLICT
    return reply_error(status, reused(str(error)) if isinstance(error, KeyReused) else str(error))


def _refusal(error: Refused) -> web.Response:
    response = reply_error(error.status, str(error), error.headers)
    if isinstance(error, TooLarge):
        response.force_close()
    return response


def _of_files(request: web.Request, error: FilesError) -> web.Response:
    match error:
        case ObjectMissing():
            return reply_error(HTTPStatus.NOT_FOUND, str(error))
        case ObjectMismatch() if request.method in ("GET", "HEAD"):  # it has just changed
            return _unavailable(error)
        case ObjectMismatch():
            return reply_error(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        case StoreUnavailable():
            return _unavailable(error)
        case _:
            return reply_error(HTTPStatus.BAD_REQUEST, str(error))


def _broken_rules(error: InvalidJob) -> list[BrokenRule]:
    return [
        BrokenRule(field=p.field, value=p.value, rule=p.rule, line=p.line, column=p.column)
        for p in error.problems[:_MOST_ERRORS]
    ]


def _http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    if request.method == "OPTIONS" and isinstance(error, web.HTTPMethodNotAllowed):
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={"Allow": error.headers["Allow"]})
    kept = {name: error.headers[name] for name in ("Allow", "Location") if name in error.headers}
    response = reply_error(error.status, _http_message(request, error), kept)
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        response.force_close()  # the rest of the body is not worth reading
    return response


def _http_message(request: web.Request, error: web.HTTPException) -> str:
    match error:
        case web.HTTPNotFound():
            return "no such path"
        case web.HTTPMethodNotAllowed():
            return f"{request.method} is not allowed; use {error.headers['Allow']}"
        case web.HTTPRequestEntityTooLarge():
            return f"the body is too large: the limit is {request.client_max_size} bytes"
        case _:
            return error.reason


def _unavailable(error: Exception) -> web.Response:
    log.warning("request_rejected", reason=str(error))
    what = next((name for kind, name in _NEEDED.items() if isinstance(error, kind)), None)
    why = f"{what} is unavailable" if what else str(error)
    return reply_error(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"{why}, try again later",
        {"Retry-After": _RETRY_AFTER_SECONDS},
    )
