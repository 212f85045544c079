"""One request of a task to its proxy: where it goes, and its messages on the way there and back.

h11 reads and writes all that is HTTP, so nothing that two readers could take for different things
is passed on. What lies in a tunnel is the task's own affair.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import h11

from shared.network.domains import host_and_port

Headers = list[tuple[bytes, bytes]]

_HTTP = b"http://"
_HTTP_PORT = 80
_READ = 65_536
_MOST_HEAD = 65_536
# Of one connection alone, or between the task and its proxy. `host` is written anew: what it says
# beside the target is not looked at by anybody.
_NOT_PASSED_ON = frozenset(
    {
        *(b"host", b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization"),
        *(b"proxy-authenticate", b"te", b"trailer", b"upgrade"),
    }
)


class BadRequest(Exception):
    """The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Target:
    """`path` None: a tunnel is asked for."""

    host: str
    port: int
    path: bytes | None = None

    @property
    def authority(self) -> str:
        """As in the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _HTTP_PORT else f"{host}:{self.port}"


def target_of(request: h11.Request) -> Target:
    """Raises BadRequest."""
    try:
        if request.method == b"CONNECT":
            return Target(*host_and_port(request.target.decode()))
        return _absolute(request.target)
    except ValueError as error:
        raise BadRequest(str(error)) from None


def _absolute(target: bytes) -> Target:
    if target[: len(_HTTP)].lower() != _HTTP:
        raise ValueError(
            "a request to this proxy names a URL that begins with http://, or asks for a tunnel by "
            "CONNECT"
        )
    rest = target[len(_HTTP) :]
    end = min(
        (at for at in map(rest.find, (b"/", b"?", b"#", b"\\")) if at >= 0), default=len(rest)
    )
    path = rest[end:].partition(b"#")[0]
    if not path.startswith(b"/"):
        path = b"/" + path
    return Target(*host_and_port(rest[:end].decode(), _HTTP_PORT), path)


class Peer:
    """One side of an exchange: the task, or the server that it reaches."""

    def __init__(
        self, role: type, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.http = h11.Connection(role, max_incomplete_event_size=_MOST_HEAD)
        self.reader, self.writer = reader, writer

    async def next_event(self) -> h11.Event | type[h11.PAUSED]:
        """Raises h11.RemoteProtocolError, OSError."""
        while True:
            event = self.http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value] # NEED_DATA is none of them
            self.http.receive_data(await self.reader.read(_READ))

    async def send(self, event: h11.Event) -> None:
        """Raises h11.LocalProtocolError, OSError."""
        if data := self.http.send(event):
            self.writer.write(data)
            await self.writer.drain()


async def exchange(client: Peer, server: Peer, request: h11.Request, target: Target) -> None:
    """The request and its answer, after which both connections end. Raises what `Peer` raises."""
    headers: Headers = [
        (b"Host", target.authority.encode()),
        *_passed_on(request.headers.raw_items()),
    ]
    await server.send(
        h11.Request(
            method=request.method,
            target=target.path or b"/",
            headers=[*headers, (b"Connection", b"close")],
        )
    )
    sending = asyncio.create_task(_pass_body(client, server))
    answering = asyncio.create_task(_pass_answer(server, client))
    try:
        await asyncio.wait([sending, answering], return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():  # else it may have been answered before all was sent
            sending.result()
        await answering
    finally:
        await _end(sending, answering)


async def _pass_body(client: Peer, server: Peer) -> None:
    while isinstance(event := await client.next_event(), h11.Data | h11.EndOfMessage):
        await server.send(_without_trailers(event))
        if isinstance(event, h11.EndOfMessage):
            return
    raise h11.RemoteProtocolError("the request has no end")


async def _pass_answer(server: Peer, client: Peer) -> None:
    while True:
        event = await server.next_event()
        if isinstance(event, h11.InformationalResponse):
            if event.status_code == 100:  # the others would name a protocol to change to
                await client.send(h11.InformationalResponse(status_code=100, headers=[]))
        elif isinstance(event, h11.Response):
            headers = [*_passed_on(event.headers.raw_items()), (b"Connection", b"close")]
            await client.send(
                h11.Response(status_code=event.status_code, headers=headers, reason=event.reason)
            )
        elif isinstance(event, h11.Data | h11.EndOfMessage):
            await client.send(_without_trailers(event))
            if isinstance(event, h11.EndOfMessage):
                return
        else:
            raise h11.RemoteProtocolError("the server closed the connection")


def _without_trailers(event: h11.Data | h11.EndOfMessage) -> h11.Event:
    return event if isinstance(event, h11.Data) else h11.EndOfMessage()


def _passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Without what is for one connection alone, which `Connection` can add to."""
    found = list(headers)
    listed = {
        token.strip().lower()
        for name, value in found
        if name.lower() == b"connection"
        for token in value.split(b",")
    } - {b"content-length", b"transfer-encoding"}
    for name, value in found:
        if name.lower() not in _NOT_PASSED_ON | listed:
            yield name, value


async def tunnel(client: Peer, server: Peer) -> None:
    """Bytes both ways, until both have ended, or one is broken. Raises what `Peer` raises."""
    if not isinstance(await client.next_event(), h11.EndOfMessage):
        raise h11.RemoteProtocolError("a request for a tunnel has no body")
    await client.send(h11.Response(status_code=200, headers=[], reason=b"Connection established"))
    early, _ = client.http.trailing_data
    server.writer.write(early)
    ways = (
        asyncio.create_task(_copy(client.reader, server.writer)),
        asyncio.create_task(_copy(server.reader, client.writer)),
    )
    try:
        await asyncio.gather(*ways)
    finally:
        await _end(*ways)


async def _end(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_READ):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
