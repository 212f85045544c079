"""A broker that keeps every promise of the protocol, and none of what it doesn't promise.

Every message comes twice and in no order; some come once more, when a lease has passed and nobody
thinks of them any longer. Nothing is lost by it: a message is confirmed when it is really there,
and what is sent late is a copy.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from shared.broker.protocol import BrokerUnavailable, Outgoing
from shared.broker.rabbitmq.broker import RabbitBroker

SWITCH_VARIABLE = "CHAOS_UNRULY_SWITCH"
"""Names a file: as long as it exists, the brokers of all services are unruly."""

_HELD_UP = 0.3
_HELD_UP_SECONDS = 0.5
_LATE = 0.3
_LATE_SECONDS = (0.2, 6.0)


class UnrulyBroker(RabbitBroker):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._lot = Random()
        self._switch = Path(os.environ[SWITCH_VARIABLE])
        self._late: set[asyncio.Task[None]] = set()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        if not self._switch.exists():
            return await super().publish(messages)
        if self._lot.random() < _HELD_UP:  # what is sent meanwhile overtakes it
            await asyncio.sleep(self._lot.uniform(0, _HELD_UP_SECONDS))
        twice = [*messages, *messages]
        self._lot.shuffle(twice)
        await super().publish(twice)
        for message in messages:
            if self._lot.random() < _LATE:
                self._send_later(message)
        return None

    def _send_later(self, message: Outgoing) -> None:
        task = asyncio.create_task(self._send_late(message, self._lot.uniform(*_LATE_SECONDS)))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _send_late(self, message: Outgoing, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with suppress(BrokerUnavailable):  # it was a copy
            await super().publish([message])

    async def close(self) -> None:
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await super().close()
