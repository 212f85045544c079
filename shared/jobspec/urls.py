"""Which URLs can be called at all, and whom. Where they lead to is for the webhook dispatcher to
judge."""

import re
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from yarl import URL

from shared.jobspec.limits import MAX_URL

_UNSENDABLE = re.compile(r"[\s\x00-\x1f\x7f\\]")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_MOST_OF_NAME = 253


def check_url(text: str) -> None:
    """Raises ValueError."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:  # a malformed IPv6 address
        raise ValueError("must be an http or https URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("must be an http or https URL")
    _check_port(parts)
    if _UNSENDABLE.search(text):
        raise ValueError("must be an http or https URL without spaces and backslashes")
    if len(text.encode()) > MAX_URL:
        raise ValueError(f"must have at most {MAX_URL} bytes")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password; a header can hold them")
    _check_host(text, host, is_bracketed="[" in parts.netloc)


def _check_port(parts: SplitResult) -> None:
    try:
        is_allowed = parts.port != 0
    except ValueError:  # no number, or too large
        is_allowed = False
    if not is_allowed:
        raise ValueError("must have a port from 1 to 65535, or none")


def receiver_of(url: str) -> str:
    """Scheme, host and port: what is down or slow together, however the host is spelled. "" for
    what is no URL."""
    try:
        target = URL(url)
        host = (target.raw_host or "").rstrip(".")
    except ValueError:
        return ""
    if not host or not target.port:
        return ""
    return f"{target.scheme}://{host}:{target.port}"


def _check_host(url: str, host: str, *, is_bracketed: bool) -> None:
    try:
        called = _called_host(url)
        if is_bracketed:
            _check_ipv6(host)
        else:
            _check_name_or_ipv4(called)
    except ValueError:
        raise ValueError("must have a valid host name or IP address") from None


def _check_ipv6(host: str) -> None:
    if "%" in host:
        raise ValueError("a zone is valid on one machine only")
    IPv6Address(host)


def _called_host(url: str) -> str:
    """As the client reads it, and a name server is asked for it. Raises ValueError."""
    parts = URL(url)
    if parts.host is None or parts.raw_host is None:
        raise ValueError("has no host")
    return parts.raw_host


def _check_name_or_ipv4(host: str) -> None:
    labels = host.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        IPv4Address(host)  # no other spelling: programs disagree on what it means
    elif len(host) > _MOST_OF_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("is not a host name")
