"""The HTTP client that makes the calls. Its library is imported by the first: it takes 9 MB."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from yarl import URL

from services.webhook_dispatcher.retries import is_retried
from shared.network.guard import Guard
from shared.network.sockets import guarded_by

if TYPE_CHECKING:
    from aiohttp import ClientSession


_MOST_DIGITS = 9
"""More seconds don't fit in a timedelta; the caller bounds them anyway."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Of a call: the receiver asks for no other within `retry_after`."""

    error: str
    is_hopeless: bool = False
    retry_after: timedelta = timedelta()


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
    ) -> Failure | None:
        """What went wrong, or None when the receiver took it."""
        from aiohttp import ClientError, ClientTimeout, NonHttpUrlClientError

        self._session = session = self._session or self._new_session()
        try:
            if self._proxy and (refusal := self._refusal(url)):
                return Failure(refusal)
            # Not where an answer leads: the POST would mostly arrive there as a GET, without body.
            async with session.post(
                url,
                data=body,
                headers=headers,
                timeout=ClientTimeout(total=timeouts.total, connect=timeouts.connect),
                allow_redirects=False,
                proxy=self._proxy or None,
            ) as answer:
                if answer.status < 300:
                    return None
                wish = read_retry_after(answer.headers.get("Retry-After", ""), datetime.now(UTC))
                return Failure(f"answered {answer.status}", not is_retried(answer.status), wish)
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            is_hopeless = isinstance(error, ValueError | NonHttpUrlClientError)
            return Failure(str(error) or type(error).__name__, is_hopeless)

    def _new_session(self) -> "ClientSession":
        """Receivers see by its User-Agent who calls."""
        from aiohttp import ClientSession, DummyCookieJar, TCPConnector

        make_socket = None if self._proxy else guarded_by(self._guard)
        return ClientSession(
            headers={"User-Agent": f"Conveyor/{version('conveyor')}"},
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


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
