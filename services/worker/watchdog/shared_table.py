"""The memory a worker shares with its watchdog: which tasks run, and until when that is sure.

The worker writes, a few words for each task and no system call, so it costs a task nothing. The
watchdog looks only when a lease may be over; what it writes is the one word that says it ended a
task. A row is written before its serial number and read between two looks at it, so that none is
taken for another's.
"""

import mmap
import os
from typing import NamedTuple

_WORD = 8
_ROW_WORDS = 16
_SERIAL, _TAKEN_AT, _LEADER, _ENDED, _DISPATCH, _TASK_ID = range(6)
_ID_BYTES = (_ROW_WORDS - _TASK_ID) * _WORD
_HEARD_AT, _FIRST_ROW = 0, 1


Key = tuple[str, int]
"""Task id and dispatch."""


class Row(NamedTuple):
    """One dispatch in hand. `leader` is the process that a shell program began with, 0: none.

    `taken_at` is of the worker's clock. `is_ended`: by the watchdog.
    """

    place: int
    serial: int
    taken_at: float
    leader: int
    is_ended: bool
    task_id: str
    dispatch: int


class SharedTable:
    """`fd` is of a file as long as its memory."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._bytes = mmap.mmap(fd, os.fstat(fd).st_size)
        view = memoryview(self._bytes)
        # A word at a time: a number is written as a whole, or not at all when its writer dies.
        self._numbers, self._times = view.cast("q"), view.cast("d")
        self.places = (len(view) // _WORD - _FIRST_ROW) // _ROW_WORDS

    @property
    def heard_at(self) -> float:
        """When the last heartbeat that arrived was sent: all leases were renewed then."""
        return self._times[_HEARD_AT]

    @heard_at.setter
    def heard_at(self, at: float) -> None:
        self._times[_HEARD_AT] = at

    def write(self, place: int, serial: int, taken_at: float, key: Key) -> None:
        """`serial` is above 0 and never used again. Raises ValueError for a longer id than fits."""
        name = key[0].encode()
        if len(name) > _ID_BYTES:
            raise ValueError(f"the task id has {len(name)} bytes; it may have {_ID_BYTES}")
        row = _first_word(place)
        begin = (row + _TASK_ID) * _WORD
        self._bytes[begin : begin + _ID_BYTES] = name.ljust(_ID_BYTES, b"\0")
        self._times[row + _TAKEN_AT] = taken_at
        self._numbers[row + _DISPATCH] = key[1]
        self._numbers[row + _LEADER] = 0
        self._numbers[row + _SERIAL] = serial

    def erase(self, place: int) -> None:
        self._numbers[_first_word(place) + _SERIAL] = 0

    def set_leader(self, place: int, pid: int) -> None:
        self._numbers[_first_word(place) + _LEADER] = pid

    def set_ended(self, row: Row) -> None:
        self._numbers[_first_word(row.place) + _ENDED] = row.serial

    def is_ended(self, place: int, serial: int) -> bool:
        return self._numbers[_first_word(place) + _ENDED] == serial

    def rows(self) -> list[Row]:
        return [row for place in range(self.places) if (row := self._row(place)) is not None]

    def _row(self, place: int) -> Row | None:
        first = _first_word(place)
        while serial := self._numbers[first + _SERIAL]:
            begin = (first + _TASK_ID) * _WORD
            row = Row(
                place,
                serial,
                self._times[first + _TAKEN_AT],
                self._numbers[first + _LEADER],
                self._numbers[first + _ENDED] == serial,
                self._bytes[begin : begin + _ID_BYTES].rstrip(b"\0").decode(errors="replace"),
                self._numbers[first + _DISPATCH],
            )
            if self._numbers[first + _SERIAL] == serial:
                return row
        return None


def open_memory(places: int) -> int:
    """The descriptor of memory for a table of so many places. Raises OSError."""
    size = (_FIRST_ROW + places * _ROW_WORDS) * _WORD
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("conveyor-tasks")
    else:  # no such call on macOS: a file without a name
        import tempfile  # here: the watchdog, which never asks for memory, does without it

        fd, path = tempfile.mkstemp()
        os.unlink(path)
    os.ftruncate(fd, size)
    return fd


def _first_word(place: int) -> int:
    return _FIRST_ROW + place * _ROW_WORDS
