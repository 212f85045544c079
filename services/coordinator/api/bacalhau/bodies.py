"""Bodies as Bacalhau's server reads them: JSON whose names are of any case."""

from collections.abc import Mapping
from typing import TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, JsonValue, ValidationError

from services.coordinator.api.errors import BadRequest
from services.coordinator.api.requests import whole_body
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.rule_texts import rule_of

M = TypeVar("M", bound=BaseModel)


async def parsed_body(request: web.Request, model: type[M]) -> M:
    """Raises BadRequest, InvalidJob with all that is wrong, WaitedTooLong."""
    given = in_casing_of(model, await json_body(request))
    try:
        return model.model_validate(given)
    except ValidationError as error:  # the client's mistake, in our words
        raise InvalidJob(
            [
                Problem(".".join(map(str, e["loc"])), rule_of(e))
                for e in error.errors(include_url=False)
            ]
        ) from None


async def json_body(request: web.Request) -> dict[str, JsonValue]:
    """An object; of an empty body an empty one. Raises BadRequest, WaitedTooLong."""
    body = await whole_body(request)
    try:
        found = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadRequest("the body must be a JSON object")
    return found


def in_casing_of(model: type[BaseModel], given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """With the names of `model`: Go takes them in any case."""
    names = {(field.alias or name).lower(): field.alias or name
             for name, field in model.model_fields.items()}  # fmt: skip
    return {names.get(name.lower(), name): value for name, value in given.items()}
