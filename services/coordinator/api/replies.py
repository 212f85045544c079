"""Answers as HTTP responses."""

from collections.abc import Mapping

import orjson
from aiohttp import web
from pydantic import BaseModel

from services.coordinator.api.schemas import Error

JSON = "application/json"


def encode(answer: object) -> bytes:
    """Models, and what JSON has, in any depth; times with a Z."""
    return orjson.dumps(answer, default=_fields, option=orjson.OPT_UTC_Z)


def _fields(answer: object) -> object:
    if isinstance(answer, BaseModel):
        return answer.model_dump(by_alias=True, exclude_none=True)
    raise TypeError(f"{type(answer)} is no answer")


def reply(answer: object, status: int = 200) -> web.Response:
    return web.Response(body=encode(answer), status=status, content_type=JSON)


def reply_error(
    status: int, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = encode(Error(message=message))
    return web.Response(body=body, status=status, content_type=JSON, headers=headers)
