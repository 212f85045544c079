"""The five fields of a cron expression, each as the set of values it allows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_ITEM = re.compile(r"(\*|\?|[0-9a-z]+)(?:-([0-9a-z]+))?(?:/([0-9]+))?")
_NUMBER = re.compile(r"[0-9]{1,4}")
_NTH = re.compile(r"([0-9]|[a-z]{3})(?:#([0-9]+)|l)")
_LAST_DAY = "l"
LAST = -1
_NUMBERS_IN_A_MONTH = ("1", "2", "3", "4", "5")
_WEEK = 7
_SHAPE = "must be *, a value, a range such as 1-5 or a step such as */10, or a list of these"


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    lowest: int
    highest: int
    names: Mapping[str, int]


_RULES = (
    _Rule("minute", 0, 59, {}),
    _Rule("hour", 0, 23, {}),
    _Rule("day of month", 1, 31, {}),
    _Rule("month", 1, 12, {name: place for place, name in enumerate(_MONTHS, start=1)}),
    _Rule("day of week", 0, 7, {name: place for place, name in enumerate(_WEEKDAYS)}),
)


@dataclass(frozen=True, slots=True)
class Fields:
    """`weekdays` count from Sunday as 0. With `either_day` one of both kinds of day is enough.

    `nth_weekdays` are a weekday with the number of the one meant in a month, -1 for the last.
    `is_by_the_minute`: the minutes are `*` or `*/n`.
    """

    minutes: Sequence[int]
    hours: Sequence[int]
    days: frozenset[int]
    has_last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int]
    nth_weekdays: frozenset[tuple[int, int]]
    either_day: bool
    is_by_the_minute: bool


def parse_fields(text: str) -> Fields:
    """Reads `minute hour day-of-month month day-of-week`. Raises ValueError with the rule."""
    parts = text.lower().split()
    if len(parts) != len(_RULES):
        names = ", ".join(rule.name for rule in _RULES)
        raise ValueError(f"must have five fields ({names}), not {len(parts)}")
    fields = [part.split(",") for part in parts]
    has_last_day = _LAST_DAY in fields[2]
    fields[2] = [item for item in fields[2] if item != _LAST_DAY]
    nth_weekdays = _nth_weekdays(fields[4], parts[4])
    fields[4] = [item for item in fields[4] if not _NTH.fullmatch(item)]
    minutes, hours, days, months, weekdays = map(_values, fields, parts, _RULES)
    return Fields(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        has_last_day=has_last_day,
        months=months,
        weekdays=frozenset(day % _WEEK for day in weekdays),
        nth_weekdays=nth_weekdays,
        either_day=not _is_open(parts[2]) and not _is_open(parts[4]),
        is_by_the_minute=parts[0].startswith(("*", "?")),
    )


def lonely_steps(text: str) -> Iterator[tuple[str, int]]:
    """Items such as `*/61`, whose step leaves one value, with that. `text` can be parsed."""
    for part, rule in zip(text.lower().split(), _RULES, strict=True):
        for item in part.split(","):
            if "/" in item and len(values := _item(item, rule)) == 1:
                yield item, values[0]


def _nth_weekdays(items: Sequence[str], part: str) -> frozenset[tuple[int, int]]:
    """Of `fri#2`, the second Friday of a month, and `friL`, the last."""
    found = set()
    for item in items:
        if match := _NTH.fullmatch(item):
            with _named(part, _RULES[4]):
                found.add((_value(match[1], _RULES[4]) % _WEEK, _nth(match[2])))
    return frozenset(found)


def _nth(text: str | None) -> int:
    if text is not None and text not in _NUMBERS_IN_A_MONTH:
        raise ValueError("the number after # must be between 1 and 5")
    return int(text) if text else LAST


def _is_open(part: str) -> bool:
    """Whether the field leaves its choice to others; one with a step doesn't."""
    return any(item.removesuffix("/1") in ("*", "?") for item in part.split(","))


def _values(items: Sequence[str], part: str, rule: _Rule) -> frozenset[int]:
    with _named(part, rule):
        return frozenset(value for item in items for value in _item(item, rule))


@contextmanager
def _named(part: str, rule: _Rule) -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # the same, with the field's name
        raise ValueError(f"{rule.name}: {part}: {error}") from None


def _item(item: str, rule: _Rule) -> range:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ValueError(_SHAPE)
    first, last, step = match.groups()
    if first in ("*", "?"):
        if last:
            raise ValueError(_SHAPE)
        low, high = rule.lowest, _highest(rule)
    else:
        low = _value(first, rule)
        high = _value(last, rule) if last else _highest(rule) if step else low
    if high < low:
        raise ValueError("a range must not end before it begins")
    if step and int(step) == 0:
        raise ValueError("a step must be at least 1")
    return range(low, high + 1, int(step or 1))


def _highest(rule: _Rule) -> int:
    """What `*` goes up to: Sunday is both 0 and 7, and counts once."""
    return 6 if rule.highest == 7 else rule.highest


def _value(text: str, rule: _Rule) -> int:
    if text in rule.names:
        return rule.names[text]
    if not _NUMBER.fullmatch(text):
        raise ValueError(_SHAPE)
    if not rule.lowest <= int(text) <= rule.highest:
        raise ValueError(f"must be between {rule.lowest} and {rule.highest}")
    return int(text)
