"""What all answers share, and answers as HTTP responses."""

from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar

import orjson
from aiohttp import web
from pydantic import AliasGenerator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from services.coordinator.store.rows import Page

T = TypeVar("T")
R = TypeVar("R")

Fields = dict[str, Any]
"""An answer, or a part of one, that no model makes: with the names on the wire."""


def _alias(name: str) -> str:
    return to_camel(name.rstrip("_"))


class Answer(BaseModel):
    """The base of all answers. Built with the names on the wire or Python's."""

    model_config = ConfigDict(
        defer_build=True,
        frozen=True,
        use_attribute_docstrings=True,  # they are the descriptions in the API's schema
        extra="ignore",  # a definition may hold what a later version put there
        alias_generator=AliasGenerator(alias=_alias),
        validate_by_name=True,
        validate_by_alias=True,
    )

    def body(self) -> bytes:
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_none=True)


class BrokenRule(Answer):
    """One thing that is wrong with a submission."""

    field: str
    """Which field, such as `tasks[0].retry.limit`; empty: the body as a whole."""
    value: str | None = None
    """What stands there, shortened; left out where it may be secret."""
    rule: str
    """The rule that it breaks."""
    line: int | None = None
    """Where it stands in the body, counted from 1."""
    column: int | None = None
    """The same within the line, in characters."""


class Warning(Answer):
    """What of a submission works, but was hardly meant."""

    field: str
    """Which field, such as `tasks[0].env.A`."""
    message: str
    """What it does, and what may have been meant."""
    line: int | None = None
    """Where it stands in the body, counted from 1."""
    column: int | None = None
    """The same within the line, in characters."""


class Error(Answer):
    """What went wrong, in a sentence."""

    message: str
    """For people; its wording may change."""
    errors: list[BrokenRule] | None = None
    """The first hundred rules that a submission breaks, one by one."""


class Status(Answer):
    status: Literal["OK"] = "OK"
    """Done."""


class Health(Answer):
    """Whether what the service stands on is there."""

    status: Literal["UP", "DOWN"]
    """`DOWN` when something is missing."""
    version: str
    """Of Conveyor."""
    missing: list[str] | None = None
    """What is not there, each in words."""


class PageOf(Answer, Generic[T], use_attribute_docstrings=False):
    """`PageOf[Job]` has no source to read docstrings from: pydantic would look for it in all
    modules, for each of them anew. Pages with fields of their own set it again."""

    number: int = Field(description="Which page this is, counted from 1.")
    size: int = Field(description="How many items are on this page.")
    total_pages: int = Field(description="How many pages there are.")
    items: list[T] = Field(description="Newest first.")
    total_items: int = Field(description="How many items there are on all pages.")


JSON = "application/json"


def encode(answer: object) -> bytes:
    """Models, and what JSON has, in any depth; times with a Z."""
    return orjson.dumps(answer, default=_fields, option=orjson.OPT_UTC_Z)


def page(rows: Page[R], items: list[Fields]) -> Fields:
    return {
        "number": rows.request.number,
        "size": len(items),
        "totalPages": rows.total_pages,
        "items": items,
        "totalItems": rows.total_items,
    }


def set_fields(fields: Fields) -> Fields:
    """Those that are not empty."""
    return {name: value for name, value in fields.items() if value}


def _fields(answer: object) -> object:
    if isinstance(answer, BaseModel):
        return answer.model_dump(by_alias=True, exclude_none=True)
    raise TypeError(f"{type(answer)} is no answer")


def reply(answer: object, status: int = 200) -> web.Response:
    return web.Response(body=encode(answer), status=status, content_type=JSON)


def reply_error(
    status: int,
    message: str,
    headers: Mapping[str, str] | None = None,
    errors: list[BrokenRule] | None = None,
) -> web.Response:
    body = encode(Error(message=message, errors=errors))
    return web.Response(body=body, status=status, content_type=JSON, headers=headers)
