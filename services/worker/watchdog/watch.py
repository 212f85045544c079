"""Watches over a worker's tasks: ends those whose lease may run out, and all when it is gone."""

import json
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from services.worker.watchdog.task_table import Row, SharedTable
from shared.process.clock import monotonic_boottime

End = Callable[[Sequence[Row], bool], bool]
"""Kills what runs of these tasks, told whether the worker is gone; True when nothing was left."""

_FIRST_PAUSE_SECONDS = 0.03
_LONGEST_PAUSE_SECONDS = 5.0
_LOOKS_AFTER_DEATH = 2
_GIVE_UP_SECONDS = 600.0
_READ_BYTES = 65536


class Lifeline:
    """A connection, the other end of which is the worker's for as long as it lives."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self.message = b""

    def broke_within(self, seconds: float) -> bool:
        """Wait so long at the most; whether the worker is gone. What it sends goes to `message`."""
        until = monotonic_boottime() + seconds
        while self._poll.poll(max(0.0, until - monotonic_boottime()) * 1000):
            try:
                data = self._connection.recv(_READ_BYTES)
            except ConnectionError:  # it died with something of ours unread
                return True
            if not data:
                return True
            self.message += data
        return False


class Watch:
    def __init__(
        self,
        table: SharedTable,
        lifeline: Lifeline,
        limit_seconds: float,
        end: End,
        is_taken_over: Callable[[Row], bool] = lambda _: False,
    ) -> None:
        """`is_taken_over`: another worker goes on with it, or has ended it."""
        self._is_taken_over = is_taken_over
        self._table = table
        self._lifeline = lifeline
        self._limit = limit_seconds
        self._end = end
        self._again_at = 0.0
        self._pause = _FIRST_PAUSE_SECONDS

    def run(self) -> Iterator[list[Row]]:
        """Until the worker is gone: what it has left, when it is to be `ended`; what is kept, at
        the end of its lease, unless it is another's then."""
        while not self._lifeline.broke_within(self._seconds_to_next_look()):
            self._end_overdue()
        rows = self._table.rows()
        now = monotonic_boottime()
        kept = [r for r in rows if r.is_kept and not r.is_ended and now < self._limit_of(r)]
        yield [row for row in rows if row not in kept]
        while kept:
            time.sleep(max(0.0, min(map(self._limit_of, kept)) - monotonic_boottime()))
            now = monotonic_boottime()
            due = [row for row in kept if self._limit_of(row) <= now]
            kept = [row for row in kept if row not in due]
            yield [row for row in due if not self._is_taken_over(row)]

    def ended(self, tasks: list[Row]) -> list[Row]:
        """End them; none when something of them may still run."""
        if not tasks:
            return []
        write_log("orphaned_tasks_ended", tasks)
        return tasks if self._end_all(tasks) else []

    def _seconds_to_next_look(self) -> float:
        """With nothing to guard, as long as a lease that begins right now lasts for sure."""
        now = monotonic_boottime()
        looks = [
            self._again_at if row.is_ended else self._limit_of(row) for row in self._table.rows()
        ]
        return max(0.0, min(looks, default=now + self._limit) - now)

    def _limit_of(self, row: Row) -> float:
        return max(row.taken_at, self._table.heard_at) + self._limit

    def _end_overdue(self) -> None:
        now = monotonic_boottime()
        rows = self._table.rows()
        overdue = [row for row in rows if not row.is_ended and self._limit_of(row) <= now]
        if overdue:
            write_log("overdue_tasks_ended", overdue)
            self._pause = _FIRST_PAUSE_SECONDS
            for row in overdue:
                self._table.set_ended(row)  # first: whatever the worker sees of this is no result
        elif now < self._again_at:
            return
        self._end_those(rows)

    def _end_those(self, rows: Sequence[Row]) -> None:
        """Of `rows`, what is to end; and set the time of the next look at it."""
        over = [row for row in rows if self._table.is_ended(row.number, row.serial)]
        if not over:
            return
        if self._end(over, False):
            self._again_at = monotonic_boottime() + self._limit
        else:
            self._again_at = monotonic_boottime() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)

    def _end_all(self, tasks: Sequence[Row]) -> bool:
        """False when it was given up."""
        looks, give_up_at = 0, monotonic_boottime() + _GIVE_UP_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        # Once is not enough: a process that was just being started bears no mark yet.
        while looks < _LOOKS_AFTER_DEATH and monotonic_boottime() < give_up_at:
            looks = looks + 1 if self._end(tasks, True) else 0
            time.sleep(pause)
            pause = pause if looks else min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return looks >= _LOOKS_AFTER_DEATH


def write_log(event: str, tasks: Sequence[Row], **keys: str) -> None:
    """A line as the worker's own are; the worker itself can't write one now."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    names = [row.task_id for row in tasks]
    line = {"timestamp": moment, "level": "warning", "service": "watchdog", "event": event}
    try:
        sys.stderr.write(json.dumps({**line, "tasks": names, **keys}) + "\n")
        sys.stderr.flush()
    except OSError:  # whoever read the worker's log went with it
        return
