"""Which addresses a webhook may call."""

import pytest

from services.webhook_dispatcher.guard import Guard, parse_networks, parse_ports

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
    return Guard(parse_networks(networks))


@pytest.mark.parametrize("kind", INNER)
def test_an_address_that_leads_inside_is_refused_by_its_kind(kind: str) -> None:
    rules = [(host, Guard().refusal(host, 443)) for host in INNER[kind]]
    expected = f"is not allowed: its network is {kind}"
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
    inner = "10.0.0.1 is not allowed: its network is private"
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
