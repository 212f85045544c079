"""Which addresses and ports a user may have connections made to: those of the public internet, and
what the operator allows. Pure: a client asks for each connection, after the name was resolved."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MOST_PORT = 65_535
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")

# Of IANA's registries of special-purpose addresses, and of addresses that clouds answer at from
# inside. Not `is_global`: what it knows differs from one release of Python to the next. The first
# that matches names the kind.
_KINDS: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud platform"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "translated"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::/96", "IPv4-compatible"),
        ("::ffff:0:0:0/96", "translated"),
        ("64:ff9b::/96", "translated"),
        ("64:ff9b:1::/48", "translated"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
        ("2001::/32", "translated"),
        ("2001::/23", "reserved"),
        ("2002::/16", "translated"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_IPV6 = IPv6Network("2000::/3")

# Where an IPv4 address lies in one of IPv6: by how many bits from the right, and what it is
# combined with.
_INNER: tuple[tuple[IPv6Network, int, int], ...] = tuple(
    (IPv6Network(network), shift, mask)
    for network, shift, mask in (
        ("::ffff:0:0/96", 0, 0),
        ("::ffff:0:0:0/96", 0, 0),
        ("64:ff9b::/96", 0, 0),
        ("64:ff9b:1::/48", 0, 0),
        ("2002::/16", 80, 0),
        ("2001::/32", 0, 0xFFFF_FFFF),
    )
)


@dataclass(frozen=True, slots=True)
class Guard:
    """Empty `ports` are all ports. `setting` is the one that `networks` are of."""

    networks: tuple[Network, ...] = ()
    ports: tuple[range, ...] = ()
    setting: str = ""

    def refusal(self, host: str, port: int) -> str | None:
        """Why no connection to `host`, an IP address, is made; None where it is."""
        if refusal := self.port_refusal(port):
            return refusal
        try:
            address = ip_address(host)
        except ValueError:
            return f"{host} is not an IP address"
        return next(filter(None, map(self._refusal, _with_inner(address))), None)

    def port_refusal(self, port: int) -> str | None:
        if self.ports and not any(port in allowed for allowed in self.ports):
            return f"port {port} is not allowed"
        return None

    def _refusal(self, address: Address) -> str | None:
        kind = _kind(address)
        if kind is None or any(address in network for network in self.networks):
            return None
        hint = f", see {self.setting}" if self.setting else ""
        return f"{address} is not allowed: its network is {kind}{hint}"


def parse_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Raises ValueError."""
    return tuple(_network(text) for text in texts)


def parse_ports(texts: tuple[str, ...]) -> tuple[range, ...]:
    """Of `443` and `8000-8999`. Raises ValueError."""
    return tuple(_ports(text) for text in texts)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a network such as 10.1.0.0/16") from None


def _ports(text: str) -> range:
    match = _PORTS.fullmatch(text)
    if match:
        first, last = int(match[1]), int(match[2] or match[1])
        if 1 <= first <= last <= _MOST_PORT:
            return range(first, last + 1)
    raise ValueError(f"{text!r} is not a port or a range such as 8000-8999")


def _kind(address: Address) -> str | None:
    """None for an address of the public internet."""
    for network, kind in _KINDS:
        if address in network:
            return kind
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return "reserved"
    return None


def _with_inner(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 address that something on the way makes of it: both are judged, so
    that to allow a translated network allows nothing behind it."""
    yield address
    for network, shift, mask in _INNER:
        if address in network:
            yield IPv4Address((int(address) >> shift & 0xFFFF_FFFF) ^ mask)
