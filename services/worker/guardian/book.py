"""The worker's hand in the ledger: a row for each task it takes up, crossed out when it is over."""

import os

from services.worker.guardian.ledger import Key, Ledger, open_memory


class Entry:
    """One dispatch in hand."""

    __slots__ = ("_book", "_key", "_place", "_serial")

    def __init__(self, book: "Book", place: int, serial: int, key: Key) -> None:
        self._book = book
        self._place = place
        self._serial = serial
        self._key = key

    @property
    def is_ended(self) -> bool:
        """Whether the guardian has killed it: what came of it means nothing then."""
        return self._book.ledger.is_ended(self._place, self._serial)

    def strike(self) -> None:
        """Nothing of it runs any more."""
        self._book.free(self._place, self._key)


class Book:
    def __init__(self, places: int) -> None:
        """`places`: how many tasks may be in hand at once. Raises OSError."""
        self.ledger = Ledger(open_memory(places))
        self._free = list(range(places))
        self._places: dict[Key, int] = {}
        self._last_serial = 0

    def enter(self, key: Key, taken_at: float) -> Entry:
        """Before anything of it is made."""
        place = self._free.pop()
        self._last_serial += 1
        self.ledger.write(place, self._last_serial, taken_at, key)
        self._places[key] = place
        return Entry(self, place, self._last_serial, key)

    def renew(self, at: float) -> None:
        """All leases last from `at`, when a heartbeat was sent that arrived."""
        self.ledger.heard_at = at

    def lead(self, key: Key, pid: int) -> None:
        """The process that leads the task's program; 0 when it has ended."""
        place = self._places.get(key)
        if place is not None:
            self.ledger.set_leader(place, pid)

    def free(self, place: int, key: Key) -> None:
        self.ledger.erase(place)
        self._free.append(place)
        del self._places[key]

    def close(self) -> None:
        """The memory lives on for as long as somebody else has it."""
        os.close(self.ledger.fd)
