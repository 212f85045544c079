"""One connection to RabbitMQ that is opened again, for as long as it takes, when it is lost.

aio-pika opens it. The channels work on the aiormq connection inside: one write for the frames of a
whole batch publishes two to three times as many messages a second as aio-pika's publish for each,
and each consumer's loss is seen and mended here rather than by a robust connection that may go on
deaf.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import aio_pika
import structlog
from aiormq.abc import AbstractConnection
from aiormq.exceptions import AMQPError
from pamqp import decode
from pamqp.common import FieldValue
from yarl import URL

from shared.broker.backoff import Backoff
from shared.broker.protocol import BrokerUnavailable

log = structlog.get_logger(__name__)


TRANSPORT_ERRORS = (AMQPError, OSError, RuntimeError, StopAsyncIteration)
"""TimeoutError is an OSError; RuntimeError is how aiormq says that a connection is closed, and
StopAsyncIteration that it was before it could greet."""

_TIME_BYTES = 8
_LENGTH_BYTES = 4
_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 5.0
_CHECK_SECONDS = 1.0


@contextmanager
def unavailable_on_failure(doing: str) -> Iterator[None]:
    """Turn each failure of the connection into BrokerUnavailable; `doing` begins its text."""
    try:
        yield
    except TRANSPORT_ERRORS as error:
        raise BrokerUnavailable(f"{doing}: {_text(error)}") from error
    except asyncio.CancelledError:
        # aiormq also cancels what waits on a connection that it gives up: that is a failure.
        # When our own task is being cancelled, it must stay a cancellation.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise BrokerUnavailable(f"{doing}: the connection was lost") from None


def _text(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


def accept_any_properties() -> None:
    """From now on, in this process, of whatever anybody has sent.

    pamqp raises over a text that is no UTF-8, a time beyond all years, a header of an unknown type.
    aiormq then gives the connection up, RabbitMQ delivers the message again, and so on without end:
    one such message on a queue and nobody reads it any more. So what can't be read is left out.
    """
    decode.METHODS |= {"shortstr": _short_text, "timestamp": _time, "table": _table}


def _short_text(value: bytes) -> tuple[int, str]:
    end = value[0] + 1
    return end, value[1:end].decode(errors="replace")


def _time(value: bytes) -> tuple[int, FieldValue]:
    return _read(decode.timestamp, value, _TIME_BYTES, None)


def _table(value: bytes) -> tuple[int, FieldValue]:
    length = int.from_bytes(value[:_LENGTH_BYTES])
    return _read(decode.field_table, value, _LENGTH_BYTES + length, {})


def _read(
    read: Callable[[bytes], tuple[int, FieldValue]], value: bytes, size: int, without: FieldValue
) -> tuple[int, FieldValue]:
    try:
        return read(value)
    except (ValueError, OverflowError, OSError, KeyError, IndexError):
        # Whatever is wrong with it, its size is known: what follows can be read.
        return size, without


class Link:
    """`purpose` tells the connections of one service apart, in logs and in RabbitMQ's own pages."""

    def __init__(self, url: str, purpose: str, *, heartbeat_seconds: int) -> None:
        self._url = URL(url).update_query(heartbeat=heartbeat_seconds)
        self._purpose = purpose
        self._opened: aio_pika.abc.AbstractConnection | None = None
        self._connection: AbstractConnection | None = None
        self._up = asyncio.Event()
        self._tried = asyncio.Event()
        self._backoff = Backoff()
        self._is_known_down = False
        self._supervisor: asyncio.Task[None] | None = None

    def start(self) -> None:
        accept_any_properties()
        if self._supervisor is None:
            self._supervisor = asyncio.create_task(self._supervise())

    async def close(self) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
            self._supervisor = None
        await self._give_up()

    @property
    def is_up(self) -> bool:
        return self._connection is not None and self._connection.is_opened

    @property
    def connection(self) -> AbstractConnection:
        """The open connection. Raises BrokerUnavailable at once when there is none."""
        if self._connection is None or not self._connection.is_opened:
            raise BrokerUnavailable("not connected to RabbitMQ")
        return self._connection

    async def wait_up(self) -> None:
        await self._up.wait()

    async def wait_tried(self) -> None:
        """Return when the first attempt to connect has ended, well or not."""
        await self._tried.wait()

    async def _supervise(self) -> None:
        while True:
            connection = await self._connect()
            if connection is not None:
                await self._hold(connection)
            await self._backoff.wait()

    async def _connect(self) -> AbstractConnection | None:
        # Kept, as it watches the connection inside. It is closed also where it was never open: one
        # that isn't would close itself when it is collected, whatever loop runs then.
        opened = self._opened = aio_pika.Connection(
            self._url, client_properties={"connection_name": f"conveyor {self._purpose}"}
        )
        try:
            with unavailable_on_failure("connecting"):
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await opened.connect()
        except BrokerUnavailable as error:  # it will be tried again, for as long as it takes
            self._note_down(str(error))
        except Exception:  # a defect: it must be seen, but must not leave the service deaf
            log.exception("broker_connection_failed", purpose=self._purpose)
        finally:
            self._tried.set()
        if opened.transport is None:
            await self._give_up()
            return None
        return opened.transport.connection

    async def _hold(self, connection: AbstractConnection) -> None:
        """Offer `connection` to all who want it, until it is lost."""
        self._connection = connection
        self._up.set()
        self._is_known_down = False
        log.info("broker_connected", purpose=self._purpose)
        try:
            reason = await self._loss_of(connection)
        finally:
            self._up.clear()
        self._note_down(reason)
        await self._give_up()

    @staticmethod
    async def _loss_of(connection: AbstractConnection) -> str:
        """Wait until `connection` is of no more use; the reason.

        Looked at each second as well as told: a connection whose writer alone has died does not
        say so.
        """
        closing = connection.closing
        while connection.is_opened:
            await asyncio.wait({closing}, timeout=_CHECK_SECONDS)
        if not closing.done() or closing.cancelled():
            return "stopped working"
        return repr(closing.exception())

    async def _give_up(self) -> None:
        opened, self._opened = self._opened, None
        self._connection = None
        if opened is None:
            return
        with suppress(*TRANSPORT_ERRORS):  # it is of no use, whatever its close meets
            async with asyncio.timeout(_CLOSE_SECONDS):
                await opened.close(ConnectionAbortedError("closed by this service"))

    def _note_down(self, reason: str) -> None:
        if not self._is_known_down:
            self._is_known_down = True
            log.warning("broker_disconnected", purpose=self._purpose, reason=reason)
