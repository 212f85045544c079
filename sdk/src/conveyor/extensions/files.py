"""What every store of objects can do. One contract suite for all implementations.

An object is seen whole or not at all: `put` makes it visible by its last step, and of several puts
of one name the last to finish wins. Names are checked by `check_name`, in every
store alike. Nothing holds more
of an object in memory than some chunks. All methods raise FilesError.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

LinkMethod = Literal["GET", "PUT"]


@dataclass(frozen=True, slots=True)
class Stored:
    """What messages and rows carry of an object. `sha256` is hexadecimal. `version` as below."""

    name: str
    size: int
    sha256: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """`size` is None and `sha256` empty where the store doesn't know them. Two reads of the same
    `version` give the same content; it is empty where the store has none."""

    name: str
    size: int | None
    sha256: str = ""
    version: str = ""
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Part of an object. It may end behind the end, and start at the end: then it is empty."""

    start: int = 0
    length: int | None = None  # None: up to the end

    def __post_init__(self) -> None:
        if self.start < 0 or (self.length or 0) < 0:
            raise ValueError(f"neither start nor length of {self} may be negative")

    @property
    def is_whole(self) -> bool:
        return self == WHOLE


WHOLE = Span()


@dataclass(frozen=True, slots=True)
class Content:
    """Of the span that was asked for; `info` is of the whole object. Iterate over it once."""

    info: ObjectInfo
    chunks: AsyncIterator[bytes]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks


class FilesError(Exception):
    """What can go wrong with an object, sorted by what the caller can do. The text names the object
    and the reason, and no secret.

    FilesError
    ├── ObjectMissing       there is no object of that name
    ├── ObjectRefused       it never succeeds as it stands: a bad name, no right, too large
    ├── ObjectMismatch      what arrived is not what was expected: discard it, or begin anew
    └── StoreUnavailable    try again later
    """


class ObjectMissing(FilesError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} does not exist")


class ObjectRefused(FilesError):
    pass


class ObjectMismatch(FilesError):
    """Another checksum or size than expected, or the object changed while it was read."""


class StoreUnavailable(FilesError):
    pass


class FileSource(Protocol):
    async def stat(self, name: str) -> ObjectInfo: ...

    def get(
        self, name: str, span: Span = WHOLE, *, sha256: str = "", version: str = ""
    ) -> AbstractAsyncContextManager[Content]:
        """The object, or part of it. Use as a context manager.

        After the last chunk of a whole object ObjectMismatch is raised if its SHA-256 is not
        `sha256` or, without that, what the store has noted of it. If the object has another
        version than `version`, ObjectMismatch is raised before anything is read.
        """
        ...

    async def close(self) -> None: ...


class FileStore(FileSource, Protocol):
    async def put(self, name: str, content: AsyncIterator[bytes], *, sha256: str = "") -> Stored:
        """Keep all of `content` under that name, durably, in place of what was there.

        If it has another SHA-256 than `sha256`, nothing is kept and ObjectMismatch is raised.
        """
        ...

    def list_objects(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """All objects whose names start with `prefix`, ordered by the bytes of their names."""
        ...

    async def delete(self, name: str) -> None:
        """There is no such object afterwards, whether there was one or not."""
        ...

    async def link(self, name: str, method: LinkMethod, seconds: int) -> str:
        """A URL that allows this to whoever has it, for that long. Raises ObjectRefused where the
        store has no links."""
        ...

    async def sweep(self, before: datetime) -> int:
        """Remove what puts that ended in a crash have left, as far as they wrote nothing since
        `before`. How many things were removed."""
        ...


FileStoreFactory = Callable[[str], FileStore]
"""Called once, at start, on the event loop, with the operator's CONVEYOR_FILES_STORE: `name://…`,
where `name` is that of the entry point. What it raises ends the service."""


MOST_NAME_BYTES = 1024  # a key of S3
MOST_SEGMENT_BYTES = 255  # the name of a file


def check_name(name: str) -> str:
    """`name`. Raises ObjectRefused."""
    if problem := next(_problems(name), None):
        raise ObjectRefused(f"{_shown(name)} is not a name of an object: {problem}")
    return name


def check_prefix(prefix: str) -> str:
    """`prefix`, which may end anywhere in a name. Raises ObjectRefused."""
    check_name(f"{prefix}x")
    return prefix


def _problems(name: str) -> Iterator[str]:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        yield "it is not valid Unicode"
        return
    if not name:
        yield "it is empty"
    if size > MOST_NAME_BYTES:
        yield f"it has {size} bytes, the maximum is {MOST_NAME_BYTES}"
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in name):
        yield "it has control characters"
    for segment in name.split("/"):
        yield from _segment_problems(segment)


def _segment_problems(segment: str) -> Iterator[str]:
    if not segment:
        yield "it has an empty segment"
    if segment in (".", ".."):
        yield f"it has the segment {segment!r}"
    if len(segment.encode()) > MOST_SEGMENT_BYTES:
        yield f"a segment is longer than {MOST_SEGMENT_BYTES} bytes"


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 80 else f"{name[:80]}…")
