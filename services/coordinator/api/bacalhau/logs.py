"""/api/v1/orchestrator/jobs/{id}/logs: the lines of all executions of a job, over a WebSocket.

Without one the same frames are a text, each on a line. Logs are kept where jobs are: they can be
followed before an execution has a node, and read when the node is gone.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Protocol

import structlog
from aiohttp import WSCloseCode, web
from pydantic import Field

from services.coordinator.api.access.principal import until_shut_out
from services.coordinator.api.bacalhau.groups import JOBS, VersionQuery
from services.coordinator.api.bacalhau.ids import meant_id
from services.coordinator.api.bacalhau.log_frames import (
    LogFrames,
    Wanted,
    error_frame,
    send_frames,
)
from services.coordinator.api.bacalhau.lookup import job_of
from services.coordinator.api.errors import (
    BadRequest,
    Conflict,
    NotFound,
    Refused,
    TooManyWaiting,
)
from services.coordinator.api.events import MOST_STREAMS
from services.coordinator.api.requests import ports, query
from services.coordinator.api.route import BROKEN_RULE, Response, error
from services.coordinator.live.follower import OrderedFeed
from services.coordinator.live.hub import HubClosed, Interest
from services.coordinator.live.stream import ClientGone, Connection, Ending, stream_of
from services.coordinator.store import executions
from services.coordinator.store.feed import BEGINNING
from services.coordinator.store.logs import Subject
from services.coordinator.store.named_jobs import NamedJob
from shared.planning.disclosure import redactors

log = structlog.get_logger(__name__)

_NDJSON = "application/x-ndjson"
_PING_SECONDS = 20.0
_LINES_OF_A_TAIL = 10


class LogsQuery(VersionQuery):
    """Which lines."""

    execution_id: Annotated[
        str, Field(max_length=100, description="Only those of this execution, or that begins so.")
    ] = ""
    tail: Annotated[
        str,
        Field(max_length=20, description="Begin with the last lines: so many; `true`: ten."),
    ] = ""
    follow: Annotated[
        bool, Field(description="Go on with those that come, until the job has ended.")
    ] = False


class Sink(Protocol):
    async def write(self, frames: Sequence[bytes]) -> None:
        """Raises ClientGone."""
        ...


@JOBS.route(
    "GET /api/v1/orchestrator/jobs/{id}/logs",
    "Read or follow the log of a job over a WebSocket",
    Response(
        "Without a WebSocket: the frames `{Value: {Type, Line}, Err}`, each on a line.",
        {_NDJSON: None},
    ),
    {
        101: Response("A WebSocket; each of its messages is a frame."),
        400: BROKEN_RULE,
        409: error("Several jobs or executions begin so."),
    },
    query=LogsQuery,
)
async def get_bacalhau_logs(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse(heartbeat=_PING_SECONDS)
    if not socket.can_prepare(request).ok:
        wanted = await _wanted(request)
        text = Connection(request, stream_of(_NDJSON), stalled_seconds=None)
        await wanted.send(_Text(text))
        return text.response
    try:
        wanted = await _wanted(request)
    except Refused as error:  # a client with a WebSocket reads no other answer
        await socket.prepare(request)
        await socket.send_str(error_frame(str(error)).decode())
    else:
        await socket.prepare(request)
        async with _until_it_leaves(socket):
            await wanted.send(_Socket(socket))
    await socket.close(code=WSCloseCode.OK)
    return socket


@dataclass(frozen=True, slots=True)
class _Log:
    """What of which log the request is to be sent."""

    request: web.Request
    interest: Interest
    frames: LogFrames
    ending: Ending
    wanted: Wanted

    async def send(self, sink: Sink) -> None:
        live, gone = ports(self.request).live, (ClientGone, HubClosed, TimeoutError)
        # It left, we stop, or it is shut out.
        with live.following(self.interest, BEGINNING) as follower, suppress(*gone):
            async with until_shut_out(self.request):
                feed = OrderedFeed(follower)
                await send_frames(sink.write, feed, self.frames, self.ending, self.wanted)


async def _wanted(request: web.Request) -> _Log:
    """Raises Refused."""
    asked = query(request, LogsQuery)
    wanted = Wanted(tail=_tail(asked.tail), follow=asked.follow)
    job = await job_of(request, asked.namespace, asked.job_version)
    interest, others = await _interest(request, job, asked)
    if ports(request).live.open_count >= request.app[MOST_STREAMS]:
        raise TooManyWaiting("too many streams are open, try again later", {"Retry-After": "5"})
    ending = Ending(ports(request).pool, Subject(job.id, interest.task_id, job.sealed))
    frames = LogFrames(redactors(ports(request).sealer), others)
    return _Log(request, interest, frames, ending, wanted)


def _tail(text: str) -> int | None:
    if text.lower() in ("", "false"):
        return None
    if text.lower() == "true":
        return _LINES_OF_A_TAIL
    if not text.isascii() or not text.isdigit():
        raise BadRequest(f"tail: {text!r} is not allowed: must be a number of lines, true or false")
    return int(text)


async def _interest(
    request: web.Request, job: NamedJob, asked: LogsQuery
) -> tuple[Interest, frozenset[str]]:
    """And the executions of other versions."""
    run = ports(request).run
    if not asked.execution_id:
        known = await run(executions.executions, job.id)
        others = frozenset(one.id for one in known if one.version != job.version)
        return Interest(job_id=job.id), others
    prefix = meant_id("e", asked.execution_id) or "none"
    found = await run(executions.executions, job.id, prefix=prefix)
    if not found:
        raise NotFound(f"execution not found: {asked.execution_id}")
    if len(found) > 1:
        raise Conflict(f"several executions match {asked.execution_id!r}")
    return Interest(job_id=job.id, task_id=found[0].id), frozenset()


class _Socket:
    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def write(self, frames: Sequence[bytes]) -> None:
        try:
            for frame in frames:
                await self._socket.send_str(frame.decode())
        except ConnectionError as error:  # it left
            raise ClientGone from error


class _Text:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def write(self, frames: Sequence[bytes]) -> None:
        await self._connection.write(b"".join(frame + b"\n" for frame in frames))


@asynccontextmanager
async def _until_it_leaves(socket: web.WebSocketResponse) -> AsyncIterator[None]:
    """What a client sends is read, so that its pings are answered and its leaving is seen."""
    sending = asyncio.current_task()
    assert sending is not None  # noqa: S101 - we are in one
    is_over = False

    async def read() -> None:
        async for _ in socket:
            pass
        if not is_over:
            sending.cancel()

    reading = asyncio.create_task(read())
    try:
        yield
    except asyncio.CancelledError:
        if not reading.done():
            raise
        sending.uncancel()  # it has left
    finally:
        is_over = True
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


LOG_ROUTES = (get_bacalhau_logs,)
