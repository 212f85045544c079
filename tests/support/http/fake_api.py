"""An HTTP API that answers what a test tells it to, and remembers what it was asked."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Asked:
    what: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass
class FakeApi:
    """`answers` by "GET /jobs": JSON, a handler, or OneByOne of them. Anything else is a 404."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def asked_for(self, what: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.what == what]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        what = f"{request.method} {request.path}"
        body = await request.read()
        self.asked.append(Asked(what, dict(request.query), dict(request.headers), body))
        if what not in self.answers:
            return web.json_response({"message": "no such path"}, status=404)
        answer = self.answers[what]
        if isinstance(answer, OneByOne):
            answer = answer.next()
        return await answer(request) if callable(answer) else web.json_response(answer)


class OneByOne:
    """One answer for each time, the last for ever."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def next(self) -> Any:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def refusal(status: int, message: str, **more: Any) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"message": message, **more}, status=status)

    return answer


def text_stream(*pieces: str, content_type: str = "text/plain") -> Handler:
    """The pieces, then the end."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece.encode())
        return response

    return answer


def event_stream(*events: tuple[str, str, Mapping[str, Any]]) -> Handler:
    """Events as (kind, cursor, data), then the end of the connection."""
    pieces = [
        f"event: {kind}\nid: {cursor}\ndata: {json.dumps(data)}\n\n"
        for kind, cursor, data in events
    ]
    return text_stream(": hello\n\n", *pieces, content_type="text/event-stream")


def page(items: Sequence[Any], **numbers: int) -> dict[str, Any]:
    return {
        "number": 1,
        "size": 10,
        "totalPages": 1,
        "totalItems": len(items),
        "items": list(items),
        **numbers,
    }


@asynccontextmanager
async def fake_api() -> AsyncIterator[FakeApi]:
    fake = FakeApi()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        fake.url = str(server.make_url("")).rstrip("/")
        yield fake
