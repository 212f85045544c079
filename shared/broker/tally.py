"""What consumers of a broker meet that should be rare, counted by queue."""

from collections import Counter
from typing import Literal

from shared.messages.queues import is_node_queue

BuriedAs = Literal["undecodable", "unexpected kind", "failed"]
"""Why a message is buried: it can't be read, its queue has no use for it, its handling failed."""


class Tally:
    """Plain numbers, so that counting costs nothing to speak of."""

    def __init__(self) -> None:
        self.redelivered: Counter[str] = Counter()
        self.sent_back: Counter[str] = Counter()
        self.buried: Counter[tuple[str, str]] = Counter()

    def on_redelivered(self, queue: str) -> None:
        self.redelivered[queue_label(queue)] += 1

    def on_sent_back(self, queue: str) -> None:
        self.sent_back[queue_label(queue)] += 1

    def on_buried(self, queue: str, reason: BuriedAs) -> None:
        self.buried[queue_label(queue), reason] += 1


def queue_label(queue: str) -> str:
    """Each worker has a queue of its own, and each start a new one: in a label they are one."""
    return "node" if is_node_queue(queue) else queue
