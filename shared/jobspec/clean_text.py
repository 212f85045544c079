"""What could be read but not kept: too many values, too deep nesting, numbers beyond 64
bits, texts that Postgres (NUL) or UTF-8 (lone surrogates) can't have."""

import re
from collections.abc import Iterator
from itertools import islice

from shared.jobspec.plain_scalar import SpelledNumber
from shared.jobspec.problems import (
    MAX_DEPTH,
    MAX_VALUES,
    TOO_DEEP,
    TOO_MANY,
    InvalidJob,
    Problem,
)

_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_LONGEST_FIELD = 80
_ENOUGH = 100

# A place in the tree: the place it is in, and its key or index there. The text of it is made only
# for a problem: made for every value, a long key over many values would take minutes.
_Place = tuple["_Place | None", int | str]


def refuse_unkeepable(value: object) -> None:
    """Raises InvalidJob when a text or number anywhere in `value`, keys included, can't be
    stored, or there is too much of it."""
    problems = list(islice(_problems(value), _ENOUGH))
    if problems:
        raise InvalidJob(problems)


def _problems(root: object) -> Iterator[Problem]:
    left: list[tuple[object, _Place | None, int]] = [(root, None, 0)]
    seen = 0
    while left:
        value, place, depth = left.pop()
        seen += 1
        if seen > MAX_VALUES:
            yield Problem("", TOO_MANY)
            return
        if isinstance(value, str):
            if _UNKEEPABLE.search(value):
                rule = "must not hold NUL characters or lone surrogates"
                yield Problem(_field(place), rule, place=_parts(place))
        elif isinstance(value, SpelledNumber):
            if not value.fits and not _is_input(place):
                yield Problem(_field(place), _number_rule(value), place=_parts(place))
        elif isinstance(value, dict | list):
            if depth >= MAX_DEPTH:
                yield Problem(_field(place)[:_LONGEST_FIELD], TOO_DEEP, place=_parts(place))
                return
            if isinstance(value, dict) and any(map(_UNKEEPABLE.search, value)):
                rule = "must not have a key with NUL characters or lone surrogates"
                yield Problem(_field(place), rule, place=_parts(place))
            else:
                left.extend((item, (place, key), depth + 1) for key, item in _items(value))


def _is_input(place: _Place | None) -> bool:
    """Whether it stands directly under the `inputs` of a job or sub-job: there it is a text."""
    if place is None or place[0] is None or place[0][1] != "inputs":
        return False
    owner = place[0][0]
    return owner is None or owner[1] == "subjob"


def _number_rule(number: SpelledNumber) -> str:
    kind = "an integer" if number.is_integer_text else "a number"
    return f"{kind} must fit in 64 bits"


def _items(value: dict[str, object] | list[object]) -> Iterator[tuple[int | str, object]]:
    """Backwards, as they go on a stack."""
    if isinstance(value, dict):
        yield from reversed(value.items())
    else:
        yield from zip(reversed(range(len(value))), reversed(value), strict=True)


def _field(place: _Place | None) -> str:
    parts = _parts(place)
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")


def _parts(place: _Place | None) -> tuple[int | str, ...]:
    parts: list[int | str] = []
    while place is not None:
        place, part = place
        parts.append(part)
    return tuple(reversed(parts))
