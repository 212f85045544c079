"""What consumers of a broker meet that should be rare, counted by queue."""

from collections import Counter
from typing import Literal

from shared.messages.queues import is_node_queue

DeadLetterReason = Literal["undecodable", "unexpected kind", "failed"]
"""It can't be read, its queue has no use for it, or its handling failed."""


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
