"""The API's connections: how many there may be, for how long, and what a bad request is answered.

When there are as many as allowed, one without a request is closed for a new one: whoever opens many
and sends nothing harms only itself. When all are busy, a new one is answered 503 (except for
`/health`) and closed.
"""

import asyncio
import logging
import re
import resource
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final, cast

import structlog
from aiohttp import hdrs, web
from aiohttp.http_exceptions import BadHttpMethod, HttpProcessingError, LineTooLong

from services.coordinator.api.replies import reply_error
from services.coordinator.settings import ApiSettings
from shared.process.listening import naming
from shared.process.metrics import STAYS_FLAT, WORKED_OFF, Metrics, MetricSpec

log = structlog.get_logger(__name__)

_OPEN = MetricSpec("api_connections", "Open connections of the HTTP API.", STAYS_FLAT)
_CLOSED = MetricSpec(
    "api_connections_closed_total",
    "Connections closed by the API: `slow`, no whole request head in time; `room`, idle while the "
    "limit was reached; `full`, rejected because all others were busy.",
    WORKED_OFF,
    "any increase of `room` or `full`: raise CONVEYOR_API_CONNECTIONS, or find who opens so many",
    labels=("reason",),
)

_GOODBYE_SECONDS = 5.0
_LINGER_SECONDS = 2.0
"""How long the rest of a refused request is thrown away, so that its sender reads the answer."""
_BACKLOG = 128
_OTHER_DESCRIPTORS = 256
"""Of Postgres, RabbitMQ and log files, and connections that are not counted yet or any more."""
_LEAST_CONNECTIONS = 32
_MOST_OVER_LIMIT = 64
_LONGEST_LINE = 8190


@asynccontextmanager
async def listening(
    app: web.Application, settings: ApiSettings, metrics: Metrics
) -> AsyncIterator[tuple[str, int]]:
    """Serve `app` while the context lasts; gives its address. Raises OSError."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GOODBYE_SECONDS)
    await runner.setup()
    try:
        assert runner.server is not None  # noqa: S101 - `setup` made it
        door = _Door(runner.server, settings, metrics)
        with naming(settings.host, settings.port, "CONVEYOR_API_ADDRESS"):
            server = await asyncio.get_running_loop().create_server(
                door.connection, settings.host, settings.port, backlog=_BACKLOG
            )
        try:
            host, port = server.sockets[0].getsockname()[:2]
            yield host, port
        finally:
            server.close()
    finally:
        await runner.cleanup()


class _Door:
    """All connections, in the order in which they were opened."""

    def __init__(self, server: web.Server, settings: ApiSettings, metrics: Metrics) -> None:
        self._server = server
        self._settings = settings
        self._most = _affordable(settings.connections)
        self._by_address: dict[str, dict[Connection, None]] = {}
        self._count = 0
        self.closed = metrics.counter(_CLOSED)
        metrics.read_one(_OPEN, lambda: self._count)

    def connection(self) -> "Connection":
        return Connection(self, self._server, self._settings)

    def opened(self, new: "Connection") -> None:
        same = self._by_address.setdefault(new.address, {})
        self._count += 1
        if len(same) >= self._settings.connections_per_address:
            self._make_room(same, new)
        elif self._count > self._most:
            self._make_room(self._all(), new)
        same[new] = None

    def gone(self, connection: "Connection") -> None:
        same = self._by_address[connection.address]
        del same[connection]
        self._count -= 1
        if not same:
            del self._by_address[connection.address]

    def _make_room(self, among: Iterable["Connection"], new: "Connection") -> None:
        idle = [each for each in among if each.is_waiting]
        if idle:
            # The first of those that never sent a request, else the oldest.
            min(idle, key=lambda each: each.has_been_used).end("room")
        elif self._count <= self._most + _MOST_OVER_LIMIT:
            new.is_over_limit = True
        else:
            new.end("full")

    def _all(self) -> Iterable["Connection"]:
        return (each for same in self._by_address.values() for each in same)


def _affordable(wanted: int) -> int:
    """The process's limit of open files is raised as far as needed and possible."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    most = max(soft - _OTHER_DESCRIPTORS, _LEAST_CONNECTIONS)
    log.warning("connections_reduced", wanted=wanted, most=most, open_files_limit=soft)
    return most


class Connection(web.RequestHandler):
    """One client's. Private to aiohttp are `_request_count`, `_waiter`, `_force_close`."""

    __slots__ = ("_door", "_head_seconds", "_head_timer", "address", "is_over_limit")

    def __init__(self, door: _Door, server: web.Server, settings: ApiSettings) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=cast(logging.Logger, None),  # aiohttp's way to log none
            auto_decompress=False,  # bodies are refused when they are compressed, not inflated
            keepalive_timeout=settings.idle_timeout_seconds,
            lingering_time=_LINGER_SECONDS,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
        self._door: Final = door
        self._head_seconds: Final = settings.head_timeout_seconds
        self._head_timer: asyncio.TimerHandle | None = None
        self.address = ""
        self.is_over_limit = False

    @property
    def is_waiting(self) -> bool:
        """Whether it is open, no request is being handled, and none has arrived whole."""
        if self._force_close:
            return False
        return not self.has_been_used or (self._waiter is not None and not self._waiter.done())

    @property
    def has_been_used(self) -> bool:
        return self._request_count > 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        super().connection_made(transport)
        self._start_timer()
        self._door.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_timer()
        self._door.gone(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        requests = self._request_count
        super().data_received(data)
        if self._request_count > requests:
            self._stop_timer()
        elif self._head_timer is None and self.is_waiting:  # a head has begun
            self._start_timer()

    def end(self, reason: str) -> None:
        self._door.closed.labels(reason).inc()
        self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what no handler has seen or should have let out; the connection ends."""
        if isinstance(exc, HttpProcessingError):
            text = _in_plain_words(exc)
            log.info("request_malformed", address=self.address, reason=text)
        else:
            text = "internal error"
            log.error("request_failed", path=request.path, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun, so none can be given")
        response = reply_error(status, text, SAFE_HEADERS)
        response.force_close()
        return response

    def _start_timer(self) -> None:
        self._head_timer = self._loop.call_later(self._head_seconds, self.end, "slow")

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


SAFE_HEADERS = {"Server": "conveyor", "X-Content-Type-Options": "nosniff"}


async def add_safe_headers(_: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: no versions, no guessing of content types, and after a sign-out
    nothing in the browser of what was shown, unless the answer says otherwise."""
    response.headers.update(SAFE_HEADERS)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


_REASON = re.compile(r"^ *([A-Z][a-zA-Z -]+):?$", re.MULTILINE)
"""What the parser says is wrong, in its message; the other lines quote the request."""


def _in_plain_words(error: HttpProcessingError) -> str:
    if isinstance(error, LineTooLong):
        return f"the request line or a header is too long: the limit is {_LONGEST_LINE} bytes"
    if isinstance(error, BadHttpMethod) and "HTTPS" in error.message:
        return "this port serves HTTP, not HTTPS"
    reasons = _REASON.findall(error.message)
    return ": ".join(["the request is not valid HTTP", *(text.lower() for text in reasons[-1:])])
