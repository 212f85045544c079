"""Time zones by name, and how far one is from UTC at an instant."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.expressions.errors import ExpressionError, shortened
from shared.expressions.values import Location

UTC_ZONE = Location("UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = -62_000_000_000, 253_000_000_000  # seconds that a datetime can hold
_CALENDAR = 146_097 * 86_400  # 400 years, after which dates and weekdays repeat


@lru_cache(maxsize=256)
def zone_named(name: str) -> Location:
    """The zone of that name. ExpressionError when there is none."""
    if name in ("", "UTC"):
        return UTC_ZONE
    if name == "Local":
        return Location("Local")  # a service has no place: its own time is UTC
    try:
        return Location(name, ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # unknown, a path, a directory
        raise ExpressionError(f"unknown time zone {shortened(name)}") from None


def fixed_zone(offset: int, name: str = "") -> Location:
    """A zone that is always `offset` seconds east of UTC."""
    return Location(name, None, offset) if offset or name else UTC_ZONE


def offset_at(location: Location, second: int) -> tuple[int, str, bool]:
    """Seconds east of UTC, the zone's abbreviation and whether it is summer time."""
    if location.zone is None:
        name = "UTC" if location.name == "Local" else location.name
        return location.offset, name or offset_text(location.offset), False
    within = _within(second)
    local = (_EPOCH + timedelta(seconds=within)).astimezone(location.zone)
    offset = local.utcoffset() or timedelta(0)
    name = local.tzname() or ""
    return int(offset.total_seconds()), name, bool(local.dst())


def _within(second: int) -> int:
    """An instant that a datetime can hold, at which clocks are set as at that one."""
    if second > _LATEST:  # the calendar, and so the rules of the far future, repeat
        return _LATEST - _CALENDAR + (second - _LATEST) % _CALENDAR
    return max(second, _EARLIEST)


def offset_of_name(location: Location, name: str, reading: int) -> int | None:
    """How far from UTC the clocks of a zone are while they are called `name` (CET, CEST), for a
    wall clock reading. None if the zone doesn't use it around that time."""
    for days in (0, -183, 183):
        offset, found, _ = offset_at(location, reading + days * 86_400)
        if found == name:
            return offset
    return None


def local_to_utc(second: int, location: Location) -> int:
    """Seconds since the epoch of a wall clock reading, as Go resolves gaps and overlaps."""
    guess = second - offset_at(location, second)[0]
    return second - offset_at(location, guess)[0]


def offset_text(seconds: int, separator: str = "", parts: int = 2) -> str:
    """+02, +0200 or +020000, with a separator +02:00."""
    minutes, rest = divmod(abs(seconds), 60)
    written = (f"{minutes // 60:02d}", f"{minutes % 60:02d}", f"{rest:02d}")
    return ("-" if seconds < 0 else "+") + separator.join(written[:parts])
