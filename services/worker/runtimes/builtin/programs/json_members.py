"""The members of a JSON array or object, one after the other, byte for byte as they are.

A file is never in memory as a whole, and of a large member only what is checked of it: its strings
and brackets.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, NoReturn

from services.worker.runtimes.builtin.programs.chunk_files import Piece
from services.worker.runtimes.builtin.programs.task import Refused, Task

_BLOCK_BYTES = 1024 * 1024
_CHECKED_BYTES = 4 * 1024 * 1024
"""Larger members are not read as a whole to see whether they are valid."""
_BOM, _SPACE = b"\xef\xbb\xbf", b" \t\r\n"
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_OUTER = re.compile(_STRING + rb'|["\[\]{},]', re.DOTALL)
_INNER = re.compile(_STRING + rb'|["\[\]{}]', re.DOTALL)
STRING = re.compile(_STRING, re.DOTALL)
_IN_STRING = re.compile(rb'["\\]')
_CLOSING = {b"[": b"]", b"{": b"}"}
_SEPARATING = (b",", *_CLOSING.values())


class _Scan:
    """Of one block after the other. `open_ones` are the brackets that are open, the outermost of
    all included; `position` is where to look on, `start` where the member's part here begins."""

    def __init__(self, block: bytes, kind: bytes) -> None:
        self.block = block
        self.open_ones = [kind]
        self.position = self.start = self.members = 0
        self.has_content = self._is_in_string = self._fits = False

    def next_sign(self) -> bytes:
        """The next bracket, quote, string or comma that matters; empty: none in this block."""
        outside = _INNER if len(self.open_ones) > 1 else _OUTER
        found = (_IN_STRING if self._is_in_string else outside).search(self.block, self.position)
        if found is None:
            return b""
        self.position = found.end()
        return found[0]

    def is_separator(self, sign: bytes) -> bool:
        """Whether a member ends before it."""
        if self._is_in_string:
            self._is_in_string = sign != b'"'
            self.position += sign == b"\\"  # what is escaped may be in the next block
        elif sign == b'"':
            self._is_in_string = True
        elif sign in _CLOSING:
            self.open_ones.append(sign)
        elif sign in _CLOSING.values():
            self._fits = _CLOSING[self.open_ones.pop()] == sign
            return not (self._fits and self.open_ones)
        return sign == b","

    def problem_before(self, sign: bytes) -> str:
        """Of the member that ends there; empty: none."""
        self._begin(self.position - 1)
        if sign != b"," and not self._fits:
            return f"{sign.decode()!r} closes what is not open"
        is_missing = not self.has_content and (sign == b"," or self.members > 0)
        return "it is empty" if is_missing else ""

    def member(self) -> bytes:
        """The last of it, which ends before the sign."""
        part = self.block[self.start : self.position - 1].rstrip(_SPACE)
        self.start, self.has_content = self.position, False
        self.members += 1
        return part

    def rest(self) -> bytes:
        """What is left of the block."""
        self._begin(len(self.block))
        return self.block[self.start :]

    def go_on(self, block: bytes) -> None:
        self.position = max(0, self.position - len(self.block))
        self.block, self.start = block, 0

    def _begin(self, end: int) -> None:
        """Pass over what is blank before a member."""
        if not self.has_content:
            part = self.block[self.start : end].lstrip(_SPACE)
            self.start, self.has_content = end - len(part), bool(part)


class JsonFile:
    """An open file, of which `kind` is `[` or `{`. Raises Refused where it is neither."""

    def __init__(self, task: Task, file: BinaryIO, name: str) -> None:
        self._task = task
        self._file = file
        self._name = name
        self._block = self._read().removeprefix(_BOM)
        while self._block and not self._block.strip(_SPACE):
            self._block = self._read()
        start = self._block.lstrip(_SPACE)
        self.kind, self._block = start[:1], start[1:]
        if self.kind not in _CLOSING:
            what = f"it begins with {start[:20]!r}" if start else "it is empty"
            raise Refused(f"{name!r} is neither a JSON array nor an object: {what}")

    def pieces(self) -> Iterator[Piece]:
        """Of its members. Raises Refused where they are not valid JSON."""
        number, member, is_large = 1, bytearray(), False
        for piece, ends in self._scanned():
            member += piece
            if not is_large and ends:
                self._check(number, bytes(member))
            is_large = not ends and (is_large or len(member) > _CHECKED_BYTES)
            if ends or is_large:
                yield bytes(member), ends
                member.clear()
            number += ends

    def _scanned(self) -> Iterator[Piece]:
        scan = _Scan(self._block, self.kind)
        while scan.open_ones:
            sign = scan.next_sign()
            if not sign:
                if piece := scan.rest():
                    yield piece, False
                scan.go_on(self._read() or self._refuse(scan.members, "the file ends within it"))
            elif scan.is_separator(sign):
                if problem := scan.problem_before(sign):
                    self._refuse(scan.members, problem)
                if scan.has_content:
                    yield scan.member(), True
        self._end(scan.block[scan.position :])

    def _check(self, number: int, member: bytes) -> None:
        try:
            text = member.decode()
            whole = text if self.kind == b"[" else f"{{{text}}}"
            with suppress(RecursionError):  # its brackets fit, that much is known
                json.loads(whole, parse_int=_nothing, parse_float=_nothing, parse_constant=_refuse)
        except ValueError as error:
            self._refuse(number - 1, f"it is not valid JSON: {error}")

    def _refuse(self, members_before: int, why: str) -> NoReturn:
        raise Refused(f"{self._name!r}: member {members_before + 1:,}: {why}")

    def _end(self, rest: bytes) -> None:
        while rest:
            if rest.strip(_SPACE):
                raise Refused(f"{self._name!r}: something follows the end of its JSON")
            rest = self._read()

    def _read(self) -> bytes:
        block = self._file.read(_BLOCK_BYTES)
        self._task.add(len(block))
        return block


def _nothing(_: str) -> None:
    """Numbers are of no interest, and may be longer than Python takes."""


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
