"""JSON files as one: arrays one after the other, objects with the members of all."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from services.worker.runtimes.builtin.programs.children import Result
from services.worker.runtimes.builtin.programs.chunk_files import Piece
from services.worker.runtimes.builtin.programs.json_members import STRING, JsonFile
from services.worker.runtimes.builtin.programs.task import Refused, Task, counted, say

_MOST_TOLD = 10


def merge(task: Task, results: Sequence[Result], target: Path) -> None:
    """Of members with the same name the last counts."""
    kind = _kind_of_all(task, results)
    with target.open("wb") as into:
        into.write(kind)
        if kind == b"[":
            found = _join(into, _pieces(task, results))
            what = counted(found, "item")
        else:
            task.total *= 2
            found = _join(into, _last_ones(task, results))
            what = counted(found, "member")
        into.write(b"]\n" if kind == b"[" else b"}\n")
    say(f"merged {what} of {counted(len(results), 'file')} into {target.name!r}")


def _join(into: BinaryIO, pieces: Iterator[Piece]) -> int:
    members, is_inside = 0, False
    for piece, ends in pieces:
        if members and not is_inside:
            into.write(b",")
        into.write(piece)
        members, is_inside = members + ends, not ends
    return members


def _kind_of_all(task: Task, results: Sequence[Result]) -> bytes:
    kind, first = b"", ""
    for each in results:
        with each.path.open("rb") as file:
            name = _label(each)
            found = JsonFile(task, file, name).kind
        if kind and found != kind:
            raise Refused(f"{name!r} and {first!r} are not both arrays, or both objects")
        kind, first = found, first or name
    return kind or b"["


def _pieces(task: Task, results: Sequence[Result]) -> Iterator[Piece]:
    for each in results:
        with each.path.open("rb") as file:
            yield from JsonFile(task, file, _label(each)).pieces()


def _members(task: Task, result: Result) -> Iterator[tuple[str, bytes, bool]]:
    """The pieces of each, with its name."""
    name: str | None = None
    with result.path.open("rb") as file:
        for piece, ends in JsonFile(task, file, _label(result)).pieces():
            name = _name(piece, result) if name is None else name
            yield name, piece, ends
            name = None if ends else name


def _name(piece: bytes, result: Result) -> str:
    found = STRING.match(piece)
    if found is None:
        raise Refused(f"{_label(result)!r}: a member has no name, or one that is too long")
    name: str = json.loads(found[0])
    return name


def _last_ones(task: Task, results: Sequence[Result]) -> Iterator[Piece]:
    last, clashes, number = dict[str, int](), list[str](), 0
    for each in results:
        for name, _, ends in _members(task, each):
            if ends and name in last and len(clashes) <= _MOST_TOLD:
                clashes.append(f"{name!r}: that of {_label(each)!r} counts")
            last[name] = number
            number += ends
    _tell(clashes)
    number = 0
    for each in results:
        for name, piece, ends in _members(task, each):
            if last[name] == number:
                yield piece, ends
            number += ends


def _tell(clashes: Sequence[str]) -> None:
    if clashes:
        say("several files have members of the same name:")
    for text in clashes[:_MOST_TOLD]:
        say(f"  {text}")
    if len(clashes) > _MOST_TOLD:
        say("  and more")


def _label(result: Result) -> str:
    return f"{result.index}/{result.name}"
