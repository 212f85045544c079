"""Which part of a content a request asks for: `Range`, `If-Range` and `If-None-Match`. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from conveyor.extensions.files import WHOLE, Span

_RANGE = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*")


@dataclass(frozen=True, slots=True)
class Selection:
    """What to answer of a content of `size` bytes."""

    status: HTTPStatus
    size: int
    span: Span = WHOLE

    @property
    def length(self) -> int:
        rest = self.size - self.span.start
        return rest if self.span.length is None else self.span.length

    @property
    def content_range(self) -> str | None:
        if self.status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return f"bytes */{self.size}"
        if self.status is HTTPStatus.PARTIAL_CONTENT:
            last = self.span.start + self.length - 1
            return f"bytes {self.span.start}-{last}/{self.size}"
        return None


def selected(headers: Mapping[str, str], etag: str, size: int) -> Selection:
    """`etag` is strong, with its quotes. A `Range` of several parts, or in another unit, is
    answered by the whole, as HTTP allows."""
    if _knows(headers.get("If-None-Match", ""), etag):
        return Selection(HTTPStatus.NOT_MODIFIED, size)
    asked = _RANGE.fullmatch(headers.get("Range", ""))
    if asked is None or headers.get("If-Range", etag).strip() != etag:
        return Selection(HTTPStatus.OK, size)
    first, last = asked.groups()
    if not first and not last:
        return Selection(HTTPStatus.OK, size)
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if first and last and int(last) < int(first):  # no range, so none was asked for
        return Selection(HTTPStatus.OK, size)
    if start >= size:
        return Selection(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, size)
    return Selection(HTTPStatus.PARTIAL_CONTENT, size, Span(start, end - start))


def _knows(given: str, etag: str) -> bool:
    """Whether the client has it already."""
    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    return "*" in tags or etag in tags
