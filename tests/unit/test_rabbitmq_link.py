"""The connection to RabbitMQ, where there is none."""

from typing import Any

import aio_pika
import pytest

from shared.broker.rabbitmq.link import Link
from tests.support.ports import free_port


async def test_a_connection_that_never_opened_is_closed_and_not_left_to_the_garbage_collector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[aio_pika.Connection] = []

    class Remembered(aio_pika.Connection):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(aio_pika, "Connection", Remembered)
    # Given a port on which nobody listens
    port = free_port()
    link = Link(f"amqp://guest:guest@127.0.0.1:{port}/", "test", heartbeat_seconds=10)
    # When it is tried in vain
    link.start()
    await link.wait_tried()
    await link.close()
    # Then what it left has been closed: else it would begin to close itself when it is collected
    assert made
    assert all(connection.is_closed for connection in made)
