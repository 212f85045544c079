"""The proxy of a task: what it lets through, and what it answers to everything else."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network

import pytest

from services.worker.runtimes.proxy.server import FilteringProxy
from shared.network.domains import Domains
from shared.network.guard import Guard, parse_networks

DEADLINE_SECONDS = 60
ADDRESSES = {
    "good.example": ["10.0.0.1", "127.0.0.1"],
    "private.example": ["10.0.0.1", "169.254.169.254", "::1"],
    "www.wild.example": ["127.0.0.1"],
}
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@dataclass
class World:
    """A proxy and the server that it may reach: `seen` is what came there."""

    proxy_port: int = 0
    port: int = 0
    answer: bytes = HELLO
    seen: bytearray = field(default_factory=bytearray)
    refused: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def note(self, why: str) -> None:
        self.refused.append(why)

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in ADDRESSES:
            raise OSError("no such name")
        return ADDRESSES[host]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while b"\r\n\r\n" not in self.seen and (data := await reader.read(65536)):
            self.seen += data
        writer.write(self.answer)
        while data := await reader.read(65536):  # a tunnel is an echo from here on
            self.seen += data
            writer.write(data)
        writer.close()

    async def says(self, sent: str | bytes, end: Callable[[bytes], bool] | None = None) -> str:
        """All that the proxy answers, until it closes the connection or `end` of it."""
        data = sent if isinstance(sent, bytes) else sent.encode()
        data = data.replace(b"PORT", str(self.port).encode())
        got = b""
        async with asyncio.timeout(DEADLINE_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy_port)
            with contextlib.suppress(ConnectionError):
                writer.write(data)
                while (more := await reader.read(65536)) or not (end and end(got)):
                    got += more
                    if not more or (end and end(got)):
                        break
            writer.close()
        return got.decode(errors="replace")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    server = await asyncio.start_server(world.serve, "127.0.0.1", 0)
    world.port = server.sockets[0].getsockname()[1]
    domains = Domains(["good.example", ".wild.example", "private.example"], [world.port])
    guard = Guard(parse_networks(("127.0.0.0/8",)), setting="THE_SETTING")
    proxy = FilteringProxy(domains, guard, world.note, world.resolve)
    await proxy.listen("127.0.0.1", 0, IPv4Network("127.0.0.0/8"))
    assert proxy._server is not None
    world.proxy_port = proxy._server.sockets[0].getsockname()[1]
    yield world
    await proxy.close()
    server.close()


async def test_a_request_with_a_whole_url_is_passed_on(world: World) -> None:
    answer = await world.says(
        "POST http://GOOD.example.:PORT/a?b=c#d HTTP/1.1\r\nHost: evil.example\r\n"
        "Proxy-Authorization: Basic eA==\r\nConnection: X-Mine\r\nX-Mine: 1\r\nX-Kept: 2\r\n"
        "Content-Length: 4\r\n\r\nbody"
    )
    assert answer.startswith("HTTP/1.1 200")
    assert answer.endswith("hello")
    seen = world.seen.decode()
    assert seen.startswith(f"POST /a?b=c HTTP/1.1\r\nHost: good.example:{world.port}\r\n")
    assert seen.endswith("body")
    assert "X-Kept: 2" in seen
    for held_back in ("evil.example", "eA==", "X-Mine"):
        assert held_back not in seen
    assert world.refused == []


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "3\r\nabc"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "204 No Content"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n",
            "302",
        ),
    ],
)
async def test_answers_come_back_as_they_are(world: World, answer: bytes, body: str) -> None:
    world.answer = answer
    url = "http://www.wild.example:PORT"
    assert body in await world.says(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n")
    assert world.seen.startswith(b"GET / HTTP/1.1")


async def test_a_tunnel_carries_bytes_both_ways(world: World) -> None:
    world.answer = b"\x16\x03"
    sent = b"CONNECT good.example:PORT HTTP/1.1\r\nHost: x\r\n\r\nearly\r\n\r\n\0late"
    answer = await world.says(sent, lambda got: got.endswith(b"\x16\x03"))
    assert answer.startswith("HTTP/1.1 200 Connection established\r\n")
    assert world.seen.startswith(b"early\r\n\r\n\0late")


REFUSED = [
    ("CONNECT evil.example:PORT", 403, "evil.example is not among the domains"),
    ("CONNECT good.example.evil.example:PORT", 403, "is not among the domains"),
    ("CONNECT notgood.example:PORT", 403, "is not among the domains"),
    ("CONNECT good.example:22", 403, "port 22 is not allowed"),
    ("CONNECT 127.0.0.1:PORT", 403, "127.0.0.1 is not among the domains"),
    ("CONNECT [::1]:PORT", 403, "::1 is not among the domains"),
    ("CONNECT [::ffff:127.0.0.1]:PORT", 403, "is not among the domains"),
    ("CONNECT 2130706433:PORT", 400, "is neither a domain nor an IP address"),
    ("CONNECT good.example@evil.example:PORT", 400, "is not a host and a port"),
    ("CONNECT good.example", 400, "is not a host and a port"),
    ("CONNECT http://good.example:PORT/", 400, "is not a host and a port"),
    ("CONNECT private.example:PORT", 403, "169.254.169.254 is not allowed: its network is link-l"),
    ("CONNECT unknown.wild.example:PORT", 502, "could not be resolved: no such name"),
    ("GET http://evil.example:PORT/", 403, "evil.example is not among the domains"),
    ("GET http://good.example/", 403, "port 80 is not allowed"),
    ("GET http://good.example@evil.example:PORT/", 400, "is not a host and a port"),
    ("GET http://evil.example:PORT\\@good.example:PORT/", 403, "evil.example is not among"),
    ("GET http://evil.example:PORT?@good.example:PORT/", 403, "evil.example is not among"),
    ("GET http://evil.example:PORT#@good.example:PORT/", 403, "evil.example is not among"),
    ("GET http://private.example:PORT/", 403, "10.0.0.1 is not allowed: its network is private"),
    ("GET https://good.example:PORT/", 400, "begins with http://"),
    ("GET ftp://good.example:PORT/", 400, "begins with http://"),
    ("GET //good.example:PORT/", 400, "begins with http://"),
    ("GET /", 400, "begins with http://"),
    ("OPTIONS *", 400, "begins with http://"),
]


@pytest.mark.parametrize(("line", "status", "why"), REFUSED)
async def test_all_else_is_refused_with_the_reason(
    world: World, line: str, status: int, why: str
) -> None:
    answer = await world.says(f"{line} HTTP/1.1\r\nHost: good.example:PORT\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert why in answer
    assert world.seen == b""
    assert not any("evil" in name for name in world.asked), "a refused name was asked for"
    assert len(world.refused) == (status == 403)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello of TLS\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"GET http://good.example:PORT/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://good.example:PORT/ HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
        b"GET http://good.example:PORT/\r\n evil HTTP/1.1\r\n\r\n",
        b"POST http://good.example:PORT/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
        b"Content-Length: 5\r\n\r\nbody",
    ],
)
async def test_what_is_no_request_gets_a_400_and_goes_nowhere(world: World, sent: bytes) -> None:
    answer = await world.says(sent)
    assert answer.startswith("HTTP/1.1 400 ")
    assert world.seen == b""


async def test_a_second_request_on_the_connection_goes_nowhere(world: World) -> None:
    first = "GET http://good.example:PORT/ HTTP/1.1\r\nHost: x\r\n\r\n"
    second = "GET http://good.example:PORT/second HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    answer = await world.says(first + second)
    assert answer.count("HTTP/1.1") == 1
    assert b"second" not in world.seen


async def test_a_server_that_speaks_no_http_is_told_of(world: World) -> None:
    world.answer = b"SSH-2.0-OpenSSH_9.2\r\n\r\n"
    answer = await world.says("GET http://good.example:PORT/ HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith("HTTP/1.1 502 ")


async def test_only_the_containers_of_the_task_are_served(world: World) -> None:
    proxy = FilteringProxy(Domains([".wild.example"]), Guard(), world.note)
    await proxy.listen("127.0.0.1", 0, IPv4Network("198.18.0.0/26"))
    assert proxy._server is not None
    world.proxy_port = proxy._server.sockets[0].getsockname()[1]
    assert await world.says("CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n") == ""
    await proxy.close()


async def test_the_tasks_share_what_the_worker_can_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that opens connections without end must not take the descriptors of all others."""
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (160, 4096))
    other = FilteringProxy(Domains([]), Guard(), world.note)
    for listening, expected in ((False, 20), (True, 10)):
        if listening:
            await other.listen("127.0.0.1", 0, IPv4Network("127.0.0.0/8"))
        opened = [await asyncio.open_connection("127.0.0.1", world.proxy_port) for _ in range(40)]
        await world.says(b"")  # refused, and so are those before it
        served = [each for each in opened if not each[0].at_eof()]
        assert len(served) == expected
        for _, writer in opened:
            writer.close()
        for reader, _ in served:
            await reader.read()
    await other.close()
