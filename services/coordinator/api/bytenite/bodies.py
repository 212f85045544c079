"""Bodies as ByteNite's server reads them: JSON, in which an empty body is an empty object."""

from typing import TypeVar

from aiohttp import web

from services.coordinator.api.errors import BadRequest
from services.coordinator.api.requests import whole_body
from shared.jobspec.bytenite.form import Form, Tree
from shared.jobspec.bytenite.parsing import checked
from shared.jobspec.json_body import load_json
from shared.jobspec.problems import InvalidJob

M = TypeVar("M", bound=Form)


def unwrapped(asked: Form, name: str) -> Tree:
    """What was given, whether as it is or within a field `name`, as some clients send it."""
    given = asked.shown()
    return {**given.pop(name, {}), **given}


async def parsed_body(request: web.Request, model: type[M]) -> M:
    """Raises BadRequest, InvalidJob with all that is wrong, WaitedTooLong."""
    body = await whole_body(request)
    try:
        tree = load_json(body.decode()) if body.strip() else {}
    except (InvalidJob, UnicodeDecodeError) as error:  # it is no JSON at all: a 400, no 422
        raise BadRequest(f"the body is not valid JSON: {error}") from None
    if not isinstance(tree, dict):
        raise BadRequest("the body must be a JSON object")
    return checked(model, tree)
