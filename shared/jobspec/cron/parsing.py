"""From the text of a schedule to its timetable.

The syntax is that of Tork: five fields, the `@` names, `@every` with a duration, and a time zone
in front (`CRON_TZ=Europe/Berlin 0 9 * * *`).
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.definition.quantities import parse_duration
from shared.jobspec.cron.fields import parse_fields
from shared.jobspec.cron.timetable import Calendar, Every, Timetable
from shared.jobspec.cron.zones import parse_zone

DEFAULT_ZONE = "UTC"
_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_ZONE_FIRST = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)", re.DOTALL)
_KEPT = 4096
_SOME_DAY = datetime(2001, 1, 1, tzinfo=UTC)


def check_cron(text: str) -> str:
    """The same text, if it is a cron expression. Raises ValueError with the rule it breaks."""
    table = parse_cron(text, None, _SOME_DAY)
    if table.next_after(_SOME_DAY) is None:
        raise ValueError("names a day that never comes")
    return text


def zone_name(text: str, timezone: str | None) -> str:
    """Whose clocks count: those named in front of the expression, or `timezone`, or UTC.

    Raises ValueError when they are two.
    """
    named, _ = _split(text)
    if named and timezone not in (None, named):
        raise ValueError(f"cron names the time zone {named}, timezone says {timezone}")
    return named or timezone or DEFAULT_ZONE


def parse_cron(text: str, timezone: str | None, since: datetime) -> Timetable:
    """The timetable of `text`, in its zone (see `zone_name`); `@every` counts from `since`.

    Raises ValueError with the rule that is broken.
    """
    zone = parse_zone(zone_name(text, timezone))
    every = every_of(text)
    if every is not None:
        return _every(every, since)
    _, expression = _split(text)
    return _calendar(expression, zone)


def every_of(text: str) -> str | None:
    """The duration of an expression with `@every`."""
    _, expression = _split(text)
    return expression.removeprefix(_EVERY).strip() if expression.startswith(_EVERY) else None


def fields_of(text: str) -> str:
    """The five fields of an expression without `@every`."""
    _, expression = _split(text)
    return _NAMED.get(expression, expression)


def _split(text: str) -> tuple[str | None, str]:
    """The time zone in front, if there is one, and the rest."""
    match = _ZONE_FIRST.fullmatch(text.strip())
    return (match[1], match[2]) if match else (None, text.strip())


def _every(text: str, since: datetime) -> Every:
    length = parse_duration(text)
    if length <= timedelta(0):
        raise ValueError("@every must be longer than zero")
    seconds = max(int(length.total_seconds()), 1)
    return Every(timedelta(seconds=seconds), since.astimezone(UTC).replace(microsecond=0))


@lru_cache(maxsize=_KEPT)
def _calendar(text: str, zone: ZoneInfo) -> Calendar:
    if text.startswith("@") and text not in _NAMED:
        raise ValueError(f"{text} is unknown: known are {', '.join(_NAMED)} and @every")
    return Calendar(parse_fields(_NAMED.get(text, text)), zone)
