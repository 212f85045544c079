"""What a reading of a wall clock means where clocks change: an instant, two of them, or none."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Reading:
    """`again` when the clock shows it twice; one that `is_skipped` has the end of the gap."""

    instant: datetime
    again: datetime | None = None
    is_skipped: bool = False


def wall_clock(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clocks of `zone` show, without a time zone."""
    return instant.astimezone(zone).replace(tzinfo=None)


def read(wall: datetime, zone: ZoneInfo) -> Reading:
    """The instants (UTC) at which the clocks of `zone` show `wall`."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first == second:
        return Reading(first)
    if first < second:
        return Reading(first, again=second)
    # In a gap fold 0 counts with the offset before it, which gives the later of the two.
    return Reading(_change_between(second, first, zone), is_skipped=True)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second at which `zone` has the offset that it has at `after`."""
    new_offset = after.astimezone(zone).utcoffset()

    def has_changed(seconds: int) -> bool:
        return (before + timedelta(seconds=seconds)).astimezone(zone).utcoffset() == new_offset

    length = int((after - before).total_seconds())
    return before + timedelta(seconds=bisect_left(range(length), True, key=has_changed))
