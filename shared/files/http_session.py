"""An HTTP client for files. Its library is imported by the first call: it takes 9 MB."""

from asyncio import Lock
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from conveyor.extensions.files import ObjectRefused, StoreUnavailable
from shared.network.guard import Guard
from shared.network.sockets import guard_refusal, guarded_by

if TYPE_CHECKING:
    from aiohttp import ClientSession


class HttpSession:
    """`close` it. Connects to nothing that `guard` refuses; None refuses nothing."""

    def __init__(
        self,
        connect_seconds: float,
        silent_seconds: float,
        guard: Guard | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._connect_seconds = connect_seconds
        self._silent_seconds = silent_seconds
        self._guard = guard
        self._headers = dict(headers or {})
        self._opening = Lock()
        self._session: ClientSession | None = None

    async def __call__(self) -> "ClientSession":
        async with self._opening:
            self._session = self._session or self._new()
            return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _new(self) -> "ClientSession":
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

        return ClientSession(
            # Bytes as they lie at the server: ranges and sizes are of those.
            headers={
                "User-Agent": f"Conveyor/{version('conveyor')}",
                "Accept-Encoding": "identity",
                **self._headers,
            },
            auto_decompress=False,
            cookie_jar=DummyCookieJar(),
            connector=TCPConnector(
                limit=0, socket_factory=guarded_by(self._guard) if self._guard else None
            ),
            timeout=ClientTimeout(
                total=None, connect=self._connect_seconds, sock_read=self._silent_seconds
            ),
        )


@asynccontextmanager
async def translated(name: str) -> AsyncIterator[None]:
    """Errors of the client as those of files."""
    from aiohttp import ClientError, ClientResponseError, InvalidURL

    try:
        yield
    except (InvalidURL, UnicodeError) as error:  # the second: no host can have such a name
        raise ObjectRefused(f"{name}: the URL is not valid") from error
    except (ClientError, TimeoutError, OSError) as error:
        if refusal := guard_refusal(error):
            raise ObjectRefused(f"{name}: {refusal}") from None
        # The text of an answer's error has the whole URL, which may be secret.
        reason = error.message if isinstance(error, ClientResponseError) else str(error)
        raise StoreUnavailable(f"{name}: {reason or type(error).__name__}") from error
