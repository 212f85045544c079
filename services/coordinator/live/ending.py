"""When a stream about one job or task is over: final, and its log complete."""

from services.coordinator.live.ordered import OrderedFeed
from services.coordinator.store.connected import connected
from services.coordinator.store.feed import FeedRow
from services.coordinator.store.log_ends import Subject, end_of
from shared.lifecycle import JobState, TaskState
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Pool

_AGAIN_SECONDS = 0.2


class Ending:
    """Asks the database at first, and when a change says that it may be over."""

    def __init__(self, pool: Pool, subject: Subject) -> None:
        self._pool = pool
        self._subject = subject
        self._may_be_over = True

    def note(self, row: FeedRow) -> None:
        for change in row.changes:
            if change.get("task_id") == self._subject.task_id and not change.get("is_progress"):
                state = str(change["state"])
                final = JobState(state) if self._subject.task_id is None else TaskState(state)
                self._may_be_over = final.is_final

    def patience_seconds(self, longest: float) -> float:
        """How long to wait for rows before asking again whether it is over."""
        return min(longest, _AGAIN_SECONDS) if self._may_be_over else longest

    async def is_reached(self, feed: OrderedFeed) -> bool:
        if not self._may_be_over or not feed.is_caught_up:
            return False
        try:
            end = await connected(self._pool, end_of, self._subject, feed.cursor)
        except DatabaseUnavailable:  # asked again, until it is back
            return False
        self._may_be_over = end.is_final
        return end.is_final and end.is_complete
