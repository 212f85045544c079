"""/jobs/{id}/log/lines and …/matches, and the same of tasks: any window of a log, and a search."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import BadRequest, NotFound, TooManyWaiting
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import Query, Search, path_id, ports, query
from services.coordinator.api.route import BROKEN_RULE, response
from services.coordinator.api.tork import log_views
from services.coordinator.api.tork.jobs import JOBS, TASKS
from services.coordinator.api.tork.schemas.logs import LogLines, LogMatches
from services.coordinator.store.log_lines import window_of
from services.coordinator.store.log_search import BadPattern, LineSearch, SlowPattern, matches_of
from services.coordinator.store.logs import LogSource
from shared.planning.disclosure import redacting
from shared.process.garbage import in_thread

MOST_LINES = 1000
MOST_MATCHES = 10_000
_FARTHEST = 10**12
_LINES = response("The lines.", LogLines)
_MATCHES = response("The lines that match.", LogMatches)
_BROKEN = {400: BROKEN_RULE}
_AT_ONCE = 2
_LONGEST_WAIT_SECONDS = 5.0
SEARCHES = web.AppKey("searches", asyncio.Semaphore)


def searches() -> asyncio.Semaphore:
    """More at once could hold all connections to the database, and its processors."""
    return asyncio.Semaphore(_AT_ONCE)


class LinesQuery(Query):
    """Which lines of a log."""

    first: Annotated[
        int,
        Field(
            ge=-_FARTHEST,
            le=_FARTHEST,
            description="The place of the first line, from 1; -100: the last 100 lines.",
        ),
    ] = 1
    size: Annotated[int, Field(ge=1, le=MOST_LINES, description=f"1 to {MOST_LINES} lines.")] = 200


class MatchesQuery(Query):
    """Which lines of a log match."""

    q: Annotated[Search, Field(description="The text that lines hold; empty: none do.")] = ""
    regex: Annotated[
        bool, Field(description="`q` is a regular expression, in the syntax of Postgres.")
    ] = False
    case: Annotated[bool, Field(description="Upper and lower case differ.")] = False
    size: Annotated[
        int, Field(ge=1, le=MOST_MATCHES, description=f"1 to {MOST_MATCHES} lines.")
    ] = 1000


@JOBS.route(
    "GET /jobs/{id}/log/lines", "Read lines of a job's log", _LINES, _BROKEN, query=LinesQuery
)
async def get_job_log_lines(request: web.Request) -> web.Response:
    return await _reply_lines(request, LogSource("job", path_id(request, "job")))


@TASKS.route(
    "GET /tasks/{id}/log/lines", "Read lines of a task's log", _LINES, _BROKEN, query=LinesQuery
)
async def get_task_log_lines(request: web.Request) -> web.Response:
    return await _reply_lines(request, LogSource("task", path_id(request, "task")))


@JOBS.route(
    "GET /jobs/{id}/log/matches",
    "Find lines of a job's log",
    _MATCHES,
    _BROKEN,
    query=MatchesQuery,
)
async def find_job_log_lines(request: web.Request) -> web.Response:
    return await _reply_matches(request, LogSource("job", path_id(request, "job")))


@TASKS.route(
    "GET /tasks/{id}/log/matches",
    "Find lines of a task's log",
    _MATCHES,
    _BROKEN,
    query=MatchesQuery,
)
async def find_task_log_lines(request: web.Request) -> web.Response:
    return await _reply_matches(request, LogSource("task", path_id(request, "task")))


async def _reply_lines(request: web.Request, source: LogSource) -> web.Response:
    asked, api = query(request, LinesQuery), ports(request)
    readers = principal(request).readers
    window = await api.run(window_of, source, asked.first, asked.size, readers)
    if window is None:
        raise NotFound(f"no such {source.kind}")
    redact = redacting(api.sealer, window.sealed)
    return await in_thread(lambda: reply(log_views.lines(window, redact)))


async def _reply_matches(request: web.Request, source: LogSource) -> web.Response:
    asked = query(request, MatchesQuery)
    search = LineSearch(asked.q, is_pattern=asked.regex, minds_case=asked.case)
    readers, most = principal(request).readers, asked.size + 1
    try:
        async with _turn(request):
            found = await ports(request).run(matches_of, source, search, most, readers)
    except SlowPattern as error:
        raise BadRequest(f"q: {asked.q[:60]!r} is not searched for: {error}") from None
    except BadPattern as error:  # the client's mistake
        raise BadRequest(f"q: {asked.q[:60]!r} is not a regular expression: {error}") from None
    if found is None:
        raise NotFound(f"no such {source.kind}")
    return reply(LogMatches(numbers=found[: asked.size], more=len(found) > asked.size))


@asynccontextmanager
async def _turn(request: web.Request) -> AsyncIterator[None]:
    """Raises TooManyWaiting."""
    turns = request.app[SEARCHES]
    try:
        await asyncio.wait_for(turns.acquire(), _LONGEST_WAIT_SECONDS)
    except TimeoutError:
        message = "too many searches in logs are waiting, try again later"
        raise TooManyWaiting(message, {"Retry-After": "1"}) from None
    try:
        yield
    finally:
        turns.release()


LINE_ROUTES = (get_job_log_lines, get_task_log_lines, find_job_log_lines, find_task_log_lines)
