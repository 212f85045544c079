"""The HTTP client that makes the calls. Its library is imported by the first: it takes 9 MB."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import ClientSession


class Client:
    """Use as a context manager."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float
    ) -> str | None:
        """What went wrong, or None when the receiver took it."""
        from aiohttp import ClientError, ClientTimeout

        self._session = session = self._session or _new_session()
        try:
            # Not where an answer leads: the POST would mostly arrive there as a GET, without body.
            async with session.post(
                url,
                data=body,
                headers=headers,
                timeout=ClientTimeout(total=timeout_seconds),
                allow_redirects=False,
            ) as answer:
                return None if answer.status < 300 else f"answered {answer.status}"
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            # ValueError: a URL that only the client library finds fault with.
            return str(error) or type(error).__name__


def _new_session() -> "ClientSession":
    """Receivers see by its User-Agent who calls."""
    from aiohttp import ClientSession, DummyCookieJar, TCPConnector

    return ClientSession(
        headers={"User-Agent": f"Conveyor/{version('conveyor')}"},
        # How many there are at once is the setting's to say.
        connector=TCPConnector(limit=0),
        cookie_jar=DummyCookieJar(),  # receivers of other jobs must not see them
    )
