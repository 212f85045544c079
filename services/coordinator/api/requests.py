"""What a request asks for: ids, pages, search texts, and its body."""

import asyncio
import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from services.coordinator.api.errors import BadRequest, NotFound, WaitedTooLong
from services.coordinator.ports import ApiPorts
from services.coordinator.store.job_list import Order, Place, Wanted
from services.coordinator.store.logs import LogRequest
from services.coordinator.store.rows import PageRequest
from services.coordinator.store.search_text import (
    FILTERS,
    BadFilter,
    JobSearch,
    parse_search,
    parse_time,
)
from shared.jobspec.cron.moments import moment_of

PORTS = web.AppKey("ports", ApiPorts)
BODY_SECONDS = web.AppKey("body_seconds", float)

SAYS_NOTHING = (b"", b"{}", b"null")
"""Clients of JSON send one of these where they have nothing to send."""

MAX_JOBS_PAGE = 20
_MAX_LIST_PAGE = 100
MAX_LOG_PAGE = 100

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_SEARCH = 1000
_LONGEST_SHOWN = 60
_OR_EMPTY = re.compile("^''(, | or )")
"""What stands for the default, which nobody gives."""
_RULES = {
    "string_too_long": "must have at most {max_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_pattern_mismatch": "must not hold NUL characters",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
}

M = TypeVar("M", bound=BaseModel)


class Query(BaseModel):
    model_config = ConfigDict(extra="ignore")


_Page = Annotated[int, Field(description="The page's number, from 1; smaller numbers count as 1.")]
WITHOUT_NUL = r"^[^\x00]*$"
Search = Annotated[str, Field(pattern=WITHOUT_NUL, max_length=_LONGEST_SEARCH)]


def time_of(name: str, text: str, now: datetime) -> datetime:
    """A time, or how long before `now` it was. Raises BadRequest."""
    try:
        return parse_time(name, text, now)
    except BadFilter as error:  # the client's mistake
        raise BadRequest(str(error)) from None


class PageQuery(Query):
    """Which page of a list."""

    page: _Page = 1
    size: Annotated[int, Field(description="1 to 20 a page; others are brought in range.")] = 10

    def request(self) -> PageRequest:
        return PageRequest.within(self.page, self.size, largest=MAX_JOBS_PAGE)


class ListQuery(PageQuery):
    """Which page of a list that has long pages."""

    size: Annotated[int, Field(description="1 to 100 a page; others are brought in range.")] = 10

    def request(self) -> PageRequest:
        return PageRequest.within(self.page, self.size, largest=_MAX_LIST_PAGE)


class SearchQuery(Query):
    """Which jobs."""

    q: Annotated[
        Search,
        Field(
            description="Words of name, description and tags, in any form, their parts and their "
            "beginnings; a state; the filters as `state:failed`, `tag:x`, `tags:x,y`, `name:x`, "
            "`by:ann`, `since:24h`, `before:7d`, `template:thumbs@1`. In the list of jobs "
            "`waiting` finds jobs that wait, with the reason."
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
    template: Annotated[
        Search,
        Field(description="Only jobs of this template: `name`, `name@1` or `name@1.2`."),
    ] = ""

    def search(self) -> JobSearch:
        """Raises BadRequest."""
        filters = {name: value for name in FILTERS if (value := getattr(self, name))}
        try:
            return parse_search(self.q, filters, datetime.now(UTC))
        except BadFilter as error:  # the client's mistake
            raise BadRequest(str(error)) from None


class QueueQuery(SearchQuery, ListQuery):
    """Which page of the queue."""


class JobsQuery(SearchQuery, ListQuery):
    """Which page of the jobs."""

    order: Annotated[
        Order,
        Field(description="By when they were created: there is no index of anything else."),
    ] = "newest"
    after: Annotated[
        str,
        Field(
            description="Only jobs that come after this one: its `createdAt` and `id`, with a "
            "comma, as `next` of a page has them. However far that is, and while jobs come and "
            "go, no job is left out or comes twice. Pages are counted from there."
        ),
    ] = ""

    def wanted(self) -> Wanted:
        """Raises BadRequest."""
        return Wanted(self.request(), self.order, _place(self.after) if self.after else None)


def _place(text: str) -> Place:
    created_at, _, job_id = text.partition(",")
    try:
        at = moment_of(created_at)
    except ValueError:  # the client's mistake
        at = None
    if at is None or not _ID.fullmatch(job_id):
        raise BadRequest(
            f"after: {shown_text(text)} is not allowed: must be the createdAt and the id of a job, "
            "with a comma, as next of a page has them"
        )
    return Place(at, job_id)


class JobQuery(Query):
    """What of a job."""

    tasks: Annotated[
        bool, Field(description="Whether to show its tasks; without them the lists are empty.")
    ] = True


class HeaderQuery(Query):
    """What of a job's summary."""

    details: Annotated[
        bool,
        Field(description="Whether to add why it waits, where it failed, and its parents."),
    ] = False


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
    format: Annotated[
        Literal["json", "text"],
        Field(description="`text`: instead of a page, the whole log so far as a text file."),
    ] = "json"
    timestamps: Annotated[bool, Field(description="As `text`: begin each line with its time.")] = (
        False
    )
    names: Annotated[
        bool, Field(description="As `text`: begin each line with the name of its task.")
    ] = False

    def request(self) -> LogRequest:
        return LogRequest(self.q, PageRequest.within(self.page, self.size, largest=MAX_LOG_PAGE))


def ports(request: web.Request) -> ApiPorts:
    return request.app[PORTS]


def query(request: web.Request, model: type[M], joined: Collection[str] = ()) -> M:
    """The query parameters; an empty one counts as not given, as in Tork. Those of `joined` may be
    given several times: with commas between them.

    Raises BadRequest with the first that breaks its rule.
    """
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given and name in joined:
            value = f"{given[name]},{value}"
        elif name in given:
            raise BadRequest(f"{name}: must not be given more than once")
        if value:
            given[name] = value
    try:
        asked = model.model_validate(given)
    except ValidationError as error:  # the client's mistake, in our words
        first = error.errors(include_url=False)[0]
        rule = _RULES.get(first["type"], "must be a whole number").format(**_context(first))
        raise BadRequest(
            f"{first['loc'][0]}: {shown_text(first['input'])} is not allowed: {rule}"
        ) from None
    for name, value in given.items():
        if "\x00" in value:  # Postgres keeps none, and takes no statement with one
            raise BadRequest(
                f"{name}: {shown_text(value)} is not allowed: must not hold NUL characters"
            )
    return asked


def _context(error: ErrorDetails) -> dict[str, str]:
    context = {name: str(value) for name, value in error.get("ctx", {}).items()}
    expected = context.get("expected", "")
    return {**context, "expected": _OR_EMPTY.sub("", expected).replace("'", "")}


def shown_text(value: str) -> str:
    """As errors quote it, in short."""
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
