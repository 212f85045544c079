"""How many bodies of any size come and go at once, and how slow a client may be.

A body has no time-out as a whole, so each piece of it has one: a client that hangs is disconnected,
and what it held is free again.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager

import structlog
from aiohttp import hdrs, web

from conveyor.extensions.files import FilesError
from services.coordinator.api.access.principal import known_principal, until_shut_out
from services.coordinator.api.errors import BadRequest, TooLarge, TooManyWaiting, WaitedTooLong
from services.coordinator.api.requests import BODY_SECONDS, ask_for_body
from services.coordinator.live.stream import ClientGone, Connection
from shared.process.metrics import WORKED_OFF, Metrics, MetricSpec

log = structlog.get_logger(__name__)

_OPEN = MetricSpec(
    "api_transfers",
    "Files that clients and workers are sending to this coordinator or reading from it.",
    WORKED_OFF,
    "near CONVEYOR_API_TRANSFERS: further ones are rejected with 503",
)
_PIECE_BYTES = 64 * 1024
"""So many in each time-out: the least pace of a client."""
_STALLED_SECONDS = 60.0


class Transfers:
    """At most `most`, and `most_of_one` of them for one client."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._open = Counter[str]()

    @property
    def open_count(self) -> int:
        return self._open.total()

    @contextmanager
    def one(self, client: str) -> Iterator[None]:
        """Raises TooManyWaiting."""
        if self.open_count >= self._most or self._open[client] >= self._most_of_one:
            raise TooManyWaiting(
                "too many files are being transferred, try again later", {"Retry-After": "1"}
            )
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1
            self._open += Counter()  # forgets who has none


class AllTransfers:
    """Those of workers take no place from those of clients, and the other way round."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self.of_clients = Transfers(most, max(most // 2, 1))
        self.of_workers = Transfers(most, most)
        metrics.read_one(_OPEN, lambda: self.of_clients.open_count + self.of_workers.open_count)


MOST_UPLOAD_BYTES = web.AppKey("most_upload_bytes", int)
TRANSFERS = web.AppKey("transfers", AllTransfers)


@contextmanager
def client_transfer(request: web.Request) -> Iterator[None]:
    """Raises TooManyWaiting."""
    who = known_principal(request)
    client = (who.identity if who else None) or f"address:{request.remote}"
    with request.app[TRANSFERS].of_clients.one(client):
        yield


async def received(request: web.Request) -> AsyncIterator[bytes]:
    """The body in pieces. Raises TooLarge, before anything is read where its length is known,
    WaitedTooLong and BadRequest."""
    most_bytes = request.app[MOST_UPLOAD_BYTES]
    if (request.content_length or 0) > most_bytes:
        raise _too_large(most_bytes)
    if hdrs.EXPECT in request.headers:
        await ask_for_body(request)
    size = 0
    while piece := await _next_piece(request):
        size += len(piece)
        if size > most_bytes:
            raise _too_large(most_bytes)
        yield piece


def _too_large(most_bytes: int) -> TooLarge:
    return TooLarge(f"the body is too large: the limit is {most_bytes} bytes")


async def _next_piece(request: web.Request) -> bytes:
    """Empty at the end."""
    parts, size, seconds = list[bytes](), 0, request.app[BODY_SECONDS]
    try:
        async with asyncio.timeout(seconds):
            while size < _PIECE_BYTES and (part := await request.content.readany()):
                parts.append(part)
                size += len(part)
    except TimeoutError:  # its place is held for others
        raise WaitedTooLong(
            f"the body came too slowly: less than {_PIECE_BYTES} bytes in {seconds:g} s"
        ) from None
    except (web.RequestPayloadError, ConnectionError):  # the client's mistake, or it has left
        raise BadRequest("the body is not valid HTTP, or ends too early") from None
    return b"".join(parts)


async def sent(
    request: web.Request, response: web.StreamResponse, chunks: AsyncIterator[bytes]
) -> web.StreamResponse:
    """`response` with these chunks, which raise FilesError: before the answer has begun that goes
    to the caller, later it breaks the connection, lest the client takes what it has for all."""
    client = Connection(request, response, stalled_seconds=_STALLED_SECONDS)
    try:
        if known_principal(request):
            async with until_shut_out(request):
                await _send(client, chunks)
        else:
            await _send(client, chunks)
    except ClientGone:
        pass  # it asks for the rest when it likes
    except TimeoutError:  # it is shut out
        client.abort()
    except FilesError as error:
        if not response.prepared:
            raise
        log.warning("transfer_aborted", path=request.path, reason=str(error))
        client.abort()
    except Exception:  # a bug; with the answer begun, only its abrupt end can tell the client
        if not response.prepared:
            raise
        log.exception("transfer_failed", path=request.path)
        client.abort()
    finally:
        if isinstance(chunks, AsyncGenerator):  # what it has open is not needed any longer
            await chunks.aclose()
    return response


async def _send(client: Connection, chunks: AsyncIterator[bytes]) -> None:
    """One behind: what is wrong with the whole is known after the last chunk, which then must not
    have been sent."""
    last = b""
    async for chunk in chunks:
        await _write(client, last)
        last = chunk
    await _write(client, last)
    await client.write(b"")  # an empty content has headers, too


async def _write(client: Connection, chunk: bytes) -> None:
    for start in range(0, len(chunk), _PIECE_BYTES):
        await client.write(chunk[start : start + _PIECE_BYTES])
