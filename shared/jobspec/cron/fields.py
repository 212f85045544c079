"""The five fields of a cron expression, each as the set of values it allows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_ITEM = re.compile(r"(\*|\?|[0-9a-z]+)(?:-([0-9a-z]+))?(?:/([0-9]+))?")
_NUMBER = re.compile(r"[0-9]{1,4}")
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

    `is_by_the_minute`: the minutes are `*` or `*/n`.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    is_by_the_minute: bool

    def as_lists(self) -> str:
        """The same five fields with every value spelled out, which all readers of cron agree on."""
        fields = (self.minutes, self.hours, self.days, self.months, self.weekdays)
        return " ".join(",".join(map(str, sorted(values))) for values in fields)


def parse_fields(text: str) -> Fields:
    """Reads `minute hour day-of-month month day-of-week`. Raises ValueError with the rule."""
    parts = text.lower().split()
    if len(parts) != len(_RULES):
        names = ", ".join(rule.name for rule in _RULES)
        raise ValueError(f"must have five fields ({names}), not {len(parts)}")
    minutes, hours, days, months, weekdays = (
        _values(part, rule) for part, rule in zip(parts, _RULES, strict=True)
    )
    return Fields(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        either_day=not _is_open(parts[2]) and not _is_open(parts[4]),
        is_by_the_minute=parts[0].startswith(("*", "?")),
    )


def _is_open(part: str) -> bool:
    """Whether the field leaves its choice to others; one with a step doesn't."""
    return any(item.removesuffix("/1") in ("*", "?") for item in part.split(","))


def _values(part: str, rule: _Rule) -> frozenset[int]:
    try:
        return frozenset(value for item in part.split(",") for value in _item(item, rule))
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
