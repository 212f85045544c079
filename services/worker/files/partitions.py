"""Which of the objects of a source are those of one execution: each goes to exactly one.

They are dealt out as Bacalhau does it: by a hash of what the partition looks at of a key, 0 where
it finds nothing to look at.
"""

from collections.abc import Callable

from shared.definition import Execution, Partition, S3Object
from shared.expressions.dates.reading import rewritten
from shared.expressions.patterns import pattern
from shared.expressions.unicode_text import to_bytes

_BETWEEN_GROUPS = b"\x1f"
_OFFSET, _PRIME, _32_BITS = 0x811C9DC5, 0x01000193, 0xFFFFFFFF


def is_own(place: S3Object, execution: Execution | None) -> Callable[[str], bool]:
    """Of the key of an object. Raises ExpressionError for a pattern that can't be meant."""
    partition = place.partition
    if partition is None or execution is None or execution.count <= 1:
        return lambda key: True
    looked_at, prefix = _looked_at(partition), place.key.strip().removesuffix("*")

    def check(key: str) -> bool:
        seen = key if partition.type == "object" else key.removeprefix(prefix).removeprefix("/")
        found = looked_at(seen)
        index = 0 if found is None else hash_of(found) % execution.count
        return index == execution.index

    return check


def hash_of(data: bytes) -> int:
    """FNV-1a in 32 bits."""
    made = _OFFSET
    for byte in data:
        made = (made ^ byte) * _PRIME & _32_BITS
    return made


def _looked_at(partition: Partition) -> Callable[[str], bytes | None]:
    match partition.type:
        case "regex":
            return _matched_by(partition.pattern)
        case "substring":
            return lambda key: _between(key, partition.start, partition.end)
        case "date":
            return lambda key: _date_of(key, partition.date_format)
        case "object":
            return to_bytes


def _matched_by(source: str) -> Callable[[str], bytes | None]:
    """What its groups match, or all that it does without any."""
    program, _ = pattern(source)

    def matched(key: str) -> bytes | None:
        found = program.search(to_bytes(key))
        if found is None or not found[0]:
            return None
        groups: list[bytes] = [group for group in found.groups() if group]
        return _BETWEEN_GROUPS.join(groups) or bytes(found[0])

    return matched


def _between(key: str, start: int, end: int) -> bytes | None:
    return to_bytes(key[start:end]) if len(key) >= end else None


def _date_of(key: str, layout: str) -> bytes | None:
    begin = to_bytes(key)[: len(to_bytes(layout))].decode(errors="replace")
    date = rewritten(begin, layout)
    return None if date is None else to_bytes(date)
