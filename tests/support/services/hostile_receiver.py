"""Receivers of webhooks that fail, each in a way of its own, and what they took all the same."""

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from shared.process.signing import new_secret
from tests.support.availability import unavailable
from tests.support.ports import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_TEN_MB = 10_000_000
_DRIP_SECONDS = 0.1

Fail = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Change = tuple[str, str]
"""The id and the new state of a job."""


def answering(status: str, *headers: str) -> Fail:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "", ""]
        writer.write("\r\n".join(lines).encode())

    return answer


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()  # until the dispatcher has had enough


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(_DRIP_SECONDS)


async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10")
    writer.close()


@dataclass
class HostileReceiver:
    """Takes what it is sent, but fails at the first of every `fails_each` requests. A request that
    it takes is noted in `taken`, one that it refuses for ever in `refused`. It is a webhook of each
    job, or a webhook endpoint with these fields."""

    name: str
    fail: Fail | None = None
    fails_each: int = 3
    is_final: bool = False
    endpoint: Mapping[str, object] | None = None
    answer: bytes = OK
    tls: ssl.SSLContext | None = None
    secret: str = field(default_factory=new_secret)
    port: int = field(default_factory=free_port)
    requests: int = 0
    invalid: int = 0
    taken: list[tuple[Change, str]] = field(default_factory=list)
    refused: set[Change] = field(default_factory=set)
    _sequences: dict[str, int] = field(default_factory=dict)
    overtaken: int = 0
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/hook"

    @property
    def is_ordered(self) -> bool:
        return bool(self.endpoint and self.endpoint.get("ordered"))

    @property
    def changes(self) -> set[Change]:
        return {change for change, _ in self.taken}

    @property
    def doubled(self) -> int:
        return sum(count - 1 for count in Counter(self.taken).values())

    async def open(self, tls: ssl.SSLContext | None = None) -> None:
        """With another certificate than it had, if `tls` is one."""
        await self.close()
        self.tls = tls or self.tls
        self._server = await asyncio.start_server(self._on, "127.0.0.1", self.port, ssl=self.tls)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The dispatcher is killed or has had enough.
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await self._serve_one(reader, writer)
                await writer.drain()
        writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head)}
        content = await reader.readexactly(int(headers["content-length"]))
        self._verify(headers, content)
        body = json.loads(content)
        told = body.get("data", body)  # `standard`, or `tork`
        change = (told["id"], told["state"])
        self.requests += 1
        if self.fail is None or self.requests % self.fails_each != 1:
            self._take(change, headers)
            writer.write(self.answer)
            return
        if self.is_final:
            self.refused.add(change)
        await self.fail(reader, writer)

    def _take(self, change: Change, headers: dict[str, str]) -> None:
        """One that comes again is no change of the order."""
        if change not in self.changes:
            sequence = int(headers["conveyor-sequence"])
            self.overtaken += sequence < self._sequences.get(change[0], 0)
            self._sequences[change[0]] = max(sequence, self._sequences.get(change[0], 0))
        self.taken.append((change, headers["webhook-id"]))

    def _verify(self, headers: dict[str, str], content: bytes) -> None:
        library = webhook_library()
        try:
            library.Webhook(self.secret).verify(content, headers)
        except library.WebhookVerificationError:
            self.invalid += 1


def webhook_library() -> Any:
    """The package of the standard's authors."""
    try:
        return import_module("standardwebhooks")
    except ImportError:
        unavailable("signatures by the package standardwebhooks, which is not installed")


def receivers(wrong: ssl.SSLContext) -> list[HostileReceiver]:
    """One of each kind. That which refuses is to be opened later, and that with the wrong
    certificate with another one."""
    ten_mb = f"HTTP/1.1 200 OK\r\nContent-Length: {_TEN_MB}\r\n\r\n".encode() + bytes(_TEN_MB)
    failing = {
        "hangs": hang,
        "drips": drip,
        "cuts the answer": cut,
        "503": answering("503 Service Unavailable"),
        "429, Retry-After": answering("429 Too Many Requests", "Retry-After: 1"),
        "301": answering("301 Moved Permanently", "Location: http://127.0.0.1:1/"),
    }
    return [
        HostileReceiver("good"),
        HostileReceiver("refuses"),
        *(HostileReceiver(name, fail) for name, fail in failing.items()),
        HostileReceiver("410", answering("410 Gone"), is_final=True),
        HostileReceiver("10 MB answer", answer=ten_mb),
        HostileReceiver("wrong TLS", tls=wrong),
        HostileReceiver("endpoint, 503", failing["503"], endpoint={}),
        HostileReceiver("endpoint, 503, ordered", failing["503"], endpoint={"ordered": True}),
    ]


@asynccontextmanager
async def opened(all_: list[HostileReceiver]) -> AsyncIterator[None]:
    try:
        for receiver in all_:
            if receiver.name != "refuses":
                await receiver.open()
        yield
    finally:
        for receiver in all_:
            await receiver.close()
