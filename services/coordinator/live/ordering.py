"""Log parts in the order in which they were written, whatever the order they were stored in.

A task's parts reach the database by two queues and several coordinators, so a part may be stored
before its predecessor. It waits for it, but not for ever.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from services.coordinator.live.follower import Follower
from services.coordinator.store.feed import Cursor, FeedRow
from shared.messages import PARTS_PER_DISPATCH

_LOOK_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 2.0
_MOST_WAITING = 100  # parts of one task; with more the predecessor is not late but gone


class PartOrder:
    """Holds what came too early. Times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    @property
    def is_holding(self) -> bool:
        return bool(self._held)

    def take(self, row: FeedRow, now: float) -> list[FeedRow]:
        """What may go now that `row` has come: nothing, it, or it and its successors."""
        if row.part is None:
            return [row]
        task_id = row.part.row.task_id
        held = self._held.setdefault(task_id, _Held(now))
        held.rows[row.part.row.number] = row
        ready = list(held.ready())
        if len(held.rows) > _MOST_WAITING:
            ready += held.rest()
        if not held.rows:
            del self._held[task_id]
        return ready

    def overdue(self, now: float) -> list[FeedRow]:
        """What has waited long enough."""
        early = now - _LONGEST_WAIT_SECONDS
        late = [task_id for task_id, held in self._held.items() if held.since <= early]
        return [row for task_id in late for row in self._held.pop(task_id).rest()]


class _Held:
    """Parts of one task, by number."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.rows: dict[int, FeedRow] = {}

    def ready(self) -> Iterator[FeedRow]:
        """Takes out all up to the first that lacks its predecessor."""
        last = 0
        for number in sorted(self.rows):
            if number - 1 != last and _lacks_predecessor(self.rows[number]):
                return
            yield self.rows.pop(number)
            last = number

    def rest(self) -> list[FeedRow]:
        rows = [self.rows[number] for number in sorted(self.rows)]
        self.rows.clear()
        return rows


def _lacks_predecessor(row: FeedRow) -> bool:
    """Whether the part before it is still to come; each dispatch begins anew."""
    part = row.part
    if part is None or (part.row.number - 1) % PARTS_PER_DISPATCH == 0:
        return False
    return part.previous is None or part.previous > row.cursor


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
