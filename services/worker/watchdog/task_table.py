"""The worker's side of the table it shares with the watchdog: a row for each task in hand."""

import os

from services.worker.watchdog.shared_table import Key, SharedTable, open_memory


class TaskEntry:
    """One dispatch in hand."""

    __slots__ = ("_key", "_place", "_serial", "_table")

    def __init__(self, table: "TaskTable", place: int, serial: int, key: Key) -> None:
        self._table = table
        self._place = place
        self._serial = serial
        self._key = key

    @property
    def is_ended(self) -> bool:
        """Whether the watchdog has killed it: what came of it means nothing then."""
        return self._table.shared.is_ended(self._place, self._serial)

    def remove(self) -> None:
        """Nothing of it runs any more."""
        self._table.free(self._place, self._key)


class TaskTable:
    def __init__(self, places: int) -> None:
        """`places`: how many tasks may be in hand at once. Raises OSError."""
        self.shared = SharedTable(open_memory(places))
        self._free = list(range(places))
        self._places: dict[Key, int] = {}
        self._last_serial = 0

    def enter(self, key: Key, taken_at: float) -> TaskEntry:
        """Before anything of it is made."""
        place = self._free.pop()
        self._last_serial += 1
        self.shared.write(place, self._last_serial, taken_at, key)
        self._places[key] = place
        return TaskEntry(self, place, self._last_serial, key)

    def renew(self, at: float) -> None:
        """All leases last from `at`, when a heartbeat was sent that arrived."""
        self.shared.heard_at = at

    def set_pid(self, key: Key, pid: int) -> None:
        """The process that leads the task's program; 0 when it has ended."""
        place = self._places.get(key)
        if place is not None:
            self.shared.set_leader(place, pid)

    def free(self, place: int, key: Key) -> None:
        self.shared.erase(place)
        self._free.append(place)
        del self._places[key]

    def close(self) -> None:
        """The memory lives on for as long as somebody else has it."""
        os.close(self.shared.fd)
