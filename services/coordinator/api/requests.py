"""What a request asks for: ids, pages, search texts, and its body."""

import asyncio
import json
import re
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from services.coordinator.api.errors import BadRequest, NotFound, WaitedTooLong
from services.coordinator.ports import ApiPorts
from services.coordinator.store.logs import LogRequest
from services.coordinator.store.rows import PageRequest
from services.coordinator.store.search_text import FILTERS, BadFilter, JobSearch, parse_search

PORTS = web.AppKey("ports", ApiPorts)
BODY_SECONDS = web.AppKey("body_seconds", float)

SAYS_NOTHING = (b"", b"{}", b"null")
"""Clients of JSON send one of these where they have nothing to send."""

MAX_JOBS_PAGE = 20
MAX_LOG_PAGE = 100

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_SEARCH = 1000
_LONGEST_SHOWN = 60
_RULES = {
    "string_too_long": f"must have at most {_LONGEST_SEARCH} characters",
    "string_pattern_mismatch": "must not hold NUL characters",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
}

M = TypeVar("M", bound=BaseModel)


class Query(BaseModel):
    model_config = ConfigDict(extra="ignore")


_Page = Annotated[int, Field(description="The page's number, from 1; smaller numbers count as 1.")]
Search = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=_LONGEST_SEARCH)]


class PageQuery(Query):
    """Which page of a list."""

    page: _Page = 1
    size: Annotated[int, Field(description="1 to 20 a page; others are brought in range.")] = 10

    def request(self) -> PageRequest:
        return PageRequest.within(self.page, self.size, largest=MAX_JOBS_PAGE)


class SearchQuery(Query):
    """Which jobs."""

    q: Annotated[
        Search,
        Field(
            description="Words of name, description and tags, in any form, their parts and their "
            "beginnings; a state; the filters as `state:failed`, `tag:x`, `tags:x,y`, `name:x`, "
            "`by:ann`, `since:24h`, `before:7d`. In the list of jobs `waiting` finds jobs that "
            "wait, with the reason."
        ),
    ] = ""
    state: Annotated[Search, Field(description="Only jobs in one of these states: `a,b`.")] = ""
    tag: Annotated[Search, Field(description="Only jobs with one of these tags: `a,b`.")] = ""
    name: Annotated[Search, Field(description="Only jobs with these words in their name.")] = ""
    by: Annotated[Search, Field(description="Only jobs that this user has submitted.")] = ""
    since: Annotated[
        Search,
        Field(description="Only jobs created since: a time, or a span such as `90m` or `7d`."),
    ] = ""
    before: Annotated[Search, Field(description="Only jobs created before: as `since`.")] = ""

    def search(self) -> JobSearch:
        """Raises BadRequest."""
        filters = {name: value for name in FILTERS if (value := getattr(self, name))}
        try:
            return parse_search(self.q, filters, datetime.now(UTC))
        except BadFilter as error:  # the client's mistake
            raise BadRequest(str(error)) from None


class JobsQuery(SearchQuery, PageQuery):
    """Which page of the jobs."""


class LogQuery(Query):
    """Which page of a log."""

    page: _Page = 1
    size: Annotated[
        int, Field(description="1 to 100 parts a page; others are brought in range.")
    ] = 25
    q: Annotated[Search, Field(description="Only parts that hold this text.")] = ""
    follow: Annotated[
        bool,
        Field(description="Instead of a page: the log as text from its start on, as it grows."),
    ] = False

    def request(self) -> LogRequest:
        return LogRequest(self.q, PageRequest.within(self.page, self.size, largest=MAX_LOG_PAGE))


def ports(request: web.Request) -> ApiPorts:
    return request.app[PORTS]


def query(request: web.Request, model: type[M]) -> M:
    """The query parameters; an empty one counts as not given, as in Tork.

    Raises BadRequest with the first that breaks its rule.
    """
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given:
            raise BadRequest(f"{name}: must not be given more than once")
        if value:
            given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:  # the client's mistake, in our words
        first = error.errors(include_url=False)[0]
        rule = _RULES.get(first["type"], "must be a whole number").format(**_context(first))
        raise BadRequest(
            f"{first['loc'][0]}: {_shown(first['input'])} is not allowed: {rule}"
        ) from None


def _context(error: ErrorDetails) -> dict[str, str]:
    expected = str(error.get("ctx", {}).get("expected", ""))
    return {"expected": expected.removeprefix("'', ").replace("'", "")}


def _shown(value: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def path_id(request: web.Request, kind: str) -> str:
    """The id in the path. Raises NotFound for what can't be an id, without asking the database."""
    value = request.match_info["id"]
    if not _ID.fullmatch(value):
        raise NotFound(f"no such {kind}")
    return value


async def ask_for_body(request: web.Request) -> None:
    """Of a client that waits for it (`Expect: 100-continue`)."""
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer has not begun


async def whole_body(request: web.Request) -> bytes:
    """The whole body, however often it is asked for. Raises BadRequest, WaitedTooLong."""
    seconds = request.app[BODY_SECONDS]
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except TimeoutError:  # the client's connection is held for it
        raise WaitedTooLong(f"the body did not arrive within {seconds:g} s") from None
    except (web.RequestPayloadError, ConnectionError):  # the client's mistake, or it has left
        raise BadRequest("the body is not valid HTTP, or ends too early") from None
