"""The rules for a directory of chunks: which names it has, or what its listing says.

Chunks are `data_0.bin`, `data_1.bin`, … without a gap. A file `chunks.jsonl` may name others
instead, a line for each in their order; what is kept has the usual names.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import orjson

from conveyor.extensions.files import ObjectRefused
from conveyor.extensions.runtimes import Archive, RuntimeRejected
from shared.files.archives import Member, file_member, read_tar, rooted
from shared.files.archives.members import Members, plain_path, shown
from shared.files.streams import of_bytes

LISTING = "chunks.jsonl"
_NAME = re.compile(r"data_(0|[1-9][0-9]{0,8})\.bin")
_DESCRIBED = ("params", "weight", "label")
_MOST_LISTING_BYTES = 64 * 1024 * 1024
_MOST_TOLD = 10


class BadChunks(Exception):
    """What a task has left is no directory of chunks; the text says why."""

    def __init__(self, reasons: str) -> None:
        super().__init__(f"bad_chunks: {reasons}")


@dataclass(frozen=True, slots=True)
class Listing:
    """`numbers` are those of the chunks by the paths that they have; `descriptions` what else is
    said of each, in order."""

    numbers: dict[str, int]
    descriptions: Sequence[dict[str, Any]]


async def listing_in(
    path: str, take: Callable[[str], AbstractAsyncContextManager[Archive]]
) -> Listing | None:
    """None: there is none. Raises BadChunks."""
    try:
        async with take(f"{path.rstrip('/')}/{LISTING}") as archive:
            root, tree = await rooted(read_tar(archive))
            if root.kind != "file":
                raise BadChunks(f"{LISTING} is no file")
            text = await _text(root)
            async for _ in tree:  # the runtime has sent all of it
                pass
    except RuntimeRejected:  # no such file, or no such directory, which the next take says
        return None
    return parse_listing(text)


def parse_listing(text: bytes) -> Listing:
    """Raises BadChunks."""
    numbers, descriptions = dict[str, int](), list[dict[str, Any]]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            path, description = _described(line)
            if path in numbers:
                raise ValueError(f"path {shown(path)} is there twice")
        except (ValueError, ObjectRefused) as error:
            raise BadChunks(f"{LISTING}, line {number}: {error}") from None
        numbers[path] = len(numbers)
        descriptions.append(description)
    return Listing(numbers, descriptions)


def _described(line: bytes) -> tuple[str, dict[str, Any]]:
    """Raises ValueError, ObjectRefused."""
    given = orjson.loads(line)
    if not isinstance(given, dict) or not isinstance(given.get("path"), str):
        raise ValueError("must be an object with the path of a chunk")
    if unknown := given.keys() - {"path", *_DESCRIBED}:
        raise ValueError(f"{min(unknown)!r} is none of path, {', '.join(_DESCRIBED)}")
    weight, label = given.get("weight"), given.get("label")
    if isinstance(weight, bool) or not isinstance(weight, int | float | None):
        raise ValueError("weight must be a number")
    if not isinstance(label, str | None):
        raise ValueError("label must be a text")
    path = plain_path(given["path"])
    if path in ("", LISTING):
        raise ValueError(f"path {shown(path)} is no chunk")
    return path, {name: given[name] for name in _DESCRIBED if given.get(name) is not None}


async def _text(file: Member) -> bytes:
    if file.size > _MOST_LISTING_BYTES:
        raise BadChunks(f"{LISTING} is larger than 64 MiB")
    return b"".join([piece async for piece in file.content])


@dataclass(slots=True)
class ChunkCheck:
    """Of the members of a directory, those of the artifact. `count` is known at their end."""

    listing: Listing | None
    _found: set[int] = field(default_factory=set)
    _foreign: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self._found)

    async def members(self, tree: Members) -> Members:
        """Raises BadChunks at the end."""
        folders = [""]
        async for member in tree:
            number = self._number(member.path)
            if member.kind == "directory" and number is None:
                folders.append(member.path)
            elif number is not None and member.kind in ("file", "hard link"):
                self._found.add(number)
                if self._foreign:
                    continue  # it will be refused
                yield replace(member, path=_name(number), target=self._renamed(member.target))
            elif self.listing is None or member.path != LISTING:
                self._foreign.append(member.path)
        self._check(folders)
        for number, description in enumerate(self.listing.descriptions if self.listing else ()):
            if description:
                text = orjson.dumps(description)
                yield file_member(f"chunk_{number}.json", len(text), of_bytes(text))

    def _number(self, path: str) -> int | None:
        if self.listing is not None:
            return self.listing.numbers.get(path)
        match = _NAME.fullmatch(path)
        return int(match[1]) if match else None

    def _renamed(self, target: str) -> str:
        """Of a hard link, what it is one with."""
        number = self._number(target) if target else None
        return target if number is None else _name(number)

    def _check(self, folders: Sequence[str]) -> None:
        listed = self.listing.numbers if self.listing else {}
        used = {"", *(above for path in listed for above in _folders_of(path))}
        foreign = sorted({*self._foreign, *folders} - used)
        problems = list[str]()
        if foreign:
            rule = f"is not in {LISTING}" if self.listing else "must be data_0.bin, data_1.bin, …"
            problems.append(f"{_told(foreign, len(foreign))} {rule}")
        total = len(listed) if self.listing else max(self._found, default=-1) + 1
        if missing := total - len(self._found):
            paths = iter(listed) if self.listing else map(_name, range(total))
            names = (path for path in paths if self._number(path) not in self._found)
            problems.append(f"{_told(islice(names, _MOST_TOLD), missing)} is missing")
        if problems:
            raise BadChunks("; ".join(problems))


def _name(number: int) -> str:
    return f"data_{number}.bin"


def _folders_of(path: str) -> Iterator[str]:
    return (path[:at] for at, sign in enumerate(path) if sign == "/")


def _told(names: Iterable[str], count: int) -> str:
    text = ", ".join(map(shown, islice(names, _MOST_TOLD)))
    return f"{text} and {count - _MOST_TOLD} more" if count > _MOST_TOLD else text
