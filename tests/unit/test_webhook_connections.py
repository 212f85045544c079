"""Where the HTTP client of webhooks connects to, whatever a name resolves to or an answer says."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from services.webhook_dispatcher.client import Client, Timeouts
from shared.network.guard import Guard, parse_networks
from tests.support.services.certificates import Authority
from tests.unit.test_webhook_guard import INNER

NOTHING = Guard()
LOOPBACK = Guard(parse_networks(("127.0.0.0/8", "::1/128")))
OPEN = "93.184.215.14"
NAME = "hooks.example"
ONCE = Timeouts(5, 5)


class Network:
    """`names` is who resolves to what; `connected` are the addresses that were connected to. Only
    this machine answers."""

    def __init__(self) -> None:
        self.names: dict[str, Sequence[str]] = {}
        self.connected: list[str] = []


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    resolve, connect = socket.getaddrinfo, asyncio.SelectorEventLoop.sock_connect

    def getaddrinfo(host: str, *more: object, **options: object) -> list[object]:
        hosts = network.names.get(host, [host])
        return [found for each in hosts for found in resolve(each, *more, **options)]  # type: ignore[arg-type] # as it is called

    async def sock_connect(
        loop: asyncio.SelectorEventLoop, sock: object, address: tuple[str, int]
    ) -> None:
        network.connected.append(address[0])
        if not address[0].startswith("127."):
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        await connect(loop, sock, address)  # type: ignore[arg-type] # as it is called

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", sock_connect)
    return network


class Server:
    """On this machine; answers with `answer`, and counts its requests."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        self.requests: list[str] = []
        self.port = 0

    async def on_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.decode().split("\r\n")[0])
        writer.write(self.answer)
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with await asyncio.start_server(server.on_connection, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


async def post(url: str, guard: Guard = NOTHING, proxy: str = "") -> str:
    """The error, or ""."""
    async with Client(guard, proxy) as client:
        return (await client.post(url, b"{}", {}, ONCE)).error or ""


@pytest.mark.parametrize("kind", INNER)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_name_that_resolves_to_an_inner_address_is_not_connected_to(
    network: Network, kind: str, scheme: str
) -> None:
    allowed = []
    for address in INNER[kind]:
        network.names[NAME] = [address]
        error = await post(f"{scheme}://{NAME}/")
        if f"is not allowed: its network is {kind}" not in error:
            allowed.append((address, error))
    assert (allowed, network.connected) == ([], [])


@pytest.mark.parametrize("kind", INNER)
async def test_an_inner_address_in_a_url_is_not_connected_to(network: Network, kind: str) -> None:
    shown = [f"[{host}]" if ":" in host else host for host in INNER[kind]]
    errors = [await post(f"http://{host.replace('%', '%25')}/") for host in shown]
    assert (all(errors), network.connected) == (True, [])


async def test_of_a_names_addresses_only_the_public_ones_are_connected_to(
    network: Network, server: Server
) -> None:
    network.names[NAME] = ["127.0.0.1", OPEN, "::1", "169.254.169.254"]
    assert await post(f"http://{NAME}:{server.port}/")
    assert set(network.connected) == {OPEN}
    assert server.requests == []


async def test_a_name_that_resolves_to_another_address_later_is_checked_again(
    network: Network, server: Server
) -> None:
    # Given a name of a public address that a webhook was sent to
    network.names[NAME] = [OPEN]
    url = f"http://{NAME}:{server.port}/"
    async with Client(Guard()) as client:
        await client.post(url, b"{}", {}, ONCE)
        # When it leads to this machine by the next attempt, whatever the client remembers
        network.names[NAME] = ["127.0.0.1"]
        assert client._session is not None
        client._session.connector.clear_dns_cache()  # type: ignore[union-attr] # it has one
        answer = await client.post(url, b"{}", {}, ONCE)
    # I expect that nothing was sent there
    assert "127.0.0.1 is not allowed: its network is loopback" in (answer.error or "")
    assert (network.connected, server.requests) == ([OPEN], [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to", ["http://169.254.169.254/latest", "http://127.0.0.1:{port}/inner", "//localhost/", "/x"]
)
async def test_a_redirect_is_not_followed(
    network: Network, server: Server, status: int, to: str
) -> None:
    location = to.format(port=server.port)
    server.answer = f"HTTP/1.1 {status} x\r\nLocation: {location}\r\n\r\n".encode()
    error = await post(f"http://127.0.0.1:{server.port}/", LOOPBACK)
    assert (error, len(server.requests)) == (f"answered {status}", 1)
    assert network.connected == ["127.0.0.1"]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_with_a_proxy_only_the_proxy_is_connected_to(
    network: Network, server: Server, scheme: str
) -> None:
    network.names["ci.example"] = ["10.0.0.1"]
    server.answer = b"HTTP/1.1 302 x\r\nLocation: http://169.254.169.254/\r\n\r\n"
    proxy = f"http://127.0.0.1:{server.port}"
    inner = ("10.0.0.1", "[::1]", "[::ffff:7f00:1]", "169.254.169.254")
    errors = [await post(f"{scheme}://{host}/", proxy=proxy) for host in ("ci.example", *inner)]
    assert ["is not allowed" in error for error in errors] == [False, *(True for _ in inner)]
    assert network.connected == ["127.0.0.1"]
    asked = {"http": "POST http://ci.example/", "https": "CONNECT ci.example:443"}
    assert [request.removesuffix(" HTTP/1.1") for request in server.requests] == [asked[scheme]]


async def test_a_proxy_of_the_environment_is_not_used(
    network: Network, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
    assert await post(f"http://{OPEN}/")
    assert (network.connected, server.requests) == ([OPEN], [])


async def test_an_error_says_in_plain_words_why_there_is_no_connection(
    network: Network, tmp_path: Path
) -> None:
    wrong = Authority(tmp_path).context_for("127.0.0.2")

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        writer.close()

    async with (
        await asyncio.start_server(close, "127.0.0.1", 0) as closing,
        await asyncio.start_server(greet, "127.0.0.1", 0) as greeting,
        await asyncio.start_server(close, "127.0.0.1", 0, ssl=wrong) as untrusted,
    ):
        servers = (closing, greeting, untrusted)
        ports = [each.sockets[0].getsockname()[1] for each in servers]
        expected = {
            "http://127.0.0.1:1/": "no connection: Connection refused",
            "http://10.0.0.1/": "no connection: 10.0.0.1 is not allowed: its network is private",
            "http://nobody.invalid/": "no connection: ",  # the words of the resolver
            f"http://127.0.0.1:{ports[0]}/": "the connection was closed without an answer",
            f"https://127.0.0.1:{ports[1]}/": "no TLS connection: WRONG_VERSION_NUMBER",
            f"https://127.0.0.1:{ports[2]}/": "no TLS connection: the certificate cannot be "
            "verified: unable to get local issuer certificate",
        }
        errors = {url: await post(url, LOOPBACK) for url in expected}
    assert {url: error for url, error in errors.items() if expected[url] not in error} == {}
    assert "ssl:" not in str(errors)


async def test_a_certificate_that_can_not_be_verified_is_refused_and_tried_again(
    network: Network, tmp_path: Path
) -> None:
    context = Authority(tmp_path).context_for("127.0.0.1")
    requests: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        requests.append(await reader.read())

    async with (
        await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as listening,
        Client(LOOPBACK) as client,
    ):
        port = listening.sockets[0].getsockname()[1]
        answer_ = await client.post(f"https://127.0.0.1:{port}/", b"{}", {}, ONCE)
    assert "certificate cannot be verified" in (answer_.error or "")
    assert (answer_.is_hopeless, b"".join(requests)) == (False, b"")
