"""A message received from RabbitMQ, and the three ways to answer it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from aiormq.abc import DeliveredMessage

from shared.broker.backoff import Backoff
from shared.broker.protocol import BrokerUnavailable, DeadLetterInfo
from shared.broker.rabbitmq.acks import Acks
from shared.broker.rabbitmq.publishing import Letter, stable_message_id
from shared.messages.queues import DEAD_LETTERS

QUEUE_HEADER = "x-conveyor-queue"
REASON_HEADER = "x-conveyor-reason"
AT_HEADER = "x-conveyor-at"
_LONGEST_REASON = 2000  # all headers must fit into one frame

PublishLetter = Callable[[Letter], Awaitable[None]]


class RabbitDelivery:
    def __init__(
        self, message: DeliveredMessage, queue: str, acks: Acks, publish: PublishLetter
    ) -> None:
        self._message = message
        self._queue = queue
        self._acks = acks
        self._publish = publish
        self._is_due = True

    @property
    def body(self) -> bytes:
        return self._message.body

    @property
    def message_id(self) -> str:
        return stable_message_id(self._message.header.properties.message_id or "")

    @property
    def redelivered(self) -> bool:
        return bool(self._message.redelivered)

    @property
    def dead_letter_info(self) -> DeadLetterInfo | None:
        headers = self._message.header.properties.headers or {}
        if REASON_HEADER not in headers:
            return None
        queue, reason = str(headers.get(QUEUE_HEADER)), str(headers[REASON_HEADER])
        return DeadLetterInfo(queue, reason, _time(headers.get(AT_HEADER)))

    async def ack(self) -> None:
        if self._take():
            self._acks.acknowledge(self._tag)

    async def requeue(self) -> None:
        if self._take():
            self._acks.send_back(self._tag)

    async def dead_letter(self, reason: str) -> None:
        """As the protocol. While it can't be published it is tried again: a requeue would be hot.

        It ends when the channel is gone, because then the message is delivered again.
        """
        if self._take() and await self._has_moved(self._dead_letter(reason)):
            self._acks.acknowledge(self._tag)

    async def _has_moved(self, dead_letter: Letter) -> bool:
        backoff = Backoff()
        while self._acks.is_open:
            try:
                await self._publish(dead_letter)
            except BrokerUnavailable:  # try again, for as long as the message is ours
                await backoff.wait()
            else:
                return True
        return False

    def _dead_letter(self, reason: str) -> Letter:
        headers = {
            QUEUE_HEADER: self._queue,
            REASON_HEADER: reason[:_LONGEST_REASON],
            AT_HEADER: datetime.now(UTC).isoformat(),
        }
        return Letter("", DEAD_LETTERS, self.body, self.message_id, headers=headers)

    @property
    def _tag(self) -> int:
        return self._message.delivery_tag or 0

    def _take(self) -> bool:
        """Whether the answer is still due; only the first caller hears yes."""
        was_due, self._is_due = self._is_due, False
        return was_due


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:  # dead-lettered by a version that did not note it
        return None
