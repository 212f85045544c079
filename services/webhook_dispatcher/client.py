"""The HTTP client that makes the calls. Its library is imported by the first: it takes 9 MB."""

import ipaddress
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from yarl import URL

from shared.network.guard import Guard
from shared.network.sockets import guarded_by

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession


_PROXY_WANTS_LOGIN = 407
_MOST_DIGITS = 9
"""More seconds don't fit in a timedelta; the caller bounds them anyway."""


LONGEST_HEAD = 16 * 1024
"""In bytes: what of an answer's body is read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a receiver, which took the call if `error` is None. `status` is None where there was no
    answer; `head` is how its body begins, and whole if `is_whole`. The receiver asks for no other
    call within `retry_after`; another one is `is_hopeless` whatever the status."""

    status: int | None = None
    head: str = ""
    is_whole: bool = True
    error: str | None = None
    is_hopeless: bool = False
    retry_after: timedelta = timedelta()
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds: `connect` until the connection is secured, its name's resolution included."""

    connect: float
    total: float


class Client:
    """Use as a context manager. Connects to nothing that `guard` refuses, but for `proxy`, a URL:
    that resolves names and has to guard what they lead to. "" is none."""

    def __init__(self, guard: Guard, proxy: str = "") -> None:
        self._guard = guard
        self._proxy = proxy
        self._session: ClientSession | None = None

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeouts: Timeouts
    ) -> Answer:
        """The head of the answer's body is read within the time; what comes after it is not."""
        from aiohttp import ClientError, ClientTimeout

        self._session = session = self._session or self._new_session()
        try:
            if self._proxy and (refusal := self._refusal(url)):
                return Answer(error=refusal)
            # Not where an answer leads: the POST would mostly arrive there as a GET, without body.
            async with session.post(
                url,
                data=body,
                headers=headers,
                timeout=ClientTimeout(total=timeouts.total, connect=timeouts.connect),
                allow_redirects=False,
                proxy=self._proxy or None,
            ) as response:
                return await self._read(response, timeouts)
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            return Answer(error=_text_of(error, timeouts), is_hopeless=_is_hopeless(error))

    async def _read(self, response: "ClientResponse", timeouts: Timeouts) -> Answer:
        from aiohttp import ClientError

        status = response.status
        error = None if 200 <= status < 300 else self._refused_with(status)
        head = bytearray()
        try:
            while len(head) <= LONGEST_HEAD:
                if not (part := await response.content.read(LONGEST_HEAD + 1 - len(head))):
                    break
                head += part
        except (ClientError, TimeoutError, OSError) as broken:
            error = error or f"answered {status}, then: {_text_of(broken, timeouts)}"
        return Answer(
            status,
            _shown(bytes(head[:LONGEST_HEAD]), response),
            is_whole=len(head) <= LONGEST_HEAD,
            error=error,
            retry_after=read_retry_after(
                response.headers.get("Retry-After", ""), datetime.now(UTC)
            ),
            headers={name: ", ".join(response.headers.getall(name)) for name in response.headers},
        )

    def _refused_with(self, status: int) -> str:
        # Through a tunnel (https) it is an error of its own; receivers have no use for this status.
        who = "the proxy " if self._proxy and status == _PROXY_WANTS_LOGIN else ""
        return f"{who}answered {status}"

    def _new_session(self) -> "ClientSession":
        """Receivers see by its User-Agent who calls."""
        from aiohttp import ClientSession, DummyCookieJar, TCPConnector

        make_socket = None if self._proxy else guarded_by(self._guard)
        return ClientSession(
            headers={
                "User-Agent": f"Conveyor/{version('conveyor')}",
                "Accept-Encoding": "identity",
            },
            auto_decompress=False,  # a few bytes may become gigabytes
            # How many there are at once is the setting's to say.
            connector=TCPConnector(limit=0, socket_factory=make_socket),
            cookie_jar=DummyCookieJar(),  # receivers of other jobs must not see them
        )

    def _refusal(self, url: str) -> str | None:
        """What can be said of it without its name's address. Raises ValueError."""
        target = URL(url)
        host, port = target.host or "", target.port or 0
        if _is_address(host):
            return self._guard.refusal(host, port)
        return self._guard.port_refusal(port)


def read_retry_after(text: str, now: datetime) -> timedelta:
    """The header: seconds, or a date. What is neither asks for nothing."""
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text[:_MOST_DIGITS]))
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return timedelta()
    return max((date if date.tzinfo else date.replace(tzinfo=UTC)) - now, timedelta())


def _text_of(error: Exception, timeouts: Timeouts) -> str:
    """Without the URL, which may hold a secret: its host at most."""
    from aiohttp import (
        ClientConnectorError,
        ClientConnectorSSLError,
        ClientHttpProxyError,
        ClientResponseError,
        ConnectionTimeoutError,
        InvalidURL,
        NonHttpUrlClientError,
        ServerDisconnectedError,
    )

    match error:
        case ConnectionTimeoutError():
            return f"no connection within {timeouts.connect:g} s"
        case TimeoutError():
            return f"no complete answer within {timeouts.total:g} s"
        case ssl.SSLCertVerificationError() | ClientConnectorSSLError():
            return f"no TLS connection: {_reason_of_tls(error)}"
        case ClientConnectorError():
            return f"no connection: {_reason_of(error.os_error)}"
        case ServerDisconnectedError():
            return "the connection was closed without an answer"
        case ClientHttpProxyError():
            return f"the proxy answered {error.status}"
        case ClientResponseError():
            return f"no answer of HTTP: {' '.join(error.message.split())}"
        case InvalidURL(description=str(description)):
            return f"the URL {description}"
        case InvalidURL() | NonHttpUrlClientError():
            return "the URL is not one of HTTP"
    return str(error) or type(error).__name__


def _reason_of_tls(error: OSError) -> str:
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate cannot be verified: {cause.verify_message}"
    return str(getattr(cause, "reason", None) or cause)


def _reason_of(error: OSError) -> str:
    """asyncio puts its own words over the system's, which say more."""
    text = error.strerror or str(error)
    return os.strerror(error.errno) if error.errno and "Connect call failed" in text else text


def _is_hopeless(error: Exception) -> bool:
    """A URL or header that can't be sent; it is the same the next time."""
    from aiohttp import NonHttpUrlClientError

    # A certificate that can't be verified is a ValueError, too: its owner can replace it.
    is_of_the_network = isinstance(error, OSError)
    return isinstance(error, ValueError | NonHttpUrlClientError) and not is_of_the_network


def _shown(head: bytes, response: "ClientResponse") -> str:
    """As text; "" of what is packed although nobody asked for it."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return ""
    return head.decode(errors="replace")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
