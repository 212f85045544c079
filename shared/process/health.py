"""Health: what is missing, and the small server of `/health` and `/metrics`.

The server is asyncio's own: a web framework would be a tenth of an idle service's memory.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

from shared.process.listening import naming
from shared.process.metrics import RECOVERS, Metrics, MetricSpec
from shared.process.settings.blocks import HealthSettings

Check = Callable[[], Sequence[str]]
"""What should be there and isn't, right now, in words; empty when all is well. Never waits."""


# A caller that sends nothing, or takes nothing, is hung up on.
_CALL_SECONDS = 10.0

_MISSING = MetricSpec(
    "health_missing",
    "Number of missing dependencies in `/health`: Postgres, the broker, a consumer, the runtime.",
    RECOVERS,
    "above 0 for a minute: `/health` names them",
)


def show_health(metrics: Metrics, checks: Sequence[Check]) -> None:
    metrics.read_one(_MISSING, lambda: len(missing_of(checks)))


def missing_of(checks: Sequence[Check]) -> list[str]:
    return [name for check in checks for name in check()]


@asynccontextmanager
async def serve_health(
    settings: HealthSettings, checks: Sequence[Check], metrics: Metrics
) -> AsyncIterator[str]:
    """Serve both pages while the context lasts; gives the server's URL. Raises OSError."""

    def show_health() -> _Page:
        if missing := missing_of(checks):
            return _json({"status": "DOWN", "missing": missing}, HTTPStatus.SERVICE_UNAVAILABLE)
        return _json({"status": "UP"}, HTTPStatus.OK)

    pages = {"/health": show_health, "/metrics": lambda: _Page(HTTPStatus.OK, *metrics.render())}

    async def on_call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What a caller does wrong, or too slowly, ends the call and nothing else.
        with closing(writer), suppress(OSError, EOFError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_CALL_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(request.decode("latin-1"), pages))
                await writer.drain()

    with naming(settings.host, settings.port, "CONVEYOR_HEALTH_ADDRESS"):
        server = await asyncio.start_server(on_call, settings.host, settings.port)
    try:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.close()


@dataclass(frozen=True, slots=True)
class _Page:
    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    more_headers: str = ""


def _json(value: Mapping[str, object], status: HTTPStatus) -> _Page:
    return _Page(status, json.dumps(value).encode(), "application/json; charset=utf-8")


def _answer(request: str, pages: Mapping[str, Callable[[], _Page]]) -> bytes:
    """The whole answer to a request, of which only the first line counts."""
    method, _, rest = request.partition(" ")
    page = _page(method, rest.partition(" ")[0].partition("?")[0], pages)
    head = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\n"
        f"Content-Type: {page.content_type}\r\n"
        f"Content-Length: {len(page.body)}\r\n"
        f"Date: {formatdate(usegmt=True)}\r\n"
        f"{page.more_headers}Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (b"" if method == "HEAD" else page.body)


def _page(method: str, path: str, pages: Mapping[str, Callable[[], _Page]]) -> _Page:
    if (draw := pages.get(path)) is None:
        return _Page(HTTPStatus.NOT_FOUND, b"404: Not Found")
    if method not in ("GET", "HEAD"):
        allowed = "Allow: GET,HEAD\r\n"
        return _Page(
            HTTPStatus.METHOD_NOT_ALLOWED, b"405: Method Not Allowed", more_headers=allowed
        )
    return draw()
