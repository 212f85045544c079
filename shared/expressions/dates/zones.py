"""Time zones by name, and how far one is from UTC at an instant."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.expressions.errors import ExpressionError, shortened
from shared.expressions.values import Location

UTC_ZONE = Location("UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = -62_000_000_000, 253_000_000_000  # seconds that a datetime can hold


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
    within = min(max(second, _EARLIEST), _LATEST)
    local = (_EPOCH + timedelta(seconds=within)).astimezone(location.zone)
    offset = local.utcoffset() or timedelta(0)
    name = local.tzname() or ""
    return int(offset.total_seconds()), name, bool(local.dst())


def local_to_utc(second: int, location: Location) -> int:
    """Seconds since the epoch of a wall clock reading, as Go resolves gaps and overlaps."""
    guess = second - offset_at(location, second)[0]
    return second - offset_at(location, guess)[0]


def offset_text(seconds: int, separator: str = "", with_minutes: bool = True) -> str:
    """+0200, +02:00 or +02."""
    sign = "-" if seconds < 0 else "+"
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{sign}{hours:02d}" + (f"{separator}{minutes:02d}" if with_minutes else "")
