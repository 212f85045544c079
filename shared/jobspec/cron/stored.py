"""A schedule as its row keeps it: read again, and when it fires next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol, cast

from pydantic import JsonValue

from shared.definition.quantities import parse_duration
from shared.jobspec.cron.moments import parse_moment
from shared.jobspec.cron.timetable import Timetable
from shared.jobspec.cron.timing import Timing, jitter_of

STEP = timedelta(seconds=1)
"""All times are at whole seconds: so much before one, it is the next."""

_NONE = timedelta(0)
_END = datetime.max.replace(microsecond=0, tzinfo=UTC)


class StoredTimes(Protocol):
    """What a row of `schedules` says of times. `cron` is empty where `rules` have `crons`,
    `interval` or `at`; `rules` are as they were submitted."""

    @property
    def id(self) -> str: ...
    @property
    def cron(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def rules(self) -> Mapping[str, JsonValue]: ...
    @property
    def created_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Times:
    """`StoredTimes` of a schedule that has no row yet, or is to have others."""

    id: str
    cron: str
    timezone: str
    rules: Mapping[str, JsonValue]
    created_at: datetime


class NextFiring(NamedTuple):
    """`look_at` is when it is due: `at`, or later by the schedule's jitter."""

    at: datetime
    look_at: datetime


@dataclass(frozen=True, slots=True)
class Firings:
    """The times of a schedule, in order. Each is looked at before the next one is."""

    schedule_id: str
    table: Timetable
    jitter: timedelta

    def next_after(self, instant: datetime) -> NextFiring | None:
        """None: it never fires again."""
        at = self.table.next_after(instant)
        return None if at is None else NextFiring(at, self.look_at(at))

    def look_at(self, at: datetime) -> datetime:
        """Of the firing at `at`."""
        if not self.jitter:
            return at
        return at + jitter_of(self.schedule_id, at, self.latest(at) - at)

    def latest(self, at: datetime) -> datetime:
        """Before which the firing at `at` is looked at, in a schedule of any id."""
        following = self.table.next_after(at) or _END
        return at + min(self.jitter, following - at)


def firings_of(row: StoredTimes) -> Firings:
    """Raises ValueError where the row breaks a rule of this version, or names a zone that this
    machine does not know."""
    table = timing_of(row.cron, row.timezone, row.rules).timetable(row.created_at)
    return Firings(row.id, table, duration_of(row.rules, "jitter") or _NONE)


def next_firing(row: StoredTimes, after: datetime) -> NextFiring | None:
    """The first firing of the row's schedule after `after`. Raises ValueError as above."""
    return firings_of(row).next_after(after)


def timing_of(cron: str, timezone: str | None, rules: Mapping[str, JsonValue]) -> Timing:
    """`timezone` is that of `cron`; each of `crons` may name its own."""
    return Timing(
        crons=[cron] if cron else cast(list[str], rules.get("crons", [])),
        timezone=timezone if cron else cast(str | None, rules.get("timezone")),
        interval=duration_of(rules, "interval"),
        at=_moment(rules, "at"),
        start_at=_moment(rules, "startAt"),
        end_at=_moment(rules, "endAt"),
    )


def duration_of(rules: Mapping[str, Any], name: str) -> timedelta | None:
    return parse_duration(rules[name]) if rules.get(name) else None


def _moment(rules: Mapping[str, Any], name: str) -> datetime | None:
    return parse_moment(rules[name]) if rules.get(name) else None
