"""Which hosts a task may reach by its proxy: domains and addresses, in any spelling. Pure."""

import re
from collections.abc import Collection, Iterable
from ipaddress import ip_address

import idna

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# What a resolver may read as an address of IPv4: 127.1, 2130706433, 0x7f.1.
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_LONGEST = 253
_PORTS = (80, 443)


class Domains:
    def __init__(self, domains: Iterable[str], ports: Collection[int] = _PORTS) -> None:
        """`.example.com` is example.com and all below it. Raises ValueError."""
        self._ports = ports
        self._hosts, self._suffixes = set[str](), set[str]()
        for domain in domains:
            if domain.startswith("."):
                self._suffixes.add(f".{plain_host(domain[1:])}")
            else:
                self._hosts.add(plain_host(domain))

    def refusal(self, host: str, port: int) -> str | None:
        """Why a connection to `host`, a plain one, is not made; None where it is."""
        if port not in self._ports:
            return f"port {port} is not allowed: only {' and '.join(map(str, self._ports))} are"
        if host in self._hosts or any(f".{host}".endswith(suffix) for suffix in self._suffixes):
            return None
        return f"{host} is not among the domains of this task"


def plain_host(text: str) -> str:
    """In lower case, in ASCII, without a dot at its end; an address in its usual form, without
    brackets. Raises ValueError for what is neither name nor address."""
    try:
        return _plain(text)
    except (ValueError, UnicodeError):
        raise ValueError(f"{text!r} is neither a domain nor an IP address") from None


def _plain(text: str) -> str:
    is_in_brackets = text.startswith("[") and text.endswith("]")
    if is_in_brackets or ":" in text:
        address = ip_address(text[1:-1] if is_in_brackets else text)
        if address.version != 6 or "%" in text:  # a zone is one of this machine's interfaces
            raise ValueError
        return str(address)
    name = text.removesuffix(".")
    if _is_ipv4(name):
        return name
    name = name.lower() if name.isascii() else idna.encode(name, uts46=True).decode()
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or _ENDS_IN_A_NUMBER.fullmatch(name):
        raise ValueError
    return name


def _is_ipv4(text: str) -> bool:
    try:
        return ip_address(text).version == 4
    except ValueError:
        return False


def host_and_port(authority: str, default_port: int | None = None) -> tuple[str, int]:
    """Of `example.org:443`, the host a plain one. Raises ValueError, also for a name or password
    before the host."""
    match = re.fullmatch(r"(\[[^\[\]@]*\]|[^:\[\]@]*)(?::([0-9]{1,5}))?", authority)
    if match is None or (match[2] is None and default_port is None):
        raise ValueError(f"{authority!r} is not a host and a port")
    return plain_host(match[1]), int(match[2] or default_port or 0)
