"""The memory a worker shares with its watchdog: which tasks run, and until when that is sure.

The worker writes, a few words for each task and no system call, so it costs a task nothing. The
watchdog looks only when a lease may be over; what it writes is the one word that says it ended a
task. A row is written before its serial number and read between two looks at it, so that none is
taken for another's.
"""

import mmap
import os
from typing import NamedTuple

from services.worker.watchdog.args import Key

_WORD = 8
_ID_WORDS = 11
_ID_BYTES = _ID_WORDS * _WORD
_SERIAL, _TAKEN_AT, _LEADER, _ENDED, _KEPT, _DISPATCH, _TASK_ID = range(7)
_JOB_ID = _TASK_ID + _ID_WORDS
_ROW_WORDS = _JOB_ID + _ID_WORDS
_HEARD_AT, _FIRST_ROW = 0, 1


class Row(NamedTuple):
    """One dispatch in hand. `leader` is the process that a shell program began with, 0: none.

    `taken_at` is of the worker's clock. `is_ended`: by the watchdog. `is_kept`: it goes on when the
    worker dies, for as long as its lease is sure or somebody else's.
    """

    number: int
    serial: int
    taken_at: float
    leader: int
    is_ended: bool
    task_id: str
    dispatch: int
    job_id: str = ""
    is_kept: bool = False

    @property
    def key(self) -> Key:
        return self.task_id, self.dispatch


class SharedTable:
    """The rows as both sides see them. `fd` is of a file as long as its memory."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._bytes = mmap.mmap(fd, os.fstat(fd).st_size)
        view = memoryview(self._bytes)
        # A word at a time: a number is written as a whole, or not at all when its writer dies.
        self._numbers, self._times = view.cast("q"), view.cast("d")
        self.size = (len(view) // _WORD - _FIRST_ROW) // _ROW_WORDS

    @property
    def heard_at(self) -> float:
        """When the last heartbeat that arrived was sent: all leases were renewed then."""
        return self._times[_HEARD_AT]

    @heard_at.setter
    def heard_at(self, at: float) -> None:
        self._times[_HEARD_AT] = at

    def write(self, index: int, serial: int, taken_at: float, key: Key, job_id: str) -> None:
        """`serial` is above 0 and never used again. Raises ValueError for a longer id than fits."""
        row = _first_word(index)
        self._write_id(row + _TASK_ID, key[0])
        self._write_id(row + _JOB_ID, job_id)
        self._times[row + _TAKEN_AT] = taken_at
        self._numbers[row + _DISPATCH] = key[1]
        self._numbers[row + _LEADER] = self._numbers[row + _KEPT] = 0
        self._numbers[row + _SERIAL] = serial

    def erase(self, index: int) -> None:
        self._numbers[_first_word(index) + _SERIAL] = 0

    def set_leader(self, index: int, pid: int) -> None:
        self._numbers[_first_word(index) + _LEADER] = pid

    def set_kept(self, index: int) -> None:
        self._numbers[_first_word(index) + _KEPT] = 1

    def set_ended(self, row: Row) -> None:
        self._numbers[_first_word(row.number) + _ENDED] = row.serial

    def is_ended(self, index: int, serial: int) -> bool:
        return self._numbers[_first_word(index) + _ENDED] == serial

    def rows(self) -> list[Row]:
        return [row for index in range(self.size) if (row := self._row(index)) is not None]

    def _row(self, index: int) -> Row | None:
        first = _first_word(index)
        while serial := self._numbers[first + _SERIAL]:
            row = Row(
                index,
                serial,
                self._times[first + _TAKEN_AT],
                self._numbers[first + _LEADER],
                self._numbers[first + _ENDED] == serial,
                self._read_id(first + _TASK_ID),
                self._numbers[first + _DISPATCH],
                self._read_id(first + _JOB_ID),
                self._numbers[first + _KEPT] == 1,
            )
            if self._numbers[first + _SERIAL] == serial:
                return row
        return None

    def _write_id(self, word: int, text: str) -> None:
        name = text.encode()
        if len(name) > _ID_BYTES:
            raise ValueError(f"the id has {len(name)} bytes; it may have {_ID_BYTES}")
        begin = word * _WORD
        self._bytes[begin : begin + _ID_BYTES] = name.ljust(_ID_BYTES, b"\0")

    def _read_id(self, word: int) -> str:
        begin = word * _WORD
        return self._bytes[begin : begin + _ID_BYTES].rstrip(b"\0").decode(errors="replace")


class TaskEntry:
    """The worker's side of one row."""

    __slots__ = ("_index", "_key", "_serial", "_table", "is_kept")

    def __init__(self, table: "TaskTable", index: int, serial: int, key: Key) -> None:
        self._table = table
        self._index = index
        self._serial = serial
        self._key = key
        self.is_kept = False

    def keep(self) -> None:
        """It goes on when this worker dies."""
        self.is_kept = True
        self._table.shared.set_kept(self._index)

    @property
    def is_ended(self) -> bool:
        """Whether the watchdog has killed it: what came of it means nothing then."""
        return self._table.shared.is_ended(self._index, self._serial)

    def remove(self) -> None:
        """Nothing of it runs any more."""
        self._table.free(self._index, self._key)


class TaskTable:
    """The worker's side: a row for each task in hand."""

    def __init__(self, size: int) -> None:
        """`size`: how many tasks may be in hand at once. Raises OSError."""
        self.shared = SharedTable(_open_memory(size))
        self._free = list(range(size))
        self._indexes: dict[Key, int] = {}
        self._last_serial = 0

    def enter(self, key: Key, taken_at: float, job_id: str = "") -> TaskEntry:
        """Before anything of it is made."""
        index = self._free.pop()
        self._last_serial += 1
        self.shared.write(index, self._last_serial, taken_at, key, job_id)
        self._indexes[key] = index
        return TaskEntry(self, index, self._last_serial, key)

    def renew(self, at: float) -> None:
        """All leases last from `at`, when a heartbeat was sent that arrived."""
        self.shared.heard_at = at

    def set_pid(self, key: Key, pid: int) -> None:
        """The process that leads the task's program; 0 when it has ended."""
        index = self._indexes.get(key)
        if index is not None:
            self.shared.set_leader(index, pid)

    def free(self, index: int, key: Key) -> None:
        self.shared.erase(index)
        self._free.append(index)
        del self._indexes[key]

    def close(self) -> None:
        """The memory lives on for as long as somebody else has it."""
        os.close(self.shared.fd)


def _open_memory(size: int) -> int:
    """The descriptor of memory for a table of so many rows. Raises OSError."""
    bytes_in_all = (_FIRST_ROW + size * _ROW_WORDS) * _WORD
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("conveyor-tasks")
    else:  # no such call on macOS: a file without a name
        import tempfile  # here: the watchdog, which never asks for memory, does without it

        fd, path = tempfile.mkstemp()
        os.unlink(path)
    os.ftruncate(fd, bytes_in_all)
    return fd


def _first_word(index: int) -> int:
    return _FIRST_ROW + index * _ROW_WORDS
