"""What a follower hands out, with each task's log parts in order, and where to resume after it."""

import time
from dataclasses import dataclass

from services.coordinator.live.follower import Follower
from services.coordinator.live.part_order import PartOrder
from services.coordinator.store.feed import Cursor, FeedRow

_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Ready:
    """`row`, to be sent now. With it, all up to `resume` has been; None: something is held back."""

    row: FeedRow
    resume: Cursor | None


class OrderedFeed:
    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._order = PartOrder()

    @property
    def is_caught_up(self) -> bool:
        """Whether what was there when the hub looked last has been handed out."""
        return self._follower.is_live and not self._order.is_holding

    @property
    def cursor(self) -> Cursor:
        return self._follower.cursor

    async def ready(self, patience_seconds: float) -> list[Ready]:
        """What comes next; nothing when nothing has come in time. Raises HubClosed."""
        patience = min(patience_seconds, _LOOK_SECONDS) if self._order.is_holding else None
        rows = await self._follower.rows(patience_seconds if patience is None else patience)
        now = time.monotonic()
        ready: list[Ready] = []
        for row in rows:
            ready += self._marked(self._order.take(row, now), row.cursor)
        if self._follower.is_live:  # until then a predecessor may be on the next page
            ready += self._marked(self._order.overdue(now), self._follower.cursor)
        return ready

    def _marked(self, rows: list[FeedRow], cursor: Cursor) -> list[Ready]:
        ready = [Ready(row, None) for row in rows]
        if ready and not self._order.is_holding:
            ready[-1] = Ready(rows[-1], cursor)
        return ready
