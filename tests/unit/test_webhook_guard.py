"""Which addresses a webhook may call."""

import asyncio
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
from pydantic import SecretStr

from services.dev.settings import DevSettings
from services.webhook_dispatcher.client import Client, Timeouts
from services.webhook_dispatcher.settings import WebhookSettings
from shared.network.guard import Guard, parse_networks, parse_ports
from shared.process.settings.loading import load

INNER = {
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": ["10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1"],
    "carrier-grade NAT": ["100.64.0.1", "100.100.100.200", "100.127.255.255"],
    "link-local": ["169.254.0.1", "169.254.169.254", "fe80::1", "fe80::1%lo", "febf::1"],
    "site-local": ["fec0::1"],
    "unique local": ["fc00::1", "fd00:ec2::254", "fdff::1"],
    "cloud platform": ["168.63.129.16"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff:fff::1"],
    "benchmarking": ["198.18.0.1", "198.19.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1"],
    "broadcast": ["255.255.255.255"],
    "reserved": ["192.0.0.1", "240.0.0.1", "2001:2::1", "2001:20::1", "100::1", "5f00::1"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8"],
    "IPv4-compatible": ["::127.0.0.1", "::7f00:1"],
    "translated": [
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "192.88.99.1",
    ],
}
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.1", "172.15.255.255", "172.32.0.0", "192.167.255.255"),
    *("192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"),
    *("2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001:81b::200e"),
]


def allowing(*networks: str) -> Guard:
    return Guard(parse_networks(networks), setting="THE_SETTING")


@pytest.mark.parametrize("kind", INNER)
def test_an_address_that_leads_inside_is_refused_by_its_kind(kind: str) -> None:
    rules = [(host, allowing().refusal(host, 443)) for host in INNER[kind]]
    expected = f"is not allowed: its network is {kind}, see THE_SETTING"
    assert [host for host, rule in rules if rule is None or not rule.endswith(expected)] == []


def test_public_addresses_may_be_called_next_to_refused_ones_too() -> None:
    assert [host for host in PUBLIC if Guard().refusal(host, 443)] == []


@pytest.mark.parametrize(
    "host", ["", "localhost", "0x7f000001", "2130706433", "127.1", "0177.0.0.1", "①②⑦.⓪.⓪.①"]
)
def test_what_is_no_canonical_address_is_refused(host: str) -> None:
    assert Guard().refusal(host, 80) == f"{host} is not an IP address"


def test_an_allowed_network_opens_itself_and_nothing_beside_it() -> None:
    guard = allowing("10.1.0.0/16", "::1/128")
    assert guard.refusal("10.1.255.255", 80) is None
    assert guard.refusal("::1", 80) is None
    for host in ("10.2.0.1", "127.0.0.1", "::2", "::ffff:10.1.0.1"):
        assert guard.refusal(host, 80), host


def test_an_allowed_translation_opens_only_what_is_open_behind_it() -> None:
    nat64 = "64:ff9b::/96"
    assert allowing(nat64).refusal("64:ff9b::8.8.8.8", 443) is None
    inner = "10.0.0.1 is not allowed: its network is private, see THE_SETTING"
    assert allowing(nat64).refusal("64:ff9b::10.0.0.1", 443) == inner
    assert allowing(nat64, "10.0.0.0/8").refusal("64:ff9b::10.0.0.1", 443) is None
    for form in ("2002:a00:1::1", "2001:0:1:2:0:0:f5ff:fffe", "::ffff:10.0.0.1"):
        assert allowing("::/0").refusal(form, 443) == inner


def test_only_allowed_ports_are_called_where_some_are_set() -> None:
    guard = Guard(ports=parse_ports(("443", "8000-8999")))
    called = (1, 442, 443, 444, 7999, 8000, 8999, 9000)
    allowed = [port for port in called if guard.refusal("1.1.1.1", port) is None]
    assert allowed == [443, 8000, 8999]
    assert guard.refusal("1.1.1.1", 5432) == "port 5432 is not allowed"


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0.0-9"])
def test_a_network_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a network such as"):
        parse_networks((text,))


@pytest.mark.parametrize("text", ["", "0", "65536", "9-8", "80-", "-80", "http", "1-2-3"])
def test_a_port_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a port or a range such as"):
        parse_ports((text,))


class Server:
    """Answers 200 on 127.0.0.1; `connections` counts what connected."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with await asyncio.start_server(server.answer, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


async def post(url: str, guard: Guard) -> str | None:
    async with Client(guard) as client:
        return (await client.post(url, b"{}", {}, Timeouts(5, 5))).error


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "localhost.", "LOCALHOST", "[::1]", "0.0.0.0", "[::]"),
        *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0x7f000001", "①②⑦.⓪.⓪.①", "user:pw@127.0.0.1"),
        *("2130706433", "0177.0.0.1", "127.1", "0x7f.1", "127%2e0%2e0%2e1", "[64:ff9b::7f00:1]"),
        *("169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "192.168.0.1", "100.64.0.1"),
        *("[fe80::1%25lo]", "evil\\@127.0.0.1", "127.0.0.1#@example.com", "ⓛocalhost"),
    ],
)
async def test_no_spelling_of_an_inner_address_is_connected_to(server: Server, host: str) -> None:
    assert await post(f"http://{host}:{server.port}/", Guard())
    assert server.connections == 0


async def test_a_name_is_judged_by_the_address_of_each_attempt(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a name whose address changes from a public one to one of this machine
    addresses = iter(["93.184.215.14", "127.0.0.1"])
    resolve = socket.getaddrinfo

    def getaddrinfo(host: object, *more: object, **options: object) -> object:
        address = next(addresses) if host == "rebinds.example" else host
        return resolve(address, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    guard = Guard(ports=parse_ports(("1",)))  # nothing is sent to the public one
    url = f"http://rebinds.example:{server.port}/"
    # When it is called twice
    assert (await post(url, guard) or "").endswith(f"port {server.port} is not allowed")
    error = await post(url, Guard())
    # Then the address of the second time is refused
    assert error is not None
    assert "127.0.0.1 is not allowed: its network is loopback" in error
    assert server.connections == 0


async def test_an_allowed_network_is_called(server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}/"
    guard = WebhookSettings(allowed_networks="10.0.0.0/8, 127.0.0.0/8", allowed_ports="1-65535")
    assert guard.guard.networks == (ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8"))
    assert await post(url, guard.guard) is None
    assert server.connections == 1


@pytest.mark.parametrize(
    "settings", [{"allowed_networks": "10.0.0.0/8,all"}, {"allowed_ports": "https"}]
)
def test_a_bad_setting_of_the_guard_is_refused_at_start(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is not a"):
        WebhookSettings(**settings)


def test_dev_allows_its_own_machine_whatever_else_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONVEYOR_WEBHOOK_CONCURRENCY", "5")
    guard = load(DevSettings).webhook.guard
    assert guard.setting == "CONVEYOR_WEBHOOK_ALLOWED_NETWORKS"
    assert [host for host in ("127.0.0.1", "::1") if guard.refusal(host, 80)] == []
    assert guard.refusal("10.0.0.1", 80)


async def test_a_proxy_is_called_wherever_it_is_and_no_address_inside_through_it(
    server: Server,
) -> None:
    proxy = f"http://127.0.0.1:{server.port}"
    errors = []
    async with Client(Guard(ports=parse_ports(("80",))), proxy) as client:
        for host in ("ci.example", "8.8.8.8", "10.0.0.1", "[::ffff:127.0.0.1]", "ci.example:81"):
            answer = await client.post(f"http://{host}/", b"{}", {}, Timeouts(5, 5))
            errors.append(answer.error and answer.error.split(",")[0])
    assert errors == [
        *(None, None, "10.0.0.1 is not allowed: its network is private"),
        *("::ffff:7f00:1 is not allowed: its network is IPv4-mapped", "port 81 is not allowed"),
    ]
    assert server.connections == 2


def test_a_proxy_that_is_no_url_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="must start with http://"):
        WebhookSettings(proxy=SecretStr("socks5://proxy:1080"))
