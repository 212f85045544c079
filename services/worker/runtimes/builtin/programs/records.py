"""Lines and rows of CSV, byte for byte as they are. One that is long comes in pieces."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from services.worker.runtimes.builtin.programs.chunk_files import Piece
from services.worker.runtimes.builtin.programs.task import Refused, Task

_PIECE_BYTES = 256 * 1024
_BOM, _WIDE_BOMS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_MOST_HEADER_BYTES = 16 * 1024 * 1024
_START, _PLAIN, _QUOTED, _CLOSED = range(4)
"""Within a row: where a field starts, in a plain one, in a quoted one, after a quote in that."""


class Records:
    """The records of all files, one after the other. `header` are the first of each file, which all
    must have alike; they come only once, in `head`. With a `delimiter` they are rows of CSV."""

    def __init__(
        self, task: Task, files: Sequence[str], header: int, delimiter: bytes | None = None
    ) -> None:
        self._task = task
        self._files = [name for name in files if (task.source / name).stat().st_size]
        self._header = header
        self._delimiter = delimiter
        self.head = self._read_head()

    def pieces(self) -> Iterator[Piece]:
        """A file that does not end with a line end gets one if another follows."""
        is_ended = True
        for name in self._files:
            with (self._task.source / name).open("rb") as file:
                records = self._of(file, name)
                self._check_head(name, records)
                begins = True
                for piece, ends in records:
                    if begins and not is_ended:
                        yield b"\n", True
                    begins, is_ended = False, ends
                    yield piece, ends

    def count(self) -> int:
        found, is_inside = 0, False
        for _, ends in self.pieces():
            found, is_inside = found + ends, not ends
        return found + is_inside

    def _read_head(self) -> bytes:
        if not (self._files and self._header):
            return b""
        name = self._files[0]
        with (self._task.source / name).open("rb") as file:
            head = _first(self._of(file, name), self._header, name)
        return head if head.endswith(b"\n") else head + b"\n"

    def _check_head(self, name: str, records: Iterator[Piece]) -> None:
        if not self._header:
            return
        found = _first(records, self._header, name)
        if _plain(found) != _plain(self.head):
            raise Refused(f"{name!r} has another header than {self._files[0]!r}")

    def _of(self, file: BinaryIO, name: str) -> Iterator[Piece]:
        lines = iter(lambda: file.readline(_PIECE_BYTES), b"")
        first = next(lines, b"")
        if first.startswith(_WIDE_BOMS):
            raise Refused(f"{name!r} is in UTF-16: convert it to UTF-8 first")
        counted = self._counted(chain([first] if first else [], lines))
        if self._delimiter is None:
            return ((line, line.endswith(b"\n")) for line in counted)
        return rows(counted, self._delimiter, name)

    def _counted(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        size = 0
        for line in lines:
            size += len(line)
            if size >= _PIECE_BYTES:
                self._task.add(size)
                size = 0
            yield line


def rows(lines: Iterator[bytes], delimiter: bytes, name: str) -> Iterator[Piece]:
    """A line end within quotes does not end a row. A mark of UTF-8 may precede the first quote."""
    state, number = _START, 1
    begins = True
    for line in lines:
        if state != _START or b'"' in line:
            skipped = len(_BOM) if begins and line.startswith(_BOM) else 0
            state = _after(line, state, delimiter, skipped)
            ends = state != _QUOTED and line.endswith(b"\n")
        elif ends := line.endswith(b"\n"):
            pass
        else:
            state = _START if line.endswith(delimiter) else _PLAIN
        if ends:
            state, number = _START, number + 1
        begins = False
        yield line, ends
    if state == _QUOTED:
        raise Refused(f"{name!r}: row {number:,} opens a quote that is never closed")


def _after(line: bytes, state: int, delimiter: bytes, position: int) -> int:
    end = len(line)
    while position < end:
        if state == _QUOTED:
            found = line.find(b'"', position)
            if found < 0:
                return _QUOTED
            state, position = _CLOSED, found + 1
        elif state == _PLAIN:
            found = line.find(delimiter, position)
            if found < 0:
                return _PLAIN
            state, position = _START, found + 1
        else:
            byte = line[position : position + 1]
            state = _QUOTED if byte == b'"' else _START if byte == delimiter else _PLAIN
            position += 1
    return state


def _first(records: Iterator[Piece], count: int, name: str) -> bytes:
    found = bytearray()
    for piece, ends in records:
        found += piece
        count -= ends
        if not count:
            break
        if len(found) > _MOST_HEADER_BYTES:
            raise Refused(f"the header of {name!r} is longer than 16 MiB")
    return bytes(found)


def _plain(header: bytes) -> list[bytes]:
    return header.removeprefix(_BOM).splitlines()
