"""Errors in Arvados' form, for all that is below its prefix."""

import time
from http import HTTPStatus

from aiohttp import web

from services.coordinator.api.arvados.schemas import ArvadosError
from services.coordinator.api.middlewares.error_forms import in_form
from services.coordinator.api.middlewares.request_log import request_id
from services.coordinator.api.replies import Error
from shared.jobspec.problems import Problem

PREFIX = "/arvados/"
_INVALID = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT)
"""What is 422 there: a broken rule, a state that does not allow it, a lock that is taken."""


def _error(request: web.Request, response: web.Response, told: Error) -> ArvadosError:
    if response.status in _INVALID:
        response.set_status(HTTPStatus.UNPROCESSABLE_ENTITY)
    rules = [str(Problem(rule.field, rule.rule, rule.value)) for rule in told.errors or ()]
    named = request_id(request)
    return ArvadosError(
        errors=[f"{text} ({named})" for text in rules or [told.message]],
        error_token=f"{int(time.time())}+{named[:8]}",
    )


in_arvados_form = in_form(PREFIX, _error)
