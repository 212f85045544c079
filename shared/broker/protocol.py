"""What every broker can do. Two implementations, one contract suite: `rabbitmq`, `in_process`.

Topology is values: `queue_spec(name)` says how a queue is declared, from its name alone, so that
every service declares it alike. The broker declares a queue the first time it publishes to or
consumes from it, and again when it was deleted meanwhile.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal, Protocol

from shared.messages import queues
from shared.messages.queues import is_node_queue

DeadLetterReason = Literal["undecodable", "unexpected kind", "failed"]
"""It can't be read, its queue has no use for it, or its handling failed."""

MAX_PRIORITY = 9


class ConsumerCounts:
    """Plain numbers, so that counting costs nothing to speak of."""

    def __init__(self) -> None:
        self.redelivered: Counter[str] = Counter()
        self.requeued: Counter[str] = Counter()
        self.dead_lettered: Counter[tuple[str, str]] = Counter()

    def on_redelivered(self, queue: str) -> None:
        self.redelivered[queue_label(queue)] += 1

    def on_requeued(self, queue: str) -> None:
        self.requeued[queue_label(queue)] += 1

    def on_dead_lettered(self, queue: str, reason: DeadLetterReason) -> None:
        self.dead_lettered[queue_label(queue), reason] += 1


def queue_label(queue: str) -> str:
    """Each worker has a queue of its own, and each start a new one: in a label they are one."""
    return "node" if is_node_queue(queue) else queue


class BrokerUnavailable(Exception):
    """The broker can't be reached or did not confirm in time: try again later."""


class OnMissing(Enum):
    """What publishing to a queue that does not exist does."""

    DECLARE = "declare"
    DROP = "drop"  # its only reader is gone for good


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """How a queue is declared; all are durable. Unused for `expires_seconds` it is deleted."""

    name: str
    max_priority: int | None = None
    expires_seconds: int | None = None
    exchange: str | None = None  # a fan-out exchange it is bound to
    on_missing: OnMissing = OnMissing.DECLARE


def queue_spec(name: str) -> QueueSpec:
    if name == queues.EVENTS:
        return QueueSpec(name, exchange=queues.EVENTS)
    if name in queues.SERVICE_QUEUES:
        return QueueSpec(name)
    if queues.is_node_queue(name):
        return QueueSpec(name, expires_seconds=600, on_missing=OnMissing.DROP)
    return QueueSpec(name, max_priority=MAX_PRIORITY)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send. `queue` is a queue's name; EVENTS goes to the fan-out exchange.

    `message_id` is the same each time the same message is sent. `priority` is 0..9, higher first.
    """

    queue: str
    body: bytes
    message_id: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetterInfo:
    """Of a dead letter: the queue it came from, why nobody could use it, and since when (aware;
    None if who dead-lettered it did not say)."""

    queue: str
    reason: str
    at: datetime | None = None


class Delivery(Protocol):
    """One received message. Exactly one of the three answers is due; a second one is a no-op.

    An answer after the connection was lost is a no-op too: the message will be redelivered.
    """

    @property
    def body(self) -> bytes: ...
    @property
    def message_id(self) -> str: ...
    @property
    def redelivered(self) -> bool: ...
    @property
    def dead_letter_info(self) -> DeadLetterInfo | None: ...

    async def ack(self) -> None: ...
    async def requeue(self) -> None: ...
    async def dead_letter(self, reason: str) -> None:
        """Move the message to `dead-letters` with its queue and `reason`, then acknowledge it.

        Never raises: it tries until the message is there or, the connection lost, comes again.
        """
        ...


class Consumer(Protocol):
    """Deliveries of one queue. Survives lost connections: it subscribes again by itself."""

    def __aiter__(self) -> AsyncIterator[Delivery]: ...

    async def batch(self, limit: int) -> list[Delivery]:
        """Wait for one delivery, then add what else has already arrived, up to `limit`."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether the broker knows this consumer right now; False during an outage."""
        ...

    async def cancel(self) -> None:
        """Stop receiving. Deliveries that were handed out can still be answered."""
        ...

    async def resume(self) -> None:
        """Receive again after `cancel`."""
        ...


@dataclass(frozen=True, slots=True)
class QueueStats:
    name: str
    size: int  # messages waiting
    subscribers: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """A consumer: whether it should be live (one that was cancelled should not), and is."""

    queue: str
    is_wanted: bool
    is_live: bool


class Broker(Protocol):
    @property
    def consumer_counts(self) -> ConsumerCounts:
        """What this broker's consumers have met."""
        ...

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        """All consumers of this process."""
        ...

    async def start(self) -> None:
        """Begin connecting, in the background and for as long as it takes."""
        ...

    async def close(self) -> None: ...

    @property
    def is_up(self) -> bool: ...

    @property
    def missing(self) -> Sequence[str]:
        """What `/health` must name: the connection, and each consumer that should be live."""
        ...

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Send all, persistent, and return when the broker has confirmed every one.

        Pipelined: the time is that of one confirm, not of one for each. Raises BrokerUnavailable
        when any is unconfirmed; some may have arrived, so the caller sends all again.
        """
        ...

    def consume(self, queue: str, *, prefetch: int) -> AbstractAsyncContextManager[Consumer]:
        """Subscribe; at most `prefetch` deliveries are unanswered at any time.

        Subscribed on entering when the broker is up, else as soon as it is (see `is_live`).
        On leaving the context, deliveries that were received but not answered go back.
        """
        ...

    def peek(self, queue: str, limit: int) -> AbstractAsyncContextManager[Sequence[Delivery]]:
        """The first messages that wait in the queue, up to `limit`, or none: nothing is waited for.

        On leaving the context, what is not answered goes back to where it was, marked redelivered;
        in between nobody else receives it. Raises BrokerUnavailable, on leaving too: then also
        what was answered may come again.
        """
        ...

    async def queue_stats(self, name: str) -> QueueStats | None:
        """None when there is no such queue. Raises BrokerUnavailable."""
        ...

    async def delete_queue(self, name: str) -> None:
        """Delete the queue and what is in it; consumers of it subscribe to a fresh one."""
        ...
