"""The API's connections: whoever sends nothing useful is hung up on, and harms nobody else."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import uvloop
from aiohttp import web
from structlog.testing import capture_logs

from services.coordinator.api.connections import add_safe_headers, listening
from services.coordinator.api.middlewares.errors_as_json import errors_as_json
from services.coordinator.api.middlewares.unread_bodies import expected, refuse_unread
from services.coordinator.api.requests import BODY_SECONDS, whole_body
from services.coordinator.settings import ApiSettings
from shared.process.metrics import Metrics
from tests.support.ports import free_port

LIMIT = 1000
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /body HTTP/1.1\r\nHost: x\r\n"
LONG = b"x" * 9000
TOO_LONG = "the request line or a header is too long: the limit is 8190 bytes"
LATER = 60.0  # seconds after which a test hangs


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        assert self.headers["content-type"].startswith("application/json"), self
        text = json.loads(self.body)["message"]
        assert isinstance(text, str)
        return text


class Line:
    """A client that sends bytes, whole requests or not."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> Answer:
        async with asyncio.timeout(LATER):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await self._reader.readexactly(int(headers["content-length"]))
        return Answer(int(head[0].split()[1]), headers, body)

    async def interim(self) -> bytes:
        async with asyncio.timeout(LATER):
            return await self._reader.readuntil(b"\r\n\r\n")

    async def closed(self) -> bytes:
        """Wait for the end; gives what came before."""
        async with asyncio.timeout(LATER):
            try:
                return await self._reader.read()
            except ConnectionResetError:
                return b""

    def close(self) -> None:
        self._writer.close()


@dataclass
class Served:
    port: int
    metrics: Metrics
    waiting: asyncio.Event
    lines: list[Line]

    async def line(self, data: bytes = b"") -> Line:
        line = Line(*await asyncio.open_connection("127.0.0.1", self.port))
        self.lines.append(line)
        await line.send(data)
        return line

    async def answer(self, data: bytes) -> Answer:
        return await (await self.line(data)).answer()

    def closed(self, reason: str) -> int:
        page = self.metrics.render()[0].decode()
        name = f'conveyor_api_connections_closed_total{{reason="{reason}"}} '
        return sum(int(float(row[len(name) :])) for row in page.splitlines() if name in row)


@asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[Served]:
    api = ApiSettings(address=f"127.0.0.1:{free_port()}", **settings)
    waiting, released = asyncio.Event(), asyncio.Event()

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "UP"})

    async def body(request: web.Request) -> web.Response:
        return web.json_response({"size": len(await whole_body(request))})

    async def wait(_: web.Request) -> web.Response:
        waiting.set()
        await released.wait()
        return web.json_response({})

    app = web.Application(middlewares=[errors_as_json, refuse_unread()], client_max_size=LIMIT)
    app[BODY_SECONDS] = api.body_timeout_seconds
    app.on_response_prepare.append(add_safe_headers)
    app.add_routes(
        [
            web.get("/health", health),
            web.post("/body", body, expect_handler=expected),
            web.get("/wait", wait),
        ]
    )
    metrics = Metrics()
    async with listening(app, api, metrics) as (_, port):
        one = Served(port, metrics, waiting, [])
        try:
            yield one
        finally:
            released.set()
            for line in one.lines:
                line.close()


@pytest.mark.parametrize(
    "begun", [b"", b"GET /hea", b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "]
)
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_that_sends_no_whole_head_in_time_is_closed(
    begun: bytes, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def scenario() -> None:
        async with served(head_timeout_seconds=0.2) as api:
            line = await api.line(begun)
            assert await line.closed() == b""
            assert api.closed("slow") == 1

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(scenario())


async def test_a_head_that_begins_after_an_answer_has_the_same_time() -> None:
    async with served(head_timeout_seconds=0.2) as api:
        line = await api.line(HEALTH)
        assert (await line.answer()).status == 200
        await line.send(HEALTH[:10])
        assert await line.closed() == b""
        assert api.closed("slow") == 1


async def test_an_idle_connection_is_kept_for_its_own_time() -> None:
    async with served(head_timeout_seconds=0.01, idle_timeout_seconds=0.5) as api:
        line = await api.line(HEALTH)
        assert (await line.answer()).status == 200
        assert await line.closed() == b""
        assert api.closed("slow") == 0


async def test_a_body_that_comes_too_slowly_is_refused_and_the_connection_closed() -> None:
    async with served(body_timeout_seconds=0.2) as api:
        line = await api.line(POST + b"Content-Length: 9\r\n\r\nabc")
        answer = await line.answer()
        assert (answer.status, answer.message) == (408, "the body did not arrive within 0.2 s")
        assert await line.closed() == b""


async def test_half_open_connections_make_room_for_those_that_ask() -> None:
    async with served(connections_per_address=5) as api:
        used = await api.line(HEALTH)
        await used.answer()
        half_open = [await api.line(b"GET / HT") for _ in range(20)]
        assert (await api.answer(HEALTH)).status == 200
        for line in half_open[:15]:
            assert await line.closed() == b""
        await used.send(HEALTH)  # the last to go is one that has sent a request before
        assert (await used.answer()).status == 200
        assert api.closed("room") == 17


@pytest.mark.parametrize("limit", ["connections", "connections_per_address"])
async def test_when_all_connections_are_busy_only_health_is_answered(limit: str) -> None:
    async with served(**{limit: 2}) as api:
        for _ in range(2):
            api.waiting.clear()
            await api.line(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
            await api.waiting.wait()
        line = await api.line(b"GET /jobs HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await line.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert answer.message == "too many connections are open, try again later"
        assert await line.closed() == b""
        assert (await api.answer(HEALTH)).status == 200


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [
        (b"rubbish\r\n\r\n", 400, "the request is not valid HTTP: invalid method encountered"),
        (b"\x16\x03\x01\x02\x00\x01", 400, "this port serves HTTP, not HTTPS"),
        (b"GET / HTTP/9.9\r\n\r\n", 400, "the request is not valid HTTP: invalid http version"),
        (b"GET /" + LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400, TOO_LONG),
        (GET + b"X: " + LONG + b"\r\n\r\n", 400, TOO_LONG),
        (GET + b"a b\r\n\r\n", 400, "the request is not valid HTTP: invalid header token"),
        (
            GET + b"A: b\r\n" * 200 + b"\r\n",
            400,
            "the request is not valid HTTP: too many headers received",
        ),
        (
            POST + b"Content-Length: x\r\n\r\n",
            400,
            "the request is not valid HTTP: invalid character in content-length",
        ),
        (
            POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
            "the request is not valid HTTP: invalid character in chunk size",
        ),
        (
            POST + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\na",
            415,
            "Content-Encoding: 'br' is not allowed: send the plain body",
        ),
        (
            b"POST /no HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na",
            415,
            "Content-Encoding: 'gzip' is not allowed: send the plain body",
        ),
        (
            POST + b"Content-Length: 1001\r\n\r\n",
            413,
            "the body is too large: the limit is 1000 bytes",
        ),
        (
            POST + b"Expect: tea\r\nContent-Length: 1\r\n\r\na",
            417,
            "Expect: only 100-continue is supported",
        ),
    ],
)
async def test_what_is_no_request_is_answered_in_plain_words(
    sent: bytes, status: int, message: str
) -> None:
    async with served() as api:
        with capture_logs() as logs:
            answer = await api.answer(sent)
        assert (answer.status, answer.message) == (status, message)
        assert (answer.headers["server"], answer.headers["x-content-type-options"]) == (
            "conveyor",
            "nosniff",
        )
        assert not [entry for entry in logs if entry["log_level"] in ("warning", "error")]


async def test_a_body_over_the_limit_ends_the_connection() -> None:
    async with served() as api:
        chunked = await api.line(
            POST + b"Transfer-Encoding: chunked\r\n\r\n800\r\n" + b"x" * 0x800 + b"\r\n"
        )
        for line in (
            chunked,
            await api.line(POST + b"Content-Length: 9999\r\n\r\nabc"),
        ):
            answer = await line.answer()
            assert (answer.status, answer.headers["connection"]) == (413, "close")
            assert await line.closed() == b""


async def test_a_refused_body_is_not_asked_for() -> None:
    async with served() as api:
        head = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        line = await api.line(head % 3)
        assert (await line.interim()) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await line.send(b"abc")
        assert (await line.answer()).status == 200
        assert (await api.answer(head % 3000)).status == 413


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_error() -> None:
    async with served() as api:
        with capture_logs() as logs:
            line = await api.line(POST + b"Content-Length: 9\r\n\r\nabc")
            line.close()
            assert (await api.answer(HEALTH)).status == 200
        assert not [entry for entry in logs if entry["log_level"] in ("warning", "error")]
