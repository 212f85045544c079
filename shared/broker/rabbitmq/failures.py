"""What aiormq raises, as the one error that callers of a broker know."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiormq.exceptions import AMQPError

from shared.broker.protocol import BrokerUnavailable

TRANSPORT_ERRORS = (AMQPError, OSError, RuntimeError, StopAsyncIteration)
"""TimeoutError is an OSError; RuntimeError is how aiormq says that a connection is closed, and
StopAsyncIteration that it was before it could greet."""


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
