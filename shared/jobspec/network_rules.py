"""The rules of a task's network: which ports it opens, and which domains it may reach."""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from shared.network.domains import plain_host

STATIC_PORTS = (1024, 65535)
"""Which ports of a node can be asked for; those below are its own."""
_PORT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_WITH_PORTS = ("default", "bridge", "host", "full")
_OF_THE_NODE = ("host", "full")


class PortLike(Protocol):
    """A port as it is submitted, or as it is in a definition."""

    @property
    def name(self) -> str: ...
    @property
    def static(self) -> int | None: ...
    @property
    def target(self) -> int | None: ...


Rule = tuple[tuple[str | int, ...], str]
"""A field of the network, and what it breaks."""


def check_port_name(text: str) -> None:
    if not _PORT_NAME.fullmatch(text):
        raise ValueError(
            "must be a part of a variable's name: letters, digits and '_', at most 63, and no "
            "digit first"
        )


def check_address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:  # its own text speaks of Python
        raise ValueError("must be an IP address, such as 127.0.0.1") from None


def check_domain(text: str) -> None:
    try:
        plain_host(text.removeprefix("."))
    except ValueError:  # its own text speaks of hosts
        raise ValueError(
            "must be a domain such as example.com, '.example.com' for it and all below it, or an "
            "IP address, without scheme, port and path"
        ) from None


def network_problems(
    kind: str, domains: Sequence[str], ports: Sequence[PortLike]
) -> Iterator[Rule]:
    """What a network of this type breaks by its fields together."""
    if kind == "http" and not domains:
        yield ("domains",), "is required for http: nothing but these is reached"
    if domains and kind != "http":
        yield ("domains",), f"is only for http, not for {kind}"
    if ports and kind not in _WITH_PORTS:
        yield ("ports",), f"is only for bridge and host, not for {kind}"
    for field in ("name", "static", "target"):
        yield from _repeated(field, ports)
    for index, port in enumerate(ports):
        if port.target and kind in _OF_THE_NODE:
            yield ("ports", index, "target"), f"is only for bridge: {kind} has the node's own ports"


def _repeated(field: str, ports: Sequence[PortLike]) -> Iterator[Rule]:
    seen: dict[object, int] = {}
    for index, port in enumerate(ports):
        if value := getattr(port, field):
            if value in seen:
                yield ("ports", index, field), f"is that of port {seen[value] + 1}, too"
            seen.setdefault(value, index)
