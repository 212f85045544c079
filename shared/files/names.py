"""The names of objects: paths of segments, by the same rules in every store."""

from collections.abc import Iterator

from shared.files.errors import ObjectRefused

MOST_NAME_BYTES = 1024  # a key of S3
MOST_SEGMENT_BYTES = 255  # the name of a file


def dispatch_prefix(job_id: str, task_id: str, attempt: int, dispatch: int) -> str:
    """What the names of all objects of a dispatch start with: two never write the same object."""
    return f"{job_id}/{task_id}/{attempt}.{dispatch}/"


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
